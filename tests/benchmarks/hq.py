"""HQ's side of the line: rows landed per second against the bare floor (the same rows in the same turns by executemany
in stdlib sqlite3, synchronous=FULL, same disk), and how soon a store hears of its row over a local mosquitto.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy.engine import URL
from structlog.testing import capture_logs

from hq_bridge.books import Draft
from hq_bridge.clock import now_ms
from hq_bridge.ingest import Ingest
from hq_bridge.store import Database, Unreadable
from tests.benchmarks.figures import Figure, figure, percentile
from tests.brokers import running_mosquitto
from tests.hq_bridge.processes import hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.waiting import until

STORES: Final = 20
ROWS: Final = 2500  # of each store
SKUS: Final = 300
ROUNDS: Final = 3
HEARD: Final = 1000
EVERY_S: Final = 0.005  # 200 rows/s

Turn = list[tuple[str, list[tuple[Any, ...]]]]


class _Watched(Database):
    """The database, with what it was given to put, turn by turn."""

    turns: list[Turn]

    async def land(self, drafts: Sequence[Draft], unreadable: Sequence[Unreadable]) -> None:
        self.turns.append([])
        await super().land(drafts, unreadable)

    async def _put(self, connection: Any, table: Any, rows: list[tuple[Any, ...]]) -> None:
        self.turns[-1].append((table.name, rows))
        await super()._put(connection, table, rows)


async def landed(folder: Path, shops: list[Shop]) -> tuple[float, _Watched]:
    """Rows per second from the line's callback to the commit."""
    batches = [(s.topics.up("log"), s.batch(first, 100)) for first in range(1, ROWS, 100) for s in shops]
    async with await _Watched.open(URL.create("sqlite+aiosqlite", database=str(folder / "hq.db"))) as database:
        database.turns = []
        ingest = Ingest("demo", database, {}, lambda *_: None, now_ms)
        writer = asyncio.create_task(ingest.run())
        began = time.perf_counter()
        for topic, payload in batches:
            ingest.offer(topic, payload)
        await until(lambda: ingest.counts["landed"] == STORES * ROWS, 60)
        took_s = time.perf_counter() - began
        writer.cancel()
        await asyncio.wait({writer})
        return STORES * ROWS / took_s, database


def on_the_floor(folder: Path, database: _Watched) -> float:
    """Rows per second when nothing is read, checked or decided."""
    with closing(sqlite3.connect(folder / "hq.db")) as landed_in:
        schema = landed_in.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    db = sqlite3.connect(folder / "floor.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = FULL")
    for (sql,) in schema:
        if "sqlite_sequence" not in sql:
            db.execute(sql)
    began = time.perf_counter()
    for turn in database.turns:
        db.execute("BEGIN IMMEDIATE")
        for table, rows in turn:
            db.executemany(database._puts[table], rows)
        db.execute("COMMIT")
    took_s = time.perf_counter() - began
    db.close()
    return STORES * ROWS / took_s


async def heard_ms(folder: Path) -> list[float]:
    """From the store's publish to HQ's `heard` for it, at 200 rows/s, one row each time."""
    waits: list[float] = []
    sent_at: dict[int, float] = {}
    shop = Shop(skus=SKUS)
    async with (
        running_mosquitto(folder) as broker,
        hq_process(write_config(folder, broker.address)),
        on_the_line(ShopLine(shop, broker.address)) as line,
    ):
        await until(lambda: line.heard)
        loop = asyncio.get_running_loop()
        due = loop.time()
        for _ in range(HEARD):
            shop.trade(1, now_ms())
            sent_at[shop.head] = loop.time()
            line.link.publish(shop.topics.up("log"), shop.batch(shop.head, 1))
            due += EVERY_S
            await asyncio.sleep(due - loop.time())
            known = len(waits)
            waits += [1000 * (line.heard_at[seq] - sent_at[seq]) for seq in range(known + 1, line.upto + 1)]
        await until(lambda: line.upto == HEARD)
        waits += [1000 * (line.heard_at[seq] - sent_at[seq]) for seq in range(len(waits) + 1, HEARD + 1)]
    return waits


def figures() -> list[Figure]:
    """Measure; takes about 20 seconds."""
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(ROUNDS):
        shops = [Shop(f"SH-{n:04}", seed=n, skus=SKUS) for n in range(STORES)]
        for shop in shops:
            shop.trade(ROWS)
        with tempfile.TemporaryDirectory() as folder, capture_logs():
            rate, database = asyncio.run(landed(Path(folder), shops))
            ours.append(rate)
            floor.append(on_the_floor(Path(folder), database))
    ratio = round(median(one / other for one, other in zip(ours, floor, strict=True)), 3)
    with tempfile.TemporaryDirectory() as folder:
        waits = asyncio.run(heard_ms(Path(folder)))
    return [
        figure("hq_sqlite_rows_s", round(median(ours)), "rows/s", "sqlite3 executemany", ratio),
        figure("hq_floor_rows_s", round(median(floor)), "rows/s"),
        figure("heard_p50_ms", round(percentile(waits, 50), 1), "ms"),
        figure("heard_p99_ms", round(percentile(waits, 99), 1), "ms"),
    ]
