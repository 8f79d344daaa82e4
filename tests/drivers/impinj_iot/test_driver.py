"""The driver against a simulated reader, over real HTTP."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import DeviceError, DeviceLost, DeviceRefused, DeviceSpokeNonsense
from drivers.impinj_iot.driver import open_device
from simulators.impinj_reader import ImpinjReader
from tests.cancelling import cancelled_after
from tests.drivers.chopping import chopped
from tests.drivers.issuing import issued
from tests.drivers.keeping import kept, sampled, shirts
from tests.drivers.llrp.listening import Listening
from tests.waiting import until

EPCS = shirts(40)


@asynccontextmanager
async def a_reader(**how: Any) -> AsyncIterator[ImpinjReader]:
    reader = ImpinjReader(**how)
    await reader.switch_on()
    try:
        yield reader
    finally:
        await reader.switch_off()


@asynccontextmanager
async def driving(address: str, **settings: object) -> AsyncIterator[tuple[Listening, asyncio.Task[None]]]:
    """The driver running. At the end its task is cancelled, unless it has ended."""
    sink = Listening()
    task = asyncio.create_task(open_device("portal", {"address": address, **settings}).run(sink))
    try:
        yield sink, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await task


async def the_end_of(task: asyncio.Task[None]) -> BaseException | None:
    await asyncio.wait([task], timeout=10)
    assert task.done(), "the driver should have noticed"
    return task.exception()


@pytest.mark.parametrize("writes", [("epcHex",), ("epc",), ("epc", "epcHex")])
async def test_every_tag_in_the_field_is_delivered_with_its_antenna(writes: tuple[str, ...]) -> None:
    async with a_reader(rounds_per_s=50, read_rate=0.5) as reader:
        reader.writes = writes
        where = {epc: 1 + nth % 4 for nth, epc in enumerate(EPCS)}
        for epc, antenna in where.items():
            reader.place(epc, antenna)
        async with driving(reader.address) as (sink, _):
            await until(lambda: {read.epc for read in sink.reads} == where.keys())
            assert {read.epc: read.antenna for read in sink.reads} == where
            assert all(-65 <= (read.rssi_dbm or 0) <= -45 and read.seen_at_us for read in sink.reads)
            assert sink.about == ["Impinj R700, firmware 9.1.0, preset default"]
            assert not sink.left_out


async def test_another_preset_is_stopped_first_and_ours_is_left_running_at_the_end() -> None:
    async with a_reader() as reader:
        reader.runs = "somebody-s"
        async with driving(reader.address) as (sink, _):
            await until(lambda: sink.about)
        assert reader.runs == "default"
        assert reader.counts["/profiles/stop"] == 1
        async with driving(reader.address) as (sink, _):
            await until(lambda: sink.about)
        assert reader.counts["/profiles/stop"] == 1


async def test_a_reader_that_is_not_ours_to_start_runs_what_it_likes() -> None:
    async with a_reader(rounds_per_s=50) as reader:
        reader.place(EPCS[0])
        async with driving(reader.address, start=False) as (sink, _):
            await until(lambda: sink.about == ["Impinj R700, firmware 9.1.0, preset none"])
            reader.runs = "theirs"
            await until(lambda: sink.reads)
        assert not any("start" in path or "stop" in path for path in reader.counts)


async def test_a_preset_stopped_by_hand_is_started_again_at_once() -> None:
    async with a_reader(rounds_per_s=50) as reader, driving(reader.address) as (sink, _):
        reader.place(EPCS[0])
        await until(lambda: sink.reads)
        reader.stop_by_hand()
        sink.reads.clear()
        await until(lambda: sink.reads)
        assert len(sink.about) == 1


async def test_one_bad_line_costs_itself() -> None:
    async with a_reader(rounds_per_s=0, read_rate=1) as reader, driving(reader.address) as (sink, _):
        for epc in EPCS:
            reader.place(epc)
        await until(lambda: sink.about)
        third = EPCS[3].hex().upper()
        reader.spoil = lambda line: "[" * 100_000 if third in line else line
        await reader.round()
        await until(lambda: len(sink.reads) == 39)
        assert len(sink.left_out) == 1


async def test_empty_lines_are_signs_of_life_and_their_end_is_noticed() -> None:
    async with a_reader(rounds_per_s=0, keepalive_s=0.05) as reader:
        async with driving(reader.address, silence_s=0.5) as (sink, task):
            await until(lambda: sink.about and sink.signs_of_life > 20)
            reader.mute()
            lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert (lost.why, lost.trouble) == ("the reader's stream was silent for 0.5 s", "silent")


@pytest.mark.parametrize("clock_s", [0.0, -3 * 3600.0, 1e6])
async def test_a_wrong_clock_does_no_harm(clock_s: float) -> None:
    async with a_reader(rounds_per_s=0, read_rate=1, clock_s=clock_s) as reader, driving(reader.address) as (sink, _):
        reader.place(EPCS[0])
        await until(lambda: sink.about)
        reader.clock_s -= 60
        await reader.round()
        reader.clock_s += 60
        reader.field = {EPCS[1]: 2}
        await reader.round()
        await until(lambda: sink.reads)
        assert [read.epc for read in sink.reads] == [EPCS[1]]
        assert len(sink.left_out) == 1


async def test_an_ended_stream_is_a_lost_reader_with_a_hint() -> None:
    async with a_reader() as reader, driving(reader.address) as (sink, task):
        await until(lambda: sink.about)
        reader.end_streams()
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "same name" in lost.hint


async def test_nobody_there_is_a_lost_reader() -> None:
    async with a_reader() as reader:
        pass
    async with driving(reader.address) as (_, task):
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert lost.trouble == "port_closed"


@pytest.mark.parametrize(
    ("path", "code", "kind", "why"),
    [
        ("/status", 404, DeviceRefused, r"does not say how it is: x\x1b[2J"),
        ("/status", 503, DeviceLost, r"not ready: x\x1b[2J"),
        ("/status", 301, DeviceRefused, "sends us elsewhere"),
        ("/data/stream", 404, DeviceRefused, r"does not open its stream: x\x1b[2J"),
        ("/profiles/inventory/presets/default/start", 400, DeviceRefused, r"refused to start: x\x1b[2J"),
        ("/profiles/inventory/presets/default/start", 404, DeviceRefused, "no preset 'default'"),
        ("/profiles/inventory/presets/default/start", 409, DeviceRefused, r"refused to start: x\x1b[2J"),
    ],
)
async def test_a_refusal_is_told_in_the_readers_own_words(
    path: str, code: int, kind: type[DeviceError], why: str
) -> None:
    async with a_reader() as reader:
        reader.refusals[path] = code, "x\x1b[2J"
        async with driving(reader.address) as (_, task):
            error = await the_end_of(task)
        assert isinstance(error, kind), error
        assert why in error.why


@pytest.mark.parametrize("wrong", ["password", "nobody", "authority"])
async def test_a_wrong_password_or_certificate_needs_a_person(tmp_path: Path, wrong: str) -> None:
    password = tmp_path / "password"
    password.write_text("wrong" if wrong == "password" else "secret\n")
    files = issued(tmp_path)
    async with a_reader(certificate=files, users={"root": "secret"}) as reader:
        given: dict[str, object] = {"username": "root", "password_file": str(password), "ca": str(files / "ca.pem")}
        if wrong == "authority":
            del given["ca"]
        if wrong == "nobody":
            del given["username"], given["password_file"]
        async with driving(reader.address, **given) as (_, task):
            refused = await the_end_of(task)
    assert isinstance(refused, DeviceRefused), refused
    assert (refused.trouble, bool(refused.hint)) == ("untrusted" if wrong == "authority" else "login", True)


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"\0" * 300_000]
)
async def test_what_is_no_http_is_nonsense(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(said)
            await reader.read(1)
            await reader.read(100_000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, driving(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as (_, task):
        assert isinstance(await the_end_of(task), DeviceSpokeNonsense)


async def test_a_port_that_says_nothing_holds_nobody_and_no_socket_stays() -> None:
    files = open_files()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = open_device("portal", {"address": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        task = asyncio.create_task(device.run(Listening()))
        await until(lambda: open_files() > files + 1)
        task.cancel()
        await asyncio.wait([task])
    assert open_files() == files


async def test_a_line_that_cuts_as_it_likes_changes_nothing() -> None:
    async with a_reader(rounds_per_s=0, read_rate=1) as reader:
        for epc in EPCS:
            reader.place(epc)
        port = int(reader.address.rsplit(":", 1)[1])
        async with chopped(port, 1) as other, driving(f"http://127.0.0.1:{other}") as (sink, _):
            await until(lambda: sink.about)
            await reader.round()
            await until(lambda: len(sink.reads) == 40)
            assert not sink.left_out


@pytest.mark.parametrize("flip_at", [3, 200, 900, 1500, 1700])
async def test_one_wrong_byte_on_the_line_costs_an_event_or_the_connection(flip_at: int) -> None:
    async with a_reader(rounds_per_s=0, read_rate=1) as reader:
        reader.place(EPCS[0])
        port = int(reader.address.rsplit(":", 1)[1])
        async with (
            chopped(port, flip_at, flip_at=flip_at) as other,
            driving(f"http://127.0.0.1:{other}", silence_s=0.5, status_every_s=0.2) as (sink, task),
        ):
            await until(lambda: sink.about or task.done(), 20)
            while not task.done() and len(sink.reads) < 3:
                await reader.round()
            assert not task.done() or isinstance(task.exception(), DeviceError)


async def test_a_flood_does_not_starve_the_loop() -> None:
    async with a_reader(rounds_per_s=0, read_rate=1) as reader, driving(reader.address) as (sink, _):
        await until(lambda: sink.about)
        lines = "".join(reader.line(epc, 1) + "\r\n" for epc in EPCS).encode()
        for _ in range(250):
            reader.say_bytes(lines)
        turns = 0
        while len(sink.reads) < 10_000:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_cancelled_at_any_step_it_closes_its_sockets_and_leaves_no_task() -> None:
    async with a_reader(rounds_per_s=200) as reader:
        reader.place(EPCS[0])
        device = open_device("portal", {"address": reader.address})
        files = open_files()
        steps = reported = 0
        while reported < 3:
            sink = Listening()
            await cancelled_after(steps, device.run(sink))
            await until(lambda: open_files() == files)
            assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("device:")]
            reported += bool(sink.reads)
            steps += 1 + steps // 3
        assert steps > 20


async def test_the_sample_s_reader_keeps_the_books_through_a_reboot(tmp_path: Path) -> None:
    epcs = shirts(30)
    (tmp_path / "password").write_text("secret\n")
    files = issued(tmp_path)
    async with a_reader(rounds_per_s=20, certificate=files, users={"root": "secret"}) as reader:
        config = sampled(
            "impinj_iot", "portal",
            address=reader.address, ca=str(files / "ca.pem"), password_file=str(tmp_path / "password"),
        )  # fmt: skip
        for epc in epcs:
            reader.place(epc, 1)
        async with kept(tmp_path, config, epcs) as (shop, keeper):
            await until(lambda: shop.books.balances.get(("SHIRT", "BACKROOM")) == 30)
            await reader.reboot()
            await until(lambda: keeper.health.connects == 2, 20)
            for epc in epcs[:7]:
                reader.place(epc, 2)
            await until(lambda: shop.books.balances.get(("SHIRT", "FLOOR")) == 7)
            health = keeper.look()
            assert (health.state, health.about) == ("up", "Impinj R700, firmware 9.1.0, preset default")
            await shop.assert_memory_is_disk()
