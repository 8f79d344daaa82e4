"""What real readers sent means what its JSON says, both ways."""

import json

import pytest

from drivers.llrp.__main__ import main
from drivers.llrp.codec import framed
from drivers.llrp.json_view import payload_to_json
from drivers.llrp.schema import MESSAGE, PARAMETER
from drivers.llrp.values import payload, values
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
    children = [child for shape in [*MESSAGE.values(), *PARAMETER.values()] for child in shape.children]
    assert {child.type_name for child in children} <= PARAMETER.keys()
    for name, shape in PARAMETER.items():
        assert len(payload_of_nothing(name)) >= 0
        assert not shape.plain or not shape.children
    assert len({shape.number for shape in PARAMETER.values()}) == len(PARAMETER)
    assert len({shape.number for shape in MESSAGE.values()}) == len(MESSAGE)


def payload_of_nothing(name: str) -> bytes:
    return payload("ROAccessReport", {"TagReportData": [{}]}) if name == "TagReportData" else b""


def test_the_command_prints_a_recording(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    recording = recordings("GetReaderCapabilitiesResponse")[0]
    assert main([str(RECORDINGS / f"{recording.name}.bytes"), "--message", recording.message]) == 0
    assert json.loads(capsys.readouterr().out) == recording.says
    assert framed
