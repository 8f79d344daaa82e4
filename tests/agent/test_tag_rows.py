"""Tags on disk and in memory: sold ones leave memory and are found again when somebody names them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from agent.clock import SystemClock
from agent.core.asks import Delivery, DeliveryLine, Expected, Sale, SaleLine, TagsHeard, TagsSilent
from agent.core.life import EPC
from agent.core.places import BACKROOM, EXIT, FLOOR, SHRINK, UNATTRIBUTED_OUT
from agent.core.tags import Stranger, TagRules
from agent.intake import Intake, Stand
from drivers.readings import TagRead
from tests.agent.shops import Shop, opened
from tests.core import shop as goods
from tests.waiting import until

EPCS = tuple(goods.epc_of(goods.SHIRT, serial) for serial in range(1, 21))
A, B = EPCS[:2]
NOTE = Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", EPCS),))
ALL_HEARD = TagsHeard(tuple((epc, FLOOR) for epc in EPCS), ())


def sale(receipt: str, epc: bytes | None) -> Sale:
    return Sale(receipt, (SaleLine(1, "sku", "SHIRT", 1, epc),))


def stranger(epc: bytes) -> TagsHeard:
    return TagsHeard((), (Stranger(epc, "alien_tag", "GTIN", FLOOR),))


async def stocked(shop: Shop) -> None:
    await shop.clerk.enter(NOTE)
    await shop.clerk.enter(ALL_HEARD)


async def test_every_state_of_a_tag_can_be_kept(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        for nth, state in enumerate(EPC.states()):
            row = (EPCS[nth], "SHIRT", state, None, nth)
            await shop.store.write(lambda tx, row=row: tx.execute("INSERT INTO tag VALUES (?, ?, ?, ?, ?)", row))  # type: ignore[misc]
        disk = await shop.on_disk()
        assert {tag.state for tag in disk.tags.values()} == set(EPC.states()) - {"sold", "destroyed"}


async def test_a_sold_tag_leaves_memory_and_is_a_case_when_it_is_heard_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", A))
        await shop.clerk.enter(TagsSilent((), (), (A, B)))
        assert A not in shop.books.tags
        assert B in shop.books.tags
        await shop.clerk.enter(stranger(A))
        assert list(shop.books.cases) == [("sold_tag_seen", A.hex().upper())]
        assert shop.books.on_hand["SHIRT"] == len(EPCS) - 1
        await shop.assert_memory_is_disk()


async def test_a_sold_tag_that_left_memory_is_not_delivered_nor_sold_as_new(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", A))
        await shop.clerk.enter(TagsSilent((), (), (A,)))
        expected = await shop.clerk.enter(Delivery("D2", (DeliveryLine(1, "sku", "SHIRT", (A,)),)))
        assert isinstance(expected, Expected)
        assert expected.lines[0].tags == 0
        await shop.clerk.enter(sale("R2", A))
        assert list(shop.books.cases) == [("sold_tag_seen", A.hex().upper())]
        await shop.assert_memory_is_disk()


async def test_a_tag_taken_for_sold_that_left_memory_is_in_stock_when_it_is_heard_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", None))
        await shop.clerk.enter(TagsSilent((A,), ()))
        await shop.clerk.enter(TagsSilent((), (A,)))
        await shop.clerk.enter(TagsSilent((), (), (A,)))
        assert A not in shop.books.tags
    async with opened(tmp_path / "books.db") as shop:
        await shop.clerk.enter(stranger(A))
        assert shop.books.tags[A].place == FLOOR
        assert shop.books.balance("SHIRT", UNATTRIBUTED_OUT) == 1
        assert not shop.books.cases
        await shop.assert_memory_is_disk()


async def test_after_a_restart_what_was_sold_just_now_may_still_leave_in_peace(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", A))
    async with opened(tmp_path / "books.db") as shop:
        assert shop.books.leaving.keys() == {A}
        await shop.clerk.enter(TagsSilent((), (), (A,)))
        assert shop.books.leaving == {}


class ByHand(SystemClock):
    """Time stands still until the test ends a round."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._sleeper: asyncio.Future[None] | None = None

    def monotonic_s(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        if seconds < 1:
            await super().sleep(0)
        else:
            self._sleeper = asyncio.get_running_loop().create_future()
            await self._sleeper

    async def end_round(self, seconds: float = 60) -> None:
        await until(lambda: self._sleeper is not None)
        assert self._sleeper is not None
        sleeper, self._sleeper = self._sleeper, None
        self.now_s += seconds
        sleeper.set_result(None)
        await until(lambda: self._sleeper is not None)


@contextlib.asynccontextmanager
async def listening(shop: Shop, rules: TagRules, clock: ByHand) -> AsyncIterator[Intake]:
    intake = Intake(shop.clerk, clock, rules)
    tasks = [asyncio.ensure_future(intake.run()), asyncio.ensure_future(intake.watch())]
    try:
        yield intake
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


WATCHED = TagRules(settle_s=0, watched=frozenset({FLOOR}), round_s=60, give_up_after_s=1200)
READER = Stand("reader", {1: FLOOR, 2: BACKROOM, 3: EXIT}, None)


async def test_from_the_reader_to_the_books_a_tag_that_is_gone_is_written_off_and_comes_back(tmp_path: Path) -> None:
    clock = ByHand()
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        tags, cases = shop.books.tags, shop.books.cases
        async with listening(shop, WATCHED, clock) as intake:

            async def heard_until(done: Callable[[], bool], *epcs: bytes) -> None:
                for _ in range(100):
                    if done():
                        return
                    await clock.end_round()
                    clock.now_s += 1
                    intake.tags(READER, [TagRead(epc, 1, count=2) for epc in epcs])
                    await until(lambda: tags[epcs[-1]].heard_s == clock.now_s)
                    await shop.clerk.prove()
                raise AssertionError("nothing came of 100 rounds")

            await heard_until(lambda: tags[A].state == "suspect", *EPCS[1:])
            assert shop.books.on_hand["SHIRT"] == len(EPCS)
            await heard_until(lambda: tags[A].state == "missing", *EPCS[1:])
            assert shop.books.balance("SHIRT", SHRINK) == 1
            await heard_until(lambda: tags[A].state == "in_stock", *EPCS)
            assert shop.books.on_hand["SHIRT"] == len(EPCS)
            assert not cases
            await heard_until(lambda: ("zone_silent", FLOOR) in cases, *EPCS[12:])
            await heard_until(lambda: not cases, *EPCS)
            assert shop.books.on_hand["SHIRT"] == len(EPCS)
        await shop.assert_memory_is_disk()


async def test_without_watched_places_nobody_is_given_up_and_sold_tags_still_leave_memory(tmp_path: Path) -> None:
    clock = ByHand()
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", A))
        async with listening(shop, TagRules(), clock) as intake:
            for _ in range(100):
                await clock.end_round()
            assert shop.books.tags.keys() == set(EPCS) - {A}
            assert {tag.state for tag in shop.books.tags.values()} == {"in_stock"}
            intake.tags(READER, [TagRead(A, 1)])
            await until(lambda: ("sold_tag_seen", A.hex().upper()) in shop.books.cases)


async def test_at_the_exit_strangers_and_buyers_pass_and_an_unpaid_unit_is_told_once(tmp_path: Path) -> None:
    clock, unknown = ByHand(), goods.epc_of(goods.SHIRT, 99)
    async with opened(tmp_path / "books.db") as shop:
        await stocked(shop)
        await shop.clerk.enter(sale("R1", A))
        async with listening(shop, TagRules(settle_s=0), clock) as intake:
            for _ in range(20):
                clock.now_s += 1
                intake.tags(READER, [TagRead(epc, 3, count=5) for epc in (A, B, unknown)])
                await until(lambda: shop.books.tags[B].heard_s == clock.now_s)
                await shop.clerk.prove()
        assert [(case.kind, case.about, case.times) for case in shop.books.cases.values()] == [
            ("unpaid_at_exit", B.hex().upper(), 1)
        ]
        assert shop.books.on_hand["SHIRT"] == len(EPCS) - 1
