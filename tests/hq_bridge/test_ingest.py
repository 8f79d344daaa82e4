"""Whatever is lost, doubled or out of order on the way: HQ ends equal to the store, and no row lands twice."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from hq_bridge.books import StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.ingest import MAX_GREETING_BYTES, MAX_WAITING, Ingest
from hq_bridge.store import QUARANTINE_ROWS, Database
from tests.hq_bridge.shop import Shop, balances
from tests.postgres import Postgres
from tests.waiting import until
from wire.codec import encode_row
from wire.digest import of_books, to_text
from wire.messages import Heard
from wire.topics import StoreTopics


class Hq:
    """Ingest on a real database, with everything it said."""

    def __init__(self, database: Database, ingest: Ingest, said: list[tuple[str, Heard]]) -> None:
        self.database = database
        self.ingest = ingest
        self.said = said

    def offer(self, shop: Shop, *payloads: bytes, channel: str = "log") -> None:
        for payload in payloads:
            self.ingest.offer(shop.topics.up(channel), payload)  # type: ignore[arg-type]

    async def hello(self, shop: Shop, hello: bytes | None = None) -> Heard:
        """Say hello, and wait for the answer, which comes after all that was offered before."""
        before = len(self.said)
        self.offer(shop, hello or shop.hello(), channel="hello")
        await until(lambda: len(self.said) > before and self.is_idle())
        return self.said[-1][1]

    def is_idle(self) -> bool:
        """Nothing waits, and nothing is being written."""
        turns = [each for each in asyncio.all_tasks() if each.get_name() == "hq turn"]
        return not (self.ingest._waiting or self.ingest._next or self.ingest._under_way or turns)

    async def settled(self) -> None:
        """Everything offered so far has been dealt with."""
        witness = Shop("WITNESS", epoch=1)
        await self.hello(witness)

    async def equals(self, shop: Shop) -> None:
        """HQ's database holds what the shop's model says, and each row once."""
        store = shop.topics.store
        assert await self.database.stock(store) == shop.has()
        assert await self.kept(shop) == [encode_row(row) for row in shop.rows]
        books = self.ingest.stores[store]
        assert books.position.cursor == books.position.rows == shop.head
        assert to_text(books.position.digest) == shop.digest()
        assert books.cases == shop.open_cases
        await _agree(self.database, self.ingest, shop)

    async def kept(self, shop: Shop) -> list[bytes]:
        """The rows of its epoch that the history has."""
        kept = await self.database.log(shop.topics.store, shop.epoch, 0, 10_000)
        return [bytes(body) for _, body in kept.rows]


@asynccontextmanager
async def hq_at(url: URL, skus_kept: int = 1000, now_ms: NowMs = lambda: 1_763_760_001_000) -> AsyncIterator[Hq]:
    async with await Database.open(url) as database:
        said: list[tuple[str, Heard]] = []

        def say(topics: StoreTopics, heard: Heard) -> None:
            said.append((topics.store, heard))

        ingest = Ingest("demo", database, await database.load(), say, now_ms, skus_kept=skus_kept)
        task = asyncio.create_task(ingest.run())
        try:
            yield Hq(database, ingest, said)
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled(), task.exception()


@pytest.fixture
async def hq(url: URL) -> AsyncIterator[Hq]:
    async with hq_at(url) as running:
        yield running


def _books(hq: Hq) -> StoreBooks:
    return hq.ingest.stores["SH-0001"]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


async def deliver_all(hq: Hq, shop: Shop) -> None:
    """Ask and send, as often as it takes."""
    heard = await hq.hello(shop)
    while heard.upto < shop.head:
        hq.offer(shop, shop.batch(heard.upto + 1, 20))
        heard = await hq.hello(shop)


DELIVERIES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 25)), max_size=15)


THROUGH = {
    "seed": st.integers(0, 1000),
    "deliveries": DELIVERIES,
    "together": st.integers(1, 6),
    "kept": st.integers(0, 6),
    "steps": st.none() | st.integers(0, 40),
}


async def end_equal(
    url: URL, seed: int, deliveries: list[tuple[int, int]], together: int, kept: int, steps: int | None
) -> None:
    """`deliveries` are batches (first, count) of 60 rows, `together` at a time, with `kept` SKUs in memory.

    The next ones come when those are settled, or `steps` of the event loop later: while they are on their way to disk.
    """
    shop = Shop(seed=seed)
    shop.trade(60)
    async with hq_at(url, kept) as hq:
        for at in range(0, len(deliveries), together):
            hq.offer(shop, *[shop.batch(first, count) for first, count in deliveries[at : at + together]])
            if steps is None:
                await hq.settled()
            for _ in range(steps or 0):
                await asyncio.sleep(0)
        await deliver_all(hq, shop)
        await hq.equals(shop)
        uptos = [heard.upto for store, heard in hq.said if store == shop.topics.store]
        assert uptos == sorted(uptos), "the cursor never goes back"
    async with hq_at(url) as again:
        assert (await again.hello(shop)).upto == shop.head
        await again.equals(shop)
        assert again.ingest.stores[shop.topics.store].verdict == "same"


@settings(max_examples=60)
@given(**THROUGH)
def test_any_loss_doubling_and_disorder_ends_equal(**through: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(end_equal(URL.create("sqlite+aiosqlite", database=f"{folder}/hq.db"), **through))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**THROUGH)
def test_any_loss_doubling_and_disorder_ends_equal_in_postgresql(postgres: Postgres, **through: Any) -> None:
    run(end_equal(postgres.wiped(), **through))


async def test_many_stores_land_in_one_turn(hq: Hq) -> None:
    shops = [Shop(f"SH-{n}", seed=n) for n in range(40)]
    for shop in shops:
        shop.trade(30)
        hq.offer(shop, shop.batch(1, 15), shop.batch(16, 15))
    await hq.settled()
    for shop in shops:
        await hq.equals(shop)


async def test_stock_that_left_the_memory_comes_back(url: URL) -> None:
    shops = [Shop(f"SH-{n}", seed=n) for n in range(5)]
    async with hq_at(url, skus_kept=7) as hq:
        for first in range(1, 101, 10):
            for shop in shops:
                shop.trade(10)
                hq.offer(shop, shop.batch(first, 10))
                await hq.settled()
            in_memory = sum(len(books.stock) for books in hq.ingest.stores.values())
            assert in_memory <= 7 + 5, "what may be kept, and the store at work"
        for shop in shops:
            assert (await hq.hello(shop)).upto == 100
            assert hq.ingest.stores[shop.topics.store].verdict == "same"
            await hq.equals(shop)


async def test_hello_is_answered_with_the_cursor(hq: Hq) -> None:
    shop = Shop()
    shop.trade(10)
    assert await hq.hello(shop) == Heard(7, 0)
    hq.offer(shop, shop.batch(1, 10))
    assert await hq.hello(shop) == Heard(7, 10)


async def test_a_gap_is_asked_for_once_and_not_applied(hq: Hq) -> None:
    shop = Shop()
    shop.trade(50)
    hq.offer(shop, shop.batch(1, 10))
    await hq.settled()
    hq.said.clear()
    hq.offer(shop, shop.batch(21, 10), shop.batch(31, 10), shop.batch(41, 10))
    await hq.settled()
    hq.offer(shop, shop.batch(41, 10))
    await hq.settled()
    assert [heard for store, heard in hq.said if store == "SH-0001"] == [Heard(7, 10, want=11)]
    assert hq.ingest.stores["SH-0001"].behind == 40
    hq.offer(shop, shop.batch(11, 40))
    await hq.settled()
    await hq.equals(shop)


async def test_at_every_boundary_only_what_comes_next_is_taken(hq: Hq) -> None:
    for first in range(1, 14):
        for count in (1, 2, 5, 13):
            shop = Shop(f"SH-{first}-{count}")
            shop.trade(26)
            hq.offer(shop, shop.batch(1, 10))
            hq.offer(shop, shop.batch(first, count))
            await hq.settled()
            landed = max(10, first + count - 1) if first <= 11 else 10
            assert hq.ingest.stores[shop.topics.store].position.cursor == landed
            assert await hq.kept(shop) == [encode_row(row) for row in shop.rows[:landed]]


async def test_what_is_below_the_cursor_is_heard_again(hq: Hq) -> None:
    shop = Shop()
    shop.trade(20)
    hq.offer(shop, shop.batch(1, 20))
    await hq.settled()
    hq.said.clear()
    hq.offer(shop, shop.batch(1, 5))
    await hq.settled()
    assert hq.said[0] == ("SH-0001", Heard(7, 20))
    assert (hq.ingest.counts["landed"], hq.ingest.counts["repeated"]) == (20, 5)


async def test_a_new_epoch_begins_the_books_anew_and_keeps_the_history(hq: Hq) -> None:
    old, new = Shop(epoch=7), Shop(epoch=8, seed=2, skus=2)
    old.trade(30)
    new.trade(12)
    hq.offer(old, old.batch(1, 20))
    await hq.settled()
    await hq.hello(new)
    await _agree(hq.database, hq.ingest, new)
    assert await hq.database.stock("SH-0001") == []
    hq.offer(new, new.batch(1, 12))
    await hq.settled()
    assert await hq.database.stock("SH-0001") == new.has()
    assert hq.ingest.stores["SH-0001"].position.cursor == 12
    assert len(await hq.kept(old)) == 20
    assert len(await hq.kept(new)) == 12
    await _agree(hq.database, hq.ingest, new)


async def test_old_and_new_books_in_one_turn(hq: Hq) -> None:
    old, new = Shop(epoch=7), Shop(epoch=8, seed=2)
    old.trade(10)
    new.trade(10)
    hq.offer(old, old.batch(1, 10), new.batch(1, 10))
    await hq.settled()
    assert len(await hq.kept(old)) == 10
    assert await hq.database.stock("SH-0001") == new.has()
    assert hq.ingest.stores["SH-0001"].cases == new.open_cases


async def test_what_comes_while_a_turn_lands_is_drafted_on_it(url: URL) -> None:
    """The database is kept busy: meanwhile come rows on rows, new books, stock that is not in memory, a digest."""
    async with hq_at(url, skus_kept=0) as hq:
        old, new, other = Shop(epoch=7), Shop(epoch=8, seed=2), Shop("SH-0002")
        for shop in (old, new, other):
            shop.trade(60)
        hq.offer(other, other.batch(1, 20))
        await hq.settled()
        async with busy(url):
            hq.offer(old, old.batch(1, 20))
            await until(lambda: hq.ingest._under_way is not None)
            hq.offer(old, old.batch(21, 20), old.batch(31, 30))
            hq.offer(new, new.batch(1, 30))
            hq.offer(other, other.batch(21, 40))
            await until(lambda: hq.ingest._next is not None)
            hq.offer(new, new.batch(31, 30))
            assert hq.ingest.counts["landed"] == hq.ingest.stores["WITNESS"].position.cursor + 20
            assert not [heard for store, heard in hq.said if store == "SH-0001"], "nothing is said that is not on disk"
        await hq.settled()
        assert (await hq.hello(new)).upto == 60
        assert _books(hq).verdict == "same"
        await hq.equals(other)
        assert await hq.database.stock("SH-0001") == new.has()
        assert await hq.kept(new) == [encode_row(row) for row in new.rows]
        assert len(await hq.kept(old)) == 60, "old books that came before the new ones are history"


@asynccontextmanager
async def busy(url: URL) -> AsyncIterator[None]:
    """Somebody else holds what every transaction of HQ's needs; not for longer than HQ waits for it."""
    if url.drivername.startswith("sqlite"):
        assert url.database is not None
        with closing(sqlite3.connect(url.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        connection = await asyncpg.connect(host=url.host, port=url.port, user=url.username, database=url.database)
        async with connection.transaction():
            await connection.execute("LOCK TABLE about IN ACCESS EXCLUSIVE MODE")
            yield
        await connection.close()


async def test_an_older_epoch_is_refused_and_shown(hq: Hq) -> None:
    old, new = Shop(epoch=7), Shop(epoch=8)
    old.trade(10)
    new.trade(10)
    hq.offer(new, new.batch(1, 10))
    hq.offer(old, old.batch(1, 10))
    await hq.settled()
    await hq.equals(new)
    assert "epoch 7" in _books(hq).trouble["epoch"]
    assert hq.ingest.counts["refused"] == 1
    await hq.hello(new)
    assert not _books(hq).trouble
    assert await hq.hello(old) == Heard(8, 10), "so that the store sees what HQ holds"
    assert "epoch 7" in _books(hq).trouble["epoch"]


async def test_a_new_epoch_whose_beginning_is_gone_needs_a_snapshot(hq: Hq) -> None:
    shop = Shop()
    shop.trade(30)
    hq.offer(shop, shop.hello(oldest=11), channel="hello")
    await hq.settled()
    books = hq.ingest.stores["SH-0001"]
    assert "needs a snapshot" in books.trouble["snapshot"]
    assert books.position.cursor == 0


async def test_a_wrong_digest_is_seen_at_its_row_also_when_rows_are_still_coming(hq: Hq) -> None:
    shop = Shop()
    shop.trade(30)
    await hq.hello(shop, shop.hello(told="0123456789abcdef"))
    assert _books(hq).verdict == "unknown"
    shop.trade(10)
    hq.offer(shop, shop.batch(1, 40))
    await hq.settled()
    assert _books(hq).verdict == "differs"
    assert "row 30" in _books(hq).trouble["digest"]
    await hq.hello(shop)
    assert _books(hq).verdict == "same"
    assert not _books(hq).trouble


async def test_the_unreadable_is_kept_counted_and_changes_nothing(hq: Hq) -> None:
    shop = Shop()
    shop.trade(10)
    hq.offer(shop, shop.batch(1, 10), b"\xff\x00nonsense", b'{"epoch":7}', shop.batch(1, 10)[:-3])
    await hq.settled()
    await hq.equals(shop)
    kept = await hq.database.quarantined(10)
    assert len(kept) == 3
    assert kept[-1]["payload"] == "\\xff�nonsense"
    assert "could not be read" in hq.ingest.stores["SH-0001"].trouble["unreadable"]
    assert hq.ingest.counts["unreadable"] == 3


async def test_the_quarantine_is_bounded(hq: Hq) -> None:
    shop = Shop()
    for _ in range(QUARANTINE_ROWS // 20 + 5):
        hq.offer(shop, *[b"nonsense"] * 40)
        await hq.settled()
    kept = await hq.database.quarantined(QUARANTINE_ROWS * 2)
    assert len(kept) == QUARANTINE_ROWS


async def test_strangers_are_counted_and_forgotten(hq: Hq) -> None:
    hq.ingest.offer("nearshelf/v1/other/00/SH-0001/up/log", b"")
    hq.ingest.offer("nearshelf/v1/demo/ff/SH-0001/up/log", b"")
    hq.ingest.offer("something/else", b"")
    hq.ingest.offer(StoreTopics("demo", "SH-0001").up("answer"), b"")
    assert hq.ingest.counts["strangers"] == 4
    assert hq.ingest.stores == {}


async def test_too_much_at_once_is_dropped_counted_and_asked_for_again(hq: Hq) -> None:
    shop = Shop()
    shop.trade(100)
    hq.offer(shop, *[shop.batch(1 + n % 100, 1) for n in range(MAX_WAITING + 50)])
    assert hq.ingest.counts["dropped"] == 50
    await deliver_all(hq, shop)
    await hq.equals(shop)


async def test_a_hello_as_large_as_a_batch_is_not_kept(hq: Hq) -> None:
    topic = StoreTopics("demo", "SH-0001").up("hello")
    hq.ingest.offer(topic, b" " * (MAX_GREETING_BYTES + 1))
    assert hq.ingest.counts["unreadable"] == 1
    assert hq.ingest.stores == {}


async def test_a_sign_of_life_is_answered_with_the_cursor(hq: Hq) -> None:
    """Or a store on a quiet line would think HQ away. Only of books HQ knows, and only while the store is here."""
    shop, stranger = Shop(), Shop("SH-0002", epoch=3)
    shop.trade(3)
    hq.offer(shop, shop.batch(1, 3))
    await hq.settled()
    hq.said.clear()
    hq.offer(shop, shop.state(), channel="state")
    hq.offer(shop, shop.state("away"), channel="state")
    hq.offer(stranger, stranger.state(), channel="state")
    shop.epoch += 1
    hq.offer(shop, shop.state(), channel="state")
    await hq.settled()
    assert [(store, heard.epoch, heard.upto) for store, heard in hq.said if store != "WITNESS"] == [("SH-0001", 7, 3)]
    assert hq.said[0][1].want is None


async def test_presence_and_lag_are_shown(hq: Hq) -> None:
    shop = Shop()
    shop.trade(10)
    hq.offer(shop, shop.state(), channel="state")
    hq.offer(shop, shop.batch(1, 10))
    await hq.settled()
    assert _books(hq).presence == "here"
    assert _books(hq).lag.p50_p99() == (1000, 1000)
    hq.offer(shop, shop.state("away"), channel="state")
    await hq.settled()
    assert _books(hq).presence == "away"


async def test_what_an_old_line_said_of_who_is_here_is_forgotten_with_it(hq: Hq) -> None:
    """Whether it is remembered, waits, or is being written when the line is new."""
    shop = Shop()
    for steps in range(60):
        shop.trade(1)
        hq.offer(shop, shop.state(), channel="state")
        hq.offer(shop, shop.batch(shop.head, 1))
        for _ in range(steps):
            await asyncio.sleep(0)
        hq.ingest.begin_connection()
        await hq.settled()
        assert _books(hq).presence == "unknown", f"after {steps} steps"
    await hq.equals(shop)
    await hq.hello(shop)
    assert _books(hq).presence == "here"


async def test_cancelled_at_any_step_memory_and_database_agree(url: URL) -> None:
    """Cancel the writer after every number of turns of the event loop that one landing can take, and start it again."""
    async with await Database.open(url) as database:
        said: list[Heard] = []
        ingest = Ingest("demo", database, {}, lambda _, heard: said.append(heard), lambda: 0)
        shop = Shop(skus=3)
        landed_fully = 0
        steps = 0
        while landed_fully < 5:
            steps += 1
            assert steps < 3000
            shop.trade(3)
            cursor = ingest.stores[shop.topics.store].position.cursor if ingest.stores else 0
            ingest.offer(shop.topics.up("log"), shop.batch(cursor + 1, 1000))
            task = asyncio.create_task(ingest.run())
            for _ in range(steps):
                await asyncio.sleep(0)
            landed_fully += bool(said and said[-1].upto == shop.head)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
            named = {each.get_name() for each in asyncio.all_tasks()}
            assert not named & {"hq turn", "hq landing"}, "a turn outlived its writer"
            await _agree(database, ingest, shop)
        assert ingest.stores[shop.topics.store].position.rows == shop.head


async def _agree(database: Database, ingest: Ingest, shop: Shop) -> None:
    store = shop.topics.store
    kept = await database.load()
    if store not in kept:
        assert store not in ingest.stores or ingest.stores[store].position.cursor == 0
        return
    books = ingest.stores[store]
    assert books.position == kept[store].position
    assert books.cases == kept[store].cases
    stock = await database.stock(store)
    skus = [each.sku for each in stock]
    assert books.stock.items() <= (await database.stock_in(store, skus)).items()
    assert not books.whole or sorted(books.stock) == skus
    assert books.position.units == sum(each.on_hand for each in stock)
    assert books.position.lacking == sum(each.atp is None for each in stock)
    assert books.position.digest == of_books(balances(stock))
