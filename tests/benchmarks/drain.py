"""A backlog of 50,000 rows drains into a mosquitto: ours to HQ, and thingsboard-gateway's, by turns, the same rows.

Each has its rows on disk when the broker comes back. `drain_rows_s`: from HQ's first word to the store until its word
that the last row is committed. `thingsboard_rows_s`: from the gateway's first message to its last, which proves nothing
about a database. `…_mb`: the most memory meanwhile, of the agent in its worst round, of the gateway in its best.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import httpx

from agent.clock import SystemClock
from simulators.goods import catalogue_csv, range_of_goods
from simulators.programs import Program
from tests.agent.programs import store_toml
from tests.benchmarks import thingsboard
from tests.benchmarks.figures import Figure, figure
from tests.benchmarks.processes import most_memory_mb
from tests.brokers import Mosquitto
from tests.hq_bridge.processes import hq_process, write_config
from wire.codec import decode_heard
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics

ROWS: Final = 50_000
ROUNDS: Final = 3
_LINES: Final = 250  # of a receipt
_STORE: Final = StoreTopics("demo", "SH-1")


class Drained(NamedTuple):
    """What draining took, and the rows as they stand in the books."""

    rows_s: float
    agent_mb: float
    rows: list[dict[str, Any]]


async def drained(folder: Path) -> Drained:
    """Sell without a broker, then let there be one."""
    broker = Mosquitto(folder)
    settings = folder / "store.toml"
    settings.write_text(store_toml(broker.address))
    (folder / "catalogue.csv").write_text(catalogue_csv(range_of_goods()), encoding="utf-8")
    agent = Program("agent", "agent", settings, folder / "agent.log")
    heard: list[tuple[float, int]] = []
    watch = Link(
        parse_broker(broker.address),
        "watch",
        topics=[_STORE.down("heard")],
        on_message=lambda _, payload: heard.append((time.perf_counter(), decode_heard(payload).upto)),
        now_ms=SystemClock().now_ms,
    )
    async with hq_process(write_config(folder, broker.address)):
        await agent.start()
        head = await _sell(agent.web)
        assert agent.pid is not None
        watching = asyncio.create_task(watch.run())
        await broker.start()
        agent_mb = await most_memory_mb(agent.pid, lambda: bool(heard) and heard[-1][1] >= head)
        watching.cancel()
        await asyncio.wait({watching})
        await agent.stop()
    broker.stop()
    with closing(sqlite3.connect(folder / "books.db")) as books:
        rows = [json.loads(body) for (body,) in books.execute("SELECT body FROM announcement ORDER BY seq")]
    return Drained(head / (heard[-1][0] - heard[0][0]), agent_mb, rows)


async def _sell(web: str) -> int:
    """The last row: those sold, and some cases."""
    gtins = [product.gtin for product in range_of_goods() if not product.tagged]
    async with httpx.AsyncClient(base_url=web, timeout=60) as store:
        for first in range(0, ROWS, _LINES):
            lines = [{"line": n, "gtin": gtins[(first + n) % len(gtins)], "qty": 1} for n in range(1, _LINES + 1)]
            (await store.post("/v1/sales", json={"receipt": f"R{first}", "lines": lines})).raise_for_status()
        head: int = (await store.get("/v1/stock")).json()["head"]
    return head


def figures() -> list[Figure]:
    """Measure; takes about three minutes."""
    ours: list[Drained] = []
    theirs: list[thingsboard.Drained] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            ours.append(asyncio.run(drained(Path(folder))))
        if thingsboard.is_here():
            with tempfile.TemporaryDirectory() as folder:
                theirs.append(asyncio.run(thingsboard.drained(Path(folder), ours[-1].rows)))
    rows_s = median(each.rows_s for each in ours)
    found = [
        figure("drain_rows_s", round(rows_s), "rows/s"),
        figure("drain_agent_mb", round(max(each.agent_mb for each in ours), 1), "MiB"),
    ]
    if not theirs:
        print(
            "drain: THINGSBOARD-GATEWAY IS NOT HERE, so nothing was compared: scripts/peers installs it",
            file=sys.stderr,
        )
        return found
    times = round(median(one.rows_s / other.rows_s for one, other in zip(ours, theirs, strict=True)), 2)
    return [
        *found,
        figure("thingsboard_rows_s", round(median(each.rows_s for each in theirs)), "rows/s"),
        figure("thingsboard_mb", round(min(each.gateway_mb for each in theirs), 1), "MiB"),
        figure("thingsboard_lost_rows", sum(each.lost for each in theirs), "rows"),
        figure("drain_vs_thingsboard", times, "times", "thingsboard-gateway", times),
    ]
