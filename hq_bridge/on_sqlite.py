"""HQ's books in one SQLite file: its lock, its settings, its way to take many rows, its months."""

import fcntl
import os
import re
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Table, delete, event, func, insert, inspect, literal_column, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from hq_bridge import tables
from hq_bridge.config import SQLITE
from hq_bridge.months import Month
from hq_bridge.refusals import DatabaseRefused
from hq_bridge.tables import history_named

#: Asked for, then read back: a database that does not keep these loses what it said it has.
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}
#: For speed: pages kept in memory (KiB, negative), and pages of the log before they are brought home.
_FOR_SPEED = {"cache_size": -65536, "wal_autocheckpoint": 2000}
_VARIABLES = 30_000  # in one statement; SQLite takes 32,766
_SLICE_ROWS = 200  # deleted in one transaction when a month goes: about 5 ms
_GONE = "gone_"  # before the name of a month's table that is being emptied


class OnSqlite:
    """One connection writes, four read; all of it belongs to this process alone."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine, lock: int) -> None:
        self.writer = writer
        self.readers = readers
        self._lock = lock
        self._puts: dict[str, tuple[str, str]] = {}

    @classmethod
    async def open(cls, url: URL) -> Self:
        """The file that `url` names, made if need be. Raises DatabaseRefused."""
        assert url.database is not None
        if not Path(url.database).parent.is_dir():
            raise DatabaseRefused(f"{url.database}: its folder does not exist; make it, or name another")
        lock = _lock_beside(url.database)
        writer = create_async_engine(
            url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=600
        )
        event.listen(writer.sync_engine, "connect", _trustworthy)
        event.listen(writer.sync_engine, "begin", _begin_to_write)
        read_only = URL.create(SQLITE, database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        readers = create_async_engine(read_only, poolclass=AsyncAdaptedQueuePool, pool_size=4, max_overflow=0)
        event.listen(readers.sync_engine, "connect", _read_only)
        return cls(writer, readers, lock)

    async def close(self) -> None:
        await self.readers.dispose()
        await self.writer.dispose()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # Rows

    async def put(self, connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, in the order of the table's columns; where it has a key, update those that are there.

        Many rows in one statement: row by row, SQLite's thread would ask for Python's lock each time, and wait for us.
        """
        columns = len(table.columns)
        for skip in range(0, len(rows), _VARIABLES // columns):
            part = rows[skip : skip + _VARIABLES // columns]
            before, after = self._put_into(table)
            values = ",".join([f"({','.join('?' * columns)})"] * len(part))
            await connection.exec_driver_sql(f"{before}{values}{after}", tuple(chain.from_iterable(part)))

    def _put_into(self, table: Table) -> tuple[str, str]:
        """The statement around its values. Built once: SQLAlchemy's own way costs as much as the database does."""
        if table.name not in self._puts:
            names = [column.name for column in table.columns]
            statement = str(_put(table).compile(dialect=self.writer.dialect, column_keys=names))
            before, _, after = re.split(r"(\(\?(?:, \?)*\))", statement, maxsplit=1)
            self._puts[table.name] = (before, after)
        return self._puts[table.name]

    @staticmethod
    def by_code_point(column: Any) -> Any:
        """A text compared by its code points, whatever the database's language: SQLite always does."""
        return column

    @staticmethod
    def pack(rows: bytes) -> bytes:
        """A stretch's JSON as `history` keeps it."""
        return zlib.compress(rows, 1)

    @staticmethod
    def unpack(kept: bytes) -> bytes:
        return zlib.decompress(kept)

    # Months: a table each, and a view over all of them. To be called in a transaction.

    @staticmethod
    def months(connection: Connection) -> set[Month]:
        return {Month.of_table(name) for name in inspect(connection).get_table_names() if name.startswith("history_")}

    def begin_history(self, connection: Connection) -> None:
        """There is a history, and nothing in it."""
        self._look_over(connection)

    def begin_month(self, connection: Connection, month: Month) -> None:
        """Have a table for the rows that land in `month`."""
        table = month.table
        table.create(connection)
        connection.execute(text(f"CREATE UNIQUE INDEX {table.name}_by_seq ON {table.name} (store, epoch, first)"))
        self._look_over(connection)

    def retire(self, connection: Connection, month: Month) -> None:
        """The month is no more. Its pages are given back a little at a time, see `clear_some`: SQLite drops no large
        table at once."""
        name = month.table.name
        connection.execute(text("DROP VIEW history"))
        connection.execute(text(f"DROP INDEX {name}_by_seq"))
        connection.execute(text(f"ALTER TABLE {name} RENAME TO {_GONE}{month.begins}"))
        self._look_over(connection)

    @staticmethod
    def is_busy(error: DBAPIError) -> bool:
        """Did `retire` fail only because somebody reads?"""
        return False

    @staticmethod
    def clear_some(connection: Connection) -> bool:
        """Give back some pages of months that have been retired. False when there is nothing to give back."""
        gone = [name for name in inspect(connection).get_table_names() if name.startswith(_GONE)]
        if not gone:
            return False
        table = history_named(gone[0])
        oldest = select(func.min(literal_column("rowid"))).select_from(table).scalar_subquery()
        slice_ = delete(table).where(literal_column("rowid") < oldest + _SLICE_ROWS)
        if connection.execute(slice_).rowcount == 0:
            table.drop(connection)
        return True

    def _look_over(self, connection: Connection) -> None:
        names = [column.name for column in tables.history.columns]
        months = [f"SELECT {', '.join(names)} FROM {month.table.name}" for month in sorted(self.months(connection))]  # noqa: S608 - our names
        nothing = f"SELECT {', '.join(f'NULL AS {name}' for name in names)} WHERE 0"
        connection.execute(text("DROP VIEW IF EXISTS history"))
        connection.execute(text(f"CREATE VIEW history AS {' UNION ALL '.join(months) or nothing}"))


def _put(table: Table) -> Any:
    keys = [column.name for column in table.primary_key]
    if not keys:
        return insert(table)
    put = sqlite.insert(table)
    others = {column.name: put.excluded[column.name] for column in table.columns if column.name not in keys}
    return put.on_conflict_do_update(index_elements=keys, set_=others)


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


def _trustworthy(connection: Any, record: ConnectionPoolEntry) -> None:
    """Set what makes a commit last, and believe it only when SQLite says so."""
    connection.isolation_level = None  # we say BEGIN ourselves, so that changes of tables are in transactions too
    cursor = connection.cursor()
    for pragma, wanted in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {pragma} = {wanted}")
        cursor.execute(f"PRAGMA {pragma}")
        (found,) = cursor.fetchone()
        if found != wanted:
            raise DatabaseRefused(f"SQLite keeps {pragma} at {found!r} and not {wanted!r}; use a local disk")
    for pragma, wanted in _FOR_SPEED.items():
        cursor.execute(f"PRAGMA {pragma} = {wanted}")
    cursor.close()


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _read_only(connection: Any, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = 1")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
