"""What platforms ask of how an order is picked, over real books: not too soon, once, and never with nothing in it."""

from pathlib import Path

from agent.core.asks import MoveOrder, PlaceOrder, Refused, Scan, Want, Work, WorkName
from agent.core.channels import Channel
from agent.core.order_asks import AmendOrder
from agent.core.orders import hold_of
from agent.core.picking.platforms import PlatformRules
from agent.store import backups, opening
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import WrongClock
from tests.agent.test_order_scenarios import milk, receive, rows_of
from tests.core import shop as goods
from wire.messages import OrderRow

CHANNELS = {"app": Channel("app", rules=PlatformRules(finish_after_s=60))}


async def on_the_shelf(shop: Shop, units: int) -> None:
    shop.books.conditions.channels = CHANNELS
    await receive(shop, units)
    for _ in range(units):
        await shop.clerk.enter(Scan("shelf", "shelve", goods.gtin_14(goods.MILK), None))


async def do(shop: Shop, order: str, work: str, outcome: WorkName, line: int = 1, slot: str = "") -> None:
    tote = "" if outcome == "short" else "1"
    said = await shop.clerk.enter(Work(work, hold_of(order), outcome, line, tote=tote, slot=slot))
    assert not isinstance(said, Refused), said


async def told(shop: Shop, order: str) -> list[tuple[str, str]]:
    """The states of an order as HQ is told them, each time it is another one, with the reason."""
    rows = [row for row in await rows_of(shop) if isinstance(row, OrderRow) and row.order == order]
    return [(row.state, row.why) for nth, row in enumerate(rows) if nth == 0 or rows[nth - 1].state != row.state]


async def states(shop: Shop, order: str = "O1") -> list[str]:
    return [state for state, _ in await told(shop, order)]


async def test_scenario_11_a_pick_complete_before_60_s_is_delayed_and_never_sent_twice(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await on_the_shelf(shop, 2)
        await shop.clerk.enter(milk("O1", "app"))
        await shop.clerk.enter(milk("O2", "web"))
        clock.ran_s += 20
        for order in ("O1", "O2"):
            await do(shop, order, "w1", "picked")
        await shop.clerk.enter(MoveOrder("O1", "p", "pack"))  # nobody in the store waits for the platform
        assert shop.books.orders["O1"].state == "packed"
        assert await states(shop) == ["accepted", "picking"]
        assert await states(shop, "O2") == ["accepted", "picking", "picked"]
        await shop.assert_memory_is_disk()
    clock.wall_ms -= 3_600_000
    async with opened(tmp_path / "books.db", clock=clock) as shop:  # killed while it waits, and the clock set back
        shop.books.conditions.channels = CHANNELS
        clock.ran_s += 39
        await shop.clerk.prove()
        assert await states(shop) == ["accepted", "picking"]
        clock.ran_s += 2
        shop.clerk.wake()
        await shop.clerk.prove()
        assert await states(shop) == ["accepted", "picking", "picked", "packed"]
        await do(shop, "O1", "w2", "staged", slot="S1")
        await shop.clerk.enter(MoveOrder("O1", "h", "hand_over"))
        clock.ran_s += 3600
        await shop.clerk.prove()
        assert await states(shop) == ["accepted", "picking", "picked", "packed", "staged", "handed_over"]
        await shop.assert_memory_is_disk()


async def test_the_clock_alone_tells_what_was_held_back(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await on_the_shelf(shop, 1)
        await shop.clerk.enter(milk("O1", "app"))
        clock.ran_s += 20
        await do(shop, "O1", "w1", "picked")
        assert shop.books.next_alarm_ms() == shop.books.orders["O1"].steps[1].since_ms + 60_000


async def test_what_is_cancelled_meanwhile_was_never_picked_for_its_platform(tmp_path: Path) -> None:
    clock = WrongClock(1_763_760_000_000)
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await on_the_shelf(shop, 1)
        await shop.clerk.enter(milk("O1", "app"))
        await do(shop, "O1", "w1", "picked")
        await shop.clerk.enter(MoveOrder("O1", "no", "cancel"))
        clock.ran_s += 3600
        await shop.clerk.prove()
        assert await states(shop) == ["accepted", "picking", "cancel_requested"]


async def test_restored_books_do_not_tell_it_too_soon_either(tmp_path: Path) -> None:
    path, copy = tmp_path / "books.db", tmp_path / "copy.db"
    async with opened(path) as shop:
        await on_the_shelf(shop, 1)
        await shop.clerk.enter(milk("O1", "app"))
        await do(shop, "O1", "w1", "picked")
    backups.make(path, copy)
    opening.restore(path, copy, 1_763_760_000_000)
    async with opened(path) as shop:
        assert await states(shop) == ["picking"]
        assert shop.books.orders["O1"].told_from_ms is not None


async def test_scenario_11_the_last_item_short_is_a_cancel_and_not_an_empty_order(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await on_the_shelf(shop, 2)
        await shop.clerk.enter(PlaceOrder("O1", "app", (Want(1, "MILK", 1), Want(2, "MILK", 1))))
        await do(shop, "O1", "w1", "short", 1)
        assert shop.books.orders["O1"].state == "picking"
        await do(shop, "O1", "w2", "short", 2)
        assert (await told(shop, "O1"))[-2:] == [("cancel_requested", "sold_out"), ("cancelled", "sold_out")]
        assert "O1" not in shop.books.orders
        assert not shop.books.holds
        await shop.assert_memory_is_disk()


async def test_what_the_customer_took_out_is_not_sold_out(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await on_the_shelf(shop, 2)
        await shop.clerk.enter(milk("O1", "app", qty=2))
        await shop.clerk.enter(AmendOrder("O1", "a", (Want(1, "MILK", 1),)))
        said = await shop.clerk.enter(Work("w1", hold_of("O1"), "cancelled_before_pull", 1))
        assert not isinstance(said, Refused), said
        assert (await told(shop, "O1"))[-1] == ("cancelled", "removed")
