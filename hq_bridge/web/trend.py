"""How the lag went in the last half hour, per store and for the chain. In memory: it begins anew with HQ."""

import asyncio
from array import array
from collections import deque
from collections.abc import Mapping

from hq_bridge.books import StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.web.shapes import LagPoint, LagTrend

EVERY_S = 10
_POINTS = 180
_NOTHING = -(2**63)  # no row landed in between
_PAUSE_AFTER = 20  # stores; each takes 0.1 ms


class Trend:
    """Looks at every store's lag now and then."""

    def __init__(self, stores: Mapping[str, StoreBooks], now_ms: NowMs) -> None:
        self._stores = stores
        self._now_ms = now_ms
        self._at = now_ms()
        #: By store: p50, p99 and behind of each look, flat; and how many rows had landed at the last one.
        self._looks: dict[str, array[int]] = {}
        self._rows: dict[str, int] = {}
        self._chain: deque[LagPoint] = deque(maxlen=_POINTS)

    async def run(self) -> None:
        """Look every ten seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Note how every store is doing."""
        medians: list[int] = []
        slowest: int | None = None
        behind = 0
        for number, books in enumerate(list(self._stores.values())):
            if number % _PAUSE_AFTER == 0:
                await asyncio.sleep(0)
            p50, p99 = self._lag_since(books)
            if p50 is not None and p99 is not None:
                medians.append(p50)
                slowest = p99 if slowest is None else max(slowest, p99)
            behind += books.behind
            looks = self._looks.setdefault(books.store, array("q"))
            looks.extend((_NOTHING if p50 is None else p50, _NOTHING if p99 is None else p99, books.behind))
            del looks[: -3 * _POINTS]
        medians.sort()
        self._chain.append(LagPoint(medians[len(medians) // 2] if medians else None, slowest, behind))
        self._at = self._now_ms()

    def _lag_since(self, books: StoreBooks) -> tuple[int | None, int | None]:
        rows = books.position.rows
        if self._rows.get(books.store) == rows:
            return None, None
        self._rows[books.store] = rows
        return books.lag.p50_p99()

    def of_chain(self) -> LagTrend:
        return LagTrend(None, self._at, EVERY_S * 1000, list(self._chain))

    def of_store(self, store: str) -> LagTrend:
        looks = self._looks.get(store, array("q"))
        flat = [None if each == _NOTHING else each for each in looks]
        points = [LagPoint(*each) for each in zip(flat[::3], flat[1::3], looks[2::3], strict=True)]
        return LagTrend(store, self._at, EVERY_S * 1000, points)
