"""How many rows one HQ lands per second, from the line's callback to the commit and `heard`, in each database.

The source is in the same process and gives Ingest what the line would: real batches of 100 rows of 2,000 stores, each
with its own stock. So everything is in it (decoding, contiguity, digest, draft, commit, memory, answer) but MQTT. The
floor is what the database takes when nothing is read, checked or decided: the same rows in the same transactions by the
bare driver, right afterwards.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import Table
from sqlalchemy.engine import URL

from hq_bridge.clock import now_ms
from hq_bridge.ingest import Ingest
from hq_bridge.layout import On
from hq_bridge.store import Database
from tests.benchmarks.many_stores import batches
from tests.waiting import until

ROWS: Final = 100  # of a batch
STORES: Final = 2000
BATCHES: Final = 2  # of each store
FEW_STORES: Final = 10
_FED: Final = 500  # batches that wait at HQ

#: What one transaction put: each table's statement and rows.
Turn = list[tuple[str, list[tuple[Any, ...]]]]


class _Recording:
    """SQLite or PostgreSQL, and everything it was given to put."""

    def __init__(self, on: On) -> None:
        self._on = on
        self.turns: list[Turn] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._on, name)

    def put(self, connection: Any, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        if table.name.startswith("history_"):
            self.turns.append([])
        if rows:
            into = self._on._put_into(table)
            if isinstance(into, tuple):
                statement = f"({','.join('?' * len(rows[0]))})".join(into)
            else:
                statement = str(into.compile(dialect=self._on._writer.dialect))
            self.turns[-1].append((statement, list(rows)))
        self._on.put(connection, table, rows)


class Landed:
    """What landing took, and what it left."""

    def __init__(self, rows: int, took_s: float, cpu_s: float, turns: list[Turn]) -> None:
        self.rows = rows
        self.took_s = took_s
        self.cpu_s = cpu_s  # of this process: with PostgreSQL, the server's is not in it
        self.turns = turns

    @property
    def rows_s(self) -> float:
        return self.rows / self.took_s

    @property
    def us_a_row(self) -> float:
        return self.took_s / self.rows * 1e6


async def land(url: URL, messages: list[tuple[str, bytes]]) -> Landed:
    """Give HQ all messages, never more than some hundred ahead of it, until it has answered the last."""
    rows = len(messages) * ROWS
    async with await Database.open(url) as database:
        recording = _Recording(database._on)
        database._on = recording  # type: ignore[assignment]
        ingest = Ingest("demo", database, {}, lambda *_: None, now_ms)
        writer = asyncio.create_task(ingest.run())
        began, cpu_began = time.perf_counter(), time.process_time()
        for at, (topic, payload) in enumerate(messages):
            ingest.offer(topic, payload)
            if at % 50 == 0:
                await until(lambda: len(ingest._waiting) < _FED, 60)
        await until(lambda: ingest.counts["landed"] == rows or writer.done(), 60)
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        writer.cancel()
        await asyncio.wait({writer})
    return Landed(rows, took_s, cpu_s, recording.turns)


def sqlite_floor(folder: Path, landed: Landed) -> float:
    """Rows per second of the standard library's sqlite3 with the same settings; `folder` has the landed `hq.db`."""
    with closing(sqlite3.connect(folder / "hq.db")) as landed_in:
        schema = landed_in.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    db = sqlite3.connect(folder / "floor.db", isolation_level=None)
    for setting in ("journal_mode = wal", "synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 2000"):
        db.execute(f"PRAGMA {setting}")
    for (sql,) in schema:
        if "sqlite_sequence" not in sql:
            db.execute(sql)
    began = time.perf_counter()
    for turn in landed.turns:
        db.execute("BEGIN IMMEDIATE")
        for statement, rows in turn:
            db.executemany(statement, rows)
        db.execute("COMMIT")
    took_s = time.perf_counter() - began
    db.close()
    return landed.rows / took_s


async def postgres_floor(url: URL, landed: Landed) -> float:
    """Rows per second of bare asyncpg into the same tables, emptied before."""
    connection = await asyncpg.connect(host=url.host, port=url.port, user=url.username, database=url.database)
    await connection.execute("TRUNCATE history, stock, store_case, store_position")
    turns = [
        [(statement, [list(column) for column in zip(*rows, strict=True)]) for statement, rows in turn]
        for turn in landed.turns
    ]
    began = time.perf_counter()
    for turn in turns:
        async with connection.transaction():
            for statement, columns in turn:
                await connection.execute(statement, *columns)
    took_s = time.perf_counter() - began
    await connection.close()
    return landed.rows / took_s


def many() -> list[tuple[str, bytes]]:
    return batches(STORES, BATCHES, ROWS)


def few() -> list[tuple[str, bytes]]:
    """As many rows of few stores."""
    return batches(FEW_STORES, STORES * BATCHES // FEW_STORES, ROWS)
