"""The line between a real store and a real HQ over a local mosquitto, all of them processes.

`line_p99_ms`: a steady 500 rows/s (100 receipts of 5 lines each second); from the beginning of the store's turn, so its
commit is in it, to HQ's commit, by the machine's one clock.
`command_p99_ms`: an order of five lines, from HQ taking it to the store's answer at HQ, on disk at both ends, 20 each
second.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from simulators.programs import Program
from tests.benchmarks.figures import Figure, figure, percentile
from tests.hq_bridge.processes import TOKEN, HqProcess, hq_process, write_config
from tests.secured import secured_mosquitto
from tests.waiting import until
from tests.whole_store.test_secured import store_program

RECEIPTS: Final = 2000
RECEIPTS_PER_S: Final = 100
LINES: Final = 5
COMMANDS: Final = 300
COMMANDS_PER_S: Final = 20
STOCK: Final = 1_000_000


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[tuple[HqProcess, Program]]:
    """A store with stock and its HQ, over TLS as we ship it."""
    async with secured_mosquitto(folder) as secured:
        agent = store_program(folder / "SH-1", "SH-1", secured.address, secured.store("SH-1").folder)
        async with hq_process(write_config(folder, secured.address, tls=secured.hq().folder)) as hq:
            await agent.start()
            async with httpx.AsyncClient(base_url=agent.web) as store:
                seen = (await store.get("/v1/stock")).json()
                line = {"line": 1, "sku": "MILK", "counted": STOCK, "from_seq": seen["head"], "to_seq": seen["head"]}
                count = {"count": "C1", "place": "FLOOR", "by": "one", "approved_by": "other", "lines": [line]}
                (await store.post("/v1/counts", json=count | {"epoch": seen["epoch"]})).raise_for_status()
            await hq.store_where("SH-1", state="here", behind=0)
            yield hq, agent
            await agent.stop()


async def paced(work: Any, count: int, per_s: float) -> None:
    """Begin `work(n)` so often, and wait for all of it."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    under_way = []
    for number in range(count):
        await asyncio.sleep(begin + number / per_s - loop.time())
        under_way.append(asyncio.ensure_future(work(number)))
    await asyncio.gather(*under_way)


async def steady(hq: HqProcess, agent: Program) -> list[float]:
    """Milliseconds from turn to HQ's commit, of each row."""
    async with httpx.AsyncClient(base_url=agent.web, limits=httpx.Limits(max_connections=8)) as store:

        async def sell(number: int) -> None:
            lines = [{"line": nth, "sku": "MILK", "qty": 1} for nth in range(1, LINES + 1)]
            (await store.post("/v1/sales", json={"receipt": f"R{number}", "lines": lines})).raise_for_status()

        first = (await store.get("/v1/stock")).json()["head"]
        await paced(sell, RECEIPTS, RECEIPTS_PER_S)
    await hq.store_where("SH-1", behind=0)
    waits: list[float] = []
    after = first
    while rows := (await hq.get(f"/v1/stores/SH-1/log?after={after}&limit=1000"))["rows"]:
        waits += [row["landed_at"] - row["at"] for row in rows]
        after = rows[-1]["seq"]
    assert len(waits) >= RECEIPTS * LINES
    return waits


async def commanded(hq: HqProcess) -> list[float]:
    """Milliseconds from HQ taking an order to the store's answer."""
    async with httpx.AsyncClient(base_url=hq.web, headers={"authorization": f"Bearer {TOKEN}"}) as chain:

        async def order(number: int) -> None:
            lines = [{"line": nth, "sku": "MILK", "qty": 1} for nth in range(1, LINES + 1)]
            wanted = {"id": f"o-{number}", "kind": "order", "order": f"O{number}", "channel": "web", "lines": lines}
            (await chain.post("/v1/stores/SH-1/commands", json=wanted)).raise_for_status()

        await paced(order, COMMANDS, COMMANDS_PER_S)

        async def all_done() -> bool:
            last = (await chain.get(f"/v1/commands/o-{COMMANDS - 1}")).json()
            return bool(last["state"] != "asked")

        await until(all_done, 30)
        found = [(await chain.get(f"/v1/commands/o-{number}")).json() for number in range(COMMANDS)]
    assert {one["state"] for one in found} == {"done"}
    return [one["answered_at"] - one["asked_at"] for one in found]


async def measured() -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        async with site(Path(folder)) as (hq, agent):
            return await steady(hq, agent), await commanded(hq)


def figures() -> list[Figure]:
    """Measure; takes about a minute."""
    rows, commands = asyncio.run(measured())
    return [
        figure("line_p50_ms", percentile(rows, 50), "ms"),
        figure("line_p99_ms", percentile(rows, 99), "ms"),
        figure("command_p50_ms", percentile(commands, 50), "ms"),
        figure("command_p99_ms", percentile(commands, 99), "ms"),
    ]
