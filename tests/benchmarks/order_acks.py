"""Orders between a real store and a real HQ over a local mosquitto with TLS, all of them processes.

`order_ack_p99_ms`: from an order's turn at the store to the commit at HQ of its answer, 20 orders of five lines each
second; by the machine's one clock. `order_rush_s`: 200 orders for 10 units, posted to HQ within one second over three
channels, until HQ has the last answer; `order_rush_accepted` of them are accepted.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx

from tests.benchmarks.figures import Figure, figure, percentile
from tests.benchmarks.line_latency import COMMANDS, COMMANDS_PER_S, LINES, paced, site
from tests.hq_bridge.processes import TOKEN, HqProcess
from tests.waiting import until

RUSH: Final = 200
UNITS: Final = 10


async def placed(chain: httpx.AsyncClient, name: str, sku: str, lines: int, channel: str = "web") -> None:
    wanted = [{"line": nth, "sku": sku, "qty": 1} for nth in range(1, lines + 1)]
    body = {"store": "SH-1", "channel": channel, "lines": wanted}
    (await chain.post("/v1/orders", json=body, headers={"idempotency-key": name})).raise_for_status()


async def answered(chain: httpx.AsyncClient, names: list[str]) -> list[dict[str, Any]]:
    """The orders, once each has its answer and its row."""
    found: list[dict[str, Any]] = []

    async def all_are() -> bool:
        while len(found) < len(names):
            order = (await chain.get(f"/v1/orders/{names[len(found)]}")).json()
            if order["placing"] == "asked" or order["row"] is None:
                return False
            found.append(order)
        return True

    await until(all_are, 30)
    return found


async def acks(hq: HqProcess) -> list[float]:
    """Milliseconds from the store's turn to HQ's commit of the answer."""
    async with httpx.AsyncClient(base_url=hq.web, headers={"authorization": f"Bearer {TOKEN}"}) as chain:
        names = [f"A-{number}" for number in range(COMMANDS)]
        await paced(lambda number: placed(chain, names[number], "MILK", LINES), COMMANDS, COMMANDS_PER_S)
        found = await answered(chain, names)
    assert {order["state"] for order in found} == {"accepted"}
    return [order["answered_at"] - order["row"]["at"] for order in found]


async def rush(hq: HqProcess, store: httpx.AsyncClient) -> tuple[float, int]:
    """Seconds until the last answer, and how many were accepted."""
    seen = (await store.get("/v1/stock")).json()
    there = COMMANDS * LINES + UNITS  # what `acks` ordered is promised
    line = {"line": 1, "sku": "MILK", "counted": there, "from_seq": seen["head"], "to_seq": seen["head"]}
    count = {"count": "C2", "place": "FLOOR", "by": "one", "approved_by": "other", "lines": [line]}
    (await store.post("/v1/counts", json=count | {"epoch": seen["epoch"]})).raise_for_status()
    async with httpx.AsyncClient(base_url=hq.web, headers={"authorization": f"Bearer {TOKEN}"}) as chain:
        names = [f"R-{number}" for number in range(RUSH)]
        await paced(lambda number: placed(chain, names[number], "MILK", 1, f"channel-{number % 3}"), RUSH, RUSH)
        found = await answered(chain, names)
    took_ms = max(order["answered_at"] for order in found) - min(order["asked_at"] for order in found)
    return took_ms / 1000, sum(order["state"] == "accepted" for order in found)


async def measured() -> tuple[list[float], tuple[float, int]]:
    with tempfile.TemporaryDirectory() as folder:
        async with site(Path(folder)) as (hq, agent), httpx.AsyncClient(base_url=agent.web) as store:
            return await acks(hq), await rush(hq, store)


def figures() -> list[Figure]:
    """Measure; takes half a minute."""
    waits, (rush_s, accepted) = asyncio.run(measured())
    return [
        figure("order_ack_p50_ms", percentile(waits, 50), "ms"),
        figure("order_ack_p99_ms", percentile(waits, 99), "ms"),
        figure("order_rush_s", rush_s, "s"),
        figure("order_rush_accepted", accepted, "orders"),
    ]
