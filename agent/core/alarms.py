"""What the clock must look after, and when: each name has at most one time, and the earliest is found at once."""

from heapq import heappop, heappush


class Alarms:
    """Names with times in milliseconds."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []  # with times that are no longer anybody's

    def set(self, name: str, at_ms: int | None) -> None:
        """From now on the name's time is this one; None: it has none."""
        if at_ms is None:
            self._at.pop(name, None)
        elif self._at.get(name) != at_ms:
            self._at[name] = at_ms
            heappush(self._heap, (at_ms, name))

    def next_ms(self) -> int | None:
        """The earliest time."""
        while self._heap:
            at_ms, name = self._heap[0]
            if self._at.get(name) == at_ms:
                return at_ms
            heappop(self._heap)
        return None

    def due(self, now_ms: int) -> list[str]:
        """The names whose time has come, the longest due first. They stay until they are set anew."""
        due: list[tuple[int, str]] = []
        look = [0]
        while look:  # a heap: what is not due has nothing due below it
            at = look.pop()
            if at < len(self._heap) and self._heap[at][0] <= now_ms:
                due.append(self._heap[at])
                look += (2 * at + 1, 2 * at + 2)
        return list(dict.fromkeys(name for at_ms, name in sorted(due) if self._at.get(name) == at_ms))
