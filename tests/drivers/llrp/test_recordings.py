"""What real readers sent means what its JSON says, both ways."""

import json
from pathlib import Path

import pytest

from drivers.llrp.__main__ import main
from drivers.llrp.codec import BadMessage, message, tlv
from drivers.llrp.json_view import payload_to_json
from drivers.llrp.schema import MESSAGE, MESSAGE_NAME, PARAMETER, PARAMETER_NAME, Shape
from drivers.llrp.values import Values, payload, values
from tests.drivers.llrp.captures import RECORDINGS, Recording, recordings

each_recording = pytest.mark.parametrize("recording", recordings(), ids=lambda one: one.name)


@each_recording
def test_a_recording_says_what_its_json_says(recording: Recording) -> None:
    shown = payload_to_json(recording.message, recording.payload)
    assert shown == recording.says
    assert json.dumps(shown) == json.dumps(recording.says), "true is true, not 1; the order is LLRP's"
    assert payload_to_json(MESSAGE[recording.message].number, recording.payload) == recording.says


@each_recording
def test_writing_what_a_recording_says_gives_its_bytes_again(recording: Recording) -> None:
    assert payload(recording.message, values(recording.message, recording.payload)) == recording.payload


def test_the_table_holds_together() -> None:
    shapes = [*MESSAGE.values(), *PARAMETER.values()]
    assert {child.type_name for shape in shapes for child in shape.children} <= PARAMETER.keys()
    assert len(MESSAGE_NAME) == len(MESSAGE)
    assert len(PARAMETER_NAME) == len(PARAMETER)
    for shape in shapes:
        names = [field.name for field in shape.fields if field.name != "_"] + [child.name for child in shape.children]
        assert len(set(names)) == len(names), shape.name


@pytest.mark.parametrize("name", sorted(MESSAGE))
def test_every_message_can_be_written_and_read_with_everything_in_it(name: str) -> None:
    everything = full(MESSAGE[name], 3)
    assert values(name, payload(name, everything)) == everything


def full(shape: Shape, depth: int) -> Values:
    """Values for every field and, to a depth, every child of a shape."""
    said: Values = {}
    for field in shape.fields:
        if field.kind == "bits":
            said[f"{field.name}NumBits"], said[field.name] = 13, b"\xab\xc8"
        elif field.kind[0] != "_":
            said[field.name] = SAMPLES.get(field.kind, 1)
    for child in shape.children:
        inner = PARAMETER[child.type_name]
        if depth == 0 and child.how in "?*":
            said[child.name] = None
            continue
        one = full(inner, depth - 1 if child.how in "?*" else depth)
        value = one["value"] if inner.plain else one
        said[child.name] = [value, value] if child.how == "*" else value
    return said


SAMPLES = {
    "bool": True, "text": "ü", "bytes": b"\x01\x02", "rest": b"\x03", "12s": bytes(range(12)), "u16s": [1, 0xFFFF],
    "u32s": [1, 0xFFFFFFFF], "s8": -1, "s16": -2, "u64": 1 << 63,
}  # fmt: skip


def test_a_parameter_in_itself_without_end_is_refused() -> None:
    nested = b""
    for _ in range(1000):
        nested = tlv(PARAMETER["ParameterError"].number, bytes(4) + nested)
    status = tlv(PARAMETER["LLRPStatus"].number, bytes(4) + nested)
    with pytest.raises(BadMessage, match="deeper"):
        values("ErrorMessage", status)


def test_the_command_prints_a_recording_with_and_without_its_header(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    recording = recordings("GetReaderCapabilitiesResponse")[0]
    whole = tmp_path / "whole.bytes"
    whole.write_bytes(message(recording.message, 7, recording.payload))
    for file in (RECORDINGS / f"{recording.name}.bytes", whole):
        assert main([str(file), "--message", recording.message]) == 0
        assert json.loads(capsys.readouterr().out) == recording.says


def test_the_command_says_what_is_wrong_with_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.bytes"
    broken.write_bytes(b"\x01\x1f\x00\xff")
    assert main([str(broken), "--message", "AddROSpecResponse"]) == 1
    assert "287" in capsys.readouterr().err
