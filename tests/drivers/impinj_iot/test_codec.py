"""Lines of an Impinj reader to values: published examples, whatever else may come, and one bad line among good ones."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import DeviceError
from drivers.events import Dropped, Event, Noted, Tags
from drivers.impinj_iot.codec import LINE_BYTES_MAX, Antenna, Inventory, Other, Overflow, event_of
from drivers.impinj_iot.session import STATUS, Session
from drivers.json_fields import BadEvent
from drivers.readings import IsoRead, TagRead
from tests.drivers.impinj_iot.fuzzing import LINE, SETTINGS, fuzz_impinj_answers, fuzz_impinj_stream, listening

EPC = bytes.fromhex("300833B2DDD9014000000000")


def reads(events: list[Event]) -> list[bytes]:
    return [read.epc for event in events if isinstance(event, Tags) for read in event.reads]


def spoilt(**tag: object) -> bytes:
    event = json.loads(LINE)
    event["tagInventoryEvent"] |= tag
    return json.dumps(event).encode()


def test_a_published_event_is_read() -> None:
    assert event_of(LINE) == TagRead(EPC, 1, -52.34, 1_772_610_187_500_000, 1)


@pytest.mark.parametrize("epc", ["MAgzst3ZAUAAAAAA", "MAgzst3ZAUAAAAAA=="])
def test_an_epc_in_base64_is_the_same(epc: str) -> None:
    event = event_of(spoilt(epcHex=None, epc=epc, pc="NaE="))
    assert isinstance(event, IsoRead)
    assert (event.epc, event.afi) == (EPC, 0xA1)


@pytest.mark.parametrize("text", ["-_-_", "+/+/"])
def test_both_alphabets_of_base64_are_read(text: str) -> None:
    event = event_of(spoilt(epcHex=None, epc=text))
    assert isinstance(event, TagRead)
    assert event.epc.hex() == "fbffbf"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"inventoryStatusEvent": {"inventoryStatus": "idle"}}, Inventory("idle")),
        ({"antennaDisconnectedEvent": {"antennaPort": 2}}, Antenna(2, False)),
        ({"antennaConnectedEvent": {"antennaPort": 2}}, Antenna(2, True)),
        ({"overflowEvent": {}}, Overflow()),
        ({"gpiTransitionEvent": {"gpi": 1}}, Other()),
    ],
)
def test_other_events_are_told_apart(said: dict[str, Any], meant: object) -> None:
    assert event_of(json.dumps(said).encode()) == meant


@pytest.mark.parametrize(
    "bad",
    [
        b"{", b"[]", b"7", b'"x"', b"[" * 9_000, b'{"a":' * 3_000, b"x" * (LINE_BYTES_MAX + 1), b"\xff\xfe",
        b'{"tagInventoryEvent":[]}', spoilt(epcHex="3008F"), spoilt(epcHex=5), spoilt(epcHex=None), spoilt(epcHex=""),
        spoilt(epcHex="aa" * 63), spoilt(antennaPort=0), spoilt(antennaPort=True), spoilt(peakRssiCdbm="-5"),
        spoilt(peakRssiCdbm=10**30), spoilt(pc=7), spoilt(epcHex=None, epc="*"), spoilt(epcHex=None, epc="A"),
    ],
)  # fmt: skip
def test_a_bad_line_costs_itself(bad: bytes) -> None:
    session = listening()
    said = list(session.receive(b"\r\n".join([LINE, bad, LINE, b"\r\n"]), 0.0))
    assert reads(said) == [EPC, EPC]
    assert sum(isinstance(event, Dropped) for event in said) == 1


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_wrong_byte_costs_no_more_than_the_lines_it_touches(at: int, flip: int) -> None:
    lines = [spoilt(epcHex=f"{nth:024x}") + b"\r\n" for nth in range(1, 6)]
    whole = bytearray(b"".join(lines))
    at %= len(whole)
    whole[at] ^= flip
    nth = at // len(lines[0])
    kept = {f"{other:024x}" for other in range(1, 6) if other - 1 not in (nth, nth + 1)}
    assert kept <= {epc.hex() for epc in reads(list(listening().receive(bytes(whole), 0.0)))}


@given(st.lists(st.integers(min_value=0)))
def test_cut_anywhere_is_the_same(cuts: list[int]) -> None:
    stream = b"".join([LINE, b"\r\n", b"\r\n", spoilt(antennaPort=2), b"\n", b"no json\n", LINE, b"\r\n"])
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    session = listening()
    said = [event for a, b in pairwise(edges) for event in session.receive(stream[a:b], 0.0)]
    assert reads(said) == [EPC] * 3
    assert [event.why for event in said if isinstance(event, Dropped)] == ["no JSON"]


VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary().map(str)
)
TAGS = st.dictionaries(st.sampled_from(["epcHex", "epc", "pc", "antennaPort", "peakRssiCdbm", "lastSeenTime"]), VALUES)


@settings(max_examples=60)
@given(st.binary() | st.lists(st.binary() | TAGS.map(lambda tag: spoilt(**tag))).map(b"\n".join))
def test_any_stream_is_read_or_left_out(data: bytes) -> None:
    fuzz_impinj_stream(data)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.binary(min_size=2, max_size=2), st.binary() | VALUES.map(lambda v: json.dumps(v).encode())))
)
def test_any_answers_end_in_device_errors_only(answers: list[tuple[bytes, bytes]]) -> None:
    fuzz_impinj_answers(b"\n".join(head + body.replace(b"\n", b"") for head, body in answers))


def test_reads_are_old_by_the_readers_own_clock() -> None:
    session = listening()
    old = json.loads(LINE)
    old["tagInventoryEvent"]["lastSeenTime"] = "2026-03-04T07:42:00Z"
    said = list(session.receive(LINE + b"\n" + json.dumps(old).encode() + b"\n", 0.6))
    assert reads(said) == [EPC]
    assert Dropped("1 reads that the reader had kept: they are too old") in said


def test_a_clock_that_leaps_back_is_measured_anew() -> None:
    session = listening()
    leapt = json.loads(LINE)
    leapt["tagInventoryEvent"]["lastSeenTime"] = "2026-03-04T04:00:00Z"
    line = json.dumps(leapt).encode() + b"\n"
    assert reads(list(session.receive(line, 1.0))) == []
    status = b'{"status":"running","time":"2026-03-04T04:00:01Z","activePreset":{"id":"default"}}'
    list(session.answered(STATUS, 200, status, 2.0))
    assert reads(list(session.receive(line, 2.0))) == [EPC]


def test_an_antenna_s_cable_is_noted() -> None:
    said = list(listening().receive(b'{"antennaDisconnectedEvent":{"antennaPort":2}}\n', 0.0))
    assert Noted("antenna_disconnected", {"antenna": 2}) in said


def test_bad_events_say_why_without_the_device_s_text() -> None:
    with pytest.raises(BadEvent, match="switch epcHex on"):
        event_of(b'{"tagInventoryEvent":{"tid":"\\u001b[2J"}}')


def test_a_reader_in_llrp_is_told_to_be_another() -> None:
    session = Session(SETTINGS, 0.0)
    with pytest.raises(DeviceError, match="RFID interface is LLRP"):
        list(session.answered(STATUS, 200, b'{"interface":"LLRP","status":"idle"}', 0.0))
