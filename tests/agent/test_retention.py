"""What is over is forgotten after its time and not before; how long work takes is not."""

import asyncio
from pathlib import Path

from agent.core.asks import MoveOrder, Notice, Ordered, Refused, Scan
from agent.core.orders import hold_of
from agent.core.tasks.asks import ClaimTask, HandOver, Pack, PickReport, Reported, Reports, Tasked
from agent.core.tasks.task import Bag
from agent.store import over
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import WrongClock
from tests.agent.test_order_scenarios import milk, receive
from tests.agent.test_picking import SHELVES
from tests.core import shop as goods

DAY_MS = 24 * 3_600_000
KEPT_DAYS = 90
#: So often the simulated shop works.
EVERY_DAYS = 2
KEPT = KEPT_DAYS // EVERY_DAYS
MILK = goods.gtin_14(goods.MILK)
TABLES = ("customer_order", "hold", "parcel", "task", "pick_report", "case_file")


def picked(order: str, task: str, nth: int) -> Reports:
    return Reports(task, 1, "w1", (PickReport(f"h-{nth}", "picked", order, 1, 1, str(nth % 2 + 1), text=MILK),))


def packed_and_staged(order: str, task: str, nth: int) -> tuple[Pack, Reports]:
    staged = PickReport(f"s-{nth}", "staged", order, tote=str(nth % 2 + 1), slot="S1")
    return Pack(task, 1, "w1", order, (Bag(1, 1),)), Reports(task, 1, "w1", (staged,))


async def forget(shop: Shop, clock: WrongClock) -> int:
    """What upkeep does once an hour."""
    kept_ms, gone = KEPT_DAYS * DAY_MS, 0
    while some := await over.forget(shop.store, shop.books.books_ms - kept_ms, clock.wall_ms - kept_ms):
        gone += some
    return gone


async def all_of(shop: Shop, *asks: object) -> list[object]:
    """All of these in their order, in one turn."""
    return list(await asyncio.gather(*(shop.clerk.enter(ask) for ask in asks)))  # type: ignore[call-overload]  # any ask


async def a_day(shop: Shop, clock: WrongClock, day: int) -> None:
    """Two orders picked in one task, and handed over; a case that comes and goes."""
    clock.ran_s += EVERY_DAYS * DAY_MS / 1000
    clock.wall_ms += EVERY_DAYS * DAY_MS
    task = f"{shop.books.epoch}-{day + 1}"
    orders = {2 * day: f"O{2 * day}", 2 * day + 1: f"O{2 * day + 1}"}
    asks: list[object] = [Notice("wrong_price", f"P{day}", "on the label")]
    asks += [milk(order) for order in orders.values()]
    asks += [Notice("wrong_price", f"P{day}", "", over=True), ClaimTask("w1")]
    asks += [picked(order, task, nth) for nth, order in orders.items()]
    asks += [ask for nth, order in orders.items() for ask in packed_and_staged(order, task, nth)]
    asks += [HandOver(order, "w1", "picker", 1, courier="C-7") for order in orders.values()]
    said = await all_of(shop, *asks)
    assert not [one for one in said if isinstance(one, Refused)], said
    assert len([one for one in said if isinstance(one, Tasked)]) == 3


async def test_over_four_hundred_days_nothing_grows_and_reports_are_known_within_the_retention(tmp_path: Path) -> None:
    clock, most = WrongClock(1_763_760_000_000), dict.fromkeys(TABLES, 0)
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        await receive(shop, 16)
        await all_of(shop, *[Scan("shelf", "shelve", MILK, None) for _ in range(16)])
        await all_of(shop, milk("LEFT"))  # nobody ever fetches it: what is open is never forgotten
        await all_of(shop, *[MoveOrder("LEFT", event, event) for event in ("start", "finish", "pack", "stage")])
        for day in range(400 // EVERY_DAYS + 1):
            if day % 5 == 0:
                scans = [Scan("dock", "receive", MILK, None), Scan("shelf", "shelve", MILK, None)]
                await all_of(shop, *scans * 10)
            await a_day(shop, clock, day)
            if day % 5 == 0:
                await forget(shop, clock)
            if day == 2 * (KEPT + KEPT % 10):
                most = {table: await rows(shop, table) for table in TABLES}
        assert {table: await rows(shop, table) for table in TABLES} == most
        assert max(most.values()) <= 4 * (KEPT + 10)
        assert shop.books.orders.keys() == {"LEFT", "O400", "O401"}
        known, gone = 200 - KEPT + 2, 200 - KEPT - 2
        said = await shop.clerk.enter(picked(f"O{2 * known}", f"{shop.books.epoch}-{known + 1}", 2 * known))
        assert isinstance(said, Reported)
        assert [one.outcome for one in said.results] == ["known"]
        assert isinstance(
            await shop.clerk.enter(picked(f"O{2 * gone}", f"{shop.books.epoch}-{gone + 1}", 2 * gone)), Refused
        )
        again = await shop.clerk.enter(milk(f"O{2 * gone}"))  # forgotten, and yet not accepted a second time
        assert isinstance(again, Refused)
        assert again.conflict
        assert await rows(shop, "labour WHERE customer_order NOT IN (SELECT id FROM customer_order)") == 0
        head, estimates = shop.books.tasks.newest, shop.books.tasks.estimates
        await shop.assert_memory_is_disk()
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        assert (shop.books.tasks.newest, shop.books.tasks.estimates) == (head, estimates)


async def rows(shop: Shop, table: str) -> int:
    ((many,),) = await shop.store.read(f"SELECT count(*) FROM {table}")
    return int(many)


async def test_how_long_work_takes_here_is_known_after_a_restart_also_of_orders_picked_together(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        await receive(shop, 4)
        await all_of(shop, *[Scan("shelf", "shelve", MILK, None) for _ in range(4)])
        await all_of(shop, milk("O0"), milk("O1"), ClaimTask("w1"))
        task = f"{shop.books.epoch}-1"
        assert shop.books.tasks.tasks[task].orders == ("O0", "O1")
        clock.ran_s += 30
        await all_of(shop, picked("O0", task, 0))
        clock.ran_s += 30
        await all_of(shop, picked("O1", task, 1))
        for nth in (0, 1):
            clock.ran_s += 45
            await all_of(shop, *packed_and_staged(f"O{nth}", task, nth))
        learnt = shop.books.tasks.estimates
        assert [[round(one, 1) for one in step] for step in (learnt.pick, learnt.pack)] == [[0.8], [1.5, 1.5]]
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        assert shop.books.tasks.estimates == learnt


async def test_nothing_is_forgotten_while_its_goods_lie_in_a_tote(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        await receive(shop, 2)
        await all_of(shop, *[Scan("shelf", "shelve", MILK, None) for _ in range(2)])
        await all_of(shop, milk("O0", qty=2), ClaimTask("w1"))
        task = f"{shop.books.epoch}-1"
        await all_of(shop, picked("O0", task, 0))
        void = PickReport("v-1", "short", "O0", 1)
        await all_of(shop, Reports(task, 1, "w1", (void,)), *packed_and_staged("O0", task, 0))
        ended = """UPDATE customer_order SET state = 'cancelled', came_ms = 0, steps = '[["cancelled", 0, "", ""]]'"""
        case = "INSERT INTO case_file VALUES (999, 'put_back', ?, 0, 0, 0, 1, '', NULL, NULL, 0)"
        await shop.store.write(lambda tx: (tx.execute(ended), tx.execute(case, (hold_of("O0"),))))
        await over.forget(shop.store, 10**12, 0)
        assert await rows(shop, "customer_order") == 1


async def test_from_the_hand_over_on_an_order_leads_to_nobody(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", SHELVES, clock=clock) as shop:
        await receive(shop, 1)
        await all_of(shop, Scan("shelf", "shelve", MILK, None))
        code = f"s1${'00' * 8}${'11' * 16}"
        (placed,) = await all_of(shop, milk("O0", fulfil="pickup", code=code))
        assert isinstance(placed, Ordered)
        await all_of(shop, ClaimTask("w1"), picked("O0", task := f"{shop.books.epoch}-1", 0))
        await all_of(shop, *packed_and_staged("O0", task, 0))
        assert shop.books.orders["O0"].code == code
        await all_of(shop, HandOver("O0", "w2", "lead", 1))
        assert shop.books.orders["O0"].code == ""
        assert await shop.store.read("SELECT code FROM customer_order") == [("",)]
