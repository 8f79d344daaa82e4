"""Reports mean what they say, what they leave out is as before, and the fast way is the exact way."""

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.codec import BadMessage, tlv
from drivers.llrp.reports import ReportDecoder
from drivers.readings import IsoRead, TagRead
from tests.drivers.llrp.captures import Recording, recordings

#: Type, struct format, of the parameters a report is made of; 57 and 99 are in no version of LLRP.
TV = {1: "H", 2: "Q", 3: "Q", 4: "Q", 5: "Q", 6: "b", 7: "H", 8: "H", 9: "I", 12: "H", 14: "H"}
CUSTOM, UNKNOWN_TLV, UNKNOWN_TV = 1023, 999, 99
#: Impinj's PeakRSSI in hundredths of a dBm: a custom parameter of subtype 57.
FINE = 1023_57
UPTIME_ZERO_US = 10**15


@dataclass(frozen=True)
class Shape:
    """Which parameters a report has, in which order; `epc` is the EPC's bytes, None for an EPC-96."""

    kinds: tuple[int, ...]
    epc_bytes: int | None
    cut_short: bool = False


@dataclass(frozen=True)
class Report:
    shape: Shape
    epc: bytes
    said: dict[int, int]

    def encoded(self) -> bytes:
        body = b"\x8d" + self.epc if self.shape.epc_bytes is None else tlv(241, self.epc_data())
        for kind in self.shape.kinds:
            if kind in TV:
                body += struct.pack(f">B{TV[kind]}", 0x80 | kind, self.said[kind])
            elif kind == FINE:
                body += tlv(CUSTOM, struct.pack(">IIh", 25882, 57, self.said[kind]))
            else:
                body += tlv(kind, self.epc[:3] + bytes(5))
        if self.shape.cut_short:
            body += bytes([0x80 | UNKNOWN_TV]) + self.epc + b"\x81\x00\x63"
        return tlv(240, body)

    def epc_data(self) -> bytes:
        return struct.pack(">H", 8 * len(self.epc)) + self.epc


values_of = {
    "H": st.integers(0, 0xFFFF), "Q": st.integers(0, 2**64 - 1), "b": st.integers(-128, 127), "I": st.integers(1, 3),
    "h": st.integers(-9999, 0),
}  # fmt: skip
kinds = st.lists(st.sampled_from([*TV, FINE, CUSTOM, UNKNOWN_TLV]), unique=True, max_size=8).map(tuple)
shapes = st.builds(Shape, kinds, st.none() | st.integers(0, 31), st.sampled_from([False] * 7 + [True]))


@st.composite
def report(draw: st.DrawFn, shape: Shape) -> Report:
    size = 12 if shape.epc_bytes is None else shape.epc_bytes
    said = {kind: draw(values_of[TV.get(kind, "h")]) for kind in shape.kinds if kind in TV or kind == FINE}
    return Report(shape, draw(st.binary(min_size=size, max_size=size)), said)


@st.composite
def conversation(draw: st.DrawFn) -> list[list[Report]]:
    """Messages of a few shapes: most of one shape throughout, as readers send them, some mixed."""
    known = draw(st.lists(shapes, min_size=1, max_size=3))
    messages = []
    for _ in range(draw(st.integers(1, 6))):
        uniform = draw(st.booleans())
        shape = draw(st.sampled_from(known))
        count = draw(st.integers(0, 6))
        chosen = [shape] * count if uniform else [draw(st.sampled_from(known)) for _ in range(count)]
        messages.append([draw(report(one)) for one in chosen])
    return messages


def meant(messages: list[list[Report]], zero_us: int | None) -> list[list[tuple[TagRead, int | None]]]:
    """What the reports say, told from what they were made of: each read, and its AFI if it holds no EPC."""
    last: dict[int, dict[str, Any]] = {}
    rospec, told = 0, list[list[tuple[TagRead, int | None]]]()
    for message in messages:
        told.append([])
        for one in message:
            said = one.said
            rospec = said.get(9, rospec)
            before = {} if one.shape.cut_short else last.get(rospec, {})
            seen = said.get(4, said.get(2))
            if seen is None and zero_us is not None and (5 in said or 3 in said):
                seen = zero_us + said.get(5, said.get(3, 0))
            strength = said[FINE] / 100 if FINE in said else said.get(6, before.get("rssi_dbm"))
            pc = said.get(12, before.get("pc", 0))
            now = {
                "antenna": said.get(1, before.get("antenna")),
                "rssi_dbm": strength,
                "seen_at_us": before.get("seen_at_us") if seen is None else seen,
                "count": said.get(8, before.get("count", 1)),
            }
            last[rospec] = {**now, "pc": pc}
            if one.epc:
                told[-1].append((TagRead(one.epc, **now), pc & 0xFF if pc & 0x0100 else None))
    return told


def told_by(decoder: ReportDecoder, payload: bytes) -> list[tuple[TagRead, int | None]]:
    return [(read, read.afi if isinstance(read, IsoRead) else None) for read in decoder.decode(payload).reads]


@given(conversation(), st.sampled_from([None, UPTIME_ZERO_US]))
def test_both_ways_say_what_the_reports_say(messages: list[list[Report]], zero_us: int | None) -> None:
    exact, fast = ReportDecoder(fast=False), ReportDecoder()
    exact.uptime_zero_us = fast.uptime_zero_us = zero_us
    # A second time, when the fast way knows them all.
    messages = messages * 2
    payloads = [b"".join(one.encoded() for one in message) for message in messages]
    expected = meant(messages, zero_us)
    assert [told_by(exact, payload) for payload in payloads] == expected
    assert [told_by(fast, payload) for payload in payloads] == expected


@given(conversation())
def test_both_ways_count_what_is_none_of_llrps(messages: list[list[Report]]) -> None:
    exact, fast = ReportDecoder(fast=False), ReportDecoder()
    for message in messages * 2:
        payload = b"".join(one.encoded() for one in message)
        odd = sum(one.shape.kinds.count(UNKNOWN_TLV) + one.shape.cut_short for one in message)
        assert exact.decode(payload).unknown == fast.decode(payload).unknown == odd


@given(conversation(), st.data())
def test_both_ways_agree_on_damaged_reports(messages: list[list[Report]], data: st.DataObject) -> None:
    exact, fast = ReportDecoder(fast=False), ReportDecoder()
    for message in messages:
        payload = bytearray(b"".join(one.encoded() for one in message))
        if payload and data.draw(st.booleans()):
            payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
        assert decoded(exact, bytes(payload)) == decoded(fast, bytes(payload))


def decoded(decoder: ReportDecoder, payload: bytes) -> object:
    try:
        return decoder.decode(payload)
    except BadMessage as why:
        return str(why)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("recording", recordings("ROAccessReport"), ids=lambda one: one.name)
def test_recordings_read_as_their_json_says(recording: Recording, fast: bool) -> None:
    decoder = ReportDecoder(fast=fast)
    says = recording.says["TagReportData"][0]
    for times in (1, 5, 5):  # learnt at the second, used at the third
        reads = decoder.decode(recording.payload * times).reads
        assert len(reads) == times
        for read in reads:
            assert (read.antenna, read.rssi_dbm, read.seen_at_us, read.count) == (
                says["AntennaID"], says["PeakRSSI"], says["FirstSeenUTC"], 1
            )  # fmt: skip
            assert isinstance(read, TagRead)


def test_a_bad_message_changes_nothing_that_is_remembered() -> None:
    decoder = ReportDecoder()
    shape = Shape((1, 8), None)
    good = Report(shape, bytes(12), {1: 3, 8: 5}).encoded()
    other = Report(shape, bytes(12), {1: 4, 8: 9}).encoded()
    bare = Report(Shape((), None), bytes(12), {}).encoded()
    decoder.decode(good)
    with pytest.raises(BadMessage):
        decoder.decode(other + b"\x00\xf0\x00")
    assert decoder.decode(bare).reads == [TagRead(bytes(12), antenna=3, count=5)]


def test_a_report_without_an_epc_is_counted_and_the_others_are_read() -> None:
    named = Report(Shape((1,), None), b"x" * 12, {1: 2}).encoded()
    nameless = tlv(240, struct.pack(">BH", 0x81, 7))
    assert ReportDecoder().decode(named + nameless + named) == (
        [TagRead(b"x" * 12, antenna=2), TagRead(b"x" * 12, antenna=2)], 1, 0
    )  # fmt: skip


def test_surveys_and_custom_parameters_between_reports_are_skipped() -> None:
    named = Report(Shape((1,), None), b"x" * 12, {1: 2}).encoded()
    payload = tlv(CUSTOM, bytes(8)) + named + tlv(242, bytes(10)) + named + tlv(UNKNOWN_TLV, b"")
    assert len(ReportDecoder().decode(payload).reads) == 2


def test_a_message_that_does_not_begin_with_a_report_is_read_all_the_same() -> None:
    named = Report(Shape((1,), None), b"x" * 12, {1: 2}).encoded()
    for odd in (b"\x81\xff\xff", b"\x81\x00\x00", tlv(CUSTOM, bytes(len(named) - 4)), b"\x04\xf0" + named[2:]):
        reads = ReportDecoder().decode(odd + named * 5).reads
        assert reads[-5:] == [TagRead(b"x" * 12, antenna=2)] * 5
