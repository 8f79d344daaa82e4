"""An ordinary day in a store, in turns, through the agent's own clerk and store, on a disk that can lose its power.

Everything comes from the seed: asks, their turns, the time. What was told to whom stands in the disk's trace as notes.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, cast

from agent.clerk import Clerk
from agent.core.asks import (
    Answer,
    Ask,
    Claimed,
    CommitHold,
    ConsumeHold,
    Delivery,
    DeliveryLine,
    Expected,
    Grant,
    Granted,
    MoveOrder,
    Ordered,
    PlaceOrder,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Scanned,
    Sold,
    TagsHeard,
    Want,
)
from agent.core.life import OrderEvent
from agent.core.places import BACKROOM, FLOOR
from agent.core.tags import Stranger
from agent.store import announcements, migrations
from agent.store import books as rows
from agent.store.ballast import Ballast
from agent.store.connection import SETTINGS, Store
from agent.store.errors import BooksError, BooksFullError
from agent.store.thread import OwnThread
from tests.core.shop import CATALOGUE, EGGS, MILK, SHIRT, epc_of, gtin_14
from tests.torture.as_sqlite3 import AsSqlite3
from tests.torture.crash_vfs import Disk, Fails, mounted

STORE, EPOCH = "SH-1", 1_700_000_000_000
NIGHT = EPOCH + 24 * 3600 * 1000
FILE = "books.db"

_NO_BALLAST = Ballast(Path("/nowhere") / FILE, 0)
_CHANNELS = ("web", "app")

_mounts = count()


class DayClock:
    """A clock that goes on a minute with each look at the hour, which each turn takes once."""

    def __init__(self) -> None:
        self._s = 0

    def now_ms(self) -> int:
        self._s += 60
        return EPOCH + self._s * 1000

    def monotonic_s(self) -> float:
        return float(self._s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class People:
    """What devices, tills and people ask for, turn by turn; nothing here knows the agent's rules."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._serial = 0
        self._receipts = 0
        self._deliveries = 0
        self._epcs: list[bytes] = []
        self._sold: list[Sale] = []
        self._holds: list[Reserve] = []
        self._grants = 0
        self._orders = 0
        self._moves = 0

    def turn(self) -> list[Ask]:
        """What is asked at once: one to eight asks."""
        usual = (
            self._delivery,
            self._tags,
            self._scan,
            self._scan,
            self._scan,
            self._sale,
            self._hold,
            self._after_hold,
        )
        makers = (*usual, self._tags, self._sale, self._grant, self._order, self._move)
        return [self._rng.choice(makers)() for _ in range(self._rng.choice((1, 1, 2, 3, 5, 8)))]

    def _delivery(self) -> Ask:
        self._deliveries += 1
        lines = []
        for line in range(1, self._rng.randint(1, 3) + 1):
            serials = range(self._serial, self._serial + self._rng.randint(1, 6))
            self._serial = serials.stop
            epcs = tuple(epc_of(SHIRT, serial) for serial in serials)
            self._epcs += epcs
            lines.append(DeliveryLine(line, "sku", "SHIRT", epcs))
        return Delivery(f"D-{self._deliveries}", tuple(lines))

    def _tags(self) -> Ask:
        heard = self._rng.sample(self._epcs, min(len(self._epcs), self._rng.randint(0, 5)))
        stranger = Stranger(epc_of(SHIRT, 10**6 + self._rng.randrange(3)), "alien_tag", "not delivered", FLOOR)
        return TagsHeard(
            tuple((epc, self._rng.choice((BACKROOM, FLOOR))) for epc in heard),
            (stranger,) if self._rng.random() < 0.2 else (),
        )

    def _scan(self) -> Ask:
        text = gtin_14(self._rng.choice((MILK, EGGS))) if self._rng.random() < 0.9 else "nonsense"
        device, purpose = self._rng.choice((("dock", "receive"), ("shelf", "shelve")))
        return Scan(device, cast(Any, purpose), text, None)

    def _sale(self) -> Ask:
        if self._sold and self._rng.random() < 0.2:
            return self._rng.choice(self._sold)  # the till got no answer, or thinks so
        self._receipts += 1
        lines = []
        for line in range(1, self._rng.randint(1, 4) + 1):
            if self._epcs and self._rng.random() < 0.3:
                lines.append(SaleLine(line, "sku", "SHIRT", 1, self._rng.choice(self._epcs)))
            else:
                sku = self._rng.choice(("MILK", "EGGS")) if self._rng.random() < 0.95 else "NONE"
                lines.append(SaleLine(line, "sku", sku, self._rng.randint(1, 3)))
        self._sold.append(Sale(f"T1-{self._receipts:06}", tuple(lines)))
        return self._sold[-1]

    def _hold(self) -> Ask:
        if self._holds and self._rng.random() < 0.2:
            return self._rng.choice(self._holds)
        lines = range(1, self._rng.randint(1, 3) + 1)
        wants = tuple(Want(line, self._rng.choice(("MILK", "EGGS")), self._rng.randint(1, 2)) for line in lines)
        name = f"H-{len(self._holds) + 1}"
        ttl_s = self._rng.randint(5, 30) * 60
        grant = "web" if self._grants and self._rng.random() < 0.2 else ""
        self._holds.append(Reserve(name, grant or self._rng.choice(_CHANNELS), wants, ttl_s, grant))
        return self._holds[-1]

    def _after_hold(self) -> Ask:
        if not self._holds:
            return self._hold()
        hold = self._rng.choice(self._holds[-8:])
        match self._rng.randrange(4):
            case 0 | 1:
                return CommitHold(hold.hold, f"O-{hold.hold}")
            case 2:
                return ConsumeHold(hold.hold, tuple((want.line, self._rng.randint(0, want.qty)) for want in hold.wants))
        return ReleaseHold(hold.hold)

    def _order(self) -> Ask:
        self._orders += 1
        lines = range(1, self._rng.randint(1, 3) + 1)
        wants = tuple(Want(line, self._rng.choice(("MILK", "EGGS")), self._rng.randint(1, 2)) for line in lines)
        return PlaceOrder(f"P-{self._orders}", "web", wants)

    def _move(self) -> Ask:
        self._moves += 1
        order = f"P-{self._rng.randint(max(1, self._orders - 3), max(1, self._orders))}"
        steps: tuple[OrderEvent, ...] = ("start", "finish", "pack", "stage", "hand_over", "cancel", "settle")
        return MoveOrder(order, f"m-{self._moves}", self._rng.choice(steps))

    def _grant(self) -> Ask:
        self._grants += 1
        qty = self._rng.choice((1, 2, -1))
        return Grant(f"G-{self._grants}", "web", self._rng.choice(("MILK", "EGGS")), qty)


@dataclass(slots=True)
class Promise:
    """What somebody was told: these rows are in the books, for ever. Derived from the ask, not from the books."""

    postings: list[tuple[str, str, int]] = field(default_factory=list)
    #: Names of which so many postings are there.
    counts: dict[str, int] = field(default_factory=dict)
    deliveries: list[str] = field(default_factory=list)
    scans: dict[str, int] = field(default_factory=dict)
    #: Steps of orders: the order, and what made it take the step.
    steps: list[tuple[str, str]] = field(default_factory=list)

    def note(self, ask: Ask, answer: Answer | BaseException) -> None:
        match ask, answer:
            case Sale(), Sold():
                self.postings += [(f"sale:{ask.receipt}/{line.line}", line.item, line.qty) for line in ask.lines]
            case Delivery(), Expected():
                self.deliveries += [f"delivery:{ask.delivery}/{line.line}" for line in ask.lines]
            case Scan(), Scanned():
                self.scans[ask.device] = self.scans.get(ask.device, 0) + 1
            case Reserve(), Claimed():
                self.counts[f"hold:{ask.hold}"] = len(ask.wants)
            case CommitHold(), Claimed():
                self.counts[f"commit:{ask.hold}"] = len(answer.lines)
            case Grant(), Granted():
                self.counts[f"grant:{ask.grant}"] = 1
            case PlaceOrder(), Ordered():
                self.steps.append((ask.order, f"order:{ask.order}"))
            case MoveOrder(), Ordered():
                self.steps.append((ask.order, f"move:{ask.order}:{ask.move}"))
            case _:
                pass

    def copy(self) -> "Promise":
        return Promise(
            list(self.postings), dict(self.counts), list(self.deliveries), dict(self.scans), list(self.steps)
        )


@dataclass(slots=True)
class Day:
    """What happened. `states[n]` is the fingerprint of the books, and `promises[n]` what had been told, at note n."""

    seed: int
    disk: Disk
    states: list[bytes] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    #: What was asked, answered or not, that makes so many postings under these names, or none.
    wholes: dict[tuple[str, ...], int] = field(default_factory=dict)
    #: Turns that a full disk refused.
    refused: int = 0
    turns: int = 0
    #: Why the agent had to stop, if it had to.
    stopped: Exception | None = None

    def will_ask(self, asks: Iterable[Ask]) -> None:
        """These are asked now: each makes all its postings or none."""
        for ask in asks:
            if isinstance(ask, Sale | Reserve | PlaceOrder):
                self.wholes[tuple(ask.sources())] = len(ask.lines if isinstance(ask, Sale) else ask.wants)


def fingerprint(tx: sqlite3.Connection) -> bytes:
    """Of every row of every table."""
    seen = blake2b(digest_size=16)
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    for (name,) in tx.execute(names).fetchall():
        seen.update(name.encode())
        for row in tx.execute(f"SELECT * FROM {name}").fetchall():
            seen.update(repr(row).encode())
    return seen.digest()


def open_on(vfs: str, settings: dict[str, str | int], checkpoint_pages: int) -> sqlite3.Connection:
    """A writer as `Store.open` makes it, on a disk that is mounted under the name `vfs`."""
    writer = cast(sqlite3.Connection, AsSqlite3(FILE, vfs, checkpoint_pages))
    try:
        writer.execute("PRAGMA locking_mode = EXCLUSIVE")  # before WAL: this disk has no shared memory
        for name, wanted in settings.items():
            found = writer.execute(f"PRAGMA {name} = {wanted}").fetchall()
            found = writer.execute(f"PRAGMA {name}").fetchall() or found
            assert name == "mmap_size" or found == [(wanted,)], (name, found)
        migrations.bring_up_to_date(writer)
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        writer.close()
        raise
    return writer


@contextlib.asynccontextmanager
async def open_store(disk: Disk, settings: dict[str, str | int], pages: int) -> AsyncIterator[tuple[Store, Any]]:
    """A store on a disk that loses its power in the end, and the store's connection."""
    lock = os.open(os.devnull, os.O_RDONLY)
    thread = OwnThread("books")
    name = f"crash-{next(_mounts)}"
    with mounted(disk, name):
        try:
            with contextlib.closing(open_on(name, settings, pages)) as writer:
                try:
                    yield Store(Path(FILE), writer, thread, lock, _NO_BALLAST), writer
                finally:
                    disk.lose_power()
        finally:
            thread.finish()
            os.close(lock)


async def a_day(
    seed: int,
    turns: int,
    *,
    checkpoint_pages: int | None = None,
    fails: Fails = lambda nth, kind: None,
    overrides: dict[str, str | int] | None = None,
) -> Day:
    """Open new books and work for so many turns, or until a failing disk stops the agent.

    Checkpoints come after so many pages (SQLite's own number is 1000), or as often as the seed says.
    """
    disk = Disk(fails)
    day = Day(seed, disk)
    pages = checkpoint_pages or Random(seed).choice((4, 20, 60, 1000))
    try:
        async with open_store(disk, SETTINGS | (overrides or {}), pages) as (store, writer):
            note(day, writer, Promise())
            await store.write(lambda tx: rows.found(tx, STORE, EPOCH))
            note(day, writer, Promise())
            books = await store.write(lambda tx: rows.load(tx, STORE, EPOCH, CATALOGUE))
            clerk = Clerk(store, books, DayClock(), lambda turn: None)
            work = asyncio.ensure_future(clerk.run())
            try:
                await _live(day, clerk, store, writer, turns)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
    except (sqlite3.Error, BooksError) as error:
        day.stopped = error
    return day


async def _live(day: Day, clerk: Clerk, store: Store, writer: sqlite3.Connection, turns: int) -> None:
    people, promise = People(day.seed), Promise()
    for turn in range(turns):
        asked = people.turn()
        day.will_ask(asked)
        answers = await _ask(clerk, asked)
        if any(isinstance(answer, BooksFullError) for answer in answers):
            day.refused += 1
            note(day, writer, promise.copy())  # nothing of it may be there, and it can be asked again
            day.disk.make_room()
            answers = await _ask(clerk, asked)
        for ask, answer in zip(asked, answers, strict=True):
            promise.note(ask, answer)
        day.turns += 1
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures:
            day.promises[-1] = promise  # whoever was told yes in this turn was told so before it failed
            raise failures[0]
        note(day, writer, promise.copy())
        if turn % 20 == 19:
            heard = clerk.books.head // 2
            await store.write(lambda tx, heard=heard: announcements.forget(tx, heard, 0, 0))  # type: ignore[misc]
            note(day, writer, promise.copy())


async def _ask(clerk: Clerk, asked: Iterable[Ask]) -> Sequence[Answer | BaseException]:
    return await asyncio.gather(*map(clerk.enter, cast(Iterable[Any], asked)), return_exceptions=True)


def note(day: Day, writer: sqlite3.Connection, promise: Promise) -> None:
    """Everybody has been answered: from here on, what they were told must survive."""
    with day.disk.looked_at():
        day.states.append(fingerprint(writer))
    day.promises.append(promise)
    day.disk.note(len(day.states) - 1)
