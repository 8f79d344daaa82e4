"""Days that are over are told to HQ, each once."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from agent.clock import SystemClock
from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Want
from agent.day_ends import DayEnds
from agent.days import Days, bounds, day_at
from agent.store.verify import whole
from tests.agent.shops import Shop, opened
from tests.agent.test_order_scenarios import receive, rows_of
from tests.agent.test_web_figures import SERVED
from wire.messages import DayRow


class Ahead(SystemClock):
    """A machine's clocks, some seconds ahead."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_s * 1000)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


async def _serve(shop: Shop, name: str, *, whole: bool = True) -> None:
    assert isinstance(await shop.clerk.enter(PlaceOrder(name, "web", (Want(1, "MILK", 1),))), Ordered)
    for event in SERVED if whole else ():
        assert isinstance(await shop.clerk.enter(MoveOrder(name, event, event)), Ordered)


async def _told(shop: Shop) -> dict[str, dict[str, int]]:
    rows = [row for row in await rows_of(shop) if isinstance(row, DayRow)]
    assert len({row.day for row in rows}) == len(rows)
    assert all(one.until == two.since for one, two in pairwise(rows))
    return {row.day: {name: row.sums[name] for name in ("asked", "orders") if name in row.sums} for row in rows}


async def test_each_day_is_told_once_through_restarts_also_one_without_orders(tmp_path: Path) -> None:
    clock, day = Ahead(), timedelta(days=1)
    first = day_at(clock.now_ms())

    async def look(shop: Shop) -> None:
        ends = DayEnds(shop.clerk, clock, Days(shop.clerk, clock))
        await ends.close_what_is_over()
        await ends.close_what_is_over()

    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await receive(shop, 9)
        await look(shop)
        assert await _told(shop) == {}
        await _serve(shop, "A")
        await _serve(shop, "B", whole=False)  # goes on tomorrow
        clock.ahead_s += day.total_seconds()
        await look(shop)
        assert await _told(shop) == {str(first): {"asked": 2, "orders": 1}}
        for event in SERVED:
            await shop.clerk.enter(MoveOrder("B", event, event))
        await _serve(shop, "C")
    clock.ahead_s += 2 * day.total_seconds()  # the machine was off, and starts anew
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await look(shop)
        await _serve(shop, "D")
        clock.ahead_s += day.total_seconds()
        await look(shop)
        assert await _told(shop) == {
            str(first): {"asked": 2, "orders": 1},
            str(first + day): {"asked": 1, "orders": 2},
            str(first + 2 * day): {},
            str(first + 3 * day): {"asked": 1, "orders": 1},
        }
        sums = await Days(shop.clerk, clock).sums_of(first + day)
        assert sums["handed_over"] == 2
        await shop.assert_memory_is_disk()
    assert whole(tmp_path / "books.db") == ""


async def test_an_hour_of_today_is_the_wall_clock_s_also_where_the_books_began_at_noon(tmp_path: Path) -> None:
    clock = Ahead()
    first, last = bounds(day_at(clock.now_ms()) + timedelta(days=1))
    clock.ahead_s = (first - SystemClock().now_ms()) / 1000 + 12.5 * 3600
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await receive(shop, 2)
        await _serve(shop, "A")
        clock.ahead_s += 3 * 3600
        await _serve(shop, "B")
        assert [hour for hour, _ in (await Days(shop.clerk, clock).today()).hours] == [12, 15]
    assert clock.now_ms() < last


async def test_a_clock_that_was_ahead_takes_no_order_out_of_the_days(tmp_path: Path) -> None:
    clock = Ahead()
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        ends = DayEnds(shop.clerk, clock, Days(shop.clerk, clock))
        await receive(shop, 9)
        await ends.close_what_is_over()
        await _serve(shop, "A")
        clock.ahead_s += 10 * 86_400
        await ends.close_what_is_over()
        clock.ahead_s -= 9 * 86_400
        await _serve(shop, "B")
        await ends.close_what_is_over()
        clock.ahead_s += 11 * 86_400
        await ends.close_what_is_over()
        told = await _told(shop)
        assert sum(sums.get("orders", 0) for sums in told.values()) == 2
        assert sum(sums.get("asked", 0) for sums in told.values()) == 2
