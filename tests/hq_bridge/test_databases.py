"""HQ's database, whichever it is: alone, durable, of this layout, and bounded."""

import asyncio
import shutil
import sqlite3
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, inspect, text, update
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import DropTable

from hq_bridge import tables
from hq_bridge.books import HeardLease
from hq_bridge.config import POSTGRES
from hq_bridge.ingest import Ingest
from hq_bridge.months import Month
from hq_bridge.refusals import DatabaseLost, DatabaseRefused
from hq_bridge.retention import Retention
from hq_bridge.store import Database
from tests.hq_bridge.shop import Shop
from tests.hq_bridge.shop import balances as balances_at
from tests.hq_bridge.test_ingest import Hq, hq_at
from tests.postgres import Postgres
from tests.waiting import until
from wire.messages import Heard

OLD = Path(__file__).parent / "databases" / "layout-1.db"
DAY = 86_400_000
NOVEMBER = 1_763_760_001_000


def sqlite_at(path: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(path))


async def execute(url: URL, statement: Any) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(statement)
    await engine.dispose()


# Alone


async def test_a_second_hq_is_refused_and_told_who_is_there(url: URL) -> None:
    async with await Database.open(url):
        with pytest.raises(DatabaseRefused, match=r"another HQ .* keeps its books there; stop that one first"):
            await Database.open(url)
    async with await Database.open(url):
        pass


async def test_an_hq_whose_books_were_taken_over_writes_nothing_more(url: URL) -> None:
    """However it came about: somebody removed a lock, or a machine was thought dead and was not."""
    shop = Shop()
    shop.trade(20)
    async with await Database.open(url) as database:
        said: list[Heard] = []
        ingest = Ingest("demo", database, {}, lambda _, heard: said.append(heard), lambda: NOVEMBER)
        ingest.offer(shop.topics.up("log"), shop.batch(1, 10))
        task = asyncio.create_task(ingest.run())
        await until(lambda: said)
        await execute(url, update(tables.about).values(writer=tables.about.c.writer + 1))
        ingest.offer(shop.topics.up("log"), shop.batch(11, 10))
        with pytest.raises(DatabaseLost, match="another HQ has opened this database"):
            await asyncio.wait_for(task, 10)
        assert said == [Heard(7, 10)]
    async with hq_at(url) as again:
        assert (await again.hello(shop)).upto == 10


async def test_two_that_both_believe_they_are_alone_never_land_a_row_twice(tmp_path: Path) -> None:
    shop = Shop()
    shop.trade(20)
    url = sqlite_at(tmp_path / "hq.db")
    async with await Database.open(url) as database:
        ingest = Ingest("demo", database, {}, lambda *_: None, lambda: NOVEMBER)
        ingest.offer(shop.topics.up("log"), shop.batch(1, 10))
        task = asyncio.create_task(ingest.run())
        await until(lambda: ingest.counts["landed"])
        (tmp_path / "hq.db.lock").unlink()  # somebody tidied up
        async with hq_at(url) as second:
            second.offer(shop, shop.batch(11, 10))
            await second.settled()
            ingest.offer(shop.topics.up("log"), shop.batch(11, 10))
            with pytest.raises(DatabaseLost):
                await asyncio.wait_for(task, 10)
            await second.equals(shop)


# Durable


async def test_a_landing_that_fails_half_way_leaves_the_cursor_with_its_rows(url: URL) -> None:
    shop = Shop()
    shop.trade(20)
    async with await Database.open(url) as database:
        ingest = Ingest("demo", database, {}, lambda *_: None, lambda: NOVEMBER)
        ingest.offer(shop.topics.up("log"), shop.batch(1, 10))
        task = asyncio.create_task(ingest.run())
        await until(lambda: ingest.counts["landed"])
        in_the_way = {"store": "SH-0001", "epoch": 7, "first": 11, "last": 11, "landed_at": NOVEMBER}
        rows = "[]" if url.drivername == POSTGRES else b""
        await execute(url, Month.of(NOVEMBER).table.insert().values(**in_the_way, rows=rows))
        ingest.offer(shop.topics.up("log"), shop.batch(11, 10))
        with pytest.raises(DatabaseLost):
            await asyncio.wait_for(task, 10)
    async with await Database.open(url) as database:
        assert (await database.load())["SH-0001"].position.cursor == 10


async def test_a_database_that_would_forget_is_refused(tmp_path: Path) -> None:
    with chdir(tmp_path), pytest.raises(DatabaseRefused, match="journal_mode"):
        await Database.open(URL.create("sqlite+aiosqlite", database=":memory:"))


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match="nowhere"):
        await Database.open(sqlite_at(tmp_path / "nowhere" / "hq.db"))


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_would_forget_is_refused(postgres: Postgres, setting: str) -> None:
    url = postgres.wiped()
    postgres.settle(setting, "off")
    try:
        with pytest.raises(DatabaseRefused, match=f"{setting} at 'off'"):
            await Database.open(url)
    finally:
        postgres.settle(setting, "on")
    async with await Database.open(url):
        pass


async def test_commits_wait_for_the_disk_whatever_the_role_is_set_to(postgres: Postgres) -> None:
    url = postgres.wiped()
    postgres.sql("ALTER ROLE hq SET synchronous_commit = off")
    try:
        async with await Database.open(url) as database:
            said = await database._on.write(
                lambda connection: connection.execute(text("SHOW synchronous_commit")).scalar()
            )
            assert said == "on"
    finally:
        postgres.sql("ALTER ROLE hq RESET synchronous_commit")


@pytest.mark.parametrize(
    ("change", "why"),
    [({"port": 1}, "failed"), ({"database": "nothing"}, "does not exist"), ({"host": "h.invalid"}, "h")],
)
async def test_a_server_that_is_not_there_is_named_without_the_password(
    postgres: Postgres, change: dict[str, Any], why: str
) -> None:
    url = postgres.wiped().set(password="secret", **change)
    with pytest.raises(DatabaseRefused, match=why) as caught:
        await Database.open(url)
    assert "secret" not in str(caught.value)


async def test_the_lease_a_store_said_last_outlives_hq(url: URL) -> None:
    """Written with the rows of the same turn, or by itself every few seconds."""
    here, quiet = Shop("SH-1"), Shop("SH-2")
    here.trade(10)
    clock = Years()
    async with hq_at(url, now_ms=clock) as hq:
        for shop, lease in ((here, 1), (quiet, 2), (here, 3)):
            clock.now += 10_000
            hq.offer(shop, shop.state(lease=lease), channel="state")
            await hq.settled()
        hq.offer(here, here.batch(1, 10))
        await hq.settled()
        hq.offer(here, here.state("away"), channel="state")
        await hq.settled()
    async with await Database.open(url) as database:
        found = {name: books.lease for name, books in (await database.load()).items() if books.lease}
    assert found == {"SH-1": HeardLease(3, NOVEMBER + 30_000), "SH-2": HeardLease(2, NOVEMBER + 20_000)}


# Of this layout


async def test_a_newer_database_is_refused_and_not_touched(url: URL) -> None:
    async with await Database.open(url):
        pass
    await execute(url, update(tables.about).values(layout=tables.LAYOUT + 1))
    with pytest.raises(DatabaseRefused, match=f"newer HQ .layout {tables.LAYOUT + 1}; this one knows {tables.LAYOUT}"):
        await Database.open(url)


def _asked(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


async def test_a_database_of_layout_1_is_brought_up_to_date_with_all_it_has(tmp_path: Path) -> None:
    path = tmp_path / "hq.db"
    shutil.copy(OLD, path)
    async with await Database.open(sqlite_at(path)) as database:
        books = await database.load()
        for store, epoch, cursor, kept_digest, landed_at, rows in _asked(OLD, "SELECT * FROM store_position"):
            at = books[store].position
            assert (at.epoch, at.cursor, f"{at.digest:016x}", at.landed_at, at.rows) == (
                *(epoch, cursor, kept_digest, landed_at, rows),
            )
            stock = await database.stock(store)
            of_store = f"WHERE store = '{store}' ORDER BY sku"
            balances = _asked(OLD, f"SELECT sku, place, qty FROM balance {of_store}")
            assert sorted(balances_at(stock)) == sorted(each for each in balances if each[2])
            on_hand = [(each.sku, each.on_hand) for each in stock]
            assert on_hand == _asked(OLD, f"SELECT sku, qty FROM on_hand {of_store}")
            assert (at.units, at.lacking) == (sum(qty for _, qty in on_hand), len(stock))
            assert {(each.held, each.atp) for each in stock} <= {(None, None)}
        for store, epoch in set(_asked(OLD, "SELECT store, epoch FROM history")):
            kept = await database.log(store, epoch, 0, 1000)
            old = f"SELECT landed_at, body FROM history WHERE store = '{store}' AND epoch = {epoch} ORDER BY seq"
            assert [(landed_at, bytes(body).decode()) for landed_at, body in kept.rows] == _asked(OLD, old)
        assert len(await database.quarantined(10)) == 1
        assert len(await database.months()) > 1
    cases = "SELECT store, kind, about FROM store_case WHERE state = 'open'"
    assert {(store, *case) for store, each in books.items() for case in each.cases} == set(_asked(OLD, cases))


async def test_an_old_database_ends_like_a_new_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    shutil.copy(OLD, old)

    def look(connection: Connection) -> dict[str, Any]:
        there = inspect(connection)
        return {
            name: ([(each["name"], str(each["type"]), each["nullable"]) for each in there.get_columns(name)])
            + there.get_pk_constraint(name)["constrained_columns"]
            for name in (*there.get_table_names(), *there.get_view_names())
            if not name.startswith("history_")
        }

    found = []
    for path in (old, new):
        async with await Database.open(sqlite_at(path)) as database:
            found.append(await database._on.write(look))
    assert found[0].keys() == found[1].keys()
    del found[0]["history"], found[1]["history"]  # a view of no month has no types
    assert found[0] == found[1]


async def test_a_database_without_leases_gets_a_place_for_them(url: URL) -> None:
    async with await Database.open(url):
        pass
    await execute(url, DropTable(tables.lease))
    await execute(url, update(tables.about).values(layout=4))
    async with await Database.open(url) as database:
        await database.land([], [], NOVEMBER, {"SH-0001": HeardLease(7, NOVEMBER)})
        assert (await database.load())["SH-0001"].lease == HeardLease(7, NOVEMBER)


async def test_a_migration_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "hq.db"
    shutil.copy(OLD, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE history SET body = x'00' WHERE store = 'SH-0002' AND epoch = 9 AND seq = 25")
        before = list(connection.iterdump())
    with pytest.raises(TypeError):
        await Database.open(sqlite_at(path))
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before


# Bounded


class Years:
    """An HQ whose clock the test sets."""

    def __init__(self) -> None:
        self.now = NOVEMBER

    def __call__(self) -> int:
        return self.now


async def _land_over_months(hq: Hq, shop: Shop, clock: Years) -> None:
    """Ten rows in each of November, December, January, February."""
    for month in range(4):
        clock.now = NOVEMBER + month * 31 * DAY
        shop.trade(10)
        hq.offer(shop, shop.batch(month * 10 + 1, 10))
        await hq.settled()


async def test_old_months_go_and_stock_and_cursor_stay(url: URL) -> None:
    shop, clock = Shop(), Years()
    async with hq_at(url, now_ms=clock) as hq:
        await _land_over_months(hq, shop, clock)
        await hq.equals(shop)
        assert [str(month) for month in sorted(await hq.database.months())] == [
            *("2025-11", "2025-12", "2026-01", "2026-02"),
        ]
        retention = Retention(hq.database, 35, clock)
        await retention.look()
        assert len(await hq.database.months()) == 4, "one look is not enough"
        await retention.look()
        assert [str(month) for month in sorted(await hq.database.months())] == ["2026-01", "2026-02"]
        kept = await hq.database.log(shop.topics.store, shop.epoch, 0, 100)
        assert kept.oldest == 21
        assert [msgspec.json.decode(body)["seq"] for _, body in kept.rows] == list(range(21, 41))
        shop.trade(10)
        hq.offer(shop, shop.batch(41, 10))
        await hq.settled()
    async with hq_at(url, now_ms=clock) as again:
        assert (await again.hello(shop)).upto == 50
        assert again.ingest.stores["SH-0001"].verdict == "same"
        assert await again.database.stock("SH-0001") == shop.has()


async def test_a_clock_that_is_wrong_for_a_moment_costs_no_history(url: URL) -> None:
    shop, clock = Shop(), Years()
    async with hq_at(url, now_ms=clock) as hq:
        await _land_over_months(hq, shop, clock)
        right = clock.now
        retention = Retention(hq.database, 400, clock)
        for wrong in (right + 3650 * DAY, 0, right - DAY, right + 3650 * DAY):
            clock.now = wrong
            await retention.look()
            clock.now = right
            await retention.look()
        assert len(await hq.kept(shop)) == 40


async def test_a_clock_that_goes_back_lands_rows_all_the_same(url: URL) -> None:
    shop, clock = Shop(), Years()
    async with hq_at(url, now_ms=clock) as hq:
        for now in (NOVEMBER, NOVEMBER + 40 * DAY, NOVEMBER, 0, NOVEMBER - 400 * DAY):
            clock.now = now
            shop.trade(10)
            hq.offer(shop, shop.batch(shop.head - 9, 10))
            await hq.settled()
        await hq.equals(shop)


async def test_a_month_that_somebody_reads_is_let_go_later(postgres: Postgres) -> None:
    shop, clock = Shop(), Years()
    async with hq_at(postgres.wiped(), now_ms=clock) as hq:
        await _land_over_months(hq, shop, clock)
        async with hq.database._on.readers.begin() as reader:
            await reader.execute(text("SELECT count(*) FROM history"))
            assert not await hq.database.retire(Month(2025, 11))
        assert await hq.database.retire(Month(2025, 11))


async def test_the_room_of_a_month_is_used_again(tmp_path: Path) -> None:
    clock = Years()
    path = tmp_path / "hq.db"
    async with hq_at(sqlite_at(path), now_ms=clock) as hq:
        retention = Retention(hq.database, 1, clock)
        shop = Shop(skus=50)
        shop.trade(6000)
        pages: list[int] = []
        for month in range(6):
            clock.now = NOVEMBER + month * 31 * DAY
            for first in range(month * 1000 + 1, month * 1000 + 1001, 4):
                hq.offer(shop, shop.batch(first, 4))
            await hq.settled()
            await retention.look()
            await retention.look()
            pages += _asked(path, "PRAGMA page_count")[0]
        assert pages[5] <= pages[2], pages
        assert not [name for (name,) in _asked(path, "SELECT name FROM sqlite_schema") if name.startswith("gone_")]


async def test_histories_and_stock_can_be_asked_for_by_sku_in_sql(postgres: Postgres) -> None:
    shop = Shop()
    shop.trade(50)
    async with hq_at(postgres.wiped()) as hq:
        hq.offer(shop, shop.batch(1, 50))
        await hq.settled()
        await hq.equals(shop)
    seqs = [str(row.seq) for row in shop.rows if getattr(row, "sku", "") == "SKU-3"]
    assert postgres.sql("SELECT seq FROM history_row WHERE sku = 'SKU-3' ORDER BY seq") == seqs
    found = dict(line.split("|") for line in postgres.sql("SELECT place, qty FROM stock_by_place WHERE sku = 'SKU-3'"))
    assert {place: int(qty) for place, qty in found.items()} == shop.stock()["SKU-3"]


async def test_a_commit_that_fails_is_told_in_one_line(postgres: Postgres) -> None:
    shop = Shop()
    shop.trade(10)
    database = await Database.open(postgres.wiped())
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nearshelf-hq%'")
    with pytest.raises(DatabaseLost, match="the database failed under HQ"):
        await database.land([], [], NOVEMBER, {})
    await database.close()
