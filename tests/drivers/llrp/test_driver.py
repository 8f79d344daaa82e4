"""The driver against a simulated reader, over real TCP."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from struct import pack

import pytest

from drivers.errors import DeviceError, DeviceLost, DeviceRefused, DeviceSpokeNonsense
from drivers.llrp.codec import MESSAGE_BYTES_MAX, framed
from drivers.llrp.driver import LEAVE_S, open_device
from drivers.llrp.schema import MESSAGE
from simulators.llrp_reader import SimulatedReader
from tests.cancelling import cancelled_after
from tests.drivers.llrp.captures import recordings
from tests.drivers.llrp.listening import Listening
from tests.waiting import until

EPCS = [bytes.fromhex("3034257bf4f3acef") + pack(">I", serial) for serial in range(40)]
RECORDED_US = 1_594_174_805_000_000
LONG_EPC = bytes.fromhex("3600257bf4f3acef") + bytes(17)


@asynccontextmanager
async def a_reader(**how: float) -> AsyncIterator[SimulatedReader]:
    reader = SimulatedReader(**how)  # type: ignore[arg-type] # numbers by name
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


@asynccontextmanager
async def a_recorded_reader() -> AsyncIterator[SimulatedReader]:
    """One that reads nothing of its own, at the time at which the recordings were made."""
    async with a_reader(rounds_per_s=0) as reader:
        reader.now_us = lambda: RECORDED_US
        yield reader


@asynccontextmanager
async def driving(reader: SimulatedReader, **settings: object) -> AsyncIterator[tuple[Listening, asyncio.Task[None]]]:
    """The driver running against the reader. At the end its task is cancelled, unless it has ended."""
    sink = Listening()
    device = open_device("portal", {"address": reader.address, "report_every_ms": 20, **settings})
    task = asyncio.create_task(device.run(sink))
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


async def test_every_tag_in_the_field_is_delivered_with_its_antenna() -> None:
    async with a_reader(rounds_per_s=100, read_rate=0.5) as reader:
        where = {epc: 1 + place % 4 for place, epc in enumerate([*EPCS, LONG_EPC])}
        for epc, antenna in where.items():
            reader.place(epc, antenna)
        async with driving(reader) as (sink, _):
            await until(lambda: {read.epc for read in sink.reads} == where.keys())
            assert {read.epc: read.antenna for read in sink.reads} == where
            assert all(-70 <= (read.rssi_dbm or 0) <= -40 and read.count >= 1 for read in sink.reads)
            assert sink.about == ["maker 0 model 1, firmware simulated 1.0, 4 antennas"]
            assert not sink.left_out


async def test_a_single_tag_is_reported_without_waiting_for_thirty() -> None:
    async with a_reader(rounds_per_s=100) as reader, driving(reader, tags_per_report=30) as (sink, _):
        reader.place(EPCS[0], 3)
        await until(lambda: sink.reads)
        assert reader.counts["GetReport"] >= 1


async def test_only_the_configured_antennas_are_read() -> None:
    async with a_reader(rounds_per_s=100, read_rate=1.0) as reader:
        reader.place(EPCS[0], 1)
        reader.place(EPCS[1], 2)
        async with driving(reader, antennas=[2]) as (sink, _):
            await until(lambda: len(sink.reads) > 5)
            assert {read.epc for read in sink.reads} == {EPCS[1]}


async def test_parameters_a_reader_leaves_out_are_as_before() -> None:
    how = {"rounds_per_s": 0, "read_rate": 1.0, "omits_repeats": True}
    async with a_reader(**how) as reader, driving(reader, tags_per_report=5) as (sink, _):
        await until(lambda: sink.about)
        for epc in EPCS[:5]:
            reader.place(epc, 2)
        await reader.round()
        await until(lambda: len(sink.reads) == 5)
        assert {(read.antenna, read.count) for read in sink.reads} == {(2, 1)}
        assert all(read.seen_at_us for read in sink.reads)


async def test_recordings_replayed_arrive_as_recorded() -> None:
    recorded = recordings("ROAccessReport")
    async with a_recorded_reader() as reader, driving(reader) as (sink, _):
        await until(lambda: sink.about)
        await reader.replay(one.payload for one in recorded)
        await until(lambda: len(sink.reads) == len(recorded))
        reports = [report for one in recorded for report in one.says["TagReportData"]]
        assert [(read.antenna, read.rssi_dbm, read.seen_at_us) for read in sink.reads] == [
            (report["AntennaID"], report["PeakRSSI"], report["FirstSeenUTC"]) for report in reports
        ]


async def test_a_cut_connection_is_a_lost_device() -> None:
    async with a_reader() as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        await reader.drop()
        assert isinstance(await the_end_of(task), DeviceLost)


async def test_a_reader_that_says_goodbye_is_lost_with_a_hint() -> None:
    async with a_reader() as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        await reader.stop()
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert lost.hint


async def test_nobody_there_is_a_lost_device() -> None:
    async with a_reader() as reader:
        pass
    async with driving(reader) as (_, task):
        assert isinstance(await the_end_of(task), DeviceLost)


async def test_a_silent_reader_is_noticed_after_two_keepalives() -> None:
    async with a_reader() as reader, driving(reader, keepalive_s=1) as (sink, task):
        await until(lambda: sink.signs_of_life > 1)
        assert reader.keepalive_s == 1
        await until(lambda: reader.counts["KeepAliveAck"])
        reader.mute = True
        muted_at = asyncio.get_running_loop().time()
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "silent" in lost.why
        assert 2.0 <= asyncio.get_running_loop().time() - muted_at < 5.0


async def test_a_second_client_is_told_that_another_holds_the_reader() -> None:
    async with a_reader() as reader, driving(reader) as (first, _):
        await until(lambda: first.about)
        async with driving(reader) as (second, task):
            lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "another client" in lost.why
        assert lost.hint
        assert not second.about
        assert reader.counts["turned_away"] == 1


async def test_the_place_is_free_again_after_a_polite_end() -> None:
    async with a_reader() as reader:
        for _ in range(3):
            async with driving(reader) as (sink, _task):
                await until(lambda: sink.about)
        assert reader.counts["CloseConnection"] == 3
        assert reader.counts["turned_away"] == 0


@pytest.mark.parametrize(
    "request_name", ["GetReaderCapabilities", "SetReaderConfig", "AddROSpec", "EnableROSpec", "StartROSpec"]
)
async def test_a_refusal_is_told_in_the_readers_own_words(request_name: str) -> None:
    async with a_reader() as reader:
        reader.refusals[request_name] = 301, "the value\x1b[2J is\nout of range " + "x" * 500
        async with driving(reader) as (_, task):
            refused = await the_end_of(task)
    assert isinstance(refused, DeviceRefused)
    assert request_name in refused.why
    assert "A_OutOfRange" in refused.why
    assert r"the value\x1b[2J is\nout of range" in refused.why
    assert len(refused.why) < 400


async def test_an_antenna_the_reader_has_not_is_refused() -> None:
    async with a_reader(antennas=2) as reader, driving(reader, antennas=[1, 3]) as (_, task):
        refused = await the_end_of(task)
        assert isinstance(refused, DeviceRefused)
        assert "antenna 3" in refused.why


async def test_garbage_in_a_frame_costs_only_the_frame() -> None:
    good = recordings("ROAccessReport")[0].payload
    async with a_recorded_reader() as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        await reader.replay([good, b"\x00\xf0\xff\xffrubbish", good])
        await reader.send_raw(framed(900, 7, b"a type nobody knows"))
        await reader.replay([good])
        await until(lambda: len(sink.reads) == 3)
        assert len(sink.left_out) == 2
        assert not task.done()


@pytest.mark.parametrize("length", [0, 9, MESSAGE_BYTES_MAX + 1, 0xFFFFFFFF])
async def test_a_length_that_cannot_be_costs_the_connection(length: int) -> None:
    async with a_reader(rounds_per_s=0) as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        await reader.send_raw(pack(">HII", 1 << 10 | MESSAGE["ROAccessReport"].number, length, 1))
        assert isinstance(await the_end_of(task), DeviceSpokeNonsense)


async def test_reports_do_not_starve_the_loop() -> None:
    good = recordings("ROAccessReport")[0].payload
    async with a_recorded_reader() as reader, driving(reader) as (sink, _):
        await until(lambda: sink.about)
        flood = framed(MESSAGE["ROAccessReport"].number, 1, good * 500) * 40
        sending = asyncio.create_task(reader.send_raw(flood))
        turns = 0
        while len(sink.reads) < 20_000:
            await asyncio.sleep(0)
            turns += 1
        await sending
        assert turns > 10, "someone else had a turn between pieces"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_cancelled_at_any_step_it_closes_its_socket_and_leaves_no_task() -> None:
    async with a_reader(rounds_per_s=200) as reader:
        reader.place(EPCS[0], 1)
        device = open_device("portal", {"address": reader.address, "report_every_ms": 20})
        tasks, files = asyncio.all_tasks(), open_files()
        steps = reported = 0
        while reported < 3:
            sink = Listening()
            with suppress(DeviceLost):  # cancelled too late: the reader had turned it away, still busy with the last
                await cancelled_after(steps, device.run(sink))
            await until(lambda: open_files() == files and asyncio.all_tasks() == tasks)
            reported += bool(sink.reads)
            steps += 1 + steps // 20
        assert steps > 50


async def test_cancelled_twice_it_still_says_goodbye() -> None:
    async with a_reader() as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert reader.counts["sent CloseConnectionResponse"] == 1


async def test_a_reader_that_does_not_answer_the_goodbye_is_left_after_a_second_however_often_cancelled() -> None:
    async with a_reader() as reader, driving(reader) as (sink, task):
        await until(lambda: sink.about)
        reader.mute = True
        began = asyncio.get_running_loop().time()
        task.cancel()
        await until(lambda: reader.counts["CloseConnection"])
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()
        assert asyncio.get_running_loop().time() - began >= LEAVE_S
