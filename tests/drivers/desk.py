"""What a scanner's driver reports to in tests: a sink that writes down, and answers when told to."""

import asyncio
import os
from contextlib import suppress

from drivers.readings import BarcodeScan, ScanAnswer, TagRead

BOOKED = ScanAnswer(True)
REFUSED = ScanAnswer(False, "unknown barcode")


class Desk:
    """A sink that writes scans down, and answers when told to."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.about = ""
        self.scans: list[str] = []
        self.aims: list[str | None] = []
        self.left_out: list[str] = []
        self.under_way = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def online(self, about: str) -> None:
        self.about = about
        self.up.set()

    def heard(self) -> None: ...

    def dropped(self, why: str) -> None:
        self.left_out.append(why)

    async def tags(self, reads: object) -> None:
        raise AssertionError(f"a scanner reads no {TagRead.__name__}")

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        assert self.under_way == 0, "two scans at once"
        self.under_way += 1
        self.scans.append(scan.text)
        self.aims.append(scan.aim)
        try:
            await self.may_answer.wait()
        finally:
            self.under_way -= 1
        return REFUSED if scan.text.startswith("unknown") else BOOKED


def open_files() -> list[str]:
    """What this process holds open of the kinds a driver opens."""
    names = []
    for entry in os.scandir("/proc/self/fd"):
        with suppress(OSError):
            name = os.readlink(entry.path)
            if "pts" in name or "ptmx" in name or "pipe" in name:
                names.append(name)
    return sorted(names)
