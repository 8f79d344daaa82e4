"""What tills, scanners and HQ say comes three times, in any order, to a store that is killed in between."""

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.core.asks import MoveOrder
from agent.core.commands import FromHq
from agent.core.lease import Leases
from agent.core.order_asks import AmendOrder
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import lease
from tests.agent.test_order_scenarios import rows_of
from tests.chaos.told_shop import deliveries, enter, messages
from wire import digest
from wire.messages import OrderRow

pytestmark = pytest.mark.chaos
LIVES = 4


async def test_scenario_5_what_is_told_three_times_and_shuffled_to_a_store_killed_again_and_again_makes_the_same_ledger(
    tmp_path: Path,
) -> None:
    chance = random.Random(5)
    async with opened(tmp_path / "in-order.db") as shop:
        shop.books.leases = Leases(1)
        for ask in messages():
            assert await enter(shop, ask, lease(shop))
        in_order = await _ledger(shop)
    path, left = tmp_path / "shuffled.db", _thrice_shuffled(chance)
    total, kills = len(left), 0
    while left:
        answered = len(left) if kills >= LIVES else chance.randint(1, total // LIVES)
        left = await _one_life(path, left, answered)
        kills += 1
    assert kills > LIVES
    async with opened(path) as shop:
        await shop.assert_memory_is_disk()
        assert await _ledger(shop) == in_order


def _thrice_shuffled(chance: random.Random) -> list[int]:
    """Everything three times: all goods before all that wants some; of an order, changes after it and its end last.

    What came first of a change and a cancellation would show: HQ sends one command of an order at a time.
    """
    all_of_it = messages()
    numbers = [*range(len(all_of_it))] * 3
    chance.shuffle(numbers)

    def rank(number: int) -> int:
        ask = all_of_it[number]
        said = ask.ask if isinstance(ask, FromHq) else None
        return (number >= len(deliveries())) + isinstance(said, AmendOrder) + 2 * isinstance(said, MoveOrder)

    return sorted(numbers, key=rank)


async def _one_life(books: Path, left: list[int], answers: int) -> list[int]:
    """Tell a store all that is left and kill it at so many answers; what is not answered for good by then."""
    store = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.leash", str(os.getpid()), "tests.chaos.told_shop", str(books)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert store.stdin is not None
    assert store.stdout is not None
    store.stdin.write("".join(f"{number}\n" for number in left).encode())
    left = list(left)
    for _ in range(answers):
        number, how = (await store.stdout.readline()).split()
        if how == b"answered":
            left.remove(int(number))
    store.kill()
    await store.wait()
    return left


async def _ledger(shop: Shop) -> dict[str, Any]:
    balances = {key: qty for key, qty in shop.books.balances.items() if qty}
    rows = [row for row in await rows_of(shop) if isinstance(row, OrderRow)]
    return {
        "digest": digest.to_text(digest.of_books((*key, qty) for key, qty in balances.items())),
        "balances": balances,
        "orders": {name: (one.state, one.lines) for name, one in shop.books.orders.items()},
        "told": {row.order: (row.state, row.lines) for row in rows},
        "accepted": sorted(row.order for row in rows if row.event == "accepted"),
    }
