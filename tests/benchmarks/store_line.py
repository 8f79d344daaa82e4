"""A real store on a real line: mosquitto, HQ, agent, scanners on ptys and an LLRP reader, each a process or a device.

`scan_to_hq_p99_ms`: from the byte written by the scanner to the arrival of HQ's own "heard", which HQ says after its
commit; so the figure includes a hop more than it must. 200 scans per second, spread over four scanners.
`agent_ready_s`: from the start of the process to its `ready`, on books with an hour's traffic in them.
`agent_rss_mb`: the agent's resident memory after an hour's worth of the demo's traffic, in fewer minutes.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import httpx

from agent.clock import SystemClock
from simulators.goods import catalogue_csv, range_of_goods, sgtin_96
from simulators.llrp_reader import SimulatedReader
from simulators.programs import Program
from simulators.serial_scanner import SerialScanner
from simulators.verdict import hq_log
from tests.agent.programs import store_toml
from tests.benchmarks.figures import Figure, figure, percentile
from tests.brokers import Mosquitto
from tests.chaos.arena import HQ_TOML
from tests.waiting import until
from wire import codec
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics

SCANNERS: Final = 4
SCANS_PER_S: Final = 200
SECONDS: Final = 15
STARTS: Final = 7
#: What one store of the demo does in an hour, rounded up (`make demo` prints its events).
HOUR_SCANS: Final = 16_000
HOUR_SALES: Final = 8_000
HOUR_TAGS: Final = 300
TAG_ROUNDS_PER_S: Final = 20.0

STORE = StoreTopics("demo", "SH-0001")

_PORTAL_TOML = """\
[[device]]
name = "portal"
kind = "llrp"
settings = {{ address = "{reader}" }}
[[device.zone]]
antenna = 1
place = "BACKROOM"
"""
_SCANNER_TOML = """\
[[device]]
name = "{name}"
kind = "barcode_serial"
purpose = "receive"
repeat_ms = 0
settings = {{ port = "{port}", acknowledge = true }}
"""


@dataclass
class Site:
    """Everything that runs."""

    hq: Program
    agent: Program
    scanners: list[SerialScanner]
    reader: SimulatedReader
    codes: list[str]
    #: Each cursor HQ told the store, with the time it arrived (perf_counter).
    heard: list[tuple[int, float]]

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.agent.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    """A store and HQ at work, and somebody who listens to what HQ answers."""
    broker = Mosquitto(folder)
    hq = Program("HQ", "hq_bridge", folder / "hq.toml", folder / "hq.log")
    agent = Program("agent", "agent", folder / "agent.toml", folder / "agent.log")
    scanners = [SerialScanner(folder / f"scanner-{n}") for n in range(SCANNERS)]
    reader = SimulatedReader(antennas=2, rounds_per_s=TAG_ROUNDS_PER_S, seed=1)
    products = range_of_goods()
    heard: list[tuple[int, float]] = []
    link = Link(
        parse_broker(broker.address),
        "bench",
        topics=[STORE.down("heard")],
        on_message=lambda _, payload: heard.append((codec.decode_heard(payload).upto, time.perf_counter())),
        now_ms=SystemClock().now_ms,
    )
    listening: asyncio.Task[None] | None = None
    try:
        await broker.start()
        listening = asyncio.create_task(link.run())
        hq.settings.write_text(HQ_TOML.format(chain="demo", broker=broker.address))
        await hq.start()
        for scanner in scanners:
            scanner.plug()
        await reader.start()
        (folder / "catalogue.csv").write_text(catalogue_csv(products), encoding="utf-8")
        devices = "".join(_SCANNER_TOML.format(name=one.path.name, port=one.path) for one in scanners)
        agent.settings.write_text(
            store_toml(broker.address, store="SH-0001", more=_PORTAL_TOML.format(reader=reader.address) + devices)
        )
        await agent.start()
        await until(lambda: _all_up(agent.web))
        codes = [product.gtin for product in products if not product.tagged]
        yield Site(hq, agent, scanners, reader, codes, heard)
    finally:
        await agent.stop()
        await hq.stop()
        await reader.stop()
        for scanner in scanners:
            scanner.unplug()
        if listening is not None:
            listening.cancel()
            await asyncio.wait([listening])
        broker.stop()


async def _all_up(web: str) -> bool | None:
    """Does every device of the store work?"""
    async with httpx.AsyncClient(base_url=web) as store:
        return all(device["state"] == "up" for device in (await store.get("/v1/health")).json()["devices"])


async def scan_to_hq(there: Site) -> list[float]:
    """Milliseconds from each scan to HQ's word that it is committed, at 200 scans per second."""
    written: dict[str, float] = {}
    began = asyncio.get_running_loop().time()

    async def operator(number: int) -> None:
        scanner, loop = there.scanners[number], asyncio.get_running_loop()
        chance = Random(number)
        for n in range(SCANS_PER_S * SECONDS // SCANNERS):
            due = began + (n * SCANNERS + number) / SCANS_PER_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            at = time.perf_counter()
            assert await scanner.scan(chance.choice(there.codes))
            written[f"scan:{scanner.path.name}:{n + 1}"] = at

    await asyncio.gather(*(operator(number) for number in range(SCANNERS)))
    async with httpx.AsyncClient(base_url=there.hq.web) as hq:

        async def landed() -> list[dict[str, Any]] | None:
            rows = await hq_log(hq, STORE.store)
            return rows if len(rows) >= len(written) else None

        rows: list[dict[str, Any]] = await until(landed, within_s=60)
    seq_of = {row["source"]: row["seq"] for row in rows}
    heard = iter(there.heard)
    upto, at = next(heard)
    waits: list[float] = []
    for source, seq in sorted(((source, seq_of[source]) for source in written), key=lambda one: one[1]):
        while upto < seq:
            upto, at = next(heard)
        waits.append((at - written[source]) * 1000)
    return waits


async def an_hours_traffic(there: Site) -> None:
    """As many scans, sales and tag reads as one store of the demo makes in an hour."""
    products = range_of_goods()
    tagged = next(product for product in products if product.tagged)
    epcs = [sgtin_96(tagged.gtin, tagged.company_digits, serial) for serial in range(HOUR_TAGS)]
    async with httpx.AsyncClient(base_url=there.agent.web, timeout=30) as store:
        note = {
            "delivery": "D1",
            "lines": [{"line": 1, "gtin": tagged.gtin, "epcs": [epc.hex() for epc in epcs]}],
        }
        (await store.post("/v1/deliveries", json=note)).raise_for_status()
        for epc in epcs:
            there.reader.place(epc, 1)

        async def operator(scanner: SerialScanner) -> None:
            for n in range(HOUR_SCANS // SCANNERS):
                assert await scanner.scan(there.codes[n % len(there.codes)])

        async def till(name: str) -> None:
            for n in range(HOUR_SALES // 4):
                line = {"line": 1, "gtin": there.codes[n % len(there.codes)], "qty": 1}
                (await store.post("/v1/sales", json={"receipt": f"{name}-{n}", "lines": [line]})).raise_for_status()

        await asyncio.gather(*map(operator, there.scanners), *(till(f"T{n}") for n in range(4)))


async def measured(folder: Path) -> list[Figure]:
    async with site(folder) as there:
        waits = await scan_to_hq(there)
        fresh_mb = there.memory_mb()
        await an_hours_traffic(there)
        full_mb = there.memory_mb()
        starts = []
        for _ in range(STARTS):
            await there.agent.stop()
            starts.append(await there.agent.start())
    p99 = round(percentile(waits, 99), 1)
    return [
        figure("scan_to_hq_p99_ms", p99, "ms"),
        figure("scan_to_hq_p50_ms", round(percentile(waits, 50), 1), "ms"),
        figure("agent_ready_s", round(median(starts), 2), "s"),
        figure("agent_rss_mb", round(full_mb, 1), "MB"),
        figure("agent_rss_before_mb", round(fresh_mb, 1), "MB"),
    ]


def figures() -> list[Figure]:
    """Measure; takes about two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(measured(Path(folder)))
