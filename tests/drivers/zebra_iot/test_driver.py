"""The driver against simulated readers, over a real broker."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.zebra_iot.driver import open_device
from simulators.zebra_reader import FixedReader, Sled, ZebraReader
from tests.brokers import Mosquitto, mosquitto
from tests.cancelling import cancelled_after
from tests.drivers.chopping import chopped
from tests.drivers.issuing import guarded_mosquitto
from tests.drivers.keeping import kept, sampled, shirts
from tests.drivers.llrp.listening import Listening
from tests.waiting import until

__all__ = ["mosquitto"]

EPCS = shirts(40)
USERS = {"nearshelf": "secret", "FX9600-door": "portal", "RFD40-212735201D0053": "sled"}
TOPIC, SLED = "shop/FX9600-door", "shop/RFD40-212735201D0053"


@asynccontextmanager
async def on(reader: ZebraReader) -> AsyncIterator[ZebraReader]:
    await reader.switch_on()
    try:
        yield reader
    finally:
        await reader.switch_off()


@asynccontextmanager
async def driving(address: str, **settings: object) -> AsyncIterator[tuple[Listening, asyncio.Task[None]]]:
    """The driver running. At the end its task is cancelled, unless it has ended."""
    sink = Listening()
    device = open_device("door", {"broker": address, "topic": TOPIC, **settings})
    task = asyncio.create_task(device.run(sink))
    try:
        yield sink, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await task


def spoilt(epc: str, bad: str, event: str) -> str:
    """`bad` instead of this tag's event."""
    return bad if epc in event else event


async def the_end_of(task: asyncio.Task[None], within_s: float = 10) -> BaseException | None:
    await asyncio.wait([task], timeout=within_s)
    assert task.done(), "the driver should have noticed"
    return task.exception()


@pytest.mark.parametrize("batch", [1, 15])
async def test_every_tag_in_the_field_is_delivered_with_its_antenna(mosquitto: Mosquitto, batch: int) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50, read_rate=0.5, batch=batch)
    where = {epc: 1 + nth % 4 for nth, epc in enumerate(EPCS)}
    for epc, antenna in where.items():
        reader.place(epc, antenna)
    async with on(reader), driving(mosquitto.address) as (sink, _):
        await until(lambda: {read.epc for read in sink.reads} == where.keys())
        assert {read.epc: read.antenna for read in sink.reads} == where
        assert all(-70 <= (read.rssi_dbm or 0) <= -40 and read.seen_at_us for read in sink.reads)
        assert sink.about == [f"Zebra FX9600, firmware 3.32.7.0, at {mosquitto.address}"]
        assert reader.counts["start"] == 1
        assert not sink.left_out


async def test_a_sled_reads_when_its_trigger_is_pulled_and_has_no_antenna(mosquitto: Mosquitto) -> None:
    sled = Sled(mosquitto.address, SLED, rounds_per_s=50)
    for epc in EPCS:
        sled.place(epc)
    async with on(sled), driving(mosquitto.address, topic=SLED, reader="sled") as (sink, _):
        await until(lambda: sink.about)
        assert sink.about == [f"Zebra RFD40, firmware PAAFKS00-013-R02, at {mosquitto.address}"]
        assert not sled.reads
        sled.reads = True
        await until(lambda: {read.epc for read in sink.reads} == set(EPCS))
        assert {read.antenna for read in sink.reads} == {None}
        assert not sink.left_out


async def test_a_sled_can_be_made_to_read_and_one_that_reads_already_is_let_read(mosquitto: Mosquitto) -> None:
    sled = Sled(mosquitto.address, SLED, rounds_per_s=50)
    sled.place(EPCS[0])
    async with on(sled):
        for _ in range(2):
            async with driving(mosquitto.address, topic=SLED, reader="sled", start=True) as (sink, _task):
                await until(partial(bool, sink.reads))
        assert sled.counts["control_operation"] == 1


async def test_one_bad_event_in_a_batch_costs_itself(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1, batch=100)
    for epc in EPCS:
        reader.place(epc)
    third = EPCS[3].hex()
    async with on(reader), driving(mosquitto.address) as (sink, _):
        await until(lambda: sink.about)
        for bad in ('"x"', "[" * 100_000, "1e999", '{"data":{"idHex":7}}', "\\", '{"data":"\xff"}'):
            sink.reads.clear()
            sink.left_out.clear()
            reader.spoil = partial(spoilt, third, bad)
            await reader.round()
            await until(lambda: sink.left_out)
            assert len(sink.left_out) == 1
            await until(lambda: len(sink.reads) == 39)
            assert {read.epc for read in sink.reads} == {*EPCS} - {EPCS[3]}


async def test_what_is_delivered_twice_is_taken_once(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1, batch=10)
    for epc in EPCS:
        reader.place(epc)
    async with on(reader), driving(mosquitto.address) as (sink, _):
        await until(lambda: sink.about)
        reader.twice = True
        await reader.round()
        await reader.round()
        await until(lambda: len(sink.reads) == 80)
        reader.twice = False
        reader.field = {EPCS[0]: 2}
        await reader.round()
        await until(lambda: sink.reads[-1].antenna == 2)
        assert len(sink.reads) == 81
        assert not sink.left_out


@pytest.mark.parametrize("clock_s", [0.0, -3 * 3600.0, 86_400.0])
async def test_reads_kept_through_an_outage_are_old_and_new_ones_count_whatever_the_readers_clock(
    mosquitto: Mosquitto, clock_s: float
) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1, batch=50, clock_s=clock_s)
    reader.place(EPCS[0])
    async with on(reader), driving(mosquitto.address, stale_s=30) as (sink, _):
        await until(lambda: sink.about)
        reader.clock_s -= 60
        old = reader.message([(EPCS[1], 1), (EPCS[2], 1)])
        reader.clock_s += 60
        reader.publish(reader.data_topic(), old)
        await reader.round()
        await until(lambda: sink.reads)
        assert [read.epc for read in sink.reads] == [EPCS[0]]
        assert sink.left_out == ["2 reads that the reader had kept: they are too old"]


async def test_what_the_broker_kept_is_not_believed(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1)
    async with on(reader):
        topic, content = reader.heartbeat()
        for where, said in (
            (reader.data_topic(), reader.message([(EPCS[1], 1)])),
            (topic, json.dumps(content).encode()),
        ):
            await until(reader.publish(where, said, retain=True).is_published)
        async with driving(mosquitto.address) as (sink, _):
            await until(lambda: sink.about and len(sink.left_out) == 2)
            assert not sink.reads
            assert "kept" in sink.left_out[0]


async def test_a_reader_that_stopped_is_started_again(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50)
    reader.misspells = True
    reader.place(EPCS[0])
    async with on(reader), driving(mosquitto.address, status_every_s=0.4) as (sink, _):
        await until(lambda: sink.reads)
        reader.reads = False
        await until(lambda: reader.counts["start"] == 2)
        assert len(sink.about) == 1


async def test_a_rebooted_reader_is_noticed_started_again_and_counts_anew(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50)
    reader.place(EPCS[0])
    async with on(reader), driving(mosquitto.address, status_every_s=1) as (sink, _):
        await until(lambda: sink.reads)
        await reader.reboot()
        reader.place(EPCS[1])
        await until(lambda: EPCS[1] in {read.epc for read in sink.reads})
        assert reader.counts["start"] == 2


async def test_a_sled_that_left_the_broker_is_lost_at_once(mosquitto: Mosquitto) -> None:
    sled = Sled(mosquitto.address, SLED)
    async with on(sled), driving(mosquitto.address, topic=SLED, reader="sled") as (sink, task):
        await until(lambda: sink.about)
        await sled.switch_off(politely=False)
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "left the broker" in lost.why


async def test_a_reader_that_says_nothing_more_is_lost_though_the_broker_is_there(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50)
    async with on(reader), driving(mosquitto.address, status_every_s=0.4) as (sink, task):
        await until(lambda: sink.about)
        reader.mute = True
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert (lost.why, lost.trouble) == ("the reader was silent for 1 s", "silent")


async def test_a_broker_in_a_black_hole_is_lost(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50)
    async with on(reader), driving(mosquitto.address, status_every_s=0.4) as (sink, task):
        await until(lambda: sink.about)
        assert mosquitto.pid is not None
        os.kill(mosquitto.pid, signal.SIGSTOP)
        try:
            assert isinstance(await the_end_of(task), DeviceLost)
        finally:
            os.kill(mosquitto.pid, signal.SIGCONT)


async def test_a_refused_start_is_told_in_the_readers_words(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC)
    reader.refusals["start"] = "region is\x1b[2J not set"
    async with on(reader), driving(mosquitto.address) as (_, task):
        refused = await the_end_of(task)
    assert isinstance(refused, DeviceRefused)
    assert refused.why == r"the reader refused to start: region is\x1b[2J not set"


async def test_a_reader_whose_time_cannot_be_read_reads_all_the_same(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=50, clock_s=-1e6)
    reader.timeless = True
    reader.place(EPCS[0])
    async with on(reader), driving(mosquitto.address) as (sink, _):
        await until(lambda: sink.reads)


async def test_nobody_there_is_a_lost_broker(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    async with driving(mosquitto.address) as (_, task):
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert lost.hint


async def test_a_port_that_says_nothing_is_given_up_and_no_socket_stays(mosquitto: Mosquitto) -> None:
    files = open_files()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = open_device("door", {"broker": f"mqtt://127.0.0.1:{silent.getsockname()[1]}", "topic": TOPIC})
        task = asyncio.create_task(device.run(Listening()))
        await until(lambda: open_files() > files + 1)
        task.cancel()
        await asyncio.wait([task])
    assert open_files() == files


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "nobody"])
async def test_a_broker_that_does_not_let_us_in_or_is_another_needs_a_person(tmp_path: Path, wrong: str) -> None:
    password = tmp_path / "password"
    password.write_text("wrong" if wrong == "password" else "secret\n")
    (tmp_path / "b").mkdir()
    async with guarded_mosquitto(tmp_path / "b", {"nearshelf": "secret"}) as (broker, files):
        given: dict[str, object] = {
            "ca": str(files / ("ca.pem")),
            "username": "stranger" if wrong == "user" else "nearshelf",
            "password_file": str(password),
        }
        if wrong == "authority":
            del given["ca"]
        if wrong == "nobody":
            del given["username"], given["password_file"]
        async with driving(f"mqtts://127.0.0.1:{broker.port}", **given) as (_, task):
            refused = await the_end_of(task)
    assert isinstance(refused, DeviceRefused), refused
    assert (refused.trouble, bool(refused.hint)) == ("untrusted" if wrong == "authority" else "login", True)


async def test_a_file_that_cannot_be_used_is_named(mosquitto: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for ca, password, named in (("ca.pem", None, "ca.pem"), (None, "none", "none")):
        given: dict[str, object] = {"ca": str(tmp_path / ca)} if ca else {}
        if password:
            given |= {"username": "x", "password_file": str(tmp_path / password)}
        async with driving(f"mqtts://127.0.0.1:{mosquitto.port}", **given) as (_, task):
            refused = await the_end_of(task)
        assert isinstance(refused, DeviceRefused)
        assert str(tmp_path / named) in refused.why
        assert refused.trouble == "settings"


async def test_a_packet_that_is_too_large_costs_the_connection(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC)
    async with on(reader), driving(mosquitto.address) as (sink, task):
        await until(lambda: sink.about)
        reader.publish(reader.data_topic(), b"[" + b" " * 512 * 1024 + b"]")
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "more than" in lost.why


@pytest.mark.parametrize("pad", [0, 50_000])
async def test_a_flood_does_not_starve_the_loop_and_waits_in_the_broker(mosquitto: Mosquitto, pad: int) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, batch=40)
    async with on(reader), driving(mosquitto.address) as (sink, _):
        await until(lambda: sink.about)
        for _ in range(300):
            message = reader.message([(epc, 1) for epc in EPCS]) + b" " * pad
            sent = reader.publish(reader.data_topic(), message)
        turns = 0
        while len(sink.reads) < 12_000:
            await asyncio.sleep(0)
            turns += 1
        assert sent.is_published()
        assert turns > 300


async def test_a_line_that_cuts_as_it_likes_changes_nothing(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1, batch=7)
    for epc in EPCS:
        reader.place(epc)
    async with on(reader), chopped(mosquitto.port, 1) as port, driving(f"mqtt://127.0.0.1:{port}") as (sink, _):
        await until(lambda: sink.about)
        await reader.round()
        await until(lambda: len(sink.reads) == 40)
        assert {read.epc for read in sink.reads} == set(EPCS)
        assert not sink.left_out


@pytest.mark.parametrize("flip_at", [1, 3, 40])
async def test_one_wrong_byte_on_the_line_costs_an_event_or_the_connection(mosquitto: Mosquitto, flip_at: int) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=0, read_rate=1, batch=4)
    reader.place(EPCS[0])
    async with (
        on(reader),
        chopped(mosquitto.port, flip_at, flip_at=flip_at) as port,
        driving(f"mqtt://127.0.0.1:{port}", status_every_s=0.4) as (sink, task),
    ):
        await until(lambda: sink.about or task.done(), 20)
        while not task.done() and not sink.reads:
            await reader.round()
        assert not task.done() or isinstance(task.exception(), DeviceError)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_cancelled_at_any_step_it_closes_its_socket_and_leaves_no_task(mosquitto: Mosquitto) -> None:
    reader = FixedReader(mosquitto.address, TOPIC, rounds_per_s=200)
    reader.place(EPCS[0])
    async with on(reader):
        device = open_device("door", {"broker": mosquitto.address, "topic": TOPIC})
        tasks, files = asyncio.all_tasks(), open_files()
        steps = reported = 0
        while reported < 3:
            sink = Listening()
            await cancelled_after(steps, device.run(sink))
            await until(lambda: open_files() == files and asyncio.all_tasks() == tasks)
            reported += bool(sink.reads)
            steps += 1 + steps // 4
        assert steps > 20


async def test_the_sample_s_reader_keeps_the_books_through_a_restart_of_the_broker(tmp_path: Path) -> None:
    epcs = shirts(30)
    (tmp_path / "password").write_text("secret")
    async with guarded_mosquitto(tmp_path, USERS) as (broker, files):
        address = f"mqtts://127.0.0.1:{broker.port}"
        config = sampled(
            "zebra_iot", "door", broker=address, ca=str(files / "ca.pem"), password_file=str(tmp_path / "password")
        )
        reader = FixedReader(address, TOPIC, rounds_per_s=20, batch=10, username="FX9600-door", password="portal")
        reader.ca = str(files / "ca.pem")
        for epc in epcs:
            reader.place(epc, 1)
        async with on(reader), kept(tmp_path, config, epcs) as (shop, keeper):
            await until(lambda: shop.books.balances.get(("SHIRT", "BACKROOM")) == 30)
            broker.kill()
            await until(lambda: keeper.health.state == "down")
            await broker.start()
            for epc in epcs[:7]:
                reader.place(epc, 2)
            await until(lambda: shop.books.balances.get(("SHIRT", "FLOOR")) == 7, 20)
            health = keeper.look()
            assert (health.state, health.connects) == ("up", 2)
            assert health.about == f"Zebra FX9600, firmware 3.32.7.0, at {address}"
            await shop.assert_memory_is_disk()


async def test_no_reader_can_speak_for_another(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    async with guarded_mosquitto(tmp_path, USERS) as (broker, files):
        address = f"mqtts://127.0.0.1:{broker.port}"
        reader = FixedReader(address, TOPIC, rounds_per_s=0, read_rate=1, username="FX9600-door", password="portal")
        liar = Sled(address, SLED, rounds_per_s=0, username="RFD40-212735201D0053", password="sled")
        reader.ca = liar.ca = str(files / "ca.pem")
        given = {"ca": reader.ca, "username": "nearshelf", "password_file": str(tmp_path / "password")}
        async with on(reader), on(liar), driving(address, **given) as (sink, _):
            await until(lambda: sink.about)
            reader.place(EPCS[0])
            await until(liar.publish(reader.data_topic(), reader.message([(EPCS[1], 1)])).is_published)
            await reader.round()
            await until(lambda: sink.reads)
            assert {read.epc for read in sink.reads} == {EPCS[0]}


async def test_the_sample_s_sled_finds_what_is_on_the_floor(tmp_path: Path) -> None:
    epcs = shirts(60)
    (tmp_path / "password").write_text("secret")
    async with guarded_mosquitto(tmp_path, USERS) as (broker, files):
        address = f"mqtts://127.0.0.1:{broker.port}"
        config = sampled(
            "zebra_iot", "sled", broker=address, ca=str(files / "ca.pem"), password_file=str(tmp_path / "password")
        )
        sled = Sled(address, SLED, rounds_per_s=20, username="RFD40-212735201D0053", password="sled", reads=True)
        sled.ca = str(files / "ca.pem")
        for epc in epcs:
            sled.place(epc)
        async with on(sled), kept(tmp_path, config, epcs) as (shop, keeper):
            await until(lambda: shop.books.balances.get(("SHIRT", "FLOOR")) == 60)
            assert keeper.look().dropped <= 5  # what came before it was set up
