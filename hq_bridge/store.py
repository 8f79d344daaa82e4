"""HQ's database: all reading and writing of its books. One connection writes; others read.

What differs between SQLite and PostgreSQL is in `on_sqlite.py` and `on_postgres.py`; how tables come to be is in
`layout.py`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
from sqlalchemy import Connection, case, delete, func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from hq_bridge import tables
from hq_bridge.books import Draft, HeardLease, Mark, Position, Stock, StoreBooks
from hq_bridge.config import SQLITE
from hq_bridge.layout import On, bring_up
from hq_bridge.months import Month
from hq_bridge.on_postgres import OnPostgres
from hq_bridge.on_sqlite import OnSqlite
from hq_bridge.refusals import DatabaseLost
from hq_bridge.stretches import STRETCH_ROWS
from wire import digest
from wire.codec import decode_row, encode_row
from wire.messages import Row

#: How many unreadable payloads are kept, and how much of each.
QUARANTINE_ROWS = 1000
_QUARANTINE_BYTES = 4096
_READ_AT_ONCE = 2000
_STEPS_AT_ONCE = 500
#: Commands of a store that stay to be asked after, once they are answered.
COMMANDS_KEPT = 1000

T = TypeVar("T")

_BEGUN = ""  # no store has this name
_bodies = msgspec.json.Decoder(list[msgspec.Raw])
_places = msgspec.json.Decoder(dict[str, int])
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A payload nobody could read."""

    at: int
    topic: str
    why: str
    payload: bytes


class CommandRow(NamedTuple):
    """A line of the table `command`: `state` is asked, done, refused or stale."""

    store: str
    counter: int
    id: str
    asked_at: int
    ask: str
    state: str
    why: str
    answered_at: int | None
    epoch: int | None
    seq: int | None


class KeptOrder(NamedTuple):
    """A line of the table `store_order`: `row` is the order's latest row as JSON."""

    store: str
    id: str
    epoch: int
    seq: int
    state: str
    landed_at: int
    row: str


class KeptDay(NamedTuple):
    """A day of a store: `sums` are whole numbers by name. Times are unix ms."""

    store: str
    day: str
    since: int
    until: int
    landed_at: int
    sums: dict[str, int]


class Kept(NamedTuple):
    """A piece of a store's stream, and where what is still kept of its epoch begins (None: nothing is)."""

    oldest: int | None
    #: Each with when it landed, as JSON.
    rows: list[tuple[int, msgspec.Raw]]


class Has(NamedTuple):
    """What a store has of a SKU; `held` and `atp` None when it has not said. `places`: what is not zero."""

    store: str
    sku: str
    on_hand: int
    held: int | None
    atp: int | None
    places: dict[str, int]

    @classmethod
    def of(cls, line: Stock) -> Self:
        """As a line of the table says it."""
        store, sku, on_hand, _, places, held, atp = line
        return cls(store, sku, on_hand, held, atp, dict(sorted(_places.decode(places).items())))


class Database:
    """HQ's database. `load`, `stock_in`, `land` and those that let go of months are for the one writer."""

    def __init__(self, on: On, writer: int, months: set[Month]) -> None:
        self._on = on
        self._writer = writer
        self._months = months
        #: How often stores have told of each day since the start, and how often days were let go.
        self.days_landed: Counter[str] = Counter()
        self.days_forgotten = 0

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Open or create the database that `url` names, for this HQ alone. Raises DatabaseRefused."""
        on = await (OnSqlite if url.drivername == SQLITE else OnPostgres).open(url)
        try:
            writer = await on.write(lambda connection: bring_up(connection, on))
            months = await on.write(on.months)
        except BaseException:
            await on.close()
            raise
        return cls(on, writer, months)

    async def close(self) -> None:
        await self._on.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    # The writer's

    async def load(self) -> dict[str, StoreBooks]:
        """Every store's position, open cases and lease; stock comes later, as rows need it."""
        books = {}
        for row in await self._read(select(tables.position)):
            found = int(row.digest, 16), row.landed_at, row.rows, row.units, row.lacking
            position = Position(row.epoch, row.cursor, *found)
            books[row.store] = StoreBooks(row.store, position, head=row.cursor)
        opened = select(tables.case.c.store, tables.case.c.kind, tables.case.c.about)
        for row in await self._read(opened.where(tables.case.c.state == "open")):
            books[row.store].cases.add((row.kind, row.about))
        for row in await self._read(select(tables.lease)):
            of = books.setdefault(row.store, StoreBooks(row.store, whole=True))
            of.lease = HeardLease(row.lease, row.heard_at)
        return books

    async def stock_in(self, store: str, skus: Sequence[str]) -> dict[str, Stock]:
        """What a store has of these SKUs; those it never had are left out."""
        columns = tables.stock.c
        query = select(tables.stock).where(columns.store == store, columns.sku.in_(skus))
        return {row.sku: tuple(row) for row in await self._read(query)}

    async def land(
        self, drafts: Sequence[Draft], unreadable: Sequence[Unreadable], at: int, leases: Mapping[str, HeardLease]
    ) -> None:
        """Commit all drafts, what could not be read, and leases by store, in one transaction. Raises DatabaseLost."""
        month = Month.of(at)
        on = self._on

        def work(connection: Connection) -> None:
            if month not in self._months:
                on.begin_month(connection, month)
            _forget_old_books(connection, [draft.store for draft in drafts if draft.replaces_books])
            on.put(connection, month.table, [row for draft in drafts for row in _stretches(draft, at, on)])
            on.put(connection, tables.stock, [row for draft in drafts for row in draft.stock.values()])
            on.put(connection, tables.case, [row for draft in drafts for row in _cases(draft)])
            if any(draft.orders for draft in drafts):
                newest = {row[:2]: row for draft in drafts for row in _orders(draft, at)}
                on.put(connection, tables.order, list(newest.values()))
                on.put(connection, tables.order_step, [row for draft in drafts for row in _order_steps(draft, at)])
            if any(draft.days for draft in drafts):
                on.put(connection, tables.day, [row for draft in drafts for row in _days(draft, at)])
            on.put(connection, tables.position, [_position(draft) for draft in drafts])
            on.put(connection, tables.lease, [(store, *lease) for store, lease in leases.items()])
            if unreadable:
                _quarantine(connection, unreadable)

        await self._write(work)
        self._months.add(month)
        self.days_landed.update(day for draft in drafts for day in draft.days)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction, if these books are still ours. Raises DatabaseLost."""

        def ours(connection: Connection) -> T:
            self._still_ours(connection)
            return work(connection)

        try:
            return await self._on.write(ours)
        except (DBAPIError, OSError) as error:
            raise DatabaseLost(f"the database failed under HQ: {str(error).splitlines()[0]}") from error

    def _still_ours(self, connection: Connection) -> None:
        """Nobody else has opened these books since; and nobody can, until this transaction ends."""
        if self._on.writer_now(connection) != self._writer:
            raise DatabaseLost("another HQ has opened this database since, and writes; stop one of them")

    async def commands(self) -> list[CommandRow]:
        """Every command there is, in the order of their counters."""
        return [CommandRow(*row) for row in await self._read(select(tables.command).order_by(tables.command.c.counter))]

    async def put_command(self, row: CommandRow, instead_of: int | None = None) -> None:
        """Write a command, or one that had the counter `instead_of` until now. Raises DatabaseLost."""
        columns = tables.command.c

        def work(connection: Connection) -> None:
            if instead_of is not None:
                was = (columns.store == row.store) & (columns.counter == instead_of)
                connection.execute(delete(tables.command).where(was))
            self._put_commands(connection, [row])

        await self._write(work)

    async def put_commands(self, rows: Sequence[CommandRow]) -> None:
        """Write commands, new or answered, in one transaction. Raises DatabaseLost."""
        await self._write(lambda connection: self._put_commands(connection, rows))

    def _put_commands(self, connection: Connection, rows: Sequence[CommandRow]) -> None:
        """Of a store's oldest that are answered, only so many stay."""
        columns = tables.command.c
        self._on.put(connection, tables.command, [tuple(row) for row in rows])
        for store in {row.store for row in rows}:
            ours = columns.store == store
            newest = select(columns.counter).where(ours).order_by(columns.counter.desc())
            over = ours & (columns.counter <= newest.offset(COMMANDS_KEPT).limit(1).scalar_subquery())
            connection.execute(delete(tables.command).where(over & (columns.state != "asked")))

    async def told(self) -> dict[str, Mark] | None:
        """How far the broker has been told each store's rows; None when it never was."""
        found = {row.store: Mark(row.epoch, row.seq) for row in await self._read(select(tables.told))}
        return None if found.pop(_BEGUN, None) is None else found

    async def keep_told(self, marks: Mapping[str, Mark]) -> None:
        """The broker has been told this much. Raises DatabaseLost."""
        rows = [(store, *mark) for store, mark in (*marks.items(), (_BEGUN, Mark(0, 0)))]
        await self._write(lambda connection: self._on.put(connection, tables.told, rows))

    async def forget_told(self) -> None:
        """Nobody is told any more: whoever begins again begins with what is new then. Raises DatabaseLost."""
        await self._write(lambda connection: connection.execute(delete(tables.told)))

    async def months(self) -> set[Month]:
        """The months whose history is kept."""
        return await self._on.write(self._on.months)

    async def retire(self, month: Month) -> bool:
        """Let go of a month's history, at once for whoever asks. Stock and cursors are not touched.

        False when it has to be tried again, because somebody is reading.
        """

        def work(connection: Connection) -> bool:
            try:
                with connection.begin_nested():
                    self._on.retire(connection, month)
            except DBAPIError as error:
                if self._on.is_busy(error):
                    return False
                raise
            return True

        if not await self._write(work):
            return False
        self._months.discard(month)
        return True

    async def forget_orders(self, before: int) -> None:
        """Let go of orders, and of days, of which nothing landed since `before` (unix ms). Raises DatabaseLost."""

        def work(connection: Connection) -> None:
            for table in (tables.order, tables.order_step, tables.day):
                connection.execute(delete(table).where(table.c.landed_at < before))

        await self._write(work)
        self.days_forgotten += 1

    async def clear_some(self) -> bool:
        """Give back some of the room of retired months; takes milliseconds. False when there is none left to give."""
        return await self._write(self._on.clear_some)

    # For whoever looks

    async def command(self, name: str) -> CommandRow | None:
        """A command by its id."""
        found = await self._read(select(tables.command).where(tables.command.c.id == name))
        return CommandRow(*found[0]) if found else None

    async def order(self, name: str) -> list[KeptOrder]:
        """The orders of this name: of one store, unless several entered one under the same."""
        found = await self._read(select(tables.order).where(tables.order.c.id == name).order_by(tables.order.c.store))
        return [KeptOrder(*line) for line in found]

    async def orders(self, store: str | None, states: Sequence[str], after: str, limit: int) -> list[KeptOrder]:
        """At most `limit` orders in one of these states, by name, beyond `after`."""
        columns = tables.order.c
        query = select(tables.order).where(columns.state.in_(states), self._on.by_code_point(columns.id) > after)
        if store is not None:
            query = query.where(columns.store == store)
        found = await self._read(query.order_by(self._on.by_code_point(columns.id), columns.store).limit(limit))
        return [KeptOrder(*line) for line in found]

    async def order_steps(self, store: str, name: str, after: Mark) -> list[tuple[Mark, int, msgspec.Raw]]:
        """An order's rows beyond `after`: where each stands, when it landed, and as JSON."""
        columns = tables.order_step.c
        ours = (columns.store == store) & (columns.id == name)
        beyond = (columns.epoch > after.epoch) | ((columns.epoch == after.epoch) & (columns.seq > after.seq))
        query = (
            select(tables.order_step).where(ours & beyond).order_by(columns.epoch, columns.seq).limit(_STEPS_AT_ONCE)
        )
        found = await self._read(query)
        return [(Mark(row.epoch, row.seq), row.landed_at, msgspec.Raw(row.row.encode())) for row in found]

    async def days(self, store: str | None, since: str, until: str) -> list[KeptDay]:
        """The days from one to another, of one store or of all, in their order."""
        columns = tables.day.c
        wanted = (columns.store, columns.day, columns.since, columns.until, columns.landed_at, columns.sums)
        query = select(*wanted).where(columns.day >= since, columns.day <= until)
        if store is not None:
            query = query.where(columns.store == store)
        found = await self._read(query.order_by(columns.day, columns.store))
        return [KeptDay(*(*row[:-1], _places.decode(row.sums))) for row in found]

    async def newest_day(self, store: str | None) -> str | None:
        """The last day that a store, or any, has told of."""
        query = select(func.max(tables.day.c.day))
        found = await self._read(query if store is None else query.where(tables.day.c.store == store))
        day: str | None = found[0][0]
        return day

    async def stock(self, store: str) -> list[Has]:
        """What a store has, by SKU."""
        stock = tables.stock.c
        found = await self._read(select(tables.stock).where(stock.store == store).order_by(stock.sku))
        return [Has.of(tuple(line)) for line in found]

    async def stock_of(self, sku: str) -> list[Has]:
        """What each store has of a SKU: every store that ever had it."""
        stock, position = tables.stock.c, tables.position.c
        # Each store is looked up: an index by SKU would cost each landing more than this.
        found = select(tables.stock).join(tables.position, (stock.store == position.store) & (stock.sku == sku))
        return [Has.of(tuple(line)) for line in await self._read(found.order_by(position.store))]

    async def rows(self, store: str, epoch: int, after: int, upto: int) -> list[Row] | None:
        """The rows `after + 1 … upto` of a store's stream; None when they are not all kept."""
        rows: list[Row] = []
        while after < upto:
            kept = await self.log(store, epoch, after, min(upto - after, _READ_AT_ONCE))
            if not kept.rows:
                return None
            rows += [decode_row(body) for _, body in kept.rows]
            if rows[-1].seq != after + len(kept.rows):
                return None
            after = rows[-1].seq
        return rows

    async def log(self, store: str, epoch: int, after: int, limit: int) -> Kept:
        """At most `limit` rows of a store's stream beyond `after`, in order, as far as they are kept."""
        columns = tables.history.c
        ours = (columns.store == store) & (columns.epoch == epoch)
        beyond = ours & (columns.first > after - STRETCH_ROWS) & (columns.last > after)
        async with self._on.readers.begin() as connection:
            oldest = (await connection.execute(select(func.min(columns.first)).where(ours))).scalar()
            ends = select(columns.first, columns.last).where(beyond).order_by(columns.first).limit(limit)
            upto = 0
            for first, last in await connection.execute(ends):
                upto = first
                if last >= after + limit:
                    break
            pieces = select(columns.first, columns.landed_at, columns.rows).where(beyond & (columns.first <= upto))
            found = (await connection.execute(pieces.order_by(columns.first))).all()
        rows = [
            (landed_at, body)
            for first, landed_at, kept in found
            for seq, body in enumerate(_bodies.decode(self._on.unpack(kept)), first)
            if seq > after
        ]
        return Kept(oldest, rows[:limit])

    async def epoch_after(self, store: str, epoch: int) -> int | None:
        """The next later epoch of which history is kept."""
        columns = tables.history.c
        query = select(func.min(columns.epoch)).where(columns.store == store, columns.epoch > epoch)
        found: int | None = (await self._read(query))[0][0]
        return found

    async def skus(
        self, begins: str, after: str, limit: int, closed: Collection[str]
    ) -> list[tuple[str, int, int, int, int]]:
        """At most `limit` SKUs that begin so, beyond `after`, in the order of their code points.

        Each with its units on hand, held and to be promised (in `closed` stores: none), and how many stores have or had
        it.
        """
        stock, position = tables.stock.c, tables.position.c
        sku = self._on.by_code_point(stock.sku)
        atp = case((stock.store.in_(closed), 0), else_=stock.atp) if closed else stock.atp
        sums = [func.sum(stock.on_hand), *(func.coalesce(func.sum(each), 0) for each in (stock.held, atp))]
        found = (
            select(sku, *sums, func.count())
            # Store by store, so that each is a walk along its key.
            .select_from(tables.position.join(tables.stock, position.store == stock.store))
            .where(sku >= begins, sku < begins + chr(0x10FFFF), sku > after)
            .group_by(sku)
            .order_by(sku)
            .limit(limit)
        )
        return [
            (name, int(on_hand), int(held), int(atp), stores)
            for name, on_hand, held, atp, stores in await self._read(found)
        ]

    async def quarantined(self, limit: int) -> list[Mapping[str, Any]]:
        """The newest payloads nobody could read."""
        query = select(tables.quarantine).order_by(tables.quarantine.c.id.desc()).limit(limit)
        return [dict(row._mapping) for row in await self._read(query)]  # noqa: SLF001 - public by its documentation

    async def _read(self, query: Any) -> Sequence[Any]:
        async with self._on.readers.connect() as connection:
            rows: Sequence[Any] = (await connection.execute(query)).all()
            return rows


def _forget_old_books(connection: Connection, stores: list[str]) -> None:
    for store in stores:
        connection.execute(delete(tables.stock).where(tables.stock.c.store == store))
        connection.execute(delete(tables.case).where(tables.case.c.store == store))


def _quarantine(connection: Connection, unreadable: Sequence[Unreadable]) -> None:
    table = tables.quarantine
    rows = [
        {
            "at": each.at,
            "topic": each.topic[:512].replace("\x00", "�"),
            "why": each.why[:512].replace("\x00", "�"),
            "bytes": len(each.payload),
            "payload": each.payload[:_QUARANTINE_BYTES].decode("utf-8", "backslashreplace").replace("\x00", "�"),
        }
        for each in unreadable
    ]
    connection.execute(table.insert(), rows)
    newest = select(func.max(table.c.id)).scalar_subquery()
    connection.execute(delete(table).where(table.c.id <= newest - QUARANTINE_ROWS))


def _stretches(draft: Draft, at: int, on: On) -> Iterator[tuple[Any, ...]]:
    for stretch in draft.stretches:
        yield draft.store, stretch.epoch, stretch.first, stretch.last, at, on.pack(stretch.json())


def _cases(draft: Draft) -> Iterator[tuple[Any, ...]]:
    for row in draft.cases.values():
        yield draft.store, row.case, row.about, row.state, row.owner, row.due, row.seq


def _orders(draft: Draft, at: int) -> Iterator[tuple[Any, ...]]:
    for epoch, row in draft.orders:
        yield draft.store, row.order, epoch, row.seq, row.state, at, encode_row(row).decode()


def _order_steps(draft: Draft, at: int) -> Iterator[tuple[Any, ...]]:
    steps = {(row.order, epoch, row.seq): row for epoch, row in draft.orders}
    for (name, epoch, seq), row in steps.items():
        yield draft.store, name, epoch, seq, at, encode_row(row).decode()


def _days(draft: Draft, at: int) -> Iterator[tuple[Any, ...]]:
    for epoch, row in draft.days.values():
        yield draft.store, row.day, epoch, row.seq, row.since, row.until, at, _encoder.encode(row.sums).decode()


def _position(draft: Draft) -> tuple[Any, ...]:
    at = draft.position
    books_digest = digest.to_text(at.digest)
    return draft.store, at.epoch, at.cursor, books_digest, at.landed_at, at.rows, at.units, at.lacking
