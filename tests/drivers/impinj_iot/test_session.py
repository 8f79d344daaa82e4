"""A conversation with an Impinj reader, without any line: what is asked when, and what is made of what comes."""

import json

import pytest

from drivers.errors import BadSettings, DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Noted, Online
from drivers.impinj_iot.session import IMAGE, SETUP_S, STATUS, STOP, SYSTEM, Request, Session, Stage
from drivers.impinj_iot.settings import settings_from
from tests.drivers.impinj_iot.fuzzing import SETTINGS, START, listening


def status(runs: str | None = None, state: str = "running", **more: object) -> bytes:
    said = {"interface": "IoT", "status": state if runs else "idle", "time": "2026-03-04T00:00:00Z", **more}
    return json.dumps({**said, **({"activePreset": {"id": runs, "profile": "inventory"}} if runs else {})}).encode()


def asked(session: Session) -> list[Request]:
    return session.to_send()


def begun(runs: str | None) -> Session:
    """A session whose reader runs this, and whose stream has just been opened."""
    session = Session(SETTINGS, 0.0)
    assert asked(session) == [STATUS, SYSTEM, IMAGE]
    for request, body in ((STATUS, status(runs)), (SYSTEM, b'{"productModel":"R700"}'), (IMAGE, b"null")):
        assert list(session.answered(request, 200, body, 0.0))
    assert session.stage is Stage.OPENING
    return session


def answer(session: Session, request: Request, code: int = 204, body: bytes = b"", now: float = 0.0) -> list[Event]:
    return list(session.answered(request, code, body, now))


@pytest.mark.parametrize(("runs", "wanted"), [(None, [START]), ("somebody-s", [STOP, START]), ("default", [])])
def test_the_stream_is_there_before_the_preset_starts_and_another_is_stopped(
    runs: str | None, wanted: list[Request]
) -> None:
    session = begun(runs)
    assert asked(session) == []
    events = list(session.opened(0.0))
    assert asked(session) == wanted
    for request in wanted:
        events += answer(session, request)
    assert Online("Impinj R700, preset default") in events
    assert session.stage is Stage.READING


def test_one_that_began_to_run_meanwhile_is_stopped_once() -> None:
    session = begun(None)
    list(session.opened(0.0))
    assert asked(session) == [START]
    answer(session, START, 409, b'{"message":"running"}')
    assert asked(session) == [STOP, START]
    answer(session, STOP)
    with pytest.raises(DeviceRefused, match="refused to start: running"):
        answer(session, START, 409, b'{"message":"running"}')


def test_what_the_reader_runs_is_looked_at_again_and_again() -> None:
    session = listening()
    session.tick(29.0)
    assert asked(session) == []
    session.tick(30.0)
    assert asked(session) == [STATUS]
    assert Noted("reader_had_stopped_reading", {"runs": "theirs"}) in answer(
        session, STATUS, 200, status("theirs"), 30.0
    )
    assert asked(session) == [STOP, START]
    answer(session, START, 204, now=31.0)
    assert not [event for event in answer(session, STATUS, 200, status("default"), 60.0) if isinstance(event, Noted)]


def test_a_reader_that_waits_for_its_trigger_is_at_work() -> None:
    session = listening()
    answer(session, STATUS, 200, status("default", "armed"), 1.0)
    assert asked(session) == []


def test_a_status_that_is_no_text_is_none() -> None:
    session = listening()
    told = answer(session, STATUS, 200, b'{"interface":"IoT","status":{"id":"running"},"activePreset":[]}', 1.0)
    assert Noted("reader_had_stopped_reading", {"runs": ""}) in told


def test_a_word_that_it_stopped_has_it_asked_at_once() -> None:
    session = listening()
    list(session.receive(b'{"inventoryStatusEvent":{"inventoryStatus":"idle"}}\r\n', 5.0))
    session.tick(5.0)
    assert asked(session) == [STATUS]


def test_one_request_may_go_wrong_while_the_stream_is_there_and_two_in_a_row_not() -> None:
    session, why = listening(), DeviceLost("no answer")
    session.failed(STATUS, why)
    answer(session, STATUS, 200, status("default"))
    session.failed(STATUS, why)
    with pytest.raises(DeviceLost):
        session.failed(STATUS, why)
    with pytest.raises(DeviceLost):
        Session(SETTINGS, 0.0).failed(STATUS, why)


def test_silence_is_noticed_and_an_empty_line_is_none() -> None:
    session = listening()
    list(session.receive(b"\r\n", 80.0))
    session.tick(169.0)
    with pytest.raises(DeviceLost, match="silent for 90 s"):
        session.tick(170.0)


def test_a_reader_that_is_never_ready_is_given_up() -> None:
    session = Session(SETTINGS, 0.0)
    assert session.due == SETUP_S
    with pytest.raises(DeviceLost, match="not ready"):
        session.tick(SETUP_S)


def test_a_line_too_long_is_counted_once_and_the_next_counts() -> None:
    session = listening()
    events = [event for _ in range(100) for event in session.receive(b"x" * 1000, 1.0)]
    events += session.receive(b'\n{"tagInventoryEvent":{"epcHex":"E280"}}\n', 1.0)
    assert [event.why for event in events if isinstance(event, Dropped)] == ["a line of the stream that is too long"]


def test_every_mistake_in_the_settings_is_told_at_once() -> None:
    given = {"address": "tcp://r700", "preset": "a/../b", "silence_s": 0, "start": "yes", "key": "/k"}
    with pytest.raises(BadSettings) as told:
        settings_from(given)
    keys = {mistake.split(":")[0] for mistake in told.value.mistakes}
    assert keys == {"address", "preset", "silence_s", "start", "key", "cert"}
    assert settings_from({"address": "http://[::1]"}).base == "http://[::1]:80"
