"""R200 frames: the manual's own bytes, any way chopped, damaged anywhere, hostile."""

from binascii import crc_hqx

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.r200.codec import (
    ANSWER,
    COMMAND,
    DATA_BYTES_MAX,
    NOTICE,
    PROFILES,
    Frame,
    Profile,
    framed,
    frames,
    is_tag,
    query,
    tag_read,
)
from drivers.readings import IsoRead, TagRead
from simulators.r200_module import R200Module
from tests.drivers.modules import EPCS, LONG_EPC
from tests.drivers.streams import assert_damage_costs_one_frame, cut, understood

ALL = tuple(PROFILES.values())
R200, M5STACK, JRM = (PROFILES[name] for name in ("aa-dd", "bb-7e", "aa-8e"))
SAMPLE = bytes.fromhex("AA02220011C9340030751FEB705C5904E3D50D703A76EFDD")

#: What the manual prints, as far as its checksums are right.
COMMANDS = [
    ("AA 00 03 00 01 00 04 DD", 0x03, "00"),
    ("AA 00 22 00 00 22 DD", 0x22, ""),
    ("AA 00 27 00 03 22 27 10 83 DD", 0x27, "22 2710"),
    ("AA 00 28 00 00 28 DD", 0x28, ""),
    ("AA 00 0C 00 13 01 00 00 00 20 60 00 30 75 1F EB 70 5C 59 04 E3 D5 0D 70 AD DD", 0x0C,
     "01 00000020 60 00 30751FEB705C5904E3D50D70"),
    ("AA 00 12 00 01 01 14 DD", 0x12, "01"),
    ("AA 00 0E 00 02 10 20 40 DD", 0x0E, "1020"),
    ("AA 00 07 00 01 01 09 DD", 0x07, "01"),
    ("AA 00 AB 00 01 01 AD DD", 0xAB, "01"),
    ("AA 00 AD 00 01 FF AD DD", 0xAD, "FF"),
    ("AA 00 B6 00 02 07 D0 8F DD", 0xB6, "07D0"),
    ("AA 00 B7 00 00 B7 DD", 0xB7, ""),
]  # fmt: skip
ANSWERS = [
    ("AA 01 28 00 01 00 2A DD", 0x28, "00"),
    ("AA 01 0C 00 01 00 0E DD", 0x0C, "00"),
    ("AA 01 FF 00 01 15 16 DD", 0xFF, "15"),
    ("AA 01 FF 00 10 A3 0E 34 00 30 75 1F EB 70 5C 59 04 E3 D5 0D 70 02 DD", 0xFF,
     "A3 0E 3400 30751FEB705C5904E3D50D70"),
    ("AA 01 0D 00 02 10 20 40 DD", 0x0D, "1020"),
    ("AA 01 0E 00 01 00 10 DD", 0x0E, "00"),
    ("AA 01 08 00 01 01 0B DD", 0x08, "01"),
    ("AA 01 AB 00 01 00 AD DD", 0xAB, "00"),
    ("AA 01 A9 00 01 00 AB DD", 0xA9, "00"),
    ("AA 01 AD 00 01 00 AF DD", 0xAD, "00"),
    ("AA 01 B7 00 02 07 D0 91 DD", 0xB7, "07D0"),
    ("AA 01 B0 00 01 00 B2 DD", 0xB0, "00"),
]  # fmt: skip


@pytest.mark.parametrize(("printed", "code", "data"), COMMANDS)
def test_a_command_is_as_the_manual_prints_it(printed: str, code: int, data: str) -> None:
    assert framed(R200, COMMAND, code, bytes.fromhex(data)) == bytes.fromhex(printed)


@pytest.mark.parametrize(("printed", "code", "data"), ANSWERS)
def test_an_answer_is_understood_as_the_manual_prints_it(printed: str, code: int, data: str) -> None:
    answer = Frame(R200, ANSWER, code, bytes.fromhex(data))
    assert understood(frames(ALL), [bytes.fromhex(printed)]) == ([answer], 0)


def test_a_command_of_the_other_makers_has_their_delimiters() -> None:
    assert framed(M5STACK, COMMAND, 0x07, b"\x01") == bytes.fromhex("BB 00 07 00 01 01 09 7E")
    assert framed(JRM, COMMAND, 0x22) == bytes.fromhex("AA 00 22 00 00 22 8E")


def test_the_manuals_tag_is_read_and_its_crc_is_that_of_the_tag() -> None:
    ((frame,), noise) = understood(frames((R200,)), [SAMPLE])
    assert isinstance(frame, Frame)
    assert (is_tag(frame), noise) == (True, 0)
    assert tag_read(frame.data) == TagRead(bytes.fromhex("30751FEB705C5904E3D50D70"), None, -55)
    assert crc_hqx(frame.data[1:-2], 0xFFFF) ^ 0xFFFF == 0x3A76


def test_any_wrong_bit_of_a_tag_is_found_by_its_own_crc() -> None:
    data = SAMPLE[5:-2]
    for bit in range(8, len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        assert tag_read(bytes(damaged)) is None


def test_the_query_is_as_the_manual_has_it() -> None:
    assert query(0, 4) == bytes.fromhex("1020")
    assert query(3, 15) == bytes.fromhex("1378")


@pytest.mark.parametrize("epc", [b"\x12\x34", EPCS[0], LONG_EPC], ids=len)
@pytest.mark.parametrize("profile", ALL)
def test_an_epc_of_any_length_is_read_from_any_maker(epc: bytes, profile: Profile) -> None:
    module = R200Module(header=profile.header, end=profile.end)
    module.place(epc, -71)
    frame = module.tag_frame(epc, *module.field[epc])
    assert [tag_read(one.data) for one in frames(ALL).feed(frame) if isinstance(one, Frame)] == [
        TagRead(epc, None, -71)
    ]


def test_a_tag_without_an_epc_brings_its_family() -> None:
    module = R200Module()
    read = tag_read(module.tag_frame(EPCS[0], 0x31C1, -40)[5:-2])
    assert isinstance(read, IsoRead)
    assert read.afi == 0xC1


def talk(profile: Profile = M5STACK) -> list[bytes]:
    """Answers and tags, among them EPCs full of delimiters."""
    module = R200Module(header=profile.header, end=profile.end)
    for epc in (*EPCS[:3], bytes([profile.end, profile.header] * 6), bytes([profile.header] * 6), LONG_EPC):
        module.place(epc)
    tags = [module.tag_frame(epc, *tag) for epc, tag in module.field.items()]
    return [
        module.frame(1, 0x28, b"\0"),
        *tags,
        module.frame(1, 0x03, b"\0M100 V1"),
        *tags,
        module.frame(1, 0xFF, b"\x15"),
    ]


@pytest.mark.parametrize("profile", ALL)
def test_a_damaged_byte_costs_the_frame_it_was_in_and_no_other(profile: Profile) -> None:
    assert_damage_costs_one_frame(lambda: frames((profile,)), talk(profile))


@given(st.lists(st.integers(0, 100_000), max_size=30), st.lists(st.binary(max_size=9), max_size=12))
def test_a_stream_with_noise_chopped_any_way_is_the_same(places: list[int], noise: list[bytes]) -> None:
    frames_said = talk()
    for nth, bytes_between in enumerate(noise):
        frames_said.insert(nth * 2, bytes_between)
    stream = b"".join(frames_said)
    assert understood(frames(ALL), cut(stream, places)) == understood(frames(ALL), [stream])


@given(st.lists(st.binary(max_size=400) | st.just(b"\xaa\x02\x22\x01\x00"), max_size=30))
def test_whatever_comes_is_bounded_and_no_command_of_ours(pieces: list[bytes]) -> None:
    cutter = frames(ALL)
    for piece in pieces:
        for _ in cutter.feed(piece):
            pass
        assert cutter.held_bytes <= DATA_BYTES_MAX + 7


@pytest.mark.parametrize("length", [DATA_BYTES_MAX + 1, 0x7FFF, 0xFFFF])
def test_a_length_that_cannot_be_is_not_waited_for(length: int) -> None:
    hostile = b"\xaa\x02\x22" + length.to_bytes(2, "big")
    assert [one for one in frames(ALL).feed(hostile + SAMPLE) if isinstance(one, Frame)] == [
        Frame(R200, NOTICE, 0x22, SAMPLE[5:-2])
    ]
