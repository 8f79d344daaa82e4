"""The doctor says what is wrong with a device in the words of whoever must fix it, and books nothing."""

import asyncio
import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
import time
import tty
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from string import Formatter

import httpx
import pytest

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.asks import Purpose
from agent.core.places import BACKROOM, FLOOR
from agent.device_health import Health
from agent.devices import open_devices
from agent.devices_cli import of_locale
from agent.doctor import Diagnosis, Finding, listened, of_health
from agent.doctor_words import SENTENCES, Words
from agent.web.words import device_words
from drivers.barcode_serial.driver import open_device as open_scanner
from drivers.errors import TROUBLES, DeviceRefused
from drivers.llrp.driver import open_device as open_reader
from drivers.port import Device, Sink
from drivers.readings import TagRead
from simulators.llrp_reader import SimulatedReader
from tests import fast_forward
from tests.agent.programs import program, store_toml
from tests.agent.test_devices import Scripted, fails_with
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
ENGLISH, CHINESE = device_words("en"), device_words("zh")
TAGS = [bytes([0x30, *bytes(10), nth]) for nth in range(20)]


def device(kind: str, places: Mapping[int, str] | None = None, purpose: Purpose | None = None) -> DeviceConfig:
    return DeviceConfig("portal" if kind == "llrp" else "dock", kind, {}, places or {}, purpose)


async def told(opened: Device, config: DeviceConfig, listen_s: float = 1.0, words: Words = ENGLISH) -> list[Finding]:
    return await listened(opened, config, listen_s, SystemClock(), words)


def reader_at(
    address: str, places: Mapping[int, str] | None = None, **settings: object
) -> Coroutine[None, None, list[Finding]]:
    return told(open_reader("portal", {"address": address, **settings}), device("llrp", places or {1: FLOOR}))


def only(findings: list[Finding]) -> tuple[str, str]:
    """Level and trouble of the one thing that was found, which says what to do."""
    assert len(findings) == 1, findings
    assert findings[0].what
    assert findings[0].do
    return findings[0].level, findings[0].trouble


# Readers on the network.


@contextlib.contextmanager
def listening(backlog: int = 8) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_a_host_that_nobody_knows() -> None:
    found = fast_forward.run(reader_at("tcp://no-such-reader.invalid"))
    assert only(found) == ("wrong", "address_unknown")
    assert "no-such-reader.invalid" in found[0].do


def test_a_port_at_which_nobody_listens() -> None:
    with listening() as server:
        address = address_of(server)
    found = fast_forward.run(reader_at(address))
    assert only(found) == ("wrong", "port_closed")
    assert "Connection refused" in found[0].what
    assert address.rpartition(":")[2] in found[0].do


def test_an_address_behind_which_everything_vanishes() -> None:
    with listening(backlog=0) as server, contextlib.ExitStack() as full:
        for _ in range(8):  # a full backlog drops what comes, as a firewall does
            waiting = full.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        assert only(fast_forward.run(reader_at(address_of(server)))) == ("wrong", "no_answer")


def test_a_network_that_has_no_way_there() -> None:
    """In a network of its own, which has none at all."""
    code = (
        "import asyncio; from agent.clock import SystemClock; from tests.agent.test_doctor import *;"
        "print(asyncio.run(reader_at('tcp://192.0.2.7'))[0].trouble)"
    )
    apart = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    done = subprocess.run([*apart, sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("NO NETWORK OF ITS OWN may be made here")
    assert done.stdout.split() == ["unreachable"], done.stderr


def test_a_port_that_is_no_readers() -> None:
    async def web_server(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def look() -> list[Finding]:
        async with await asyncio.start_server(web_server, "127.0.0.1", 0) as server:
            return await reader_at(address_of(server.sockets[0]))

    assert fast_forward.run(look())[0].trouble == "nonsense"


def test_a_reader_that_says_nothing() -> None:
    with listening() as server:
        found = fast_forward.run(reader_at(address_of(server)))
    assert only(found) == ("wrong", "silent")


@contextlib.asynccontextmanager
async def simulated(**how: object) -> AsyncIterator[SimulatedReader]:
    reader = SimulatedReader(**how)  # type: ignore[arg-type]
    await reader.start()
    for epc in TAGS:
        reader.place(epc, 1)
    try:
        yield reader
    finally:
        await reader.stop()


def test_a_reader_that_another_client_holds_stays_his() -> None:
    async def look() -> None:
        async with simulated() as reader:
            other = asyncio.ensure_future(told(open_reader("x", {"address": reader.address}), device("llrp"), 10.0))
            await reader.started.wait()
            found = await reader_at(reader.address)
            assert only(found) == ("wrong", "taken")
            assert any("20 tags" in one.what for one in await other), "the other was not disturbed"

    fast_forward.run(look())


def test_a_reader_that_is_well_and_one_whose_antenna_is_deaf() -> None:
    async def look() -> None:
        async with simulated() as reader:
            found = await reader_at(reader.address, {1: FLOOR, 2: BACKROOM})
            assert [(one.level, one.trouble) for one in found] == [("well", ""), ("well", ""), ("look", "silent")]
            assert "20 tags" in found[1].what
            assert "antenna 2 (BACKROOM)" in found[2].what
            reader.field.clear()
            assert (await reader_at(reader.address))[1].trouble == "silent"

    fast_forward.run(look())


def test_a_reader_whose_clock_is_wrong() -> None:
    async def look() -> None:
        async with simulated(now_us=lambda: time.time_ns() // 1000 - 3 * 86_400_000_000) as reader:
            last = (await reader_at(reader.address))[-1]
            assert (last.level, last.trouble) == ("look", "clock_off")
            assert "3 days behind" in last.what

    fast_forward.run(look())


def test_an_antenna_that_covers_no_place() -> None:
    async def look() -> None:
        async with simulated() as reader:
            found = await reader_at(reader.address, {2: FLOOR})
            wrong = [one for one in found if one.level == "wrong"]
            assert only(wrong) == ("wrong", "no_zone")
            assert "antenna = 1" in wrong[0].do

    fast_forward.run(look())


def test_a_setting_that_the_reader_refuses() -> None:
    async def look() -> list[Finding]:
        async with simulated(antennas=2) as reader:
            return await reader_at(reader.address, antennas=[4])

    assert only(fast_forward.run(look())) == ("wrong", "refused")


# Scanners on serial lines.


class Line:
    """A scanner's end of a pseudo-terminal."""

    def __init__(self, here: int, path: str) -> None:
        self.path = path
        self._here = here

    def say(self, what: bytes) -> None:
        os.write(self._here, what)


@contextlib.contextmanager
def line() -> Iterator[Line]:
    here, there = pty.openpty()
    tty.setraw(there)
    try:
        yield Line(here, os.ttyname(there))
    finally:
        os.close(here)
        os.close(there)


async def scanner_at(
    port: str, said: Callable[[], None] | None = None, purpose: Purpose | None = "receive"
) -> list[Finding]:
    scanner = open_scanner("dock", {"port": port})
    if said is not None:
        asyncio.get_running_loop().call_later(0.2, said)
    return await told(scanner, device("barcode_serial", purpose=purpose))


def heard_from(look: Coroutine[None, None, list[Finding]]) -> list[Finding]:
    """A terminal's bytes take the kernel a moment, on a busy machine a long one."""
    return fast_forward.run(look, grace_s=0.1)


def test_a_serial_port_that_is_not_there(tmp_path: Path) -> None:
    found = heard_from(scanner_at(str(tmp_path / "usb-Scanner-if00")))
    assert only(found) == ("wrong", "not_there")
    assert "lugged in" in found[0].do


def test_a_serial_port_that_this_user_may_not_open() -> None:
    with line() as scanner:
        os.chmod(scanner.path, 0)
        was = os.geteuid()
        try:
            if was == 0:
                os.seteuid(65534)
            found = heard_from(scanner_at(scanner.path))
        finally:
            os.seteuid(was)
    assert only(found) == ("wrong", "not_allowed")
    assert "adduser " in found[0].do


def test_a_serial_port_that_another_program_has() -> None:
    code = "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print('has it', flush=True); input()"
    with (
        line() as scanner,
        subprocess.Popen(
            [sys.executable, "-c", code, scanner.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        found = heard_from(scanner_at(scanner.path))
        assert only(found) == ("wrong", "taken")
        assert f"process {other.pid}" in found[0].do
        other.communicate("\n")


@pytest.mark.parametrize(
    "garbage", [b"\xf8" * 20 + b"\r", b"\x00\xf8\x80\r\xfe\x00\xe0\x1c\r", b"\x00\xf8\x80\xfe\xe0"]
)
def test_a_scanner_at_another_baud_rate(garbage: bytes) -> None:
    with line() as scanner:
        found = heard_from(scanner_at(scanner.path, lambda: scanner.say(garbage)))
    assert [(one.level, one.trouble) for one in found] == [("well", ""), ("wrong", "nonsense")]
    assert "baud" in found[1].do


def test_a_scanner_that_works_one_that_is_silent_and_one_without_a_purpose() -> None:
    with line() as scanner:
        found = heard_from(scanner_at(scanner.path, lambda: scanner.say(b"]E04006381333931\r")))
        assert [one.level for one in found] == ["well", "well"]
        assert found[1].what == "scanned 4006381333931 (]E0); not booked"
        found = heard_from(scanner_at(scanner.path))
        assert (found[-1].level, found[-1].trouble) == ("look", "silent")
        found = heard_from(scanner_at(scanner.path, lambda: scanner.say(b"4006381333931\r"), purpose=None))
        assert (found[-1].level, found[-1].trouble) == ("wrong", "no_purpose")


# Drivers of anybody.


def test_a_driver_that_breaks_returns_or_hangs() -> None:
    async def returns(sink: Sink) -> None:
        sink.online("x")

    async def hangs(sink: Sink) -> None:
        await asyncio.Event().wait()

    for script, trouble in (
        (Scripted(fails_with(KeyError("x"))), "driver_broke"),
        (Scripted(fails_with(SystemExit(1))), "driver_broke"),
        (Scripted(returns), "driver_broke"),
        (Scripted(hangs), "driver_hung"),
        (Scripted(fails_with(DeviceRefused("no", "ask", "login"))), "login"),
    ):
        assert fast_forward.run(told(script, device("llrp")))[-1].trouble == trouble


# While the agent runs.


def test_the_agents_word_on_a_device_is_explained() -> None:
    now, config = 10_000_000, device("llrp", {1: FLOOR})
    health = Health("portal", "llrp", 0, state="up", about="Reader 9", connects=1, last_reading_at=now - 1000)
    assert Diagnosis("portal", "llrp", list(of_health(config, health, now, ENGLISH))).level == "well"
    health.last_reading_at = now - 3_600_000
    assert [one.trouble for one in of_health(config, health, now, ENGLISH)][-1] == "silent"
    health.connects = health.losses = 40
    assert "broke" in {one.trouble for one in of_health(config, health, now, ENGLISH) if one.level == "look"}
    health.dropped, health.dropped_why = 7, "half a line"
    assert ("wrong", "nonsense") in {(one.level, one.trouble) for one in of_health(config, health, now, ENGLISH)}
    health.state, health.trouble, health.why, health.hint, health.tries = "down", "taken", "held", "wait", 3
    found = list(of_health(config, health, now, ENGLISH))
    assert only(found) == ("wrong", "taken")
    assert "tried 3 times" in found[0].what
    assert [one.trouble for one in of_health(config, Health("portal", "llrp", 0), now, ENGLISH)] == ["starting"]


SCANNER = """
[[device]]
name = "dock"
kind = "barcode_serial"
purpose = "receive"
[device.settings]
port = "{port}"
"""


def doctor(settings: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "doctor", str(settings), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def test_while_the_agent_runs_it_is_asked_and_no_device_is_touched(tmp_path: Path) -> None:
    agent = program(tmp_path)
    with line() as scanner:
        with agent.settings.open("a") as settings:
            settings.write(SCANNER.format(port=scanner.path))
        await agent.start()
        port = int(agent.web.rpartition(":")[2])
        agent.settings.write_text(agent.settings.read_text().replace("port = 0", f"port = {port}"))
        async with httpx.AsyncClient(base_url=agent.web) as store:

            async def state() -> bool:
                health = (await store.get("/v1/health")).json()["devices"][0]
                return bool(health["state"] == "up")

            await until(state)
        status, said, _ = await asyncio.to_thread(doctor, agent.settings)
        assert (status, "the agent is connected" in said) == (0, True), said
    await agent.stop()


def test_a_kind_that_is_mistyped_is_guessed() -> None:
    (mistake,) = open_devices([DeviceConfig("dock", "barcode_seral", {}, {}, None)])[1]
    assert "'barcode_seral' is not installed; did you mean barcode_serial? There are barcode_serial, " in mistake


def test_what_it_prints_and_its_exit_status(tmp_path: Path) -> None:
    settings = tmp_path / "store.toml"
    settings.write_text(store_toml() + SCANNER.format(port=tmp_path / "none"))
    status, said, _ = doctor(settings)
    assert status == 1
    assert "dock (barcode_serial)\n  !!   " in said
    assert "[not_there]\n       → " in said
    status, said, _ = doctor(settings, "--json")
    found = json.loads(said)
    assert (status, found[0]["level"], found[0]["findings"][0]["trouble"]) == (1, "wrong", "not_there")
    settings.write_text(settings.read_text().replace('port = "/', 'prot = "/'))
    status, said, _ = doctor(settings)
    assert status == 2
    assert "device[0].settings.port: missing" in said
    assert "device[0].settings.prot: no such setting" in said


# In the language of the person who must fix it.


def blanks(words: Mapping[str, str]) -> dict[str, set[str]]:
    """What is filled in, by the name of the sentence."""
    return {name: {field for _, field, *_ in Formatter().parse(text) if field} for name, text in words.items()}


def test_every_sentence_is_there_in_both_languages_with_the_same_to_fill_in() -> None:
    assert blanks(SENTENCES["en"]) == blanks(SENTENCES["zh"])
    assert blanks(ENGLISH.page) == blanks(CHINESE.page)
    assert list(ENGLISH.troubles) == list(CHINESE.troubles) == list(CHINESE.hints) == list(TROUBLES)


def test_in_chinese_a_devices_own_words_stand_behind_those_of_the_page() -> None:
    with listening() as server:
        address = address_of(server)
    reader = open_reader("portal", {"address": address})
    (found,) = fast_forward.run(told(reader, device("llrp", {1: FLOOR}), words=CHINESE))
    assert found.what.startswith(f"{CHINESE.troubles['port_closed']}：无法连接 127.0.0.1")
    assert found.do.startswith("127.0.0.1 在线，但端口")
    assert address.rpartition(":")[2] in found.do, "what the driver knows besides"


def test_in_chinese_every_finding_of_the_doctors_own_is_chinese() -> None:
    now, config = 10_000_000_000, device("llrp", {1: FLOOR})
    health = Health("portal", "llrp", 0, state="up", connects=40, losses=40, dropped=7, clock_off_s=-7200.0)
    found = list(of_health(config, health, now, CHINESE))
    health.last_reading_at = now - 1000
    found += of_health(config, health, now, CHINESE)
    health.state, health.tries = "down", 3
    found += of_health(config, health, now, CHINESE)
    found += of_health(config, Health("portal", "llrp", 0), now, CHINESE)
    assert {one.trouble for one in found} == {"", "silent", "broke", "nonsense", "clock_off", "starting"}
    english = {text for one in found for text in (one.what, one.do) if text and not re.search("[一-鿿]", text)}
    assert not english
    assert "设备时钟慢了 2 小时。" in {one.what for one in found}


def test_the_language_is_that_of_the_option_or_of_the_locale(tmp_path: Path) -> None:
    settings = tmp_path / "store.toml"
    settings.write_text(store_toml() + SCANNER.format(port=tmp_path / "none"))
    status, said, _ = doctor(settings, "--lang", "zh")
    assert (status, "设备未插入：" in said, "共 1 台设备：" in said) == (1, True, True), said
    assert of_locale({"LANG": "zh_CN.UTF-8"}) == of_locale({"LC_ALL": "", "LC_MESSAGES": "zh_TW"}) == "zh"
    assert of_locale({}) == of_locale({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}) == "en"


def test_a_password_file_that_is_missing_is_a_wrong_setting(tmp_path: Path) -> None:
    reader = """
[[device]]
name = "portal"
kind = "impinj_iot"
[device.settings]
address = "http://127.0.0.1:9"
username = "root"
password_file = "{file}"
[[device.zone]]
antenna = 1
place = "FLOOR"
"""
    settings = tmp_path / "store.toml"
    settings.write_text(store_toml() + reader.format(file=tmp_path / "password"))
    status, said, _ = doctor(settings, "--lang", "zh")
    assert status == 2, "what the configuration needs"
    assert f"{CHINESE.troubles['settings']}：{tmp_path}/password 无法使用：文件不存在" in said
    assert "文件里必须是一行密码" in said


async def test_tags_without_a_name_of_their_antenna_count_where_there_is_one_place() -> None:
    async def life(sink: Sink) -> None:
        sink.online("x")
        await sink.tags([TagRead(TAGS[0])])
        await asyncio.Event().wait()

    assert {one.level for one in await told(Scripted(life), device("llrp", {1: FLOOR}), 0.05)} == {"well"}
    found = await told(Scripted(life), device("llrp", {1: FLOOR, 2: BACKROOM}), 0.05)
    assert "no_zone" in {one.trouble for one in found}
