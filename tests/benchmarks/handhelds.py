"""Twenty handhelds at one real agent: how long a scan's report takes from being sent to being on disk and answered.

`scan_confirm_p99_ms`: over HTTP on loopback, each handheld at its own task, one scan after the other as fast as it is
answered but never faster than a person scans (two a second each). Meanwhile one more scans in a Chromium
(handheld_page.py).
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

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
LINES: Final = 40
EVERY_S: Final = 0.5
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
        async with handheld_page.chromium() as browser:
            first = await handheld_page.first_page(browser, agent.web)
            heard = asyncio.ensure_future(handheld_page.sounds(browser, agent.web, f"w{HANDHELDS}", MILK[1:], OTHER))
            shifts = await asyncio.gather(*(_shift(hand, nth) for nth, hand in enumerate(hands)))
            sounds = await heard
        for hand in hands:
            await hand.aclose()
    finally:
        await agent.stop()
    took_s = [seconds for shift in shifts for seconds in shift]
    confirmed = [figure(f"scan_confirm_p{n}_ms", round(1000 * percentile(took_s, n), 1), "ms") for n in (99, 50)]
    return [*confirmed, *sounds, *first]


async def _shift(hand: httpx.AsyncClient, nth: int) -> list[float]:
    """One picker's scans, each when the last one is answered and it is time for the next."""
    claimed = (await hand.post("/v1/pick/claim", json={})).json()
    took_s: list[float] = []
    await asyncio.sleep(nth * EVERY_S / HANDHELDS)
    for scanned, stop in enumerate(claimed["stops"][:LINES]):
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
        units = orders * LINES
        await asyncio.gather(*(shop.clerk.enter(Scan("dock", "receive", MILK, None)) for _ in range(units)))
        await asyncio.gather(*(shop.clerk.enter(Scan("shelf", "shelve", MILK, None)) for _ in range(units)))
        for nth in range(orders):
            wants = tuple(Want(line, "MILK", 1) for line in range(1, LINES + 1))
            await shop.clerk.enter(PlaceOrder(f"O-{nth:04}", "web", wants))
