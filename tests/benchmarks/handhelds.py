"""Twenty handhelds at one real agent: how long a scan's report takes from being sent to being on disk and answered.

`scan_confirm_p99_ms`: over HTTP on loopback, each handheld at its own task, one scan after the other as fast as it is
answered but never faster than a person scans (two a second each). Meanwhile one more scans in a Chromium
(handheld_page.py). All have their tasks before the first scan; `claims_at_once_worst_ms` is the slowest answer when all
handhelds claim in the same moment.
`pick_next_first_ms`, `pick_next_others_ms`: the median answer to what is next, for the first who asks and the others.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from agent.core.asks import PlaceOrder, Scan, Want
from agent.core.catalogue import Catalogue, Sku
from agent.core.people import Shift
from agent.people.opening import open_door
from tests.agent.people import hire, sign_in
from tests.agent.programs import program
from tests.agent.shops import opened
from tests.benchmarks import handheld_page
from tests.benchmarks.figures import Figure, figure, percentile

HANDHELDS: Final = 20
LINES: Final = 20
EVERY_S: Final = 0.5
ROUNDS: Final = 8
MILK: Final = "04006381333931"
#: Goods of another store.
OTHER: Final = "4012345678901"


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measured(Path(folder)))


async def _measured(folder: Path) -> list[Figure]:
    await _a_rush(folder)
    agent = program(folder)
    await agent.start()
    try:
        hands = [httpx.AsyncClient(base_url=agent.web) for _ in range(HANDHELDS)]
        for nth, hand in enumerate(hands):
            assert (await sign_in(hand, f"w{nth}")).status_code == 200
        asked = await _asking(hands)
        async with handheld_page.chromium() as browser:
            first = await handheld_page.first_page(browser, agent.web)
            claims = await asyncio.gather(*map(_claim, hands))
            async with handheld_page.at_work(browser, agent.web, f"w{HANDHELDS}") as (page, scanner):
                heard = asyncio.ensure_future(handheld_page.sounds(page, scanner, MILK[1:], OTHER))
                work = zip(hands, claims, strict=True)
                shifts = await asyncio.gather(*(_shift(hand, nth, task) for nth, (hand, (_, task)) in enumerate(work)))
                sounds = await heard
        for hand in hands:
            await hand.aclose()
    finally:
        await agent.stop()
    took_s = [seconds for shift in shifts for seconds in shift]
    confirmed = [figure(f"scan_confirm_p{n}_ms", round(1000 * percentile(took_s, n), 1), "ms") for n in (99, 50)]
    claimed = figure("claims_at_once_worst_ms", round(1000 * max(seconds for seconds, _ in claims)), "ms")
    return [*confirmed, claimed, *asked, *sounds, *first]


async def _asking(hands: Sequence[httpx.AsyncClient]) -> list[Figure]:
    """Every second all ask what is next, one after the other: how long the first waits, for whom it is made anew."""
    first_s: list[float] = []
    others_s: list[float] = []
    for _ in range(ROUNDS):
        await asyncio.sleep(2 * EVERY_S)
        for nth, hand in enumerate(hands):
            began = time.perf_counter()
            assert (await hand.get("/v1/pick/next")).json()["offer"]
            (others_s if nth else first_s).append(time.perf_counter() - began)
    return [
        figure("pick_next_first_ms", round(1000 * percentile(first_s, 50), 2), "ms"),
        figure("pick_next_others_ms", round(1000 * percentile(others_s, 50), 2), "ms"),
    ]


async def _claim(hand: httpx.AsyncClient) -> tuple[float, dict[str, Any]]:
    """Seconds until it had its task, and the task."""
    began = time.perf_counter()
    task = (await hand.post("/v1/pick/claim", json={})).json()
    return time.perf_counter() - began, task


async def _shift(hand: httpx.AsyncClient, nth: int, claimed: Mapping[str, Any]) -> list[float]:
    """One picker's scans, each when the last one is answered and it is time for the next."""
    took_s: list[float] = []
    await asyncio.sleep(nth * EVERY_S / HANDHELDS)
    for scanned, stop in enumerate(claimed["stops"]):
        report = {
            "id": f"w{nth}-{scanned}",
            "outcome": "picked",
            "order": stop["order"],
            "line": stop["line"],
            "tote": stop["tote"],
            "scan": {"text": MILK, "aim": "]E0"},
        }
        began = time.perf_counter()
        path, body = f"/v1/pick/tasks/{claimed['id']}/reports", {"token": claimed["token"], "reports": [report]}
        (said,) = (await hand.post(path, json=body)).json()["results"]
        took_s.append(time.perf_counter() - began)
        assert said["outcome"] == "entered", said
        await asyncio.sleep(max(0.0, EVERY_S - took_s[-1]))
    return took_s


async def _a_rush(folder: Path) -> None:
    """Orders enough that everybody has a cart full, and people to pick them."""
    door = open_door(folder / "books-people.db", folder / "books-people.key", lambda: 0, Shift())
    for nth in range(HANDHELDS + 1):
        await hire(door, f"w{nth}")
    door.close()
    orders = 4 * (HANDHELDS + 1)
    async with opened(folder / "books.db", Catalogue([Sku("MILK", (MILK,), "Milk", "牛奶")])) as shop:
        units = orders * LINES // 4
        await asyncio.gather(*(shop.clerk.enter(Scan("dock", "receive", MILK, None)) for _ in range(units)))
        await asyncio.gather(*(shop.clerk.enter(Scan("shelf", "shelve", MILK, None)) for _ in range(units)))
        for nth in range(orders):
            wants = tuple(Want(line, "MILK", 1) for line in range(1, LINES // 4 + 1))
            await shop.clerk.enter(PlaceOrder(f"O-{nth:04}", "web", wants))
