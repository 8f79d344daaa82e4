"""From a short pick to a settled count: units in doubt come back out of it when they are found, or are written off."""

from pathlib import Path

import pytest

from agent.core.asks import CommitHold, Reserve, Sale, SaleLine, Scan, Want, Work, Worked
from agent.core.count_asks import EnterFound, Found, RequestCount, StartCount
from agent.core.count_sessions import CountSession
from agent.core.places import BACKROOM, FLOOR, FOUND, SHRINK, SUSPECT
from tests.agent.shops import Shop, opened
from tests.core.test_work import CODES, GOODS

ABOUT = "MILK at FLOOR"


async def short_of_milk(shop: Shop, on_floor: int = 10) -> CountSession:
    """A picker finds none of the units the books have; who is to count them."""
    await stocked(shop, on_floor)
    await looked_in_vain(shop)
    assert shop.books.balance("MILK", SUSPECT) == on_floor
    (session,) = shop.books.counts.sessions.values()
    return session


async def stocked(shop: Shop, on_floor: int) -> None:
    await receive(shop, on_floor)
    for _ in range(on_floor):
        await shop.clerk.enter(Scan("shelf", "shelve", CODES["MILK"], None))


async def looked_in_vain(shop: Shop) -> None:
    await shop.clerk.enter(Reserve("H", "web", (Want(1, "MILK", 2),), 900))
    await shop.clerk.enter(CommitHold("H", "O1"))
    assert isinstance(await shop.clerk.enter(Work("w1", "H", "short", 1, by="pia")), Worked)


async def receive(shop: Shop, units: int) -> None:
    for _ in range(units):
        await shop.clerk.enter(Scan("dock", "receive", CODES["MILK"], None))


async def counted(shop: Shop, count: str, by: str, units: int) -> CountSession:
    await shop.clerk.enter(StartCount(count, by))
    session = await shop.clerk.enter(EnterFound(count, by, (Found(("sku", "MILK"), units),)))
    assert isinstance(session, CountSession)
    return session


def units(shop: Shop) -> dict[str, int]:
    return shop.books.of_sku("MILK", (FLOOR, BACKROOM, SUSPECT, SHRINK, FOUND))


async def test_what_was_short_and_is_found_by_a_count_is_in_the_books_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        session = await short_of_milk(shop)
        assert (session.place, session.why) == (FLOOR, "case")
        posted = await counted(shop, session.id, "badge-1", 9)
        assert (posted.state, posted.lines[0].variance) == ("posted", -1)
        assert units(shop) == {FLOOR: 9, SHRINK: 1}
        assert (shop.books.on_hand["MILK"], shop.books.cases, shop.books.counts.sessions) == (9, {}, {})
        await shop.assert_memory_is_disk()


async def test_a_confirmed_shortage_is_shrink_once_another_person_agrees(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        session = await short_of_milk(shop)
        assert (await counted(shop, session.id, "badge-1", 0)).state == "recount"
        assert units(shop) == {SUSPECT: 10}
        assert (await counted(shop, session.id, "badge-2", 0)).state == "posted"
        assert units(shop) == {SHRINK: 10}
        assert not shop.books.cases


async def test_units_found_elsewhere_come_out_of_doubt_and_only_the_rest_is_new(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        session = await short_of_milk(shop, 4)
        await receive(shop, 2)
        await shop.clerk.enter(RequestCount("C-1", BACKROOM, "cycle", "badge-4", (("sku", "MILK"),)))
        assert (await counted(shop, "C-1", "badge-1", 5)).state == "posted"
        assert units(shop) == {BACKROOM: 5, SUSPECT: 1}
        assert ("recount", ABOUT) in shop.books.cases
        assert (await counted(shop, session.id, "badge-1", 3)).state == "posted"
        assert units(shop) == {FLOOR: 3, BACKROOM: 5, FOUND: -2}
        assert not shop.books.cases


async def test_what_was_counted_before_somebody_looked_in_vain_is_counted_again(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        await stocked(shop, 20)
        await shop.clerk.enter(RequestCount("C-1", FLOOR, "cycle", "badge-4", (("sku", "MILK"),)))
        assert (await counted(shop, "C-1", "badge-1", 9)).state == "recount"
        await looked_in_vain(shop)
        assert (await counted(shop, "C-1", "badge-2", 9)).state == "recount"  # nothing that it could be compared with
        assert units(shop) == {SUSPECT: 20}
        assert (await counted(shop, "C-1", "badge-1", 9)).state == "posted"
        assert units(shop) == {FLOOR: 9, SHRINK: 11}
        assert not shop.books.cases


@pytest.mark.parametrize("sold_first", [True, False])
async def test_a_sale_before_or_after_the_count_of_what_is_in_doubt_leaves_the_same(
    tmp_path: Path, sold_first: bool
) -> None:
    sale = Sale("R1", (SaleLine(1, "sku", "MILK", 3),))
    async with opened(tmp_path / "books.db", GOODS) as shop:
        session = await short_of_milk(shop)
        if sold_first:
            await shop.clerk.enter(sale)
            await counted(shop, session.id, "badge-1", 6)
        else:
            await counted(shop, session.id, "badge-1", 9)
            await shop.clerk.enter(sale)
        assert units(shop) == {FLOOR: 6, SHRINK: 1}
        assert not shop.books.cases
