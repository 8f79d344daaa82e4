"""What is measured of a day beside its orders: hidden stock, and how long HQ took to hear of what was committed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agent.core.asks import Pause, Sale, SaleLine, Scan
from agent.core.catalogue import Catalogue, Traits
from agent.day_ends import DayEnds
from agent.days import Days, day_at
from agent.heard_times import HeardTimes
from agent.store import heard_times
from tests.agent.shops import Shop, opened
from tests.agent.test_day_ends import Ahead
from tests.agent.test_order_scenarios import receive, rows_of
from tests.core.shop import CATALOGUE
from wire.figures import HEARD_WITHIN_MS, figures, heard_sums
from wire.messages import DayRow

#: Of milk two are kept back.
KEPT_BACK = Catalogue(
    replace(sku, traits=Traits(safety=2)) if name == "MILK" else sku for name, sku in CATALOGUE.skus.items()
)


async def _sums(shop: Shop, clock: Ahead) -> tuple[int, int, int]:
    """SKU-seconds of today that were free, hidden and stopped, to the hundred."""
    sums = (await Days(shop.clerk, clock).today()).sums
    free, hidden, stopped = (sums.get(name, 0) // 100 * 100 for name in ("free_s", "hidden_s", "stopped_s"))
    return free, hidden, stopped


async def _pass_by(shop: Shop, clock: Ahead, seconds: int) -> None:
    """So much time goes by; then something is noted, as all the time."""
    clock.ahead_s += seconds
    await shop.clerk.enter(Scan("dock", "receive", "no such code", None))


async def test_a_sku_is_hidden_while_safety_stock_or_a_stop_takes_all_that_nobody_was_promised(tmp_path: Path) -> None:
    clock = Ahead()
    async with opened(tmp_path / "books.db", KEPT_BACK, clock=clock) as shop:
        ends = DayEnds(shop.clerk, clock, Days(shop.clerk, clock))
        await ends.close_what_is_over()
        clock.ahead_s += 86_400
        await ends.close_what_is_over()
        today = day_at(clock.now_ms())
        await receive(shop, 3)
        await _pass_by(shop, clock, 1000)
        assert await _sums(shop, clock) == (1000, 0, 0)
        await shop.clerk.enter(Sale("R1", (SaleLine(1, "sku", "MILK", 1),)))  # two are left: none may be promised
        await _pass_by(shop, clock, 1000)
        assert await _sums(shop, clock) == (2000, 1000, 0)
    clock.ahead_s += 500
    async with opened(tmp_path / "books.db", KEPT_BACK, clock=clock) as shop:  # a start takes no time by the books
        await shop.assert_memory_is_disk()
        assert shop.books.free_stock.closed == {"MILK"}
        await receive(shop, 5)
        await _pass_by(shop, clock, 1000)
        assert await _sums(shop, clock) == (3000, 1000, 0)
        await shop.clerk.enter(Pause(paused=True, why="flood", by="lead"))
        await _pass_by(shop, clock, 1000)
        assert await _sums(shop, clock) == (4000, 2000, 1000)
        await shop.clerk.enter(Pause(paused=False, why="dry", by="lead"))
        await shop.clerk.enter(Sale("R2", tuple(SaleLine(nth, "sku", "MILK", 1) for nth in range(1, 8))))  # all gone
        await _pass_by(shop, clock, 1000)
        assert await _sums(shop, clock) == (4000, 2000, 1000)
        clock.ahead_s += 86_400
        days = Days(shop.clerk, clock)
        await DayEnds(shop.clerk, clock, days).close_what_is_over()
        _, told = [row for row in await rows_of(shop) if isinstance(row, DayRow)]
        assert told.sums["free_s"] // 100 == 40
        assert (await days.of(today)).sums["hidden_s"] == told.sums["hidden_s"]  # though its steps are gone
        assert await shop.store.read("SELECT count(*) FROM free_stock") == [(1,)]
        assert (await days.today()).sums.get("free_s") is None
        assert day_at(clock.now_ms()) == today + timedelta(days=1)
        await shop.assert_memory_is_disk()


def test_each_row_counts_once_by_how_long_it_took() -> None:
    times = HeardTimes(heard=4)
    times.sent([(4, 0), (5, 9_990), (6, 8_500)], now_ms=10_000, now_s=100)
    times.heard(5, now_s=100.005)
    times.sent([(5, 9_990), (6, 8_500), (7, 10_500)], now_ms=10_100, now_s=100.1)  # the last one's clock is ahead
    times.heard(7, now_s=100.16)
    times.heard(7, now_s=999)
    sums = heard_sums(times.counts)
    assert sums == {"heard": 3, "heard_within_20_ms": 1, "heard_within_50_ms": 1} | {
        f"heard_within_{most}_ms": 2 if most < 2000 else 3 for most in HEARD_WITHIN_MS if most >= 100
    }
    found = {one.name: one.value for one in figures(sums)}
    assert (found["heard_p50_ms"], found["heard_p99_ms"], found["heard_within_2_s"]) == (100, 2000, 1)
    times.noted(times.counts)
    assert heard_sums(times.counts) == {}


async def test_what_was_noted_of_the_line_is_the_day_s(tmp_path: Path) -> None:
    clock = Ahead()
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await receive(shop, 1)
        times = HeardTimes(0)
        times.sent([(1, 0)], 0, 0)
        times.heard(1, 1)
        at_ms = shop.clerk.time.stamp().books_ms
        for _ in range(2):
            await shop.store.write(lambda tx: heard_times.enter(tx, at_ms, times.counts))
        assert (await Days(shop.clerk, clock).today()).sums["heard"] == 2
