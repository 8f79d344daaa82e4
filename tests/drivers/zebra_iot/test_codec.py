"""Bytes of Zebra readers to values: published examples, whatever else may come, and one bad event among good ones."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.json_fields import BadEvent, elements, parsed, time_us
from drivers.readings import IsoRead, TagRead
from drivers.zebra_iot.codec import Fixed, Sled
from tests.drivers.zebra_iot.fuzzing import FIXED, SLED, fuzz_zebra_data, fuzz_zebra_session

_NAMES = "data tagData idHex EPCid eventNum antenna peakRssi reads timestamp command_id response payload code PC"
NAMES = st.sampled_from(sorted(_NAMES.split()))
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["e280", "data", "success"]),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=12,
)


def epcs(batch: Any) -> list[str]:
    return [event.read.epc.hex() for event in batch.events]


def test_a_published_event_of_a_fixed_reader_is_read() -> None:
    (event,) = Fixed().tags(FIXED).events
    epc = bytes.fromhex("aa0004ef55555555aa21bf43")
    assert event.read == TagRead(epc, 1, -34, 1_786_612_468_651_000, 1)
    assert event.number == 22


def test_a_published_batch_of_a_sled_is_read() -> None:
    (event,) = Sled().tags(SLED).events
    assert event.read == TagRead(bytes.fromhex("E2003411B802011533ABCD12"), None, -52, 1_779_200_591_000_000, 14)
    assert event.number == 1


def test_the_pc_tells_a_tag_that_holds_no_epc() -> None:
    (event,) = Fixed().tags(FIXED.replace(b'"3400"', b'"35A1"')).events
    assert isinstance(event.read, IsoRead)
    assert event.read.afi == 0xA1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("idHex", "aa0"), ("idHex", ""), ("idHex", "aa 0"), ("idHex", 12), ("idHex", None), ("idHex", "aa" * 63),
        ("idHex", "112233445566778899001134_2"), ("antenna", 0), ("antenna", True), ("antenna", "1"),
        ("antenna", 10**30), ("peakRssi", "-34"), ("peakRssi", -1e300), ("reads", 0), ("reads", 1.5),
        ("eventNum", -1), ("eventNum", []), ("PC", "zzzz"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_costs_its_event_and_no_other(key: str, value: object) -> None:
    bad = json.loads(FIXED)
    bad["data"][key] = value
    batch = Fixed().tags(b"[" + FIXED + b"," + json.dumps(bad).encode() + b"," + FIXED + b"]")
    assert len(batch.events) == 2
    assert len(batch.bad) == 1


@pytest.mark.parametrize("said", ["2026-05-19", "soon", "0001-01-01T00:00:00+23:59", 5, None, "9" * 50, [], 1e300])
def test_a_time_that_cannot_be_read_is_no_time_and_the_tag_counts(said: object) -> None:
    event = json.loads(FIXED)
    event["timestamp"] = said
    (found,) = Fixed().tags(json.dumps(event).encode()).events
    assert found.read.seen_at_us == (time_us(said) if said == "2026-05-19" else None)


@pytest.mark.parametrize("deep", [b"[" * 50_000, b'{"a":' * 50_000, b"[" * 50_000 + b"]" * 50_000])
def test_json_nested_too_deep_costs_itself(deep: bytes) -> None:
    batch = Fixed().tags(b"[" + FIXED + b"," + deep + b"]")
    assert epcs(batch) == ["aa0004ef55555555aa21bf43"]
    assert batch.bad
    with pytest.raises(BadEvent):
        parsed(deep)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_wrong_byte_keeps_what_stood_before_it(at: int, flip: int) -> None:
    first, second = FIXED.replace(b"aa0004ef", b"11223344"), FIXED.replace(b"aa0004ef", b"55667788")
    whole = bytearray(b"[" + b",".join([first, FIXED, second]) + b"]")
    at %= len(whole)
    whole[at] ^= flip
    batch = Fixed().tags(bytes(whole))
    good = [one for nth, one in enumerate(["1122334455555555aa21bf43", "aa0004ef55555555aa21bf43"])]
    before = [epc for nth, epc in enumerate(good) if at > 1 + (nth + 1) * (len(FIXED) + 1)]
    if at > 0:
        assert epcs(batch)[: len(before)] == before
    assert batch.events or batch.bad


@pytest.mark.parametrize(
    "hostile",
    [b'["' + b'\\"' * 200_000, b"{" * 400_000, b'[{"a":"' + b"\\" * 400_000, b"[{}" * 150_000, b'"' * 400_000],
)
def test_nothing_takes_long(hostile: bytes) -> None:
    began = time.process_time()
    list(elements(hostile))
    Fixed().tags(hostile)
    Sled().tags(hostile)
    assert time.process_time() - began < 3


@settings(max_examples=60)
@given(st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_message_of_tags_is_read_or_left_out(data: bytes) -> None:
    fuzz_zebra_data(data)


PIECES = st.tuples(st.integers(0, 255), st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))


@given(st.lists(PIECES, max_size=20))
def test_any_messages_in_any_order_end_in_device_errors_only(pieces: list[tuple[int, bytes]]) -> None:
    fuzz_zebra_session(b"\n".join(bytes([topic]) + payload.replace(b"\n", b" ") for topic, payload in pieces))
