"""Judged by uhfreader18, somebody else's library: it understands our bytes, and takes our simulated reader for real."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uhfreader18 import (
    Command,
    FreqBand,
    RfidClient,
    StreamBuffer,
    WorkMode,
    build_command_frame,
    build_heartbeat,
    build_response_frame,
    validate_frame,
)

from drivers.uhfreader.codec import BEAT, Frame, command, frames
from drivers.uhfreader.settings import settings_from
from simulators.uhfreader import SimulatedUhfReader
from tests.drivers.modules import EPCS, driving
from tests.drivers.streams import cut, understood
from tests.waiting import until

BYTE = st.integers(0, 255)


@pytest.fixture
async def reader() -> AsyncIterator[SimulatedUhfReader]:
    reader = SimulatedUhfReader(model=18)
    for epc in EPCS:
        reader.place(epc)
    await reader.serve()
    yield reader
    await reader.stop()


@given(BYTE, BYTE, BYTE, st.binary(max_size=100))
def test_our_commands_are_its_and_its_answers_are_ours(address: int, code: int, status: int, data: bytes) -> None:
    assert command(address, code, data) == build_command_frame(address, code, data)
    answer = build_response_frame(address, code, status, data)
    assert understood(frames(), [answer]) == ([Frame(address, code, status, data)], 0)


def test_our_regions_are_its_bands() -> None:
    for name, band, most in (("cn", FreqBand.CHINESE_2, 19), ("us", FreqBand.US, 49), ("kr", FreqBand.KOREAN, 31)):
        assert settings_from({"port": "/dev/ttyUSB0", "region": name}).region == band.pack(most, 0)


@given(st.lists(st.integers(0, 100_000), max_size=30))
def test_of_what_a_reader_pushes_both_understand_the_same(places: list[int]) -> None:
    reader = SimulatedUhfReader(model=18)
    said = [reader.frame(0xEE, 0, epc) for epc in EPCS] + [build_heartbeat()] + [reader.frame(0xEE, 0, EPCS[0])]
    stream = StreamBuffer()
    theirs = [stream.feed(piece) for piece in cut(b"".join(said), places)]
    ours, noise = understood(frames(), cut(b"".join(said), places))
    assert noise == sum(len(result.errors) for result in theirs) == 0
    assert [frame.data for result in theirs for frame in result.frames] == [
        frame.data for frame in ours if isinstance(frame, Frame) and frame != BEAT
    ]
    assert sum(len(result.heartbeats) for result in theirs) == ours.count(BEAT) == 1


async def test_it_takes_our_simulated_reader_for_a_real_one(reader: SimulatedUhfReader) -> None:
    def ask() -> None:
        with RfidClient("127.0.0.1", reader.port) as client:
            info, address = client.discover_address()
            assert (address, info.reader_model, info.power, info.scan_time) == (0, 9, 30, 10)
            assert info.band == FreqBand.US
            client.set_power(0, 21)
            client.set_region(0, FreqBand.CHINESE_2, 19, 0)
            client.set_scan_time(0, 5)
            assert client.get_work_mode().work_mode == WorkMode.ANSWER

    await asyncio.to_thread(ask)
    assert (reader.power_dbm, reader.region, reader.scan) == (21, bytes.fromhex("1340"), 5)


async def test_what_our_driver_sets_it_reads_back(reader: SimulatedUhfReader) -> None:
    async with driving(reader, "uhfreader", region="kr", power_dbm=13, scan_ms=700, mode="active") as (sink, _):
        await until(lambda: {read.epc for read in sink.reads} == set(EPCS))
    reader.field.clear()  # it takes whatever comes for its answer
    await until(lambda: reader.is_free and not reader.pending)

    def ask() -> None:
        with RfidClient("127.0.0.1", reader.port) as client:
            info = client.get_reader_info()
            assert (info.band, info.power, info.scan_time) == (FreqBand.KOREAN, 13, 7)
            assert client.get_work_mode().work_mode == WorkMode.SCAN

    await asyncio.to_thread(ask)


def test_an_inventory_of_ours_is_a_frame_to_it() -> None:
    reader = SimulatedUhfReader(model=288)
    frame = validate_frame(reader.frame(Command.INVENTORY, 3, b"\x01\x01\x0c" + EPCS[0] + b"\x40"))
    assert frame.data == b"\x01\x01\x0c" + EPCS[0] + b"\x40"
