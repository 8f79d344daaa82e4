"""ThingMagic frames: bytes of a real Nano and of the maker's host, any way chopped, damaged anywhere, hostile."""

from binascii import crc_hqx

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.readings import IsoRead, TagRead
from drivers.thingmagic.codec import (
    ALIVE,
    READ,
    START,
    STATUS,
    STOP,
    STREAM,
    TAG,
    VERSION,
    BadRecord,
    Frame,
    command,
    crc,
    frames,
    kind_of,
    tag_read,
)
from simulators import thingmagic_module as simulated
from simulators.thingmagic_module import ThingMagicModule
from tests.drivers.modules import EPCS, LONG_EPC
from tests.drivers.streams import assert_damage_costs_one_frame, cut, understood

#: A tag as a Nano told of it.
SAMPLE = bytes.fromhex(
    "FF282200001000 1B01FF0101C4110E1640 000001270000 05 0000 0F 0080 3000 000000000000000000001545 E94A 561D"
)


def data_of(frame: bytes) -> bytes:
    ((found,), noise) = understood(frames(), [frame])
    assert isinstance(found, Frame)
    assert noise == 0
    return found.data


def test_commands_are_as_the_makers_host_sends_them() -> None:
    assert command(VERSION) == bytes.fromhex("FF 00 03 1D 0C")
    assert command(STREAM, START) == bytes.fromhex("FF 10 2F 00 00 01 22 00 00 05 07 22 10 00 1B 03 E8 01 FF DD 2B")
    assert command(STREAM, STOP) == bytes.fromhex("FF 03 2F 00 00 02 5E 86")


def test_a_nanos_tag_is_read_and_both_its_crcs_are_right() -> None:
    ((frame,), _) = understood(frames(), [SAMPLE])
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.status, kind_of(frame.data)) == (READ, 0, TAG)
    assert tag_read(frame.data) == TagRead(bytes.fromhex("000000000000000000001545"), 1, -60)
    assert crc(SAMPLE[1:-2]) == 0x561D
    assert crc_hqx(SAMPLE[29:43], 0xFFFF) ^ 0xFFFF == 0xE94A


@given(st.binary(max_size=300))
def test_the_crc_is_that_of_the_maker(data: bytes) -> None:
    assert crc(data).to_bytes(2, "big") == simulated.crc(data)


@pytest.mark.parametrize("epc", [b"\x12\x34", EPCS[0], LONG_EPC], ids=len)
def test_an_epc_of_any_length_is_read_with_its_antenna(epc: bytes) -> None:
    pc = (len(epc) // 2 << 11).to_bytes(2, "big")
    assert tag_read(data_of(ThingMagicModule().record(epc, pc, 4, -71))) == TagRead(epc, 4, -71)


@pytest.mark.parametrize("pc", ["3200 0010", "3200 8010 0001"])
def test_words_of_xpc_are_no_part_of_the_epc(pc: str) -> None:
    read = tag_read(data_of(ThingMagicModule().record(EPCS[0], bytes.fromhex(pc), 1, -50)))
    assert read.epc == EPCS[0]


def test_a_tag_without_an_epc_brings_its_family() -> None:
    read = tag_read(data_of(ThingMagicModule().record(EPCS[0], bytes.fromhex("31c1"), 1, -50)))
    assert isinstance(read, IsoRead)
    assert read.afi == 0xC1


def test_any_wrong_bit_of_a_tag_is_found_by_its_own_crc() -> None:
    data = data_of(SAMPLE)
    at = SAMPLE.index(bytes.fromhex("3000")) - 5
    for bit in range(at * 8, (at + 16) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        with pytest.raises(BadRecord, match="CRC"):
            tag_read(bytes(damaged))


def test_metadata_that_was_not_asked_for_is_found_by_its_flag() -> None:
    tag = bytes.fromhex("0080 3000") + EPCS[0]
    tag += (crc_hqx(tag[2:], 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
    assert tag_read(bytes.fromhex("10 001b 0000 01") + tag) == TagRead(EPCS[0])
    assert tag_read(bytes.fromhex("10 001b 0006 01 c4 21") + tag) == TagRead(EPCS[0], 2, -60)
    embedded = bytes.fromhex("10 001b 0081 01 07 0011 aabbcc") + tag
    assert tag_read(embedded) == TagRead(EPCS[0], count=7)
    with pytest.raises(BadRecord, match="not known"):
        tag_read(bytes.fromhex("10 001b 0200 01") + tag)


@pytest.mark.parametrize(
    "record",
    [
        "10 001b 01ff 01",
        "10 001b 0001 01",
        "10 001b 0080 01 ffff",
        "10 001b 0000 01 0080 3000",
        "10 001b 0000 01 0008 30",
        "10 001b 0000 01 ffff 3000 0000",
        "10 001b 0040 01 03 0020 30000000",
    ],
)
def test_a_record_that_does_not_add_up_is_refused(record: str) -> None:
    with pytest.raises(BadRecord):
        tag_read(bytes.fromhex(record))


def test_what_is_no_tag_is_told_by_its_kind() -> None:
    assert kind_of(bytes.fromhex("10 001b 0000 02 0002 01 27")) == STATUS
    for short in (b"", b"\x10\x00\x1b", bytes.fromhex("00 001b 0000 01")):
        with pytest.raises(BadRecord):
            kind_of(short)


def talk() -> list[bytes]:
    module = ThingMagicModule()
    epcs = (*EPCS[:4], b"\xff" * 12, b"\xff\x00" * 6, LONG_EPC)
    records = [module.record(epc, (len(epc) // 2 << 11).to_bytes(2, "big"), 1, -60) for epc in epcs]
    alive = module.frame(READ, status=ALIVE)
    return [module.frame(VERSION, module._version()), *records, alive, *records[:2], alive, module.frame(STREAM)]


def test_a_damaged_byte_costs_the_frame_it_was_in_and_no_other() -> None:
    assert_damage_costs_one_frame(frames, talk())


@given(
    st.lists(st.integers(0, 100_000), max_size=30), st.lists(st.binary(max_size=9) | st.just(b"\xff" * 16), max_size=9)
)
def test_a_stream_with_noise_chopped_any_way_is_the_same(places: list[int], noise: list[bytes]) -> None:
    said = talk()
    for nth, between in enumerate(noise):
        said.insert(nth * 2, between)
    stream = b"".join(said)
    assert understood(frames(), cut(stream, places)) == understood(frames(), [stream])


@given(st.lists(st.binary(max_size=400) | st.just(b"\xff\xf8\x22"), max_size=30))
def test_whatever_comes_is_bounded(pieces: list[bytes]) -> None:
    cutter = frames()
    for piece in pieces:
        for _ in cutter.feed(piece):
            pass
        assert cutter.held_bytes <= 0xF8 + 7


@pytest.mark.parametrize("length", [0xF9, 0xFF])
def test_a_length_that_cannot_be_is_not_waited_for(length: int) -> None:
    found = [one for one in frames().feed(bytes([0xFF, length, 0x22]) + SAMPLE) if isinstance(one, Frame)]
    assert [frame.data for frame in found] == [data_of(SAMPLE)]
