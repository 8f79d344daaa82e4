"""The driver on real pseudo-terminals, with the simulated scanner at the other end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.core.places import BACKROOM
from drivers.barcode_ssi.driver import open_device
from drivers.errors import DeviceError, DeviceLost
from simulators.serial_scanner import NoAnswer
from simulators.ssi_scanner import CODE_39, GS1_128, SsiScanner
from tests.core import shop as goods
from tests.drivers.at_work import at_work
from tests.drivers.desk import Desk, open_files
from tests.waiting import until

PEN = b"4006381333931"


class Line:
    """A scanner, the driver that reads it, and the desk it reports to."""

    def __init__(self, path: Path) -> None:
        self.scanner = SsiScanner(path, response_s=0.3)
        self.desk = Desk()
        self.device = open_device("s", {"port": str(path)})
        self.run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.desk.up.clear()
        self.run = asyncio.create_task(self.device.run(self.desk))
        await asyncio.wait({self.run, asyncio.create_task(self.desk.up.wait())}, return_when="FIRST_COMPLETED")

    async def stop(self) -> None:
        if self.run is not None:
            self.run.cancel()
            with suppress(asyncio.CancelledError, DeviceError):
                await self.run


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    open_before = open_files()
    line = Line(tmp_path / "scanner")
    line.scanner.plug()
    await line.start()
    yield line
    await line.stop()
    line.scanner.unplug()
    assert open_files() == open_before


async def test_scans_are_acknowledged_and_carry_their_type(line: Line) -> None:
    await line.scanner.scan(PEN)
    await line.scanner.scan(b"NR", CODE_39)
    assert (line.desk.scans, line.desk.aims) == ([PEN.decode(), "NR"], ["]E0", "]A0"])
    assert line.desk.about == f"NBRPUAAM V1.04, {line.scanner.path}, 9600 8N1"


async def test_a_scan_is_acknowledged_only_when_the_desk_has_answered(line: Line) -> None:
    line.desk.may_answer.clear()
    scan = asyncio.create_task(line.scanner.scan(PEN))
    await until(lambda: line.scanner.sent == 2)  # nobody acknowledged the first sending
    assert not scan.done()
    line.desk.may_answer.set()
    await scan
    assert line.desk.scans == [PEN.decode()]


async def test_lost_acknowledgements_and_damage_on_the_way_cost_no_scan_and_double_none(line: Line) -> None:
    line.scanner.deaf_to = 2
    await line.scanner.scan(PEN)
    line.scanner.damage = [lambda message: message[:6] + b"\xff" + message[7:], None]
    await line.scanner.scan(PEN)
    line.scanner.damage = [lambda message: b"\xff" + message[1:], lambda message: message[:-3]]
    await line.scanner.scan(PEN)
    assert line.desk.scans == [PEN.decode()] * 3


async def test_a_long_code_comes_in_several_packets(line: Line) -> None:
    long = b"01069012345678921021" + b"A" * 400
    line.scanner.damage = [None, lambda message: message[:100] + b"!" + message[101:]]
    await line.scanner.scan(long, GS1_128)
    assert line.desk.scans == [long.decode()]


async def test_a_refused_scan_is_taken_and_beeped_at(line: Line) -> None:
    await line.scanner.scan(b"unknown")
    await until(lambda: line.scanner.beeps == [0x11])


async def test_unplugged_in_mid_packet_the_device_is_lost_and_comes_back(line: Line) -> None:
    await line.scanner.say(b"\x12\xf3\x00\x00\x0b400")
    line.scanner.unplug()
    assert line.run is not None
    with pytest.raises(DeviceLost):
        await asyncio.wait_for(line.run, 10)
    line.scanner.plug()
    await line.start()
    await line.scanner.scan(PEN)
    assert line.desk.scans == [PEN.decode()]


async def test_with_nobody_at_the_line_the_scanner_says_so(line: Line) -> None:
    await line.stop()
    with pytest.raises(NoAnswer, match="four long low beeps"):
        await line.scanner.scan(PEN)


async def test_a_sleeping_scanner_is_woken(tmp_path: Path) -> None:
    line = Line(tmp_path / "scanner")
    line.scanner.asleep = True
    line.scanner.plug()
    await line.start()
    await line.scanner.scan(PEN)
    await line.stop()
    line.scanner.unplug()


async def test_the_sample_s_device_books_what_is_scanned(tmp_path: Path) -> None:
    scanner = SsiScanner(tmp_path / "scanner", baud=9600)
    scanner.plug()
    async with at_work("barcode_ssi", tmp_path / "books.db", port=str(scanner.path)) as (shop, keeper):
        await until(lambda: keeper.health.state == "up")
        await scanner.scan(goods.gtin_14(goods.MILK).encode())
        assert shop.books.balances["MILK", BACKROOM] == 1
        scanner.unplug()
        await until(lambda: keeper.health.state == "down")
        assert "plugged in" in keeper.health.hint
        scanner.plug()
        await until(lambda: keeper.health.state == "up")
        await scanner.scan(b"hello", CODE_39)
        await until(lambda: scanner.beeps)
        assert keeper.health.refusal == "holds no GTIN"
    scanner.unplug()
