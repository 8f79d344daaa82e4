"""UHFReader frames: bytes of real readers and manuals, any way chopped, damaged anywhere, hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import TagRead
from drivers.uhfreader.codec import (
    ABOUT,
    BEAT,
    INVENTORY,
    BadAnswer,
    Frame,
    command,
    crc,
    frames,
    pushed_by_288,
    tags_of_18,
    tags_of_288,
)
from simulators import uhfreader as simulated
from simulators.uhfreader import SimulatedUhfReader
from tests.drivers.modules import EPCS, LONG_EPC
from tests.drivers.streams import assert_damage_costs_one_frame, cut, understood

FIRST, SECOND, THIRD = (
    bytes.fromhex(epc) for epc in ("000000000000000000000313", "000000000000000000000314", "49440000000000000a000334")
)
#: What readers said.
ANSWERS_OF_18 = [
    ("13 00 01 03 01 0C 000000000000000000000313 3F39", [TagRead(FIRST)]),
    ("13 00 01 03 01 0C 49440000000000000A000334 A5FB", [TagRead(THIRD)]),
    ("20 00 01 03 02 0C 000000000000000000000313 0C 000000000000000000000314 9AC9", [TagRead(FIRST), TagRead(SECOND)]),
]
ANSWERS_OF_288 = [
    ("15 00 01 03 01 01 0C 000000000000000000000313 6B B1A5", [TagRead(FIRST, 1)]),
    ("15 00 01 03 01 01 0C 3039606303C74380001A0559 40 F93E", [TagRead(bytes.fromhex("3039606303C74380001A0559"), 1)]),
    ("15 00 01 03 04 01 0C 49440000000000000A000334 64 25C0", [TagRead(THIRD, 3)]),
    ("0D 00 01 03 01 01 04 00323038 6D A3D2", [TagRead(bytes.fromhex("00323038"), 1)]),
    ("07 00 01 01 01 00 1E4B", []),
    ("23 00 01 03 01 02 0C 000000000000000000000313 6B 0C 000000000000000000000314 6C 70F2",
     [TagRead(FIRST, 1), TagRead(SECOND, 1)]),
]  # fmt: skip


def the_frame(said: str) -> Frame:
    ((frame,), noise) = understood(frames(), [bytes.fromhex(said)])
    assert isinstance(frame, Frame)
    assert noise == 0
    return frame


def test_a_command_is_as_readers_know_it() -> None:
    assert command(0xFF, INVENTORY) == bytes.fromhex("04 FF 01 1B B4")
    assert command(0xFF, ABOUT) == bytes.fromhex("04 FF 21 19 95")


@pytest.mark.parametrize(("said", "reads"), ANSWERS_OF_18)
def test_an_inventory_of_an_18_is_understood(said: str, reads: list[TagRead]) -> None:
    frame = the_frame(said)
    assert (frame.address, frame.code, frame.status) == (0, INVENTORY, 3)
    assert tags_of_18(frame.data) == reads


@pytest.mark.parametrize(("said", "reads"), ANSWERS_OF_288)
def test_an_inventory_of_a_288_is_understood_with_its_antennas(said: str, reads: list[TagRead]) -> None:
    assert tags_of_288(the_frame(said).data) == reads


def test_a_report_of_active_mode_is_one_tag_and_a_read_for_each_antenna() -> None:
    pushed = SimulatedUhfReader().frame(0xEE, 0, b"\x05\x0c" + FIRST + b"\x40")
    assert pushed_by_288(the_frame(pushed.hex()).data) == [TagRead(FIRST, 1), TagRead(FIRST, 3)]


def test_with_fast_id_the_epc_is_told_from_the_tid() -> None:
    assert tags_of_288(b"\x02\x01\x98" + FIRST + bytes(12) + b"\x40") == [TagRead(FIRST, 2)]


def test_a_heartbeat_is_no_frame_and_understood() -> None:
    assert understood(frames(), [bytes.fromhex("560000000000")]) == ([BEAT], 0)
    long = SimulatedUhfReader().frame(0, 0, bytes(81))
    assert long[0] == 0x56
    ((frame,), _) = understood(frames(), [long[:1], long[1:2], long[2:]])
    assert isinstance(frame, Frame)


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x02ab", b"\x01\x03ab", b"\x01\x02ab\x01"])
def test_an_inventory_of_18_that_does_not_add_up_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        tags_of_18(data)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\x01", b"\x01\x01\x02ab", b"\x01\x02\x02ab\x40", b"\x01\x01\x7fab\x40"]
)
def test_an_inventory_of_288_that_does_not_add_up_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        tags_of_288(data)


@given(st.binary(max_size=300))
def test_the_crc_is_that_of_the_manual(data: bytes) -> None:
    assert crc(data) == simulated.crc(data)


def talk() -> list[bytes]:
    reader = SimulatedUhfReader(model=288)
    epcs = (*EPCS[:4], LONG_EPC, b"\x05\x00" * 6)
    tags = [reader.frame(1, 3, b"\x01\x01" + bytes([len(epc)]) + epc + b"\x40") for epc in epcs]
    about = [reader.frame(0x21, 0, reader._about()), bytes.fromhex("560000000000")]
    return [*about, *tags, reader.frame(1, 1, b"\x01\x00"), reader.frame(0, 0xFE)]


def test_a_damaged_byte_costs_the_frame_it_was_in_and_no_other() -> None:
    assert_damage_costs_one_frame(frames, talk())


@given(st.lists(st.integers(0, 100_000), max_size=30), st.lists(st.binary(max_size=9), max_size=12))
def test_a_stream_with_noise_chopped_any_way_is_the_same(places: list[int], noise: list[bytes]) -> None:
    said = talk()
    for nth, between in enumerate(noise):
        said.insert(nth * 2, between)
    stream = b"".join(said)
    assert understood(frames(), cut(stream, places)) == understood(frames(), [stream])


@given(st.lists(st.binary(max_size=400), max_size=30))
def test_whatever_comes_is_bounded(pieces: list[bytes]) -> None:
    cutter = frames()
    for piece in pieces:
        for _ in cutter.feed(piece):
            pass
        assert cutter.held_bytes <= 256
