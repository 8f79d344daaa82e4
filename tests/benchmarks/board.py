"""The store's board with 200 open orders and 200 more that were handed over today, five lines each, 20 pickers at work.

`board_p99_ms`: processor time of the store's loop for one answer of `GET /v1/board`. `board_reckon_ms`: how long
today's figures are reckoned beside it, at most once in two seconds while somebody looks.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from agent.clock import SystemClock
from agent.core.asks import MoveOrder, PlaceOrder, Scan, Want
from agent.core.catalogue import Catalogue, Sku
from agent.core.tasks.asks import ClaimTask
from agent.days import Days
from agent.web import board, showing_figures
from agent.web.picking import looked_at
from tests.agent.shops import Shop, opened
from tests.agent.test_web_figures import SERVED
from tests.benchmarks.figures import Figure, figure, percentile
from tests.core.shop import gtin_14

ORDERS: Final = 200
LINES: Final = 5
PICKERS: Final = 20
LOOKS: Final = 200
SKUS: Final = 50


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> list[Figure]:
    goods = Catalogue(
        Sku(
            f"SKU-{nth}",
            (gtin_14(500_0000 + nth),),
            f"SKU-{nth}",
            f"SKU-{nth}",
            spots=(f"A{1 + nth % 9:02}-L-{nth}-1",),
        )
        for nth in range(SKUS)
    )
    async with opened(folder / "books.db", goods) as shop:
        await _a_day(shop, goods)
        clock = SystemClock()
        days = Days(shop.clerk, clock)
        began_s = time.perf_counter()
        today = await days.today()
        reckoned_s = time.perf_counter() - began_s
        took_s, size = [], 0
        for _ in range(LOOKS):
            began_s = time.thread_time()
            shown = board.shown(looked_at(shop.clerk, clock), ()) | {"today": showing_figures.of_day(today, goods)}
            size = len(msgspec.json.encode(shown))
            took_s.append(time.thread_time() - began_s)
        assert len(shown["orders"]) == ORDERS
    return [
        figure("board_p99_ms", round(1000 * percentile(took_s, 99), 1), "ms"),
        figure("board_p50_ms", round(1000 * percentile(took_s, 50), 1), "ms"),
        figure("board_reckon_ms", round(1000 * reckoned_s, 1), "ms"),
        figure("board_kb", round(size / 1000), "kB"),
    ]


async def _a_day(shop: Shop, goods: Catalogue) -> None:
    skus, per_sku = list(goods.skus), 2 * ORDERS * LINES // SKUS + 1
    for sku in goods.skus.values():
        for _ in range(per_sku):
            await shop.clerk.enter(Scan("dock", "receive", sku.gtins[0], None))
    for nth in range(2 * ORDERS):
        wants = tuple(Want(line, skus[(nth + 7 * line) % SKUS], 1) for line in range(1, LINES + 1))
        await shop.clerk.enter(PlaceOrder(f"O-{nth}", "web", wants, promise_min=30))
        for event in SERVED if nth < ORDERS else ():
            await shop.clerk.enter(MoveOrder(f"O-{nth}", event, event))
    for nth in range(PICKERS):
        await shop.clerk.enter(ClaimTask(f"w{nth}"))
