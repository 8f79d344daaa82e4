"""Bytes that others wrote: read exactly, or refused with a reason, and never anything else."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.codec import (
    MAX_PAYLOAD,
    Message,
    NotOurs,
    batch_of,
    decode_answer,
    decode_ask,
    decode_batch,
    decode_command,
    decode_event,
    decode_heard,
    decode_hello,
    decode_hq_state,
    decode_snapshot,
    decode_snapshot_part,
    decode_state,
    encode,
    encode_row,
)
from wire.messages import (
    MAX_NUMBER,
    MAX_TEXT,
    Batch,
    CaseRow,
    Heard,
    Hello,
    HqState,
    Row,
    StockRow,
    StoreState,
    UnknownRow,
)

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
DECODERS: dict[str, Callable[[bytes], Message]] = {
    "batch": decode_batch,
    "hello": decode_hello,
    "state": decode_state,
    "snapshot": decode_snapshot,
    "snapshot-part": decode_snapshot_part,
    "answer": decode_answer,
    "heard": decode_heard,
    "command": decode_command,
    "hq-state": decode_hq_state,
    "event": decode_event,
}

NUMBER = st.integers(-MAX_NUMBER, MAX_NUMBER)
COUNT = st.integers(1, MAX_NUMBER)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
STOCK = st.builds(StockRow, COUNT, TEXT, NUMBER, TEXT, TEXT, TEXT, NUMBER, TEXT, TEXT, NUMBER, NUMBER, NUMBER)
CASE = st.builds(CaseRow, COUNT, TEXT, NUMBER, TEXT, TEXT, st.sampled_from(["open", "resolved"]), TEXT, NUMBER)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    first = draw(st.integers(1, 1_000_000))
    rows: list[Row] = [
        msgspec.structs.replace(row, seq=first + at)
        for at, row in enumerate(draw(st.lists(STOCK | CASE, min_size=1, max_size=8)))
    ]
    return Batch(draw(COUNT), first, tuple(rows))


def _decoder(path: Path) -> Callable[[bytes], Message]:
    kind = max((name for name in DECODERS if path.name.startswith(name)), key=len)
    return DECODERS[kind]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files_read_and_write_byte_for_byte(path: Path) -> None:
    payload = path.read_bytes().removesuffix(b"\n")
    assert encode(_decoder(path)(payload)) == payload


def test_there_is_a_golden_file_for_every_message() -> None:
    assert {_decoder(path) for path in GOLDEN} == set(DECODERS.values())


@given(batches())
def test_a_batch_reads_back(batch: Batch) -> None:
    payload = encode(batch)
    assert decode_batch(payload) == batch
    assert payload == batch_of(batch.epoch, batch.first, [encode_row(row) for row in batch.rows])
    assert b"\n" not in payload


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_message_or_not_ours(payload: bytes) -> None:
    for decode in DECODERS.values():
        with suppress(NotOurs):
            decode(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@given(st.data(), st.sampled_from(GOLDEN))
def test_any_value_in_any_field_is_a_message_or_not_ours(data: st.DataObject, path: Path) -> None:
    document = json.loads(path.read_bytes())
    place: Any = document
    if "rows" in document and data.draw(st.booleans()):
        place = document["rows"][0]
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    with suppress(NotOurs):
        _decoder(path)(json.dumps(document).encode())


@given(st.data(), batches())
def test_a_cut_batch_is_never_a_shorter_one(data: st.DataObject, batch: Batch) -> None:
    payload = encode(batch)
    with pytest.raises(NotOurs):
        decode_batch(payload[: data.draw(st.integers(0, len(payload) - 1))])


def _golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / f"{name}-v1.json").read_bytes())
    return document


def _refusal(kind: str, document: dict[str, Any]) -> str:
    with pytest.raises(NotOurs) as caught:
        DECODERS[kind](json.dumps(document).encode())
    return caught.value.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"epoch": 0}, "epoch 0 is out of range"),
        ({"epoch": 2**64}, "out of range"),
        ({"first": 16}, "row 17 stands where row 16 belongs"),
        ({"rows": []}, "a batch without rows"),
        ({"v": 2}, "version 2"),
    ],
)
def test_a_wrong_batch_says_why(changes: dict[str, Any], why: str) -> None:
    assert why in _refusal("batch", _golden("batch") | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seq": 18}, "row 18 stands where row 17 belongs"),
        ({"qty": MAX_NUMBER + 1}, "Expected `int` <= 9007199254740991 - at `$.qty`"),
        ({"sku": "x" * (MAX_TEXT + 1)}, "Expected `str` of length <= 256 - at `$.sku`"),
        ({"sku": "a\x00b"}, "holds a NUL"),
        ({"qty": 1.5}, "Expected `int`"),
    ],
)
def test_a_wrong_row_says_why(changes: dict[str, Any], why: str) -> None:
    document = _golden("batch")
    document["rows"][0] |= changes
    assert why in _refusal("batch", document)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"oldest": 21}, "oldest 21 is beyond head 19"),
        ({"digest": "C0FFEE"}, "not 16 hex digits"),
        ({"digest_seq": -1}, "digest_seq -1"),
        ({"boot": "\x00"}, "boot"),
    ],
)
def test_a_wrong_hello_says_why(changes: dict[str, Any], why: str) -> None:
    assert why in _refusal("hello", _golden("hello") | changes)


@pytest.mark.parametrize(
    ("changes", "why"), [({"window": 0}, "window 0"), ({"upto": -1}, "upto -1"), ({"want": 0}, "want 0")]
)
def test_a_wrong_answer_says_why(changes: dict[str, Any], why: str) -> None:
    assert why in _refusal("heard", _golden("heard") | changes)


def test_too_large_is_not_looked_at() -> None:
    for decode in DECODERS.values():
        with pytest.raises(NotOurs, match="the most is"):
            decode(b" " * (MAX_PAYLOAD + 1))


def test_depth_is_no_way_to_bring_it_down() -> None:
    deep = b'{"epoch":1,"first":1,"rows":[{"kind":"x","seq":1,"z":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
    with pytest.raises(NotOurs, match="nested too deeply"):
        decode_batch(deep)


def test_fields_nobody_knows_are_ignored() -> None:
    for name, decode in DECODERS.items():
        document = _golden(name)
        expected = decode(json.dumps(document).encode())
        assert decode(json.dumps(document | {"new": {"field": [1]}}).encode()) == expected


def test_a_row_of_an_unknown_kind_is_kept_as_it_came() -> None:
    batch = decode_batch((Path(__file__).parent / "golden" / "batch-unknown-row-v1.json").read_bytes())
    unknown, known = batch.rows
    assert isinstance(unknown, UnknownRow)
    assert (unknown.seq, unknown.kind) == (20, "order")
    assert json.loads(bytes(unknown.body))["note"] == {"lines": [1, 2]}
    assert isinstance(known, CaseRow)


@pytest.mark.parametrize("value", [b'"\xff"', b"1e999", b"9" * 5000, b"[" * 100_000 + b"]" * 100_000])
def test_an_unknown_row_that_others_could_not_read_is_not_ours(value: bytes) -> None:
    payload = b'{"v":1,"epoch":5,"first":1,"rows":[{"kind":"later","seq":1,"x":' + value + b"}]}"
    with pytest.raises(NotOurs, match=r"no JSON|nested too deeply"):
        decode_batch(payload)


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        ("snapshot", {"name": "a/b"}, "name is no name"),
        ("snapshot", {"parts": ["00"]}, "a part's hash is not 64 hex digits"),
        ("snapshot", {"parts": ["0" * 64] * 2001}, "2001 parts; the most is 2000"),
        ("snapshot", {"seq": -1}, "seq -1 is out of range"),
        ("snapshot-part", {"part": 0}, "part 0 is out of range"),
        ("snapshot-part", {"stock": [{"sku": "S", "on_hand": 0, "places": {"FLOOR": 2**60}}]}, "is out of range"),
        ("snapshot-part", {"stock": [{"sku": "S" * 257, "on_hand": 0, "places": {}}]}, "sku is longer than"),
        ("answer", {"counter": 0}, "counter 0 is out of range"),
        ("answer", {"why": "x" * 257}, "why is longer than"),
        ("heard", {"snapshot": "a b"}, "snapshot is no name"),
        ("command", {"sig": 7}, "Expected `str`"),
        ("command", {"v": 2}, "version 2"),
    ],
)
def test_a_wrong_message_says_why(kind: str, changes: dict[str, Any], why: str) -> None:
    assert why in _refusal(kind, _golden(kind) | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"counter": 0}, "counter 0 is out of range"),
        ({"lease": -1}, "lease -1 is out of range"),
        ({"kind": "dance"}, "Invalid value 'dance'"),
        ({"why": "\x00"}, "holds a NUL"),
        ({"paused": 1}, "Expected `bool`"),
    ],
)
def test_a_wrong_ask_says_why(changes: dict[str, Any], why: str) -> None:
    ask = json.loads(bytes(decode_command((GOLDEN[0].parent / "command-v1.json").read_bytes()).ask))
    with pytest.raises(NotOurs) as caught:
        decode_ask(msgspec.Raw(json.dumps(ask | changes).encode()))
    assert why in caught.value.why


def test_messages_are_one_readable_line() -> None:
    messages: list[Message] = [
        Hello(1, 1, 0, "0" * 16, 0, "0.1.0", "boot", {}),
        StoreState("away", 1, 0, 0, "0.1.0"),
        Heard(1, 0),
        HqState("here", "boot", 0),
    ]
    for message in messages:
        assert json.loads(encode(message))["v"] == 1
