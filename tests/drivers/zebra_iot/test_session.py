"""A conversation with a Zebra reader, without any line: what is asked when, and what is made of what comes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from drivers.errors import DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.mqtt_line import Arrived
from drivers.zebra_iot.session import ASK_AGAIN_S, REMEMBERED, SETUP_S, Session
from drivers.zebra_iot.settings import settings_from

FIXED = settings_from({"broker": "mqtt://b", "topic": "shop/FX"})
SLED = settings_from({"broker": "mqtt://b", "topic": "shop/RFD40-1", "reader": "sled"})
#: When the reader says that it is the beginning of this day.
DAY = "2026-03-04T00:00:00Z"


class Talk:
    """A session, and the reader at its other end, who answers when it is told to."""

    def __init__(self, settings: Any = FIXED) -> None:
        self.session = Session(settings, 0.0)
        self.topics = settings.topics
        self.now = 0.0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.collect()

    def collect(self) -> None:
        self.asked += [(topic, json.loads(payload)) for topic, payload in self.session.to_send()]

    def names(self) -> list[str]:
        return [said["command"] for _, said in self.asked]

    def arrives(self, topic: str, said: object, *, retained: bool = False) -> list[Event]:
        payload = json.dumps(said).encode()
        events = list(self.session.receive(Arrived(topic, payload, retained), self.now))
        self.collect()
        return events

    def tick(self, now: float) -> None:
        self.now = now
        self.session.tick(now)
        self.collect()

    def answers(self, name: str, payload: dict[str, Any] | None = None, *, ok: bool = True) -> list[Event]:
        ident = next(said["command_id"] for _, said in reversed(self.asked) if said["command"] == name)
        response = {"command": name, "command_id": ident, "response": "success" if ok else "failure"}
        return self.arrives(self.topics.answers, {**response, "payload": payload or {}})

    def up(self, activity: str = "active", **status: object) -> list[Event]:
        self.answers("get_version", {"model": "FX9600"})
        events = self.answers("get_status", {"radioActivity": activity, "systemTime": DAY, **status})
        return [*events, *(self.answers("start") if "start" in self.names() else [])]

    def tag(self, number: int, at: str = DAY, epc: str = "e2801160") -> list[Event]:
        data = {"idHex": epc, "eventNum": number, "antenna": 1}
        return self.arrives(self.topics.data, {"data": data, "timestamp": at, "type": "SIMPLE"})


def reads(events: list[Event]) -> int:
    return sum(len(event.reads) for event in events if isinstance(event, Tags))


def kinds(events: list[Event]) -> Iterator[str]:
    return (type(event).__name__ for event in events)


def test_it_asks_what_the_reader_is_and_does_and_starts_it_only_when_it_does_not_read() -> None:
    talk = Talk()
    assert [(topic, said["command"]) for topic, said in talk.asked] == [
        ("shop/FX/mgmt/cmd", "get_version"),
        ("shop/FX/mgmt/cmd", "get_status"),
    ]
    assert "Online" in kinds(talk.up("active"))
    assert "start" not in talk.names()
    talk = Talk()
    assert "Online" in kinds(talk.up("inactive"))
    assert talk.asked[-1][0] == "shop/FX/ctrl/cmd"


def test_until_the_first_answers_it_asks_again_and_any_of_them_counts() -> None:
    talk = Talk()
    early = [said["command_id"] for _, said in talk.asked]
    talk.tick(ASK_AGAIN_S)
    assert talk.names() == ["get_version", "get_status"] * 2
    for ident in early:
        said = {"command_id": ident, "response": "success", "payload": {"radioActivity": "active"}}
        events = talk.arrives(talk.topics.answers, said)
    assert "Online" in kinds(events)


def test_a_reader_that_answers_nothing_is_lost_with_what_to_set_up() -> None:
    talk = Talk()
    with pytest.raises(DeviceLost, match="does not answer get_status and get_version"):
        talk.tick(SETUP_S)
    talk = Talk()
    talk.tag(1)
    with pytest.raises(DeviceLost, match="though it sends tags") as told:
        talk.tick(SETUP_S)
    assert told.value.trouble == "silent"


def test_reads_from_before_the_first_answers_are_left_out() -> None:
    talk = Talk()
    assert [event for event in talk.tag(1) if isinstance(event, Dropped)]
    talk.up()
    assert reads(talk.tag(2)) == 1


def test_what_others_ask_the_reader_is_a_sign_of_life_and_no_answer_of_ours() -> None:
    talk = Talk()
    other = {"command": "get_status", "command_id": "erp-7", "response": "failure", "payload": {}}
    assert list(kinds(talk.arrives(talk.topics.answers, other))) == ["Heard"]
    assert not talk.session.up


@pytest.mark.parametrize("life", ["tags", "heartbeats", "answers"])
def test_any_word_of_the_reader_is_a_sign_of_life(life: str) -> None:
    talk = Talk()
    talk.up()
    for nth in range(1, 20):
        talk.tick(talk.now + 20)
        if life == "tags":
            talk.tag(nth)
        elif life == "heartbeats":
            assert Heard() in talk.arrives(talk.topics.events, {"type": "heartbeat"})
        elif talk.names()[-1] == "get_status":
            talk.answers("get_status", {"radioActivity": "active"})
    with pytest.raises(DeviceLost, match="silent for 75 s"):
        talk.tick(talk.now + 76)


def test_what_the_broker_kept_is_no_sign_of_life() -> None:
    talk = Talk()
    talk.up()
    for _ in range(3):
        talk.now += 30
        talk.arrives(talk.topics.events, {"type": "heartbeat"}, retained=True)
    with pytest.raises(DeviceLost, match="silent"):
        talk.tick(talk.now)


def test_a_clock_that_leaps_is_measured_anew_by_the_next_answer() -> None:
    talk = Talk()
    talk.up()
    assert reads(talk.tag(1, "2026-03-03T21:00:00Z")) == 0
    assert reads(talk.tag(2, "2026-03-04T03:00:00Z")) == 1, "from the future: the clock was set right meanwhile"
    assert reads(talk.tag(3)) == 1, "and one leap spoils nothing"
    talk.tick(30.0)
    talk.answers("get_status", {"radioActivity": "active", "systemTime": "2026-03-03T21:00:30Z"})
    assert reads(talk.tag(4, "2026-03-03T21:00:30Z")) == 1


def test_a_reader_that_stopped_is_started_again_and_said_so() -> None:
    talk = Talk()
    talk.up()
    talk.tick(30.0)
    events = talk.answers("get_status", {"radioActivity": "inactive"})
    assert Noted("reader_had_stopped_reading", {}) in events
    assert talk.names()[-1] == "start"
    with pytest.raises(DeviceRefused, match="refused to start: no region"):
        talk.answers("start", {"description": "no region"}, ok=False)


def test_a_start_refused_by_a_reader_that_does_not_say_whether_it_reads_is_let_be() -> None:
    talk = Talk()
    talk.answers("get_version")
    talk.answers("get_status", {"temperature": 31})
    assert "Online" in kinds(talk.answers("start", {"description": "already"}, ok=False))


def test_a_cable_that_was_pulled_is_noted_once() -> None:
    talk = Talk()
    talk.up(antennas={"1": "connected", "2": "disconnected", "x": 7, "3": []})
    for state, noted in (("connected", []), ("disconnected", [1]), ("disconnected", []), ("connected", [1])):
        talk.tick(talk.now + 30)
        said = {"radioActivity": "active", "antennas": {"1": state, "2": "disconnected"}}
        events = talk.answers("get_status", said)
        assert [event.details["antenna"] for event in events if isinstance(event, Noted)] == noted
        assert all(event.what == f"antenna_{state}" for event in events if isinstance(event, Noted))


def test_numbers_begin_anew_and_the_same_event_counts_once() -> None:
    talk = Talk()
    talk.up()
    assert reads(talk.tag(1)) == 1
    assert reads(talk.tag(1)) == 0
    assert reads(talk.tag(1, "2026-03-04T00:00:01Z")) == 1
    assert talk.session.repeated == 1
    for number in range(REMEMBERED + 10):
        talk.tag(number, epc=f"{number:08x}")
    assert len(talk.session._told) == REMEMBERED


def test_a_sled_that_says_goodbye_is_lost_and_what_the_broker_kept_of_that_is_not_believed() -> None:
    talk = Talk(SLED)
    gone = {"connectionState": "DISCONNECTED", "deviceModel": "RFD40"}
    assert talk.arrives(talk.topics.state, gone, retained=True) == []
    assert talk.arrives(talk.topics.state, {"connectionState": "CONNECTED"}) == [Heard()]
    with pytest.raises(DeviceLost, match="left the broker"):
        talk.arrives(talk.topics.state, gone)


def test_a_sled_s_barcodes_are_left_out_and_counted_beside_its_tags() -> None:
    talk = Talk(SLED)
    for name, said in list(talk.asked):
        content = {"deviceStatus": {"radioActivity": "INACTIVE"}, "readerVersion": {"model": "RFD40"}}
        answer = {**content, "requestId": said["requestId"], "response": {"code": 0, "description": "Success"}}
        events = talk.arrives(name.replace("cmnd", "resp"), answer)
    assert Online("Zebra RFD40, at mqtt://b:1883") in events
    data = {"tagData": [{"EPCid": "E280", "eventNum": 1}], "barcodeData": [{"decodedBarcode": "4006381333931"}]}
    events = talk.arrives(talk.topics.data, {"type": "x", "timestamp": DAY, "data": data})
    assert (reads(events), sum(isinstance(event, Dropped) for event in events)) == (1, 1)
