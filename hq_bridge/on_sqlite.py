"""HQ's books in one SQLite file: its lock, its settings, its way to take many rows, its months."""

import asyncio
import fcntl
import os
import re
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, StaticPool

from hq_bridge import tables
from hq_bridge.checkpoints import Checkpoints
from hq_bridge.config import SQLITE
from hq_bridge.months import Month
from hq_bridge.refusals import DatabaseLost, DatabaseRefused
from hq_bridge.tables import history_named

#: Asked for, then read back: a database that does not keep these loses what it said it has.
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}
#: For speed: pages kept in memory (KiB, negative); the log is brought home by `checkpoints.py`.
_FOR_SPEED = {"cache_size": -65536, "wal_autocheckpoint": 0}
_ROWS_AT_ONCE = 512  # of a statement: of 7 columns well below the 32,766 variables SQLite takes
_STATEMENTS_KEPT = 256  # a table has 10 forms of its statement, from 1 row to 512
_SLICE_ROWS = 200  # deleted in one transaction when a month goes: about 5 ms
_WRITER = str(select(tables.about.c.writer).compile(dialect=sqlite.dialect()))
_GONE = "gone_"  # before the name of a month's table that is being emptied

T = TypeVar("T")


class OnSqlite:
    """One connection writes, in a thread of its own; four read. All of it belongs to this process alone."""

    def __init__(self, writer: Engine, readers: AsyncEngine, checkpoints: Checkpoints, lock: int) -> None:
        self.readers = readers
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, "hq writer")
        self._checkpoints = checkpoints
        self._lock = lock
        self._puts: dict[str, tuple[str, str]] = {}

    @classmethod
    async def open(cls, url: URL) -> Self:
        """The file that `url` names, made if need be. Raises DatabaseRefused."""
        assert url.database is not None
        if not Path(url.database).parent.is_dir():
            raise DatabaseRefused(f"{url.database}: its folder does not exist; make it, or name another")
        lock = _lock_beside(url.database)
        connect = partial(_connect, url.database)
        writer = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        event.listen(writer, "begin", _begin_to_write)
        read_only = URL.create(SQLITE, database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        readers = create_async_engine(read_only, poolclass=AsyncAdaptedQueuePool, pool_size=4, max_overflow=0)
        event.listen(readers.sync_engine, "connect", _read_only)
        return cls(writer, readers, Checkpoints(connect), lock)

    async def close(self) -> None:
        await self.readers.dispose()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close_writer)
        self._thread.shutdown()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _close_writer(self) -> None:
        self._checkpoints.close()
        self._writer.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction, in the writer's thread from BEGIN to COMMIT: each way there and back would wait
        for whatever the event loop does. Goes on when the caller is cancelled. Raises what `work` and SQLite raise."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._writer.connect() as connection:
            driver = _driver(connection)
            try:
                self._checkpoints.before(driver)
                with connection.begin():
                    done = work(connection)
                self._checkpoints.after(driver)
            except sqlite3.Error as error:
                raise DatabaseLost(f"the database failed under HQ: {error}") from error
            return done

    @staticmethod
    def writer_now(connection: Connection) -> int | None:
        """The number of whoever opened the database last."""
        (found,) = _driver(connection).execute(_WRITER).fetchone() or (None,)
        return None if found is None else int(found)

    # Rows

    def put(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, in the order of the table's columns; where it has a key, update those that are there.

        Many rows in one statement: row by row, SQLite's thread would ask for Python's lock each time, and wait for us.
        As many as a power of two, so that statements are few and are understood once.
        """
        row = f"({','.join('?' * len(table.columns))})"
        done = 0
        while done < len(rows):
            part = rows[done : done + min(_ROWS_AT_ONCE, 1 << ((len(rows) - done).bit_length() - 1))]
            values = ",".join([row] * len(part))
            # SQLAlchemy's own way around the driver costs a small statement as much as SQLite does.
            _driver(connection).execute(values.join(self._put_into(table)), tuple(chain.from_iterable(part)))
            done += len(part)

    def _put_into(self, table: Table) -> tuple[str, str]:
        """The statement around its values. Built once: SQLAlchemy's own way costs as much as the database does."""
        if table.name not in self._puts:
            names = [column.name for column in table.columns]
            statement = str(_put(table).compile(dialect=self._writer.dialect, column_keys=names))
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


def _connect(database: str) -> sqlite3.Connection:
    """A connection that writes. Sets what makes a commit last, and believes it only when SQLite says so.

    We say BEGIN ourselves, so that changes of tables are in transactions too.
    """
    connection = sqlite3.connect(
        database, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS_KEPT
    )
    cursor = connection.cursor()
    for pragma, wanted in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {pragma} = {wanted}")
        (found,) = cursor.execute(f"PRAGMA {pragma}").fetchone()
        if found != wanted:
            raise DatabaseRefused(f"SQLite keeps {pragma} at {found!r} and not {wanted!r}; use a local disk")
    for pragma, wanted in _FOR_SPEED.items():
        cursor.execute(f"PRAGMA {pragma} = {wanted}")
    cursor.close()
    return connection


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _begin_to_write(connection: Connection) -> None:
    _driver(connection).execute("BEGIN IMMEDIATE")


def _read_only(connection: Any, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = 1")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
