"""All of HQ's SQL. One connection writes; others read."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from sqlalchemy import Table, delete, event, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from hq_bridge import tables
from hq_bridge.books import Balance, Draft, Position, StoreBooks
from hq_bridge.config import SQLITE
from wire import digest
from wire.codec import encode_row
from wire.messages import UnknownRow

#: How many unreadable payloads are kept, and how much of each.
QUARANTINE_ROWS = 1000
_QUARANTINE_BYTES = 4096

#: Asked for, then read back: a database that does not keep these loses what it said it has.
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}


class DatabaseRefused(Exception):
    """Raised at start when the database cannot be trusted with the books; says what to do."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A payload nobody could read."""

    at: int
    topic: str
    why: str
    payload: bytes


class Database:
    """HQ's database. `load` and `land` are for the one writer; everything else only reads."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine, lock: int) -> None:
        self._lock = lock
        self._writer = writer
        self._readers = readers
        written = (tables.history, tables.balance, tables.on_hand, tables.case, tables.position)
        self._puts = {table.name: _put_into(table, writer.dialect) for table in written}

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Open or create the SQLite file that `url` names, for this HQ alone. Raises DatabaseRefused."""
        assert url.database is not None
        if not Path(url.database).parent.is_dir():
            raise DatabaseRefused(f"{url.database}: its folder does not exist; make it, or name another")
        lock = _lock_beside(url.database)
        writer = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0)
        event.listen(writer.sync_engine, "connect", _trustworthy)
        read_only = URL.create(SQLITE, database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        readers = create_async_engine(read_only, poolclass=AsyncAdaptedQueuePool, pool_size=4, max_overflow=0)
        event.listen(readers.sync_engine, "connect", _read_only)
        database = cls(writer, readers, lock)
        try:
            async with database._writer.begin() as connection:
                await connection.run_sync(tables.metadata.create_all)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await self._readers.dispose()
        await self._writer.dispose()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    # The writer's

    async def load(self) -> dict[str, StoreBooks]:
        """Every store's position, open cases and units on hand; balances come later, store by store."""
        books = {}
        async with self._writer.connect() as connection:
            for row in await connection.execute(select(tables.position)):
                position = Position(row.epoch, row.cursor, int(row.digest, 16), row.landed_at, row.rows)
                books[row.store] = StoreBooks(row.store, position, head=row.cursor)
            opened = select(tables.case.c.store, tables.case.c.kind, tables.case.c.about)
            for row in await connection.execute(opened.where(tables.case.c.state == "open")):
                books[row.store].cases.add((row.kind, row.about))
            inside = tables.on_hand.c
            # SQLite's `total` is a float and cannot overflow; `sum` would keep HQ from starting.
            sums = select(inside.store, func.total(inside.qty).label("units")).group_by(inside.store)
            for row in await connection.execute(sums):
                books[row.store].units = int(row.units)
        return books

    async def balances(self, store: str) -> dict[tuple[str, str], Balance]:
        """All balances of a store, those of zero too."""
        columns = tables.balance.c
        query = select(columns.sku, columns.place, columns.qty, columns.seq).where(columns.store == store)
        async with self._writer.connect() as connection:
            return {(sku, place): Balance(qty, seq) for sku, place, qty, seq in await connection.execute(query)}

    async def on_hand(self, store: str) -> dict[str, int]:
        """Units of each SKU inside a store."""
        columns = tables.on_hand.c
        async with self._writer.connect() as connection:
            found = await connection.execute(select(columns.sku, columns.qty).where(columns.store == store))
            return {row.sku: row.qty for row in found}

    async def land(self, drafts: Sequence[Draft], unreadable: Sequence[Unreadable]) -> None:
        """Commit all drafts and what could not be read, in one transaction."""
        async with self._writer.begin() as connection:
            await self._forget_old_books(connection, [draft.store for draft in drafts if draft.anew])
            await self._put(connection, tables.history, [row for draft in drafts for row in _history(draft)])
            await self._put(connection, tables.balance, [row for draft in drafts for row in _balances(draft)])
            await self._put(connection, tables.on_hand, [row for draft in drafts for row in _on_hand(draft)])
            await self._put(connection, tables.case, [row for draft in drafts for row in _cases(draft)])
            await self._put(connection, tables.position, [_position(draft) for draft in drafts])
            if unreadable:
                await self._quarantine(connection, unreadable)

    async def _forget_old_books(self, connection: AsyncConnection, stores: list[str]) -> None:
        for store in stores:
            await connection.execute(delete(tables.balance).where(tables.balance.c.store == store))
            await connection.execute(delete(tables.on_hand).where(tables.on_hand.c.store == store))
            await connection.execute(delete(tables.case).where(tables.case.c.store == store))

    async def _put(self, connection: AsyncConnection, table: Table, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows, in the order of the table's columns, or update those that are there (never history)."""
        if rows:
            await connection.exec_driver_sql(self._puts[table.name], rows)

    async def _quarantine(self, connection: AsyncConnection, unreadable: Sequence[Unreadable]) -> None:
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
        await connection.execute(table.insert(), rows)
        newest = select(func.max(table.c.id)).scalar_subquery()
        await connection.execute(delete(table).where(table.c.id <= newest - QUARANTINE_ROWS))

    # For whoever looks

    async def stock(self, store: str) -> tuple[list[tuple[str, str, int]], dict[str, int]]:
        """A store's balances that are not zero as (sku, place, qty) by SKU, and what it has on hand of each SKU."""
        columns, inside = tables.balance.c, tables.on_hand.c
        balances = select(columns.sku, columns.place, columns.qty).where(columns.store == store, columns.qty != 0)
        async with self._readers.begin() as connection:  # one view of both tables
            found = await connection.execute(balances.order_by(columns.sku, columns.place))
            places = [(sku, place, qty) for sku, place, qty in found]
            on_hand = await connection.execute(select(inside.sku, inside.qty).where(inside.store == store))
            return places, {row.sku: row.qty for row in on_hand}

    async def stock_of(self, sku: str) -> list[tuple[str, int]]:
        """How many units of a SKU each store has on hand: every store that ever had it."""
        columns = tables.on_hand.c
        query = select(columns.store, columns.qty).where(columns.sku == sku).order_by(columns.store)
        return [(store, qty) for store, qty in await self._read(query)]

    async def log(self, store: str, epoch: int, after: int, limit: int) -> list[tuple[int, msgspec.Raw]]:
        """Rows of a store's stream beyond `after`, in order: (landed_at, the row's JSON)."""
        columns = tables.history.c
        query = select(columns.landed_at, columns.body).where(
            columns.store == store, columns.epoch == epoch, columns.seq > after
        )
        found = await self._read(query.order_by(columns.seq).limit(limit))
        return [(landed_at, msgspec.Raw(body.encode())) for landed_at, body in found]

    async def quarantined(self, limit: int) -> list[Mapping[str, Any]]:
        """The newest payloads nobody could read."""
        query = select(tables.quarantine).order_by(tables.quarantine.c.id.desc()).limit(limit)
        return [dict(row._mapping) for row in await self._read(query)]  # noqa: SLF001 - public by its documentation

    async def _read(self, query: Any) -> Sequence[Any]:
        async with self._readers.connect() as connection:
            rows: Sequence[Any] = (await connection.execute(query)).all()
            return rows


def _lock_beside(database: str) -> int:
    """A lock that ends with this process, however that ends: two HQs would push each other off the line."""
    try:
        lock = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise DatabaseRefused(f"{database}.lock cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise DatabaseRefused(
            f"{database}: another HQ (process {holder or 'unknown'}) keeps its books there; stop that one first"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _put_into(table: Table, dialect: Dialect) -> str:
    """The statement behind `_put`. Built once: SQLAlchemy's own way costs as much per row as the database does."""
    insert = sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    others = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    if table is not tables.history:  # a row that lands twice is a mistake to hear of
        insert = insert.on_conflict_do_update(index_elements=keys, set_=others)
    return str(insert.compile(dialect=dialect, column_keys=[column.name for column in table.columns]))


def _history(draft: Draft) -> Iterator[tuple[Any, ...]]:
    for epoch, row in draft.rows:
        kind = row.kind if isinstance(row, UnknownRow) else row.__struct_config__.tag
        yield draft.store, epoch, row.seq, draft.position.landed_at, kind, encode_row(row).decode()


def _balances(draft: Draft) -> Iterator[tuple[Any, ...]]:
    for (sku, place), balance in draft.balances.items():
        yield draft.store, sku, place, balance.qty, balance.seq


def _on_hand(draft: Draft) -> Iterator[tuple[Any, ...]]:
    for sku, balance in draft.on_hand.items():
        yield sku, draft.store, balance.qty, balance.seq


def _cases(draft: Draft) -> Iterator[tuple[Any, ...]]:
    for row in draft.cases.values():
        yield draft.store, row.case, row.about, row.state, row.owner, row.due, row.seq


def _position(draft: Draft) -> tuple[Any, ...]:
    at = draft.position
    return draft.store, at.epoch, at.cursor, digest.to_text(at.digest), at.landed_at, at.rows


def _trustworthy(connection: Any, record: ConnectionPoolEntry) -> None:
    """Set what makes a commit last, and believe it only when SQLite says so."""
    cursor = connection.cursor()
    for pragma, wanted in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {pragma} = {wanted}")
        cursor.execute(f"PRAGMA {pragma}")
        (found,) = cursor.fetchone()
        if found != wanted:
            raise DatabaseRefused(f"SQLite keeps {pragma} at {found!r} and not {wanted!r}; use a local disk")
    cursor.close()


def _read_only(connection: Any, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = 1")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
