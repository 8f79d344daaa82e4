"""The conversation with an SSI scanner: answered once it is booked, seen once however often it comes."""

import pytest

from drivers.barcode_ssi import codec
from drivers.barcode_ssi.codec import packet
from drivers.barcode_ssi.session import ANSWER_S, QUIET_S, TRIES, Memory, Session
from drivers.barcode_ssi.settings import settings_from
from drivers.errors import DeviceLost
from drivers.events import Dropped, Event, Online
from drivers.readings import BarcodeScan
from simulators.ssi_scanner import packed

ACK, NAK = packet(codec.CMD_ACK), packet(codec.CMD_NAK, b"\x01")
SCAN = b"\x0b4006381333931"
YES, REVISION = packed(codec.CMD_ACK), packed(codec.REPLY_REVISION, b"V1")


class Talk:
    """A session, and the time."""

    def __init__(self, memory: Memory | None = None, **settings: object) -> None:
        self.now_s = 100.0
        self.memory = memory or Memory()
        self.session = Session(settings_from({"port": "/dev/x", **settings}), self.now_s, self.memory)

    def hear(self, *pieces: bytes, accept: bool = True) -> list[BarcodeScan | Event]:
        said = []
        for piece in pieces:
            for one in self.session.receive(piece, self.now_s):
                said.append(one)
                if isinstance(one, BarcodeScan):
                    self.session.answer(accepted=accept)
        return said

    def later(self, seconds: float) -> list[BarcodeScan | Event]:
        self.now_s += seconds
        return self.hear(b"")

    def set_up(self) -> "Talk":
        assert Online("V1, /dev/x, 9600 8N1") in self.hear(REVISION, YES, YES)
        self.session.to_send()
        return self

    def scans(self, *pieces: bytes, accept: bool = True) -> list[str]:
        return [one.text for one in self.hear(*pieces, accept=accept) if isinstance(one, BarcodeScan)]


def decoded(data: bytes = SCAN, *, again: bool = False, more: bool = False) -> bytes:
    return packed(codec.DECODE_DATA, data, again=again, more=more)


def spoilt(message: bytes, at: int = 7) -> bytes:
    return message[:at] + bytes([message[at] ^ 0x20]) + message[at + 1 :]


def test_it_is_set_up_request_by_request() -> None:
    talk = Talk()
    assert talk.session.to_send() == b"\x00" + packet(codec.REQUEST_REVISION)
    talk.hear(REVISION)
    assert talk.session.to_send() == packet(codec.PARAM_SEND, b"\xff\xee\x01\x9f\x01")
    talk.hear(YES)
    assert talk.session.to_send() == packet(codec.SCAN_ENABLE)
    assert talk.hear(YES) == [Online("V1, /dev/x, 9600 8N1")]


def test_a_scanner_that_never_answers_is_lost_with_a_hint() -> None:
    talk = Talk()
    for _ in range(TRIES - 1):
        talk.later(ANSWER_S)
        assert talk.session.to_send().endswith(packet(codec.REQUEST_REVISION))
    with pytest.raises(DeviceLost, match="does not answer in SSI") as lost:
        talk.later(ANSWER_S)
    assert lost.value.trouble == "silent"


def test_noise_is_another_trouble_than_silence() -> None:
    talk = Talk()
    for _ in range(14):
        talk.hear(b"\xff\x80\x00\xfc" * 5)
        talk.later(QUIET_S)
    with pytest.raises(DeviceLost) as lost:
        talk.later(QUIET_S)
    assert lost.value.trouble == "nonsense"
    assert "baud rate" in lost.value.hint


def test_a_scanner_that_knows_only_some_requests_works() -> None:
    talk = Talk()
    talk.hear(packed(codec.CMD_NAK, b"\x02"))
    said = talk.hear(packed(codec.CMD_NAK, b"\x06"))
    assert any(isinstance(one, Dropped) and "configure = false" in one.why for one in said)
    for _ in range(TRIES - 1):
        assert talk.later(ANSWER_S) == []
    assert talk.later(ANSWER_S) == [Online("/dev/x, 9600 8N1")]


def test_a_scan_is_acknowledged_when_it_is_answered_and_not_before() -> None:
    talk = Talk().set_up()
    taking = talk.session.receive(decoded(), talk.now_s)
    assert next(taking) == BarcodeScan("4006381333931", "]E0")
    assert talk.session.to_send() == b""
    talk.session.answer(accepted=True)
    assert talk.session.to_send() == ACK
    assert list(taking) == []


def test_a_scan_that_comes_again_is_answered_again_and_seen_once() -> None:
    talk = Talk().set_up()
    assert talk.scans(decoded(), decoded(again=True), decoded(again=True)) == ["4006381333931"]
    assert talk.session.to_send() == ACK * 3
    assert talk.scans(decoded()) == ["4006381333931"], "not marked: it was scanned again"


def test_a_refused_scan_that_comes_again_is_refused_again() -> None:
    talk = Talk().set_up()
    assert talk.scans(decoded(), decoded(again=True), accept=False) == ["4006381333931"]
    assert talk.session.to_send() == (ACK + packet(codec.BEEP, b"\x11")) * 2
    talk = Talk(refusal="denied").set_up()
    talk.scans(decoded(), accept=False)
    assert talk.session.to_send() == packet(codec.CMD_NAK, b"\x06")


def test_what_was_acknowledged_before_the_line_broke_is_known_after() -> None:
    talk = Talk().set_up()
    talk.scans(decoded())
    assert Talk(talk.memory).set_up().scans(decoded(again=True)) == []


def test_a_damaged_packet_is_asked_for_again_and_counts() -> None:
    talk = Talk().set_up()
    assert talk.scans(decoded()) == ["4006381333931"]
    talk.session.to_send()
    assert talk.scans(spoilt(decoded())) == []
    assert talk.session.wake_at_s == talk.now_s + QUIET_S
    (dropped,) = talk.later(QUIET_S)
    assert isinstance(dropped, Dropped)
    assert talk.session.to_send() == NAK
    assert talk.scans(decoded(again=True)) == ["4006381333931"], "the same article, scanned a second time"


def test_a_repetition_that_was_damaged_itself_is_still_one() -> None:
    talk = Talk().set_up()
    talk.scans(decoded(), spoilt(decoded(again=True)))
    talk.later(QUIET_S)
    assert talk.scans(decoded(again=True)) == []


@pytest.mark.parametrize("at", range(len(decoded())))
def test_whichever_byte_is_damaged_the_repetition_is_understood(at: int) -> None:
    talk = Talk().set_up()
    talk.scans(spoilt(decoded(), at))
    talk.later(QUIET_S)
    assert talk.session.to_send().startswith(NAK)
    assert talk.scans(decoded(again=True)) == ["4006381333931"]


def test_a_message_of_several_packets_is_one_scan() -> None:
    talk = Talk().set_up()
    assert talk.scans(decoded(b"\x1bAAA", more=True), decoded(b"\x1bBBB", more=True)) == []
    assert talk.session.to_send() == ACK * 2
    assert talk.scans(decoded(b"\x1bBBB", more=True, again=True), decoded(b"\x1bCC")) == ["AAABBBCC"]
    assert talk.session.to_send() == ACK * 2


def test_a_message_without_its_end_is_not_glued_to_the_next() -> None:
    talk = Talk().set_up()
    talk.scans(decoded(b"\x1bAAA", more=True))
    talk.now_s += 9
    assert talk.hear(decoded()) == [Dropped("a scan whose end did not come"), BarcodeScan("4006381333931", "]E0")]


def test_a_message_without_end_costs_a_bounded_memory() -> None:
    talk = Talk().set_up()
    for _ in range(1000):
        talk.scans(decoded(b"\x1b" + bytes(250), more=True))
    assert sum(map(len, talk.memory.parts)) < 1024
    assert talk.hear(decoded(b"\x1bA")) == [Dropped("a scan of more than 512 bytes")]
    assert talk.scans(decoded()) == ["4006381333931"]


@pytest.mark.parametrize(
    "data", [b"", b"\x0b", b"\x0b\x1b[2J", b"\x3312", b"\x0b]E0"], ids=["no type", "empty", "control", "setup", "aim"]
)
def test_what_is_no_scan_is_left_out_said_and_answered(data: bytes) -> None:
    talk = Talk().set_up()
    (dropped,) = talk.hear(decoded(data))
    assert isinstance(dropped, Dropped)
    assert talk.session.to_send() == ACK + packet(codec.BEEP, b"\x11")


def test_types_become_identifiers_and_the_scanner_s_own_ones_count_more() -> None:
    talk = Talk().set_up()
    said = talk.hear(
        decoded(b"\x0f0106901234567892\x1d10AB\r\n"), decoded(b"\x1b]d20106901234567892"), decoded(b"\xfe12")
    )
    assert said == [
        BarcodeScan("0106901234567892\x1d10AB", "]C1"),
        BarcodeScan("0106901234567892", "]d2"),
        BarcodeScan("12", None),
    ]


def test_a_silent_scanner_is_asked_and_lost_when_it_does_not_answer() -> None:
    talk = Talk(heartbeat_s=30).set_up()
    assert talk.session.wake_at_s == talk.now_s + 30
    talk.later(30)
    assert talk.session.to_send() == packet(codec.REQUEST_REVISION)
    talk.hear(REVISION)
    talk.later(30)
    for _ in range(TRIES - 1):
        talk.later(ANSWER_S)
    with pytest.raises(DeviceLost):
        talk.later(ANSWER_S)
    assert Talk(heartbeat_s=0).set_up().session.wake_at_s == float("inf")


def test_events_and_what_is_unknown_are_acknowledged() -> None:
    talk = Talk().set_up()
    talk.hear(packed(codec.EVENT, b"\x01"))
    assert isinstance(talk.hear(packed(0x73, bytes(40)))[0], Dropped)
    assert talk.session.to_send() == ACK * 2


def test_a_module_that_signs_like_the_host_is_understood() -> None:
    talk = Talk()
    talk.hear(packed(codec.REPLY_REVISION, b"V1", source=4))
    assert talk.session.to_send().endswith(packet(codec.PARAM_SEND, b"\xff\xee\x01\x9f\x01"))
