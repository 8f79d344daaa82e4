"""The outbox over a real broker, against an HQ that follows a script: nothing is lost or forgotten."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec import UNSET, UnsetType

from agent.clock import SystemClock
from agent.core.asks import Sale, SaleLine
from agent.outbox import FIRST_ROWS, MOST_ROWS, Outbox, Sender
from agent.store import books as books_rows
from agent.store import heard_times
from tests.agent.shops import Shop, opened
from tests.brokers import Mosquitto
from tests.waiting import until
from wire import codec, digest
from wire.messages import Batch, Heard, Hello, HqState, StockRow, StoreState
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics, all_up, hq_state, parse_up

TOPICS = StoreTopics("demo", "SH-1")
CLOCK = SystemClock()


class ScriptedHq:
    """The other end, as plain as can be: keeps what follows its cursor, answers unless told not to."""

    def __init__(self, broker: Mosquitto) -> None:
        self.rows: list[StockRow] = []
        self.seen: list[int] = []
        #: How many rows each batch held.
        self.sizes: list[int] = []
        self.hellos: list[Hello] = []
        self.states: list[StoreState] = []
        self.answers = True
        self.link = Link(
            parse_broker(broker.address),
            "hq",
            topics=[all_up("demo")],
            on_message=self._on_message,
            on_up=self.say_here,
            now_ms=CLOCK.now_ms,
        )
        self.boots = 0

    @property
    def cursor(self) -> int:
        return len(self.rows)

    def say_here(self) -> None:
        self.boots += 1
        here = HqState("here", f"boot-{self.boots}", CLOCK.now_ms())
        self.link.publish(hq_state("demo"), codec.encode(here), retain=True)

    def say(self, heard: Heard) -> None:
        self.link.publish(TOPICS.down("heard"), codec.encode(heard))

    def _on_message(self, topic: str, payload: bytes) -> None:
        parsed = parse_up(topic)
        assert parsed is not None
        assert parsed[0] == TOPICS
        match parsed[1]:
            case "hello":
                self.hellos.append(codec.decode_hello(payload))
            case "state":
                self.states.append(codec.decode_state(payload))
            case "log":
                self._take(codec.decode_batch(payload))
        if self.answers and self.hellos:
            self.say(Heard(self.hellos[-1].epoch, self.cursor))

    def _take(self, batch: Batch) -> None:
        self.sizes.append(len(batch.rows))
        for row in batch.rows:
            self.seen.append(row.seq)
            if row.seq == self.cursor + 1:
                assert isinstance(row, StockRow)
                self.rows.append(row)


@contextlib.asynccontextmanager
async def line(shop: Shop, broker: Mosquitto) -> AsyncIterator[tuple[Outbox, ScriptedHq]]:
    """A store's outbox and a scripted HQ, connected through the broker."""
    heard = await shop.store.write(books_rows.heard)
    outbox = Outbox(shop.store, shop.books, TOPICS, CLOCK, Sender("0", "boot"), heard=heard)
    link = Link(
        parse_broker(broker.address),
        "store",
        will=outbox.will(),
        topics=outbox.heard_topics,
        on_message=outbox.on_message,
        on_up=outbox.on_up,
        now_ms=CLOCK.now_ms,
    )
    outbox.attach(link)
    hq = ScriptedHq(broker)
    tasks = [asyncio.ensure_future(work) for work in (hq.link.run(), link.run(), outbox.run())]
    try:
        yield outbox, hq
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            assert task.cancelled() or task.exception() is None, task


async def sell(shop: Shop, outbox: Outbox, count: int) -> None:
    start = shop.books.head
    sales = (Sale(f"R{start + nth}", (SaleLine(1, "sku", "MILK", 1),)) for nth in range(count))
    await asyncio.gather(*(shop.clerk.enter(sale) for sale in sales))
    outbox.wake()


@contextlib.asynccontextmanager
async def stocked(path: Path) -> AsyncIterator[Shop]:
    """A shop whose floor never runs out, so that each sale is one announcement."""
    async with opened(path) as shop:
        shop.books.balances["MILK", "FLOOR"] = 1_000_000
        yield shop


async def test_hq_hears_nothing_that_memory_does_not_know_yet(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Rows are on disk a moment before the clerk remembers them: heard too soon, these books would seem an old copy."""
    async with stocked(tmp_path / "books.db") as shop:
        await asyncio.gather(*(shop.clerk.enter(Sale(f"R{n}", (SaleLine(1, "sku", "MILK", 1),))) for n in range(22)))
        shop.books.head = 12  # so memory stands while ten more are on disk
        async with line(shop, mosquitto) as (outbox, hq):
            await until(lambda: hq.cursor == 12)
            await outbox.prove()
            assert max(hq.seen) == 12
            shop.books.head = 22
            outbox.wake()
            await until(lambda: hq.cursor == 22)
            assert outbox.trouble == ""


async def test_hq_hears_everything_once_and_in_order(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 350)
        await until(lambda: outbox.heard == 350)
        await sell(shop, outbox, 1)
        await until(lambda: outbox.heard == 351)
        assert [row.seq for row in hq.rows] == list(range(1, 352))
        assert {row.source for row in hq.rows} == {f"sale:R{nth}/1" for nth in range(351)}
        assert outbox.waiting == 0
        assert hq.states[-1].state == "here"


async def test_the_hello_carries_the_books_digest(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop:
        await shop.clerk.enter(Sale("R", (SaleLine(1, "sku", "MILK", 2),)))
        async with line(shop, mosquitto) as (_, hq):
            hello = await until(lambda: hq.hellos[-1] if hq.hellos else None)
            balances = [(sku, place, qty) for (sku, place), qty in shop.books.balances.items()]
            assert (hello.digest, hello.digest_seq, hello.head) == (digest.to_text(digest.of_books(balances)), 1, 1)
            assert (hello.oldest, hello.epoch) == (1, shop.books.epoch)


async def test_rows_hq_does_not_confirm_are_sent_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 1)
        await until(lambda: outbox.heard == 1)
        hq.answers = False
        await sell(shop, outbox, 20)
        await until(lambda: hq.cursor == 21)
        assert outbox.heard == 1  # the broker has acknowledged all of it, which proves nothing
        hellos = len(hq.hellos)
        await until(lambda: len(hq.hellos) > hellos)  # the stall made the store ask where HQ is
        hq.answers = True
        await until(lambda: outbox.heard == 21)
        assert [row.seq for row in hq.rows] == list(range(1, 22))


async def test_each_sign_of_life_carries_a_new_lease_and_is_answered(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await until(lambda: outbox.heard_at and leases_of(hq))
        known, at_s = leases_of(hq), CLOCK.monotonic_s()
        assert shop.books.leases.why_refused(known[-1], int(at_s * 1000)) == ""
        outbox.on_up()  # the line came back: the next sign of life is due
        await until(lambda: len(leases_of(hq)) > len(known))
        assert leases_of(hq) == sorted(set(leases_of(hq)))
        await until(lambda: outbox.silent_s < CLOCK.monotonic_s() - at_s)
        hq.answers = False
        await outbox.goodbye()
        await until(lambda: hq.states[-1].state == "away")
        assert hq.states[-1].lease is UNSET


def leases_of(hq: ScriptedHq) -> list[int]:
    return [state.lease for state in hq.states if not isinstance(state.lease, UnsetType)]


async def test_a_broker_that_is_killed_costs_nothing(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        for round_ in range(1, 4):
            selling = asyncio.ensure_future(sell(shop, outbox, 300))
            await until(lambda: hq.cursor > 300 * (round_ - 1))  # noqa: B023 - awaited here
            await mosquitto.restart()
            await selling
            await until(lambda: outbox.heard == 300 * round_, within_s=20)  # noqa: B023 - awaited here
        assert [row.seq for row in hq.rows] == list(range(1, 901))


async def test_an_hq_restored_from_a_backup_is_only_a_replay(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 200)
        await until(lambda: outbox.heard == 200)
        del hq.rows[50:]
        hq.say_here()  # it started anew
        await until(lambda: hq.cursor == 200)
        await until(lambda: outbox.heard == 200)
        await outbox.goodbye()  # which notes what is counted: each row once, when HQ first had it
        assert (await heard_times.during(shop.store, 0, 10**15))["heard"] == 200


async def test_a_gap_hq_names_is_filled(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 100)
        await until(lambda: outbox.heard == 100)
        del hq.rows[40:]
        hq.say(Heard(shop.books.epoch, 40, want=41))
        await until(lambda: hq.cursor == 100)
        await until(lambda: outbox.heard == 100)


async def test_batches_of_a_backlog_grow_while_it_is_heard(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """And after a going back they are small again: whoever dropped them may be overwhelmed."""
    async with stocked(tmp_path / "books.db") as shop:
        lines = tuple(SaleLine(line, "sku", "MILK", 1) for line in range(1, 501))
        for receipt in range(30):
            await shop.clerk.enter(Sale(f"R{receipt}", lines))
        async with line(shop, mosquitto) as (outbox, hq):
            await until(lambda: outbox.heard == shop.books.head)
            assert hq.sizes[0] == FIRST_ROWS
            assert max(hq.sizes) == MOST_ROWS
            hq.rows, hq.seen, hq.sizes = hq.rows[:5000], [], []
            hq.say(Heard(shop.books.epoch, 5000, want=5001))
            await until(lambda: hq.cursor == shop.books.head)
            assert hq.sizes[0] == FIRST_ROWS
            assert max(hq.sizes) == MOST_ROWS


@pytest.mark.nonsense("heard")
async def test_what_is_not_for_these_books_is_not_believed(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 3)
        await until(lambda: outbox.heard == 3)
        hq.say(Heard(shop.books.epoch - 1, 1))
        await until(lambda: "epoch" in outbox.trouble)
        hq.link.publish(TOPICS.down("heard"), b'{"epoch":"x"}')
        await until(lambda: "unreadable" in outbox.trouble)
        hq.say(Heard(shop.books.epoch, 3, linger_ms=2**53 - 1))  # must not stop the outbox
        await sell(shop, outbox, 2)
        await until(lambda: outbox.heard == 5)
        assert outbox.trouble == ""
        assert (outbox.foreign, outbox.unreadable) == (1, 1)


async def test_an_old_copy_of_the_books_is_never_told_to_hq(tmp_path: Path, mosquitto: Mosquitto) -> None:
    path = tmp_path / "books.db"
    async with stocked(path) as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 3)
        await until(lambda: outbox.heard == 3)
        told: list[str] = []
        outbox.on_old_copy = told.append
        hq.say(Heard(shop.books.epoch, 5))  # it has heard what these books do not hold
        await until(lambda: "old copy" in outbox.trouble)
        await sell(shop, outbox, 10)  # they outgrow HQ's cursor, and are an old copy all the same
        hq.say(Heard(shop.books.epoch, 5, want=6))
        await until(lambda: shop.store.read("SELECT 1 FROM meta WHERE key = 'old_copy'"))
        await outbox.prove()
        assert max(hq.seen) == 3
        assert told == [outbox.trouble]
        assert "old copy" in outbox.trouble
    async with stocked(path) as shop:
        assert await shop.store.write(books_rows.is_old_copy)


async def test_books_made_with_a_wrong_clock_take_a_higher_epoch(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        hq.answers = False
        await sell(shop, outbox, 3)
        await until(lambda: hq.hellos)
        first = shop.books.epoch
        hq.say(Heard(first + 10**9, 0))  # HQ knows a later epoch of this store
        await until(lambda: hq.hellos[-1].epoch > first + 10**9)
        hq.answers = True
        hq.say(Heard(shop.books.epoch, 0))
        await until(lambda: outbox.heard == 3)
        assert (await shop.store.read("SELECT value FROM meta WHERE key = 'epoch'")) == [(str(shop.books.epoch),)]
        hq.say(Heard(shop.books.epoch + 10**9, 0))  # once heard of, it is not given up
        await until(lambda: "epoch" in outbox.trouble)
        await outbox.prove()
        assert hq.hellos[-1].epoch == shop.books.epoch


async def test_an_epoch_nobody_gave_is_not_outdone(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        hq.answers = False
        await until(lambda: hq.hellos)
        first = shop.books.epoch
        hq.say(Heard(2**53 - 1, 7))
        await until(lambda: outbox.foreign == 1)
        await outbox.prove()
        assert shop.books.epoch == first


async def test_books_that_hq_knows_keep_their_epoch_after_a_restart(tmp_path: Path, mosquitto: Mosquitto) -> None:
    path = tmp_path / "books.db"
    async with stocked(path) as shop, line(shop, mosquitto) as (outbox, hq):
        await sell(shop, outbox, 3)
        await until(lambda: outbox.heard == 3)
        await outbox.prove()
    async with stocked(path) as shop, line(shop, mosquitto) as (outbox, hq):
        first = shop.books.epoch
        hq.answers = False
        await until(lambda: hq.hellos)
        hq.say(Heard(first + 10**9, 1))
        await until(lambda: outbox.foreign == 1)
        await outbox.prove()
        assert shop.books.epoch == first


async def test_after_the_goodbye_nobody_says_here(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with stocked(tmp_path / "books.db") as shop, line(shop, mosquitto) as (outbox, hq):
        await until(lambda: hq.states)
        await outbox.goodbye()
        outbox.on_up()  # as when the line came back in this moment
        await outbox.prove()
        await sell(shop, outbox, 1)
        await until(lambda: outbox.heard == 1)
        assert hq.states[-1].state == "away"
