"""Orders as shops live them: the last units, walk-in shoppers, goods frozen until they are paid, rushes, and a line
that repeats and shuffles what HQ says.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Sale, SaleLine, Scan, Short, Want
from agent.core.atp import Policy
from agent.core.commands import Commanded, FromHq, Obeyed
from agent.core.lease import Leases
from agent.core.order_asks import AmendOrder, CourierCame, OrderWant, PayOrder
from agent.core.orders import hold_of
from agent.store import backups, opening
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import WrongClock, lease
from tests.core import shop as goods
from tests.waiting import until
from wire.codec import decode_row
from wire.messages import CaseRow, OrderRow, Row, StockRow

HOUR_MS = 3_600_000


async def receive(shop: Shop, units: int) -> None:
    scan = Scan("dock", "receive", goods.gtin_14(goods.MILK), None)
    await asyncio.gather(*[shop.clerk.enter(scan) for _ in range(units)])


def milk(name: str, channel: str = "web", qty: int = 1, **more: Any) -> PlaceOrder:
    return PlaceOrder(name, channel, (Want(1, "MILK", qty),), **more)


async def rows_of(shop: Shop, after: int = 0) -> list[Row]:
    """What HQ is told, without a hole."""
    found = await shop.store.read("SELECT seq, body FROM announcement WHERE seq > ? ORDER BY seq", (after,))
    assert [seq for seq, _ in found] == list(range(after + 1, shop.books.head + 1))
    return [decode_row(msgspec.Raw(body)) for _, body in found]


async def test_scenario_1_two_units_and_three_orders_at_once_two_are_accepted_and_one_is_refused(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 2)
        said = await asyncio.gather(*[shop.clerk.enter(milk(f"O{n}", f"channel-{n}")) for n in range(3)])
        assert Counter(one.state for one in said if isinstance(one, Ordered)) == {"accepted": 2, "rejected": 1}
        rows = await rows_of(shop)
        assert {row.atp for row in rows if isinstance(row, StockRow) and row.seq > 2} == {0}
        told = {row.order: (row.state, row.why) for row in rows if isinstance(row, OrderRow)}
        assert Counter(state for state, _ in told.values()) == {"accepted": 2, "rejected": 1}
        assert ("rejected", "MILK: not enough is free, 0 of 1") in told.values()
        await shop.assert_memory_is_disk()


async def test_scenario_2_a_walk_in_takes_one_between_accept_and_pull_and_hq_is_told_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 2)
        await shop.clerk.enter(milk("O1", due_at=1_800_000_000_000))
        await shop.clerk.enter(milk("O2", due_at=1_900_000_000_000))
        head = shop.books.head
        await shop.clerk.enter(Sale("R1", (SaleLine(1, "sku", "MILK", 1),)))
        case = shop.books.cases["breach", "MILK"]
        assert hold_of("O2") in case.detail  # due last, it gives way first
        told = await rows_of(shop, head)
        (row,) = [row for row in told if isinstance(row, CaseRow) and row.case == "breach"]
        assert (row.about, row.orders) == ("MILK", ("O2",))
        assert row.why == "1 of MILK promised and not there, since sale sale:R1/1"
        await shop.clerk.enter(MoveOrder("O2", "hq elsewhere", "cancel"))
        assert ("breach", "MILK") not in shop.books.cases
        told = await rows_of(shop, head)
        assert [(row.order, row.state) for row in told if isinstance(row, OrderRow)] == [("O2", "cancelled")]
        await shop.assert_memory_is_disk()


@pytest.mark.parametrize("wall_ms", [-HOUR_MS, HOUR_MS, 30 * 24 * HOUR_MS], ids=str)
async def test_scenario_3_goods_are_frozen_for_fifteen_minutes_across_restarts_and_wrong_clocks(
    tmp_path: Path, wall_ms: int
) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await receive(shop, 2)
        for name in ("IN-TIME", "LATE"):
            said = await shop.clerk.enter(milk(name, fulfil="pickup", pay_within_s=900))
            assert isinstance(said, Ordered)
            assert (said.state, said.due_in_s) == ("received", 900)
        clock.ran_s += 600
        await shop.clerk.enter(milk("TOO-MANY"))
        assert shop.books.promised("MILK") == 2
    clock.wall_ms += wall_ms
    async with opened(tmp_path / "books.db", clock=clock) as shop:  # killed during the hold
        clock.ran_s += 299
        paid = await shop.clerk.enter(PayOrder("IN-TIME"))  # at 14:59
        assert isinstance(paid, Ordered)
        assert paid.state == "accepted"
        assert shop.books.orders["LATE"].state == "received"
        clock.ran_s += 2
        shop.clerk.wake()
        await shop.clerk.enter(milk("NEXT", qty=1))  # at 15:01 its unit is another's
        assert "LATE" not in shop.books.orders
        head = shop.books.head
        late = await shop.clerk.enter(PayOrder("LATE"))
        assert isinstance(late, Ordered)
        assert (late.state, late.why) == ("rejected", "hold_expired")
        (told,) = await rows_of(shop, head)
        assert isinstance(told, OrderRow)
        assert (told.state, told.why) == ("rejected", "hold_expired: MILK: not enough is free, 0 of 1")
        await shop.assert_memory_is_disk()


async def test_goods_that_nobody_paid_for_are_free_at_their_time_without_anybody_asking(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 1)
        await shop.clerk.enter(milk("O1", fulfil="pickup", pay_within_s=1))
        await until(lambda: not shop.books.orders)
        (told,) = [row for row in await rows_of(shop) if isinstance(row, OrderRow) and row.event]
        assert (told.state, told.why) == ("rejected", "unpaid")
        assert not shop.books.holds
        again = await shop.clerk.enter(PayOrder("O1"))  # and there are goods still: held anew, in one step
        assert isinstance(again, Ordered)
        assert again.state == "accepted"
        await shop.assert_memory_is_disk()


async def test_scenario_8_a_group_buy_of_five_is_held_whole_or_not_at_all(tmp_path: Path) -> None:
    wants = tuple(OrderWant(nth, "MILK", 1, member=f"m-{nth}") for nth in range(1, 6))
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 9)
        said = await asyncio.gather(*[shop.clerk.enter(PlaceOrder(f"G{n}", "group", wants, group="G")) for n in (1, 2)])
        assert sorted(one.state for one in said if isinstance(one, Ordered)) == ["accepted", "rejected"]
        assert shop.books.promised("MILK") == 5
        await shop.assert_memory_is_disk()


async def test_scenario_8_two_lines_of_one_sku_are_held_together_or_not_at_all(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 3)
        both = (Want(1, "MILK", 2), Want(2, "MILK", 2))  # each by itself could be held
        refused = await shop.clerk.enter(PlaceOrder("O1", "web", both))
        assert isinstance(refused, Ordered)
        assert (refused.state, shop.books.promised("MILK")) == ("rejected", 0)
        await receive(shop, 1)
        accepted = await shop.clerk.enter(PlaceOrder("O2", "web", both))
        assert isinstance(accepted, Ordered)
        assert (accepted.state, shop.books.promised("MILK")) == ("accepted", 4)
        await shop.assert_memory_is_disk()


async def test_scenario_9_two_hundred_orders_for_ten_units_over_three_channels_ten_are_accepted(tmp_path: Path) -> None:
    quota = Policy(quota=4)
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 10)
        shop.books.conditions.policy_of = lambda sku, channel: quota
        said = await asyncio.gather(*[shop.clerk.enter(milk(f"O{n}", f"channel-{n % 3}")) for n in range(200)])
        assert Counter(one.state for one in said if isinstance(one, Ordered)) == {"accepted": 10, "rejected": 190}
        assert Counter(order.channel for order in shop.books.orders.values()).most_common(1)[0][1] <= 4
        assert shop.books.promised("MILK") == 10
        assert len([row for row in await rows_of(shop) if isinstance(row, OrderRow)]) == 200
        await shop.assert_memory_is_disk()


def asked_of(name: str, nth: int) -> list[Commanded]:
    """What HQ says of an order, in its order."""
    said: list[Commanded] = [milk(name, qty=2, fulfil="pickup", pay_within_s=900), PayOrder(name)]
    if nth % 2:
        said.append(AmendOrder(name, "a1", (Want(1, "MILK", 1), Want(2, "EGGS", 1))))
    said.append(CourierCame(name))
    if nth % 3 == 0:
        said.append(MoveOrder(name, "hq c", "cancel"))
    return said


async def told(path: Path, commands: list[FromHq], cut: random.Random | None) -> dict[str, Any]:
    """Tell a store all of this until each is answered for good, with a stop after every few; how the books end."""
    left = list(commands)
    while left:
        async with opened(path) as shop:
            shop.books.leases = Leases(1)
            on = lease(shop)
            if not shop.books.head:
                scans = [Scan("dock", "receive", goods.gtin_14(of), None) for of in (goods.MILK, goods.EGGS)]
                await asyncio.gather(*[shop.clerk.enter(scan) for scan in scans for _ in range(30)])
            some = left[: cut.randint(1, 12)] if cut else left[:1]
            asks = [msgspec.structs.replace(each, lease=on) for each in some]
            tasks = [asyncio.ensure_future(shop.clerk.enter(each)) for each in asks]
            if cut:  # what is not answered by then is cut off on its way, and asked again
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.wait(tasks)
        answers: list[Obeyed | None] = []
        for task in tasks:
            task.cancel()
            (answer,) = await asyncio.gather(task, return_exceptions=True)
            answers.append(answer if isinstance(answer, Obeyed) else None)
        again = [
            each for each, answer in zip(some, answers, strict=True) if answer is None or answer.outcome == "stale"
        ]
        left = left[len(some) :]
        for each in again:
            left.insert(cut.randint(0, len(left)) if cut else 0, each)
    async with opened(path) as shop:
        await shop.assert_memory_is_disk()
        rows = await rows_of(shop)
        return {
            "balances": {key: qty for key, qty in shop.books.balances.items() if qty},
            "orders": {
                name: (order.state, [(line.line, line.sku, line.qty) for line in order.lines])
                for name, order in shop.books.orders.items()
            },
            "told": {row.order: (row.state, row.lines) for row in rows if isinstance(row, OrderRow)},
        }


@pytest.mark.parametrize("seed", range(3))
async def test_commands_told_three_times_and_shuffled_to_a_clerk_that_stops_between_end_in_the_same_ledger(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    asks = [(ask.sources()[0], ask) for nth in range(6) for ask in asked_of(f"O{nth}", nth)]
    commands = [FromHq(name, counter, 0, ask) for counter, (name, ask) in enumerate(asks, 1)]
    in_order = await told(tmp_path / "in-order.db", commands, None)
    thrice = commands * 3
    chance.shuffle(thrice)
    # What came first of a change and a cancellation would show: HQ sends one command of an order at a time.
    thrice.sort(key=lambda each: isinstance(each.ask, AmendOrder) + 2 * isinstance(each.ask, MoveOrder))
    shuffled = await told(tmp_path / "shuffled.db", thrice, chance)
    assert shuffled["balances"] == in_order["balances"]
    assert shuffled["orders"] == in_order["orders"]
    assert shuffled["told"] == in_order["told"]


async def test_a_change_that_cannot_be_held_leaves_the_order_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await receive(shop, 2)
        await shop.clerk.enter(milk("O1"))
        short = await shop.clerk.enter(AmendOrder("O1", "a1", (Want(1, "MILK", 3),)))
        assert isinstance(short, Short)
        assert shop.books.promised("MILK") == 1
        await shop.clerk.enter(AmendOrder("O1", "a2", (Want(1, "MILK", 2),)))
        await shop.assert_memory_is_disk()
        (*_, row) = await rows_of(shop)
        assert isinstance(row, OrderRow)
        assert [(line.line, line.qty) for line in row.lines] == [(1, 2)]


async def test_restored_books_tell_their_open_orders_anew(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    async with opened(path) as shop:
        await receive(shop, 3)
        await shop.clerk.enter(milk("O1", qty=2))
        await shop.clerk.enter(milk("O2", fulfil="pickup", pay_within_s=900))
    backups.make(path, copy)
    opening.restore(path, copy, 1_763_760_000_000)
    async with opened(path) as shop:
        rows = [row for row in await rows_of(shop) if isinstance(row, OrderRow)]
        assert {row.order: (row.state, row.lines[0].qty) for row in rows} == {
            "O1": ("accepted", 2),
            "O2": ("received", 1),
        }
        paid = await shop.clerk.enter(PayOrder("O2"))
        assert isinstance(paid, Ordered)
        assert paid.state == "accepted"
        await shop.assert_memory_is_disk()
