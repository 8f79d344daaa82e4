"""What changed, told to every page that is open, a few times per second at most (server-sent events)."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import msgspec

from agent.clock import Clock
from agent.web.reports import Reports

#: Between two events of one page.
_PAUSE_S = 0.25
#: A page hears at least this often, so that ages stay true and dead connections are noticed.
_AT_LEAST_S = 1.0


@dataclass(slots=True)
class _Waiting:
    """What a page has not been told of: SKUs with other stock, and whether the board is another."""

    skus: set[str] = field(default_factory=set)
    board: bool = False


class Live:
    """Knows what changed since each open page was last told."""

    def __init__(self, reports: Reports, clock: Clock, most: int = 64) -> None:
        self._reports = reports
        self._clock = clock
        self._most = most
        self._pages: dict[object, _Waiting] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._made = (float("-inf"), b"")

    def is_full(self) -> bool:
        """Are as many pages open as may be?"""
        return len(self._pages) >= self._most

    def changed(self, skus: Iterable[str] = (), *, board: bool = False) -> None:
        """Something happened; these SKUs have other stock now, and perhaps the board is another."""
        if self._pages:
            skus = tuple(skus)
            for waiting in self._pages.values():
                waiting.skus.update(skus)
                waiting.board |= board
            self._changed.set()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        self._changed.set()

    async def events(self) -> AsyncIterator[bytes]:
        """The stream of one page: `health` at once and on change, `stock` with the SKUs that changed, `board` when it
        should be fetched anew.
        """
        page = object()
        waiting = self._pages[page] = _Waiting()
        try:
            while not self._closed:
                if waiting.board:
                    waiting.board = False
                    yield _event("board", {"at": self._clock.now_ms()})
                if waiting.skus:
                    skus = sorted(waiting.skus)
                    waiting.skus.clear()
                    yield _event("stock", self._reports.stock(skus))
                yield self._health()
                await self._clock.sleep(_PAUSE_S)
                await self._next()
        finally:
            del self._pages[page]

    def _health(self) -> bytes:
        """The health of this moment, made once for all open pages."""
        now_s = self._clock.monotonic_s()
        made_s, event = self._made
        if now_s - made_s >= _PAUSE_S / 2:
            event = _event("health", self._reports.health())
            self._made = (now_s, event)
        return event

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(_AT_LEAST_S):
                await self._changed.wait()
        except TimeoutError:
            return
        if not self._closed:
            self._changed.clear()


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
