"""HQ's side of the line: rows landed per second in SQLite and in PostgreSQL against the bare drivers (`hq_landing.py`),
what a row costs with few stores and with many, and how soon a store hears of its row over a local mosquitto.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from sqlalchemy.engine import URL
from structlog.testing import capture_logs

from hq_bridge.clock import now_ms
from hq_bridge.memory import spare_the_books
from tests.benchmarks import hq_landing
from tests.benchmarks.figures import Figure, figure, percentile
from tests.benchmarks.hq_landing import Landed
from tests.benchmarks.many_stores import batches
from tests.brokers import running_mosquitto
from tests.hq_bridge.processes import hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.postgres import Postgres, running_postgres
from tests.waiting import until
from wire.codec import decode_heard
from wire.mqtt import Link, parse_broker

ROUNDS: Final = 3
HEARD: Final = 1000
EVERY_S: Final = 0.005  # 200 rows/s
SYNCED: Final = 500
BUSY_STORES: Final = 100
BUSY_BATCHES: Final = 30  # of each store, 100 rows each
BUSY_EVERY_S: Final = 1 / 300  # 30,000 rows/s

Messages = list[tuple[str, bytes]]
#: Each round: what it took, and the floor in rows/s.
Rounds = list[tuple[Landed, float]]


def landed_in_sqlite(messages: Messages) -> tuple[Landed, float, float]:
    """What it took, the floor in rows/s, and bytes on disk for a row."""
    with tempfile.TemporaryDirectory() as folder, capture_logs():
        url = URL.create("sqlite+aiosqlite", database=f"{folder}/hq.db")
        landed = asyncio.run(hq_landing.land(url, messages))
        size = Path(folder, "hq.db").stat().st_size
        floor = hq_landing.sqlite_floor(Path(folder), landed)
        landed.turns.clear()
        return landed, floor, size / landed.rows


def landed_in_postgres(server: Postgres, messages: Messages) -> tuple[Landed, float]:
    """What it took, and the floor in rows/s."""
    url = server.wiped()
    with capture_logs():
        landed = asyncio.run(hq_landing.land(url, messages))
    floor = asyncio.run(hq_landing.postgres_floor(url, landed))
    landed.turns.clear()
    return landed, floor


async def heard_ms(folder: Path) -> list[float]:
    """From the store's publish to HQ's `heard` for it, at 200 rows/s, one row each time."""
    waits: list[float] = []
    sent_at: dict[int, float] = {}
    shop = Shop(skus=300)
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


async def heard_ms_30k(folder: Path) -> list[float]:
    """The same at 30,000 rows/s: 300 batches of 100 rows each second, of 100 stores by turns, for ten seconds.

    From when a batch is due at the store's side of the pipe, so waiting to be sent counts, to `heard` for its last row.
    All stores share one connection: it is HQ that is measured.
    """
    waits: list[float] = []
    due_at: dict[tuple[str, int], float] = {}
    messages = batches(BUSY_STORES, BUSY_BATCHES)
    async with running_mosquitto(folder) as broker, hq_process(write_config(folder, broker.address)):
        loop = asyncio.get_running_loop()

        def on_heard(topic: str, payload: bytes) -> None:
            store, upto = topic.split("/")[4], decode_heard(payload).upto
            seq = upto
            while (due := due_at.pop((store, seq), None)) is not None:
                waits.append(1000 * (loop.time() - due))
                seq -= 100

        async with _linked(broker.address, on_heard) as link:
            begins = loop.time() + 0.1
            for number, (topic, payload) in enumerate(messages):
                due = begins + number * BUSY_EVERY_S
                await asyncio.sleep(max(0, due - loop.time()))
                due_at[topic.split("/")[4], 100 * (1 + number // BUSY_STORES)] = due
                link.publish(topic, payload)
            await until(lambda: len(waits) == len(messages), 30)
    return waits


def synced_ms(folder: Path) -> list[float]:
    """What the disk takes to keep a batch: no answer comes sooner."""
    waits: list[float] = []
    batch = bytes(8192)
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(SYNCED):
            file.write(batch)
            began = perf_counter()
            os.fdatasync(file.fileno())
            waits.append(1000 * (perf_counter() - began))
    return waits


@asynccontextmanager
async def _linked(address: str, on_heard: Callable[[str, bytes], None]) -> AsyncIterator[Link]:
    link = Link(
        parse_broker(address),
        "stores",
        topics=["nearshelf/v1/demo/+/+/down/heard"],
        on_message=on_heard,
        now_ms=now_ms,
    )
    task = asyncio.create_task(link.run())
    await until(lambda: link.state == "here")
    yield link
    task.cancel()
    await asyncio.wait({task})


def _landing(
    name: str, floor_of: str, found: list[tuple[Landed, float]], few: list[tuple[Landed, float]]
) -> list[Figure]:
    ratio = round(median(landed.rows_s / floor for landed, floor in found), 3)
    many, less = median(1e6 / floor for _, floor in found), median(1e6 / floor for _, floor in few)
    flat = median(landed.us_a_row for landed, _ in found) / median(landed.us_a_row for landed, _ in few)
    return [
        figure(f"hq_{name}_rows_s", round(median(landed.rows_s for landed, _ in found)), "rows/s", floor_of, ratio),
        figure(f"hq_{name}_floor_rows_s", round(median(floor for _, floor in found)), "rows/s"),
        figure(f"hq_{name}_us_row_2000_stores", round(median(each.us_a_row for each, _ in found), 2), "us"),
        figure(f"hq_{name}_us_row_10_stores", round(median(each.us_a_row for each, _ in few), 2), "us"),
        # Beside it the floor's own: of few stores, fewer SKUs are written.
        figure(f"hq_{name}_2000_vs_10_stores", round(flat, 2), "times", f"{floor_of}_itself", round(many / less, 2)),
        figure(f"hq_{name}_cpu_us_row", round(median(each.cpu_s / each.rows * 1e6 for each, _ in found), 2), "us"),
    ]


def figures() -> list[Figure]:
    """Measure; takes about two minutes."""
    with tempfile.TemporaryDirectory() as folder:  # first, while the stores' end is still small
        waits = asyncio.run(heard_ms(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        busy = asyncio.run(heard_ms_30k(Path(folder)))
        synced = percentile(synced_ms(Path(folder)), 99)
    many, few = hq_landing.many(), hq_landing.few()
    spare_the_books()  # as HQ does
    lite = [landed_in_sqlite(many) for _ in range(ROUNDS)]
    lite_few = [landed_in_sqlite(few) for _ in range(ROUNDS)]
    with running_postgres() as server:
        pg = [landed_in_postgres(server, many) for _ in range(ROUNDS)]
        pg_few = [landed_in_postgres(server, few) for _ in range(ROUNDS)]
    slowest = percentile(busy, 99)
    return [
        *_landing("sqlite", "sqlite3", [each[:2] for each in lite], [each[:2] for each in lite_few]),
        figure("hq_sqlite_bytes_row", round(median(each[2] for each in lite_few)), "bytes"),
        *_landing("pg", "asyncpg", pg, pg_few),
        figure("heard_p50_ms", round(percentile(waits, 50), 1), "ms"),
        figure("heard_p99_ms", round(percentile(waits, 99), 1), "ms"),
        figure("heard_p50_ms_30k", round(percentile(busy, 50), 1), "ms"),
        figure("heard_p99_ms_30k", round(slowest, 1), "ms", "fdatasync", round(slowest / synced, 2)),
        figure("fdatasync_p99_ms", round(synced, 1), "ms"),
    ]
