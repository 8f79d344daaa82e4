"""A program that runs one USB device's driver, as the agent does, for a test on the other side of the simulated bus.

`python -m tests.drivers.usb_program KIND SETTINGS [BOOKS] [nobody]`; it says what happens as lines of JSON, and stops
when its stdin ends. With BOOKS the device of the driver's sample works before a real shop's books.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from pkgutil import resolve_name

from drivers.errors import DeviceError
from drivers.readings import BarcodeScan, ScanAnswer
from tests.drivers.at_work import at_work

_AGAIN_S = 0.05
_LOOK_S = 0.01
_TICK_S = 0.005


def say(**said: object) -> None:
    print(json.dumps(said), flush=True)


class Telling:
    """A sink that tells what it gets."""

    def online(self, about: str) -> None:
        say(online=about)

    def heard(self) -> None: ...

    def dropped(self, why: str) -> None:
        say(dropped=why)

    async def tags(self, reads: object) -> None:
        raise AssertionError("a scanner reads no tags")

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        say(scan=scan.text, aim=scan.aim)
        return ScanAnswer(accepted=True)


async def tried_again(kind: str, settings: dict[str, object]) -> None:
    device = resolve_name(f"drivers.{kind}.driver:open_device")("scanner", settings)
    while True:
        try:
            await device.run(Telling())
        except DeviceError as why:
            say(lost=why.why, hint=why.hint, kind=type(why).__name__, trouble=why.trouble)
        await asyncio.sleep(_AGAIN_S)


async def working(kind: str, settings: dict[str, object], books: Path) -> None:
    said = None
    async with at_work(kind, books, **settings) as (shop, keeper):
        while True:
            stock = {f"{sku} {place}": units for (sku, place), units in shop.books.balances.items() if units > 0}
            now = {
                "state": keeper.health.state,
                "why": keeper.health.why,
                "stock": stock,
                "refusal": keeper.health.refusal,
            }
            if now != said:
                say(**now)
                said = now
            await asyncio.sleep(_LOOK_S)


async def longest_pause(of_loop: list[float]) -> None:
    """How long the loop let others wait, at most."""
    clock = asyncio.get_running_loop().time
    while True:
        before = clock()
        await asyncio.sleep(_TICK_S)
        of_loop[0] = max(of_loop[0], clock() - before - _TICK_S)


async def main(kind: str, settings: str, books: str = "", user: str = "") -> None:
    if user == "nobody":
        # What it needs may lie where nobody may look.
        resolve_name(f"drivers.{kind}.driver:open_device")
        resolve_name("usb.backend.libusb1:get_backend")()
        await asyncio.to_thread(int)
        os.seteuid(65534)
    given, pauses = json.loads(settings), [0.0]
    work = asyncio.create_task(working(kind, given, Path(books)) if books else tried_again(kind, given))
    lag = asyncio.create_task(longest_pause(pauses))
    await asyncio.to_thread(sys.stdin.read)
    for task in (work, lag):
        task.cancel()
    await asyncio.wait([work, lag])
    say(ended=True, longest_pause_s=round(pauses[0], 4))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
