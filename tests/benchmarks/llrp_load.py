"""Readers at work: what a store's readers cost from the wire to the tag tracker, and how much one connection can carry.

The readers are simulated ones in a process of their own. Ours is what the agent runs: driver, keeper, intake, tracker,
every tag known and at home. The peers get less to do: they hear the same readers, one after the other, and count each
tag in a dictionary. Cost is CPU time of the whole process, of one core.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from statistics import median
from struct import pack
from typing import Any, Final, TypedDict

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.tags import Tag, TagRules
from agent.devices import Keeper
from agent.intake import Intake
from drivers.llrp.codec import message, tlv
from drivers.llrp.driver import open_device
from simulators.llrp_reader import SimulatedReader
from tests.agent.shops import opened
from tests.benchmarks.figures import Figure, figure, line, percentile

READERS: Final = 4
TAGS_A_SECOND: Final = 1200
TAGS_OF_A_READER: Final = 2000
PACED_TAGS, FULL_TAGS = 10, 30  # in a message
PACED_S, FULL_S = 6.0, 3.0
ROUNDS: Final = 3
WARM_S: Final = 1.0
IDLE_S, LOOK_S = 2.0, 0.01
#: Messages made at the beginning and sent again and again, in blocks, as fast as they are taken.
MESSAGES: Final = 200
PLACES: Final = {1: "FLOOR", 2: "FLOOR", 3: "BACKROOM", 4: "BACKROOM"}


class Load(TypedDict):
    """What a client made of its readers: tags heard, in how much time, of it on the CPU; how late its loop was, p99.

    `idle_late_ms` is how late it is with nothing to do, on a machine that others may use.
    """

    tags: int
    wall_s: float
    cpu_s: float
    late_ms: float
    idle_late_ms: float


def tags_of(reader: int) -> list[bytes]:
    """Every tag before this reader: an antenna has every fourth."""
    return [bytes.fromhex("3034257bf4f3acef") + pack(">I", reader << 16 | nth) for nth in range(TAGS_OF_A_READER)]


def messages(reader: int, tags: int) -> list[bytes]:
    """Reports as an Impinj reader writes them, of now."""
    chance, field = random.Random(reader), list(enumerate(tags_of(reader)))
    now = time.time_ns() // 1000

    def report() -> bytes:
        nth, epc = chance.choice(field)
        said = pack(">BH", 0x81, 1 + nth % 4) + pack(">Bb", 0x86, -chance.randint(30, 80))
        said += pack(">BH", 0x87, chance.randint(1, 50)) + pack(">BQ", 0x82, now) + pack(">BQ", 0x84, now)
        return tlv(240, b"\x8d" + epc + said + pack(">BH", 0x88, 1))

    return [message("ROAccessReport", ident, b"".join(report() for _ in range(tags))) for ident in range(MESSAGES)]


# The readers' process.


async def serve(readers: int, tags: int, rate: float) -> None:
    """Serve until killed: `rate` tags per second and reader, 0: as fast as they are taken. Prints the addresses."""
    made = [SimulatedReader(rounds_per_s=0) for _ in range(readers)]
    print(json.dumps([await one.start() for one in made]), flush=True)
    async with asyncio.TaskGroup() as group:
        for nth, one in enumerate(made):
            group.create_task(stream(one, nth, tags, rate))


async def stream(reader: SimulatedReader, nth: int, tags: int, rate: float) -> None:
    """Report to whoever has started a ROSpec, one client after the other."""
    loop = asyncio.get_running_loop()
    while True:
        await reader.started.wait()
        made = messages(nth, tags)
        due = loop.time()
        with suppress(AssertionError, OSError):  # the client left
            for one in cycle(made if rate else [b"".join(made)]):
                if not reader.started.is_set() or reader.idle:
                    break
                await reader.send_raw(one)
                due += tags / rate if rate else 0.0
                await asyncio.sleep(max(0.0, due - loop.time()) if rate else 0)
        reader.started.clear()


# The clients, each a process.


async def ours(addresses: list[str], seconds: float) -> Load:
    """The agent's own way from the wire to the tracker."""
    clock, late = SystemClock(), list[float]()
    for _ in range(round(IDLE_S / LOOK_S)):
        now = time.perf_counter()
        await asyncio.sleep(LOOK_S)
        late.append((time.perf_counter() - now - LOOK_S) * 1000)
    idle_late_ms = percentile(late, 99)
    late.clear()
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder) / "books.sqlite") as shop, asyncio.TaskGroup() as group:
            for reader in range(len(addresses)):
                for nth, epc in enumerate(tags_of(reader)):
                    shop.books.tags[epc] = Tag(epc, "S", "in_stock", PLACES[1 + nth % 4], 1)
            intake = Intake(shop.clerk, clock, TagRules())
            keepers = [
                Keeper(
                    open_device(f"r{nth}", {"address": address}),
                    DeviceConfig(f"r{nth}", "llrp", {}, PLACES, None, 0),
                    intake,
                    clock,
                    lambda low, high: (low + high) / 2,
                )
                for nth, address in enumerate(addresses)
            ]
            running = [group.create_task(intake.run()), *(group.create_task(one.run()) for one in keepers)]
            while not all(one.health.readings for one in keepers):  # noqa: ASYNC110 # it is another process that begins
                await asyncio.sleep(LOOK_S)
            await asyncio.sleep(WARM_S)
            before, began, cpu = intake.counts.reads, time.perf_counter(), time.process_time()
            await asyncio.sleep(seconds * 2 / 3)
            tags, wall_s = intake.counts.reads - before, time.perf_counter() - began
            cpu_s = time.process_time() - cpu
            # How late the loop is, is looked at afterwards: looking costs half a percent of a core, which no peer pays.
            began = time.perf_counter()
            while (now := time.perf_counter()) - began < seconds / 3:
                await asyncio.sleep(LOOK_S)
                late.append((time.perf_counter() - now - LOOK_S) * 1000)
            load = Load(tags=tags, wall_s=wall_s, cpu_s=cpu_s, late_ms=percentile(late, 99), idle_late_ms=idle_late_ms)
            assert intake.counts.reads_dropped == intake.counts.reads_placeless == 0
            assert not sum(one.health.dropped for one in keepers)
            for task in running:
                task.cancel()
    return load


async def with_llrpkit(addresses: list[str], seconds: float) -> Load:
    from llrpkit import Reader

    seen: Counter[tuple[bytes, int | None]] = Counter()

    async def one(address: str) -> None:
        host, port = address.removeprefix("tcp://").split(":")
        async with Reader(host, int(port)) as client:
            async for report in client.inventory():
                seen[report.epc, report.antenna] += report.seen_count or 1

    tasks = [asyncio.create_task(one(address)) for address in addresses]
    while not seen:  # noqa: ASYNC110 # it is another process that begins
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(WARM_S)
    before, began, cpu = seen.total(), time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    load = Load(
        tags=seen.total() - before,
        wall_s=time.perf_counter() - began,
        cpu_s=time.process_time() - cpu,
        late_ms=0.0,
        idle_late_ms=0.0,
    )
    for task in tasks:
        task.cancel()
    return load


def with_sllurp(addresses: list[str], seconds: float) -> Load:
    from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig

    seen: Counter[tuple[bytes, int]] = Counter()
    lock = threading.Lock()

    def report(_reader: object, reads: list[dict[str, Any]]) -> None:
        with lock:
            for read in reads:
                seen[read["EPC"], read["AntennaID"]] += read["TagSeenCount"]

    for address in addresses:
        host, port = address.removeprefix("tcp://").split(":")
        client = LLRPReaderClient(host, int(port), LLRPReaderConfig({"antennas": [1, 2, 3, 4]}))
        client.add_tag_report_callback(report)
        client.connect()
    while not seen:
        time.sleep(LOOK_S)
    time.sleep(WARM_S)
    with lock:
        before, began, cpu = seen.total(), time.perf_counter(), time.process_time()
    time.sleep(seconds)
    with lock:
        tags = seen.total() - before
    return Load(
        tags=tags, wall_s=time.perf_counter() - began, cpu_s=time.process_time() - cpu, late_ms=0.0, idle_late_ms=0.0
    )


CLIENTS: Final = ("ours", "sllurp", "llrpkit")


def measured(client: str, readers: int, tags: int, rate: float, seconds: float) -> Load:
    """One client before fresh readers."""
    command = [sys.executable, "-m", "tests.benchmarks.llrp_load"]
    serving = subprocess.Popen(
        [*command, "serve", str(readers), str(tags), str(rate)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert serving.stdout is not None
        addresses = serving.stdout.readline().strip()
        done = subprocess.run(
            [*command, client, addresses, str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # sllurp says of each message that came in two pieces that it did
            text=True,
            check=True,
            timeout=60,
        )
        load: Load = json.loads(done.stdout.splitlines()[-1])
        return load
    finally:
        serving.kill()
        serving.wait()
        if serving.stdout is not None:
            serving.stdout.close()


def figures() -> list[Figure]:
    """Measure; takes about a minute and a half."""
    paced = [
        {one: measured(one, READERS, PACED_TAGS, TAGS_A_SECOND, PACED_S) for one in CLIENTS} for _ in range(ROUNDS)
    ]
    full = [{one: measured(one, 1, FULL_TAGS, 0, FULL_S) for one in CLIENTS} for _ in range(ROUNDS)]
    names = {"sllurp": f"sllurp {version('sllurp')}", "llrpkit": f"llrpkit {version('llrpkit')}", "ours": ""}

    def percent(client: str) -> float:
        return round(median(100 * one[client]["cpu_s"] / one[client]["wall_s"] for one in paced), 1)

    def rate(client: str) -> int:
        return round(median(one[client]["tags"] / one[client]["wall_s"] for one in full))

    def above(client: str) -> float:
        ratios = [
            one["ours"]["tags"] / one["ours"]["wall_s"] / one[client]["tags"] * one[client]["wall_s"] for one in full
        ]
        return round(median(ratios), 1)

    heard = min(one["ours"]["tags"] / one["ours"]["wall_s"] for one in paced)
    return [
        figure("paced_core_percent", percent("ours"), "%"),
        figure("paced_tags_s", round(heard), "tags/s"),
        figure("paced_loop_lag_p99_ms", round(median(one["ours"]["late_ms"] for one in paced), 2), "ms"),
        figure("idle_loop_lag_p99_ms", round(median(one["ours"]["idle_late_ms"] for one in paced), 2), "ms"),
        *(figure(f"paced_{one}_core_percent", percent(one), "%", names[one]) for one in CLIENTS[1:]),
        figure("saturation_tags_s", rate("ours"), "tags/s"),
        *(figure(f"saturation_{one}_tags_s", rate(one), "tags/s", names[one]) for one in CLIENTS[1:]),
        *(figure(f"saturation_vs_{one}", above(one), "x", names[one], above(one)) for one in CLIENTS[1:]),
    ]


def main(role: str, *said: str) -> None:
    """A process of the measurement, or without a role all of it."""
    if role == "serve":
        asyncio.run(serve(int(said[0]), int(said[1]), float(said[2])))
        return
    addresses, seconds = json.loads(said[0]), float(said[1])
    if role == "sllurp":
        load = with_sllurp(addresses, seconds)
    else:
        load = asyncio.run((ours if role == "ours" else with_llrpkit)(addresses, seconds))
    print(json.dumps(load), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
        os._exit(0)  # sllurp's threads would go on
    for one in figures():
        print(line(one))
