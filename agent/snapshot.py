"""All that the books have, sent to HQ in parts when it asks: the manifest first, then the parts, each with its hash.

Everything is as of one number. What is lost on the way HQ asks for again, under another name.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Final, Literal, NamedTuple

import structlog

from agent import day_rows
from agent.books_time import BooksTime
from agent.clock import Clock
from agent.core.atp import open_to_all
from agent.core.cases import Case
from agent.core.claims import Promised
from agent.core.ledger import Books
from agent.order_rows import row_now
from agent.store import days
from agent.store.connection import Store
from wire import digest
from wire.codec import MAX_PARTS, encode, encode_row
from wire.messages import CaseRow, DayRow, OrderRow, SkuStock, Snapshot, SnapshotPart
from wire.mqtt import BrokerLost, Link
from wire.topics import StoreTopics

log = structlog.get_logger()

#: A part aims at so many bytes.
_PART_BYTES = 64 * 1024
_MOST_PLACES = 200
#: As many days as HQ keeps unless told otherwise.
_MOST_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class _Taken:
    """A copy of what is true at a number; of the books, what a SKU's ATP follows from."""

    books: Books
    cases: list[Case]
    orders: list[OrderRow]
    days: list[DayRow]


class _Lists(NamedTuple):
    """What stands in one part."""

    stock: list[SkuStock]
    cases: list[CaseRow]
    orders: list[OrderRow]
    days: list[DayRow]


class Snapshots:
    """Sends one snapshot at a time, the one that was asked for last."""

    def __init__(
        self, store: Store, books: Books, topics: StoreTopics, link: Link, clock: Clock, time: BooksTime
    ) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._time = time
        self._topics = topics
        self._link = link
        self._wanted = ""
        self._asked = asyncio.Event()

    def ask(self, name: str) -> None:
        """HQ wants one under this name. Never waits."""
        if name != self._wanted:
            self._wanted = name
            self._asked.set()

    async def run(self) -> None:
        """Send what is asked for, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._send(self._wanted)
            except BrokerLost as lost:
                log.info("snapshot_cut_off", name=self._wanted, why=str(lost))
                self._wanted = ""

    async def _send(self, name: str) -> None:
        taken = self._take()
        head, at = taken.books.head, self._clock.now_ms()
        name_of_rows = f"{taken.books.epoch}/{head}"
        for day in await days.newest(self._store, _MOST_DAYS):  # one that is told meanwhile comes as a row as well
            taken.days.append(day_rows.row_of(day, head, name_of_rows, at))
        manifest, parts = await asyncio.to_thread(_made, name, taken)
        log.info("snapshot_sent", name=name, seq=taken.books.head, parts=len(parts))
        await self._link.publish(self._topics.snapshot(name, 0), encode(manifest))
        for number, part in enumerate(parts, 1):
            if name != self._wanted:
                return
            await self._link.publish(self._topics.snapshot(name, number), part)

    def _take(self) -> _Taken:
        """In one step of the event loop, so that all of it is of one number."""
        books = self._books
        copy = Books(
            books.store,
            books.epoch,
            books.catalogue,
            books.head,
            {key: qty for key, qty in books.balances.items() if qty},
            dict(books.on_hand),
            spoken_for=Promised(dict(books.spoken_for.of_sku), granted=dict(books.spoken_for.granted)),
            books_ms=books.books_ms,
            evidence=dict(books.evidence),
        )
        at, now_ms = self._clock.now_ms(), self._time.stamp().books_ms
        orders = [row_now(books, each, at, now_ms) for each in books.orders.values()]
        return _Taken(copy, list(books.cases.values()), orders, [])


def _made(name: str, taken: _Taken) -> tuple[Snapshot, list[bytes]]:
    """The manifest and the payloads of the parts."""
    parts = []
    for nth, (stock, cases, orders, told) in enumerate(_parts(taken), 1):
        parts.append(encode(SnapshotPart(name, nth, tuple(stock), tuple(cases), tuple(orders), tuple(told))))
    assert len(parts) <= MAX_PARTS
    balances = taken.books.balances.items()
    books_digest = digest.to_text(digest.of_books((*key, qty) for key, qty in balances))
    hashes = tuple(sha256(part).hexdigest() for part in parts)
    return Snapshot(name, taken.books.epoch, taken.books.head, books_digest, hashes), parts


def _parts(taken: _Taken) -> Iterator[_Lists]:
    """SKUs, then cases, orders and days, in portions."""
    lists = _Lists([], [], [], [])
    size = 0
    for kind, item, item_size in _items(taken):
        getattr(lists, kind).append(item)
        size += item_size
        if size >= _PART_BYTES:
            yield lists
            lists, size = _Lists([], [], [], []), 0
    if size:
        yield lists


def _items(
    taken: _Taken,
) -> Iterator[tuple[Literal["stock", "cases", "orders", "days"], SkuStock | CaseRow | OrderRow | DayRow, int]]:
    """All that is told, as (in which list, what, about how many bytes)."""
    places: dict[str, dict[str, int]] = {}
    for (sku, place), qty in taken.books.balances.items():
        places.setdefault(sku, {})[place] = qty
    for sku, found in places.items():
        on_hand, (held, atp, _) = taken.books.on_hand.get(sku, 0), open_to_all(taken.books, taken.books.catalogue, sku)
        for some in _some_of(found):
            size = 70 + len(sku) + sum(20 + len(place) for place in some)
            yield "stock", SkuStock(sku, on_hand, some, held, atp), size
    for case in taken.cases:
        yield "cases", _row(case, taken.books.epoch), 200 + len(case.about)
    for order in taken.orders:
        yield "orders", order, len(encode_row(order))
    for day in taken.days:
        yield "days", day, len(encode_row(day))


def _some_of(places: dict[str, int]) -> Iterator[dict[str, int]]:
    """A SKU with a thousand open claims has a thousand places: too many for one part."""
    left = iter(places.items())
    while some := dict(islice(left, _MOST_PLACES)):
        yield some


def _row(case: Case, epoch: int) -> CaseRow:
    """As it was announced when it was opened."""
    return CaseRow(
        case.id, f"{epoch}/{case.id}", case.opened_at, case.kind, case.about, "open", case.owner, case.due_at
    )
