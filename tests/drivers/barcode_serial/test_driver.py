"""The driver on real pseudo-terminals, with the simulated scanner at the other end."""

import asyncio
import os
import socket
import tomllib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

import drivers.barcode_serial
from agent.core.places import BACKROOM
from drivers.barcode_serial.driver import open_device
from drivers.errors import BadSettings, DeviceError, DeviceLost, DeviceRefused
from simulators.serial_scanner import NoAnswer, SerialScanner
from tests.core import shop as goods
from tests.drivers.at_work import at_work
from tests.drivers.desk import Desk, open_files
from tests.waiting import until


class Line:
    """A scanner, the driver that reads it, and the desk it reports to."""

    def __init__(self, path: Path) -> None:
        self.scanner = SerialScanner(path)
        self.desk = Desk()
        self.run: asyncio.Task[None] | None = None

    async def start(self, **settings: object) -> None:
        device = open_device("s", {"port": str(self.scanner.path), "acknowledge": True, **settings})
        self.run = asyncio.create_task(device.run(self.desk))
        await asyncio.wait({self.run, asyncio.create_task(self.desk.up.wait())}, return_when="FIRST_COMPLETED")

    async def trouble(self) -> DeviceError:
        assert self.run is not None
        with pytest.raises(DeviceError) as caught:
            await asyncio.wait_for(self.run, 10)
        return caught.value

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
    yield line
    await line.stop()
    line.scanner.unplug()
    assert open_files() == open_before


async def test_a_scan_is_acknowledged_only_when_the_desk_has_answered(line: Line) -> None:
    await line.start()
    line.desk.may_answer.clear()
    scan = asyncio.create_task(line.scanner.scan("6901234567892"))
    await until(lambda: line.desk.scans)
    with pytest.raises(NoAnswer):
        await line.scanner.answer(within_s=0.05)
    line.desk.may_answer.set()
    assert await scan
    assert line.desk.about == f"{line.scanner.path}, 9600 8N1, acknowledged"


async def test_a_refused_scan_and_an_unreadable_line_get_nak(line: Line) -> None:
    await line.start()
    assert not await line.scanner.scan("unknown")
    assert not await line.scanner.scan("1\x1b2")
    assert await line.scanner.scan("3")
    assert line.desk.scans == ["unknown", "3"]
    assert line.desk.left_out == ["a line with control characters"]


@pytest.mark.parametrize(("refusal", "answer"), [("bel", b"\x07"), ("can", b"\x18")])
async def test_a_refusal_can_be_told_in_other_ways(line: Line, refusal: str, answer: bytes) -> None:
    await line.start(refusal=refusal)
    line.scanner.say(b"unknown\r")
    assert await line.scanner.answer() == answer


async def test_a_silent_refusal_says_nothing(line: Line) -> None:
    await line.start(refusal="silence")
    line.scanner.say(b"unknown\r2\r")
    assert await line.scanner.answer() == b"\x06"
    assert line.desk.scans == ["unknown", "2"]
    assert line.scanner.answers_waiting == 0


async def test_without_acknowledge_nothing_is_sent(line: Line) -> None:
    await line.start(acknowledge=False)
    line.scanner.say(b"1\r2\runknown\r")
    await until(lambda: len(line.desk.scans) == 3)
    await line.stop()
    with pytest.raises(NoAnswer):
        await line.scanner.answer(within_s=0.02)


async def test_scans_keep_their_order_and_wait_in_the_kernel_while_the_desk_is_busy(line: Line) -> None:
    await line.start()
    line.desk.may_answer.clear()
    sent = []
    with suppress(BlockingIOError):
        for number in range(10_000):
            line.scanner.say(f"{number:07}\r".encode())
            sent.append(f"{number:07}")
    assert 64 < len(sent) < 10_000
    await until(lambda: line.desk.scans)
    assert line.desk.scans == sent[:1]
    line.desk.may_answer.set()
    await until(lambda: len(line.desk.scans) >= len(sent))
    assert line.desk.scans[: len(sent)] == sent
    await until(lambda: line.scanner.answers_waiting >= len(sent))


async def test_a_line_may_come_byte_by_byte(line: Line) -> None:
    await line.start()
    for byte in b"6901234567892\r":
        line.scanner.say(bytes([byte]))
    assert await line.scanner.answer() == b"\x06"
    assert line.desk.scans == ["6901234567892"]


async def test_unplugged_in_mid_line_the_device_is_lost_and_comes_back(line: Line) -> None:
    await line.start()
    line.scanner.say(b"69012345")
    line.scanner.unplug()
    trouble = await line.trouble()
    assert isinstance(trouble, DeviceLost)
    assert "plugged in" in trouble.hint
    assert line.desk.scans == []
    line.scanner.plug()
    await line.start()
    assert await line.scanner.scan("67892")
    assert line.desk.scans == ["67892"]


async def test_unplugged_before_the_answer_the_device_is_lost(line: Line) -> None:
    await line.start()
    line.desk.may_answer.clear()
    line.scanner.say(b"1\r")
    await until(lambda: line.desk.scans)
    line.scanner.unplug()
    line.desk.may_answer.set()
    assert isinstance(await line.trouble(), DeviceLost)


async def test_a_missing_port_is_lost_with_a_hint(line: Line) -> None:
    line.scanner.unplug()
    await line.start()
    trouble = await line.trouble()
    assert isinstance(trouble, DeviceLost)
    assert "/dev/serial/by-id" in trouble.hint


async def test_a_port_one_may_not_open_is_refused_with_a_hint(line: Line) -> None:
    port = line.scanner.path.resolve()
    os.chmod(port, 0)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(65534)  # root may open everything
        await line.start(port=str(port))
        trouble = await line.trouble()
    finally:
        os.seteuid(me)
    assert isinstance(trouble, DeviceRefused)
    assert "adduser" in trouble.hint


async def test_a_port_in_use_is_refused_with_a_hint(line: Line) -> None:
    await line.start()
    second = open_device("second", {"port": str(line.scanner.path)})
    with pytest.raises(DeviceRefused, match="another program"):
        await second.run(Desk())
    assert await line.scanner.scan("1")


async def test_a_file_that_is_no_port_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DeviceRefused, match="configure"):
        await open_device("s", {"port": str(tmp_path / "file")}).run(Desk())


async def test_cancelled_at_every_step_nothing_stays_open_and_no_scan_is_taken_twice(line: Line) -> None:
    """Cancel after 0, 1, 2 … turns of the loop; whatever the desk was given is what came off the line."""
    for turns in range(40):
        for warm in (False, True):  # from the start on, and from the first scan on
            line.desk = Desk()
            await line.start()
            if warm:
                line.scanner.say(b"warm\r")
                await until(lambda: line.desk.scans)
            line.scanner.say(f"{turns}a\r{turns}b\r".encode())
            for _ in range(turns):
                await asyncio.sleep(0)
            await line.stop()
            assert line.desk.under_way == 0
            expected = ["warm"] * warm + [f"{turns}a", f"{turns}b"]
            assert line.desk.scans == expected[: len(line.desk.scans)]


async def test_cancelled_while_the_desk_is_busy_the_port_is_free_again(line: Line) -> None:
    await line.start()
    line.desk.may_answer.clear()
    line.scanner.say(b"1\r")
    await until(lambda: line.desk.scans)
    await line.stop()
    line.desk.may_answer.set()
    await line.start()
    assert await line.scanner.scan("2")
    assert line.desk.scans == ["1", "2"]


async def test_a_scanner_may_hang_on_a_terminal_server() -> None:
    far: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    server = await asyncio.start_server(lambda *streams: far.append(streams), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    desk = Desk()
    run = asyncio.create_task(open_device("s", {"port": f"socket://127.0.0.1:{port}", "acknowledge": True}).run(desk))
    reader, writer = (await until(lambda: far))[0]
    writer.write(b"6901234567892\r\n")
    assert await reader.readexactly(1) == b"\x06"
    writer.close()
    with pytest.raises(DeviceLost, match="hung up"):
        await run
    server.close()
    assert desk.scans == ["6901234567892"]


async def test_a_terminal_server_that_is_not_there_is_lost() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"socket://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(DeviceLost, match="Connection refused"):
            await open_device("s", {"port": address}).run(Desk())


def test_every_mistake_in_the_settings_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        open_device("s", {"baud": 9601, "parity": "mark", "acknowledge": "yes", "stop_bits": True, "bauds": 9600})
    told = [mistake.partition(":")[0] for mistake in caught.value.mistakes]
    assert told == ["port", "baud", "parity", "stop_bits", "acknowledge", "bauds"]


@pytest.mark.parametrize("port", ["", "ttyUSB0", "socket://", "socket://host", "socket://host:99999", 7])
def test_a_port_that_can_not_be_one_is_a_mistake(port: object) -> None:
    with pytest.raises(BadSettings, match="port"):
        open_device("s", {"port": port})


def test_the_sample_is_valid_and_the_readme_shows_it_and_names_every_setting() -> None:
    folder = Path(drivers.barcode_serial.__file__).parent
    text, readme = (folder / "sample.toml").read_text(), (folder / "README.md").read_text()
    assert text in readme
    sample = tomllib.loads(text)
    assert [device["kind"] for device in sample["device"]] == ["barcode_serial"] * 2
    for device in sample["device"]:
        open_device(device["name"], device["settings"])
    with pytest.raises(BadSettings) as caught:
        open_device("s", {"port": "/dev/x", "?": 0})
    for setting in caught.value.mistakes[0].partition("there are ")[2].split(", "):
        assert f"`{setting}`" in readme


async def test_the_sample_s_device_books_what_is_scanned(tmp_path: Path) -> None:
    scanner = SerialScanner(tmp_path / "scanner")
    scanner.plug()
    async with at_work("barcode_serial", tmp_path / "books.db", port=str(scanner.path)) as (shop, keeper):
        await until(lambda: keeper.health.state == "up")
        assert await scanner.scan(f"]E0{goods.gtin_14(goods.MILK)[1:]}")
        assert shop.books.balances["MILK", BACKROOM] == 1
        scanner.say(b"]E0690123")
        scanner.unplug()
        await until(lambda: keeper.health.state == "down")
        scanner.plug()
        await until(lambda: keeper.health.state == "up")
        assert not await scanner.scan("hello")
        assert keeper.health.refusal == "holds no GTIN"
    scanner.unplug()
