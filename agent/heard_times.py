"""How long it takes from a transaction until HQ says that it has its rows, on this machine's clocks alone.

Each row counts once, when HQ first had it. What it took is counted by bounds, so that it can be added up.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable

from wire.figures import HEARD_WITHIN_MS


class HeardTimes:
    """Rows under way, and how long those took that were heard. Times are of the running clock, in seconds."""

    def __init__(self, heard: int) -> None:
        self._seen = heard  # what was sent before, or heard by an HQ that has lost it, is not counted again
        self._under_way: deque[tuple[int, float]] = deque()
        self._counts = [0] * (len(HEARD_WITHIN_MS) + 1)

    def sent(self, rows: Iterable[tuple[int, int]], now_ms: int, now_s: float) -> None:
        """These rows (number, unix ms of their transaction) go to HQ now."""
        for seq, at in rows:
            if seq > self._seen:
                self._seen = seq
                self._under_way.append((seq, now_s - max(0, now_ms - at) / 1000))

    def heard(self, upto: int, now_s: float) -> None:
        """HQ has all rows up to this one."""
        while self._under_way and self._under_way[0][0] <= upto:
            took_ms = (now_s - self._under_way.popleft()[1]) * 1000
            self._counts[bisect_left(HEARD_WITHIN_MS, took_ms)] += 1

    def begin_anew(self) -> None:
        """The books are of another epoch: their rows count from the first on."""
        self._seen = 0
        self._under_way.clear()

    @property
    def counts(self) -> list[int]:
        """Of the rows heard since the last noting, how many took no longer than each bound, and how many longer."""
        return list(self._counts)

    def noted(self, counts: Iterable[int]) -> None:
        """So many of them are on disk."""
        self._counts = [now - then for now, then in zip(self._counts, counts, strict=True)]
