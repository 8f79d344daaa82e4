"""A store that is told things by number, to be killed: `python -m tests.chaos.told_shop BOOKS.DB`.

Reads numbers of `messages()` from its standard input, enters what they name as they come, and says each number when it
is on the disk and answered for good.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from agent.core.asks import Sale, SaleLine, Scan
from agent.core.commands import FromHq, Obeyed
from agent.core.lease import Leases
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import lease
from tests.agent.test_order_scenarios import asked_of
from tests.core import shop as goods

ORDERS, RECEIPTS, UNITS = 6, 8, 20

Told = Scan | Sale | FromHq


def deliveries() -> list[Told]:
    """The goods of the day, by scans that have names."""
    return [
        Scan("dock", "receive", goods.gtin_14(of), None, name=f"{of}-{nth}")
        for of in (goods.MILK, goods.EGGS)
        for nth in range(UNITS)
    ]


def messages() -> list[Told]:
    """Everything that the store is told in a day: deliveries, receipts, and what HQ says of six orders."""
    lines = SaleLine(1, "sku", "MILK", 1), SaleLine(2, "sku", "EGGS", 1)
    asks = [ask for nth in range(ORDERS) for ask in asked_of(f"O{nth}", nth)]
    commands = [FromHq(ask.sources()[0], counter, 0, ask) for counter, ask in enumerate(asks, 1)]
    return [*deliveries(), *(Sale(f"R{nth}", lines) for nth in range(RECEIPTS)), *commands]


async def enter(shop: Shop, ask: Told, on: int) -> bool:
    """Is it answered for good? An order's change that comes before the order is not: HQ asks again."""
    if isinstance(ask, FromHq):
        said = await shop.clerk.enter(msgspec.structs.replace(ask, lease=on))
        return isinstance(said, Obeyed) and said.outcome != "stale"
    if isinstance(ask, Sale):
        await shop.clerk.enter(ask)
    else:
        await shop.clerk.enter(ask)
    return True


async def _told(books: Path) -> None:
    loop, all_of_it = asyncio.get_running_loop(), messages()
    async with opened(books) as shop:
        shop.books.leases = Leases(1)
        on = lease(shop)

        async def one(number: int) -> None:
            answered = await enter(shop, all_of_it[number], on)
            print(number, "answered" if answered else "again", flush=True)

        async with asyncio.TaskGroup() as group:
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                group.create_task(one(int(line)))


if __name__ == "__main__":
    asyncio.run(_told(Path(sys.argv[1])))
