"""What an SSI scanner says must not depend on how its bytes arrive, and damage costs what was damaged."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.barcode_ssi import codec, symbols
from drivers.barcode_ssi.codec import Damaged, Packet, Splitter, packet
from drivers.scan_text import aim_of
from simulators.ssi_scanner import packed
from tests.drivers.barcode_ssi.fuzzing import fuzz_ssi_packets, fuzz_ssi_session

#: Packets published with other programs for these scanners, and their checksums by hand.
CODE_39_NR = bytes.fromhex("07 F3 00 00 01 4E 52 FE 65")
PACKETS = [
    (codec.CMD_ACK, b"", "04 D0 04 00 FF 28"),
    (0xE4, b"", "04 E4 04 00 FF 14"),
    (codec.CMD_NAK, b"\x01", "05 D1 04 00 01 FF 25"),
    (codec.CMD_NAK, b"\x02", "05 D1 04 00 02 FF 24"),
    (codec.CMD_NAK, b"\x06", "05 D1 04 00 06 FF 20"),
]

DECODED = st.builds(
    lambda data, again, more: packed(codec.DECODE_DATA, data, again=again, more=more),
    st.binary(max_size=251),
    st.booleans(),
    st.booleans(),
)
STREAMS = st.lists(st.one_of(DECODED, st.binary(max_size=30), st.sampled_from([CODE_39_NR, b"\x00"])), max_size=8)


def split(*pieces: bytes) -> list[Packet | Damaged]:
    splitter = Splitter()
    found = [one for piece in pieces for one in splitter.feed(piece)]
    return found + list(splitter.quiet())


@pytest.mark.parametrize(("opcode", "data", "published"), PACKETS)
def test_our_packets_are_the_published_ones(opcode: int, data: bytes, published: str) -> None:
    assert packet(opcode, data) == bytes.fromhex(published)


def test_a_published_scan_is_understood() -> None:
    (got,) = split(CODE_39_NR)
    assert got == Packet(codec.DECODE_DATA, 0, b"\x01NR")
    assert symbols.AIM[0x01] == "]A0"


@given(STREAMS, st.data())
def test_a_stream_chopped_any_way_says_the_same(stream: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(stream)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))) | {0, len(whole)})
    assert split(*(whole[start:end] for start, end in pairwise(cuts))) == split(whole)
    assert split(*(bytes([byte]) for byte in whole)) == split(whole)


@given(st.lists(DECODED, min_size=3, max_size=6), st.data())
def test_one_damaged_byte_costs_at_most_its_packet_once_the_line_is_quiet(
    packets: list[bytes], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(packets))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    ends = [sum(map(len, packets[:nth])) for nth in range(1, len(packets) + 1)]
    hit = next(nth for nth, end in enumerate(ends) if at < end)
    kept = [one for one in split(bytes(stream)) if isinstance(one, Packet)]
    for nth, whole in enumerate(packets):
        if nth != hit:
            assert split(whole)[0] in kept


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_what_is_held_is_bounded_and_time_empties_it(pieces: list[bytes]) -> None:
    splitter = Splitter()
    for piece in pieces:
        for _ in splitter.feed(piece):
            pass
        assert len(splitter._held) < 257
    for _ in splitter.quiet():
        pass
    assert not splitter.waiting


def test_what_is_skipped_is_said_once_and_whether_it_was_a_repetition() -> None:
    spoilt = bytearray(packed(codec.DECODE_DATA, b"\x0b4006381333931", again=True))
    spoilt[9] ^= 1
    assert split(bytes(spoilt) + CODE_39_NR)[0] == Damaged(len(spoilt), retransmission=True)
    spoilt[3] = 0
    assert split(bytes(spoilt))[0] == Damaged(len(spoilt), retransmission=False)


def test_every_identifier_is_one() -> None:
    assert [aim for aim in symbols.AIM.values() if aim_of(aim.encode()) != aim] == []
    assert not symbols.PROGRAMMING & symbols.AIM.keys()


@pytest.mark.parametrize(
    ("kind", "decoded", "as_aim"),
    [
        (0x0B, b"4006381333931", b"4006381333931"),
        (0x48, b"01234567890512", b"001234567890512"),
        (0x8B, b"977147396801212345", b"977147396801212345"),
        (0x4A, b"9638507412", b"96385074"),
    ],
)
def test_add_ons_are_where_the_identifier_says(kind: int, decoded: bytes, as_aim: bytes) -> None:
    assert symbols.as_aim_has_it(kind, decoded) == as_aim


@given(st.one_of(st.binary(max_size=600), STREAMS.map(b"".join)))
def test_no_bytes_bring_what_cannot_be(data: bytes) -> None:
    fuzz_ssi_packets(data)
    fuzz_ssi_session(data)
