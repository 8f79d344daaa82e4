"""Snapshots: HQ gets to where the store is, whatever it lacked, and believes nothing that does not agree."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from msgspec import UNSET
from sqlalchemy import text, update
from sqlalchemy.engine import URL

from hq_bridge import tables
from hq_bridge.snapshots import MOST_AT_ONCE, PATIENCE_MS, Snapshots
from tests.hq_bridge.shop import Shop
from tests.hq_bridge.test_databases import execute
from tests.hq_bridge.test_ingest import Hq, hq_at
from tests.waiting import until
from wire.codec import encode
from wire.messages import CaseRow, SkuStock, Snapshot, SnapshotPart


def parts_of(shop: Shop, name: str, size: int = 2) -> list[bytes]:
    """The manifest and parts of `size` SKUs, of the shop as it is now."""
    items = [
        SkuStock(sku, on_hand, places, UNSET if held is None else held, UNSET if atp is None else atp)
        for _, sku, on_hand, held, atp, places in shop.has()
    ]
    opened = {(row.case, row.about): row for row in shop.rows if isinstance(row, CaseRow) and row.state == "open"}
    cases = tuple(opened[key] for key in sorted(shop.open_cases))
    portions = [tuple(items[at : at + size]) for at in range(0, len(items), size)]
    parts = [encode(SnapshotPart(name, nth, portion, ())) for nth, portion in enumerate(portions, 1)]
    parts.append(encode(SnapshotPart(name, len(parts) + 1, (), cases)))
    hashes = tuple(sha256(part).hexdigest() for part in parts)
    return [encode(Snapshot(name, shop.epoch, shop.head, shop.digest(), hashes)), *parts]


def send(hq: Hq, shop: Shop, name: str, parts: list[bytes], order: Iterator[int] | None = None) -> None:
    for nth in order or range(len(parts)):
        hq.ingest.offer(shop.topics.snapshot(name, nth), parts[nth])


async def asked(hq: Hq, shop: Shop, oldest: int = 1, told: str | None = None) -> str:
    """The name under which HQ asks for a snapshot after a hello."""
    heard = await hq.hello(shop, shop.hello(oldest, told))
    assert isinstance(heard.snapshot, str), heard
    return heard.snapshot


async def has_all(hq: Hq, shop: Shop) -> None:
    await hq.settled()
    books = hq.ingest.stores[shop.topics.store]
    assert (books.position.epoch, books.position.cursor, books.verdict) == (shop.epoch, shop.head, "same")
    assert books.trouble == {}
    assert await hq.database.stock(shop.topics.store) == shop.has()
    assert books.cases == shop.open_cases
    assert books.position.units == sum(shop.on_hand(sku) for sku in {sku for sku, _ in shop.balances})


async def test_an_epoch_whose_beginning_is_gone_begins_with_a_snapshot(url: URL) -> None:
    shop = Shop(skus=7)
    shop.trade(100)
    async with hq_at(url) as hq:
        name = await asked(hq, shop, oldest=60)
        parts = parts_of(shop, name)
        send(hq, shop, name, parts, iter([*reversed(range(len(parts))), 1, 2, 0]))  # any order, some twice
        await until(lambda: hq.said[-1][1].upto == 100)
        await has_all(hq, shop)
        shop.trade(10)
        hq.offer(shop, shop.batch(101, 10))
        await has_all(hq, shop)
    async with hq_at(url) as hq:  # and it is on disk
        await hq.hello(shop)
        await has_all(hq, shop)


async def test_rows_that_hq_missed_for_good_are_jumped_over(url: URL) -> None:
    shop = Shop()
    shop.trade(30)
    async with hq_at(url) as hq:
        hq.offer(shop, shop.batch(1, 20))
        await hq.settled()
        shop.trade(70)
        name = await asked(hq, shop, oldest=51)
        send(hq, shop, name, parts_of(shop, name))
        await until(lambda: hq.said[-1][1].upto == 100)
        await has_all(hq, shop)


@pytest.mark.parametrize("behind", [0, 5])
async def test_a_digest_that_differs_is_mended_and_history_keeps_no_hole(url: URL, behind: int) -> None:
    """The snapshot is of HQ's own row, or of one that HQ has outgrown when it arrives."""
    shop = Shop()
    shop.trade(50)
    async with hq_at(url) as hq:
        hq.offer(shop, shop.batch(1, 50))
        await hq.settled()
        sku, place = next(key for key in shop.balances if key[1] == "FLOOR")
        shop.balances[sku, place] += 3  # what no row ever said: somebody's mistake
        shop.balances[sku, "SUPPLIER"] -= 3
        name = await asked(hq, shop)
        parts = parts_of(shop, name)
        shop.trade(behind)
        hq.offer(shop, *([shop.batch(51, behind)] if behind else []))
        send(hq, shop, name, parts)
        await until(lambda: hq.ingest.stores[shop.topics.store].verdict == "same")
        await has_all(hq, shop)
        assert len(await hq.kept(shop)) == shop.head


async def test_a_snapshot_of_rows_that_are_still_coming_waits_for_them(url: URL) -> None:
    shop = Shop()
    shop.trade(50)
    async with hq_at(url) as hq:
        hq.offer(shop, shop.batch(1, 50))
        await hq.settled()
        name = await asked(hq, shop, told="0" * 16)
        shop.trade(10)
        send(hq, shop, name, parts_of(shop, name))
        await hq.settled()
        assert hq.ingest.stores[shop.topics.store].position.cursor == 50
        hq.offer(shop, shop.batch(51, 10))
        await until(lambda: hq.ingest.stores[shop.topics.store].verdict == "same")
        await has_all(hq, shop)
        assert len(await hq.kept(shop)) == 60


async def test_a_spoiled_part_and_a_stranger_s_change_nothing(url: URL) -> None:
    shop = Shop()
    shop.trade(20)
    async with hq_at(url) as hq:
        name = await asked(hq, shop, oldest=10)
        parts = parts_of(shop, name)
        spoiled = parts[1].replace(b'"on_hand":', b'"on_hand":1')
        send(hq, shop, name, [parts[0], spoiled])
        send(hq, shop, "not-asked", parts_of(shop, "not-asked"))
        send(hq, shop, name, [b"nonsense"])
        await hq.settled()
        assert hq.ingest.stores[shop.topics.store].position.cursor == 0
        send(hq, shop, name, parts)
        await until(lambda: hq.said[-1][1].upto == 20)
        await has_all(hq, shop)


async def test_a_snapshot_that_lies_about_its_digest_is_not_taken(url: URL) -> None:
    shop = Shop()
    shop.trade(20)
    async with hq_at(url) as hq:
        name = await asked(hq, shop, oldest=10)
        honest = parts_of(shop, name)
        lie = honest[0].replace(shop.digest().encode(), b"0" * 16)
        send(hq, shop, name, [lie, *honest[1:]])
        await hq.settled()
        books = hq.ingest.stores[shop.topics.store]
        assert books.position.cursor == 0
        assert "digest" in books.trouble["unreadable"]


def test_names_are_kept_while_parts_arrive_and_room_is_bounded() -> None:
    snapshots = Snapshots("b")
    first = snapshots.ask("SH-0", 0)
    assert snapshots.ask("SH-0", PATIENCE_MS - 1) == first
    assert snapshots.ask("SH-0", PATIENCE_MS) != first
    names = [snapshots.ask(f"SH-{n}", PATIENCE_MS) for n in range(1, MOST_AT_ONCE + 1)]
    assert names[-1] == ""  # no room …
    assert snapshots.ask("SH-99", 3 * PATIENCE_MS) != ""  # … until others have been silent for long


async def test_what_is_held_is_asked_for_where_it_was_never_told(url: URL) -> None:
    """HQ's database is of layout 5, which did not keep it; the store tells it, or is as old and cannot."""
    shop, old = Shop(), Shop("SH-0002", seed=2, old=True)
    async with hq_at(url) as hq:
        for each in (shop, old):
            each.trade(50)
            hq.offer(each, each.batch(1, 50))
        await hq.settled()
    for table, column in (("stock", "held"), ("stock", "atp"), ("store_position", "lacking")):
        await execute(url, text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    await execute(url, update(tables.about).values(layout=5))
    async with hq_at(url) as hq:
        for each in (shop, old):
            stock = await hq.database.stock(each.topics.store)
            assert stock == [has._replace(held=None, atp=None) for has in each.has()]
            assert hq.ingest.stores[each.topics.store].position.lacking == len(stock)
        assert (await hq.hello(old)).snapshot is UNSET
        name = await asked(hq, shop)
        send(hq, shop, name, parts_of(shop, name))
        await hq.settled()
        await has_all(hq, shop)
        assert hq.ingest.stores[shop.topics.store].position.lacking == 0
        assert (await hq.hello(shop)).snapshot is UNSET
        shop.trade(10)
        hq.offer(shop, shop.batch(51, 10))
        await has_all(hq, shop)
        assert len(await hq.kept(shop)) == 60
