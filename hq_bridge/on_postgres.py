"""HQ's books in PostgreSQL: its lock, its settings, its way to take many rows, its months."""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import ARRAY, Connection, Table, bindparam, event, func, insert, inspect, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from hq_bridge import tables
from hq_bridge.months import Month
from hq_bridge.refusals import DatabaseRefused

#: What the writer's session asks for. The server notices within half a minute that a writer's machine is gone, and
#: lets go of its lock.
_SESSION = {
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
#: Read back: a server that does not keep these loses what it said it has, or cannot keep it.
_MUST_BE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "server_encoding": "UTF8"}
_OLDEST = 140000
_WRITER = select(tables.about.c.writer).with_for_update(read=True)
_LOCK = 0x6E656172  # of this database, for whoever writes HQ's books
_GRACE = "2s"  # for an HQ that has just been killed: its session ends a moment later
_LOCK_NOT_AVAILABLE = "55P03"
_PATIENCE = "500ms"  # how long dropping a month may wait for readers: rows that land wait behind it

#: Histories and stock by SKU, for SQL.
_VIEWS = """
CREATE VIEW history_row AS SELECT h.store, h.epoch, (r.value ->> 'seq')::bigint AS seq, h.landed_at,
    r.value ->> 'kind' AS kind, r.value ->> 'sku' AS sku, r.value AS body
  FROM history h CROSS JOIN LATERAL json_array_elements(h.rows::json) AS r(value);
CREATE VIEW stock_by_place AS SELECT s.store, s.sku, p.key AS place, p.value::bigint AS qty, s.seq
  FROM stock s CROSS JOIN LATERAL json_each_text(s.places::json) AS p(key, value)"""

T = TypeVar("T")


class OnPostgres:
    """One connection writes and holds the lock, four read."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self.readers = readers
        self._writer = writer
        self._puts: dict[str, Any] = {}

    @classmethod
    async def open(cls, url: URL) -> Self:
        """The database that `url` names, for this HQ alone. Raises DatabaseRefused."""
        name = f"nearshelf-hq {socket.gethostname()[:30]} {os.getpid()}"
        writer = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=600,
            connect_args={"server_settings": {**_SESSION, "application_name": name}},
        )
        event.listen(writer.sync_engine, "connect", _trustworthy)
        settings = {"default_transaction_read_only": "on", "application_name": f"{name} reads"}
        readers = create_async_engine(
            url, pool_size=4, max_overflow=0, pool_pre_ping=True, connect_args={"server_settings": settings}
        )
        opened = cls(writer, readers)
        try:
            async with writer.connect():
                return opened
        except (OSError, DBAPIError) as error:
            await opened.close()
            where = url.render_as_string(hide_password=True)
            raise DatabaseRefused(f"{where}: {_first_line(error)}") from error
        except BaseException:
            await opened.close()
            raise

    async def close(self) -> None:
        await self.readers.dispose()
        await self._writer.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction. Raises what `work` and PostgreSQL raise."""
        async with self._writer.begin() as connection:
            return await connection.run_sync(work)

    @staticmethod
    def writer_now(connection: Connection) -> int | None:
        """The number of whoever opened the database last; nobody else can until this transaction ends."""
        found: int | None = connection.execute(_WRITER).scalar()
        return found

    # Rows

    def put(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, in the order of the table's columns; where it has a key, update those that are there."""
        if rows:
            columns = zip(*rows, strict=True)
            values = {column.name: list(each) for column, each in zip(table.columns, columns, strict=True)}
            connection.execute(self._put_into(table), values)

    def _put_into(self, table: Table) -> Any:
        if table.name not in self._puts:
            self._puts[table.name] = _put(table, self._writer.dialect)
        return self._puts[table.name]

    @staticmethod
    def by_code_point(column: Any) -> Any:
        """A text compared by its code points, whatever the database's language."""
        return column.collate("C")

    @staticmethod
    def pack(rows: bytes) -> str:
        """A stretch's JSON as `history` keeps it."""
        return rows.decode()

    @staticmethod
    def unpack(kept: str) -> bytes:
        return kept.encode()

    # Months: a partition each. To be called in a transaction.

    @staticmethod
    def months(connection: Connection) -> set[Month]:
        return {Month.of_table(name) for name in inspect(connection).get_table_names() if name.startswith("history_")}

    @staticmethod
    def begin_history(connection: Connection) -> None:
        """There is a history, and nothing in it."""
        tables.history.create(connection)
        for view in _VIEWS.split(";"):
            connection.execute(text(view.replace(":", r"\:")))

    @staticmethod
    def begin_month(connection: Connection, month: Month) -> None:
        """Have a table for the rows that land in `month`."""
        name = month.table.name
        bounds = f"FROM ({month.begins}) TO ({month.ends})"
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF history FOR VALUES {bounds}"))
        connection.execute(text(f"CREATE UNIQUE INDEX {name}_by_seq ON {name} (store, epoch, first)"))

    @staticmethod
    def retire(connection: Connection, month: Month) -> None:
        """The month is no more, nor its file."""
        connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
        connection.execute(text(f"DROP TABLE {month.table.name}"))

    @staticmethod
    def is_busy(error: DBAPIError) -> bool:
        """Did `retire` fail only because somebody reads?"""
        return getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE

    @staticmethod
    def clear_some(connection: Connection) -> bool:
        """Nothing of a month that was retired is left."""
        return False


def _put(table: Table, dialect: Any) -> Any:
    """All rows in one statement, a column in one array."""
    names = [column.name for column in table.columns]
    arrays = [bindparam(column.name, type_=ARRAY(column.type.dialect_impl(dialect))) for column in table.columns]
    rows = func.unnest(*arrays).table_valued(*names, name="landed").render_derived()
    keys = [column.name for column in table.primary_key]
    source = select(*[rows.c[name] for name in names])
    if not keys:
        return insert(table).from_select(names, source)
    put = postgresql.insert(table).from_select(names, source)
    others = {name: put.excluded[name] for name in names if name not in keys}
    return put.on_conflict_do_update(index_elements=keys, set_=others)


def _trustworthy(connection: Any, record: ConnectionPoolEntry) -> None:
    """Believe that a commit lasts only when the server says so, and write only while nobody else does."""
    cursor = connection.cursor()

    def ask(statement: str) -> Any:
        cursor.execute(statement)
        return cursor.fetchone()[0]

    for setting, wanted in _MUST_BE.items():
        if (found := ask(f"SHOW {setting}")) != wanted:
            raise DatabaseRefused(f"PostgreSQL keeps {setting} at {found!r} and not {wanted!r}; set it so")
    if int(ask("SHOW server_version_num")) < _OLDEST:
        raise DatabaseRefused(f"PostgreSQL {ask('SHOW server_version')} is too old; 14 is the oldest HQ can use")
    if ask("SELECT pg_is_in_recovery()"):
        raise DatabaseRefused("this PostgreSQL is a replica; name the primary")
    cursor.execute(f"SET lock_timeout = '{_GRACE}'")
    connection.commit()
    try:
        cursor.execute(f"SELECT pg_advisory_lock({_LOCK})")
    except Exception as error:
        if getattr(error, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        connection.rollback()
        raise DatabaseRefused(f"another HQ ({_holder(cursor)}) keeps its books there; stop that one first") from error
    cursor.execute("SET lock_timeout = 0")
    cursor.execute(
        "SELECT set_config(name, 'lz4', false) FROM pg_settings"
        " WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
    )
    cursor.close()
    connection.commit()


def _holder(cursor: Any) -> str:
    cursor.execute(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
    )
    found = cursor.fetchone()
    return found[0] if found else "unknown"


def _first_line(error: BaseException) -> str:
    return (str(error.__cause__ or error) or type(error).__name__).splitlines()[0]
