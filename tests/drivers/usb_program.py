"""A program that runs USB devices' driver, as the agent does, for a test on the other side of the simulated bus.

`python -m tests.drivers.usb_program KIND SETTINGS [BOOKS] [nobody]`; SETTINGS is a list of devices' settings. It says
what happens as lines of JSON, of each device but the first with its number, and stops when its stdin ends. With
BOOKS the device of the driver's sample works before a real shop's books.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from pkgutil import resolve_name

from drivers.errors import DeviceError
from drivers.readings import BarcodeScan, ScanAnswer

_AGAIN_S = 0.05
_LOOK_S = 0.01
_TICK_S = 0.005


def say(**said: object) -> None:
    print(json.dumps(said), flush=True)


class Telling:
    """A sink that tells what it gets."""

    def __init__(self, nth: str) -> None:
        self._nth = nth

    def online(self, about: str) -> None:
        say(**{f"online{self._nth}": about, "held": holds()})

    def heard(self) -> None: ...

    def dropped(self, why: str) -> None:
        say(dropped=why)

    async def tags(self, reads: object) -> None:
        raise AssertionError("a scanner reads no tags")

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        say(**{f"scan{self._nth}": scan.text, f"aim{self._nth}": scan.aim})
        return ScanAnswer(accepted=True)


async def tried_again(kind: str, settings: dict[str, object], nth: str) -> None:
    device = resolve_name(f"drivers.{kind}.driver:open_device")("scanner", settings)
    while True:
        try:
            await device.run(Telling(nth))
        except DeviceError as why:
            say(**{f"lost{nth}": why.why}, hint=why.hint, kind=type(why).__name__, trouble=why.trouble)
        await asyncio.sleep(_AGAIN_S)


async def working(kind: str, settings: dict[str, object], books: Path) -> None:
    from tests.drivers.at_work import at_work  # brings the whole agent, which the other way needs not

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


def holds() -> list[int]:
    """Files and threads of this program."""
    return [len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))]


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
    if books:
        tasks = [asyncio.create_task(working(kind, given[0], Path(books)))]
    else:
        tasks = [asyncio.create_task(tried_again(kind, one, str(nth or ""))) for nth, one in enumerate(given)]
    tasks.append(asyncio.create_task(longest_pause(pauses)))
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    say(ended=True, longest_pause_s=round(pauses[0], 4), holds=holds())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
