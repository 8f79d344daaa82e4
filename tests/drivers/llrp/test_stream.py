"""A connection's bytes may be cut anywhere, and damaged anywhere."""

from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceError, DeviceLost, DeviceSpokeNonsense
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.llrp.codec import HEADER_BYTES, MESSAGE_BYTES_MAX, BadMessage, Splitter, framed, message, tlv
from drivers.llrp.reports import ReportDecoder
from drivers.llrp.requests import ROSPEC
from drivers.llrp.schema import MESSAGE
from drivers.llrp.session import Session, Stage
from drivers.llrp.settings import Settings
from drivers.llrp.values import payload
from drivers.readings import TagRead
from tests.drivers.llrp.asking import setup
from tests.drivers.llrp.captures import recordings

SETTINGS = Settings("127.0.0.1", 5084)
REPORT = MESSAGE["ROAccessReport"].number
RECORDED_US = 1_594_174_805_000_000


def event(**said: object) -> bytes:
    told = {"ReaderEventNotificationData": {"UTCTimestamp": RECORDED_US, **said}}
    return message("ReaderEventNotification", 0, payload("ReaderEventNotification", told))


def a_session(*, negotiates: bool = False) -> Session:
    """One for which no time goes by, at the time at which the recordings were made."""
    return Session(SETTINGS, now_s=lambda: 0.0, utc_us=lambda: RECORDED_US, negotiates=negotiates)


def beginning() -> list[bytes]:
    """The reader's part of a connection until it reports, with a real reader's capabilities."""
    frames = [event(ConnectionAttemptEvent=0)]
    frames.append(message("GetReaderCapabilitiesResponse", 1, recordings("GetReaderCapabilitiesResponse")[0].payload))
    well = {"LLRPStatus": {"Status": 0}}
    # Our second message is ENABLE_EVENTS_AND_REPORTS, which has no response.
    for ident, (name, _) in enumerate(setup(SETTINGS)[1:], start=3):
        frames.append(message(f"{name}Response", ident, payload(f"{name}Response", well)))
    return frames


def talk() -> list[bytes]:
    """A whole connection: reports one and many at a time, signs of life, things nobody understands."""
    reports = [one.payload for one in recordings("ROAccessReport")]
    return [
        *beginning(),
        *(message("ROAccessReport", 0, report) for report in reports),
        message("KeepAlive", 77),
        framed(900, 1, b"from another century"),
        *(message("ROAccessReport", 0, b"".join(reports) * 2) for _ in range(3)),
        message("ROAccessReport", 0, b"\x00\xf0\x00\x02"),
        event(AntennaEvent={"Event": 0, "AntennaID": 2}),
        event(ReaderExceptionEvent={"Message": "hot\x07"}, ReportBufferOverflowErrorEvent={}),
        message("ROAccessReport", 0, reports[0]),
        event(ConnectionCloseEvent={}),
    ]


def heard(pieces: list[bytes]) -> tuple[list[Event], bytes, str]:
    """All events, all bytes sent, and how it ended. Only a DeviceError may end it."""
    session, events, sent = a_session(), list[Event](), b""
    for piece in pieces:
        try:
            for one in session.receive(piece):
                # How many reads are told at once is nobody's business; those before an error count.
                events += [Tags([read]) for read in one.reads] if isinstance(one, Tags) else [one]
        except DeviceError as why:
            return events, sent + session.to_send(), f"{type(why).__name__}: {why.why}"
        sent += session.to_send()
    return events, sent, ""


def payload_reads(frame: bytes | bytearray) -> list[TagRead]:
    """What a frame of the talk reports on its own."""
    (got,) = Splitter().feed(bytes(frame))
    try:
        return ReportDecoder().decode(got.payload).reads if got.kind == REPORT else []
    except BadMessage:
        return []


TALK = b"".join(talk())
WHOLE = heard([TALK])


def test_a_connection_brings_what_was_said() -> None:
    events, sent, end = WHOLE
    assert [one for one in events if isinstance(one, Online)] == [
        Online("Impinj model 2001002, firmware 5.14.0.240, 4 antennas")
    ]
    assert sum(len(one.reads) for one in events if isinstance(one, Tags)) == 5 + 3 * 10 + 1
    assert len([one for one in events if isinstance(one, Dropped)]) == 3
    assert [one for one in events if isinstance(one, Noted)] == [
        Noted("antenna_disconnected", {"antenna": 2}),
        Noted("reader_reported_exception", {"words": r"hot\x07"}),
    ]
    names = [got.name for got in Splitter().feed(sent)]
    assert names[:4] == ["GetReaderCapabilities", "EnableEventsAndReports", "GetROSpecs", "DeleteAccessSpec"]
    assert names[-2:] == ["StartROSpec", "KeepAliveAck"]
    assert end == "DeviceLost: the reader closed the connection"


def test_byte_by_byte_is_the_same() -> None:
    assert heard([TALK[at : at + 1] for at in range(len(TALK))]) == WHOLE


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 30, 3600]), st.integers(0, 12)), min_size=2, max_size=40),
    st.lists(st.integers(0, 4000), max_size=5),
)
def test_reports_that_come_together_are_judged_each_for_itself(said: list[tuple[int, int]], cuts: list[int]) -> None:
    def report(old_s: int, tags: int) -> bytes:
        at = pack(">BQ", 0x84, RECORDED_US - old_s * 1_000_000)
        return message("ROAccessReport", 0, b"".join(tlv(240, b"\x8d" + bytes([nth] * 12) + at) for nth in range(tags)))

    frames = [report(*one) for one in said]
    whole = b"".join(frames)
    parts = [
        whole[start:stop] for start, stop in pairwise([0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)])
    ]
    assert heard([*beginning(), *parts]) == heard([*beginning(), *frames])


@given(st.lists(st.integers(0, len(TALK)), max_size=40))
def test_cut_anywhere_is_the_same(cuts: list[int]) -> None:
    edges = sorted({0, *cuts, len(TALK)})
    assert heard([TALK[start:stop] for start, stop in pairwise(edges)]) == WHOLE


@given(st.integers(0, len(TALK) - 1), st.integers(1, 255))
def test_one_damaged_byte_raises_nothing_but_device_errors(at: int, flip: int) -> None:
    damaged = bytearray(TALK)
    damaged[at] ^= flip
    heard([bytes(damaged)])


REPORTS = [nth for nth, frame in enumerate(talk()) if frame[0] << 8 & 0x300 | frame[1] == REPORT]


@given(st.sampled_from(REPORTS), st.data(), st.integers(1, 255))
def test_a_byte_damaged_inside_a_report_costs_at_most_that_report(nth: int, data: st.DataObject, flip: int) -> None:
    """Behind the length: a damaged length costs the connection, since TCP itself must have been wrong."""
    frames = [bytearray(frame) for frame in talk()]
    frames[nth][data.draw(st.integers(6, len(frames[nth]) - 1))] ^= flip
    events, sent, end = heard([b"".join(frames)])
    assert (sent, end) == WHOLE[1:]
    kept = [read.epc for one in events if isinstance(one, Tags) for read in one.reads]
    others = heard([b"".join(frames[:nth] + frames[nth + 1 :])])[0]
    wanted = [read.epc for one in others if isinstance(one, Tags) for read in one.reads]
    before = sum(len(payload_reads(frame)) for frame in frames[:nth])
    assert kept[:before] == wanted[:before]
    assert kept[len(kept) - (len(wanted) - before) :] == wanted[before:]


@given(st.integers(0, len(talk())), st.sampled_from([0, 5, 99, 900, 1022, 1023]), st.binary(max_size=200))
def test_a_frame_of_a_type_nobody_knows_costs_only_itself(place: int, kind: int, garbage: bytes) -> None:
    frames = talk()
    frames.insert(place, framed(kind, 1, garbage))
    events, sent, end = heard([b"".join(frames)])
    assert [one for one in events if not isinstance(one, Dropped)] == [
        one for one in WHOLE[0] if not isinstance(one, Dropped)
    ]
    assert (sent, end) == WHOLE[1:]


@given(st.integers(0, len(talk())), st.sampled_from([0, 4, 5, 6, 7]), st.sampled_from(talk()))
def test_a_frame_of_an_unknown_version_costs_only_itself(place: int, version: int, frame: bytes) -> None:
    frames = talk()
    frames.insert(place, bytes([frame[0] & 0b11100011 | version << 2]) + frame[1:])
    events, sent, end = heard([b"".join(frames)])
    assert [one for one in events if not isinstance(one, Dropped)] == [
        one for one in WHOLE[0] if not isinstance(one, Dropped)
    ]
    assert (sent, end) == WHOLE[1:]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_reader_of_another_version_that_we_know_is_understood(version: int) -> None:
    frames = [bytes([frame[0] & 0b11100011 | version << 2]) + frame[1:] for frame in talk()]
    assert heard([b"".join(frames)]) == WHOLE


@given(st.integers(0, len(talk())), st.integers(0, 1023), st.binary(max_size=200))
def test_garbage_in_any_frame_leaves_the_frames_around_it(place: int, kind: int, garbage: bytes) -> None:
    frames = talk()
    frames.insert(place, framed(kind, 0, b"\x00\x01\x00\x03" + garbage))
    events, _, end = heard([b"".join(frames)])
    if end == WHOLE[2]:
        reads = [read for one in events if isinstance(one, Tags) for read in one.reads]
        assert reads == [read for one in WHOLE[0] if isinstance(one, Tags) for read in one.reads]


@given(st.integers(0, HEADER_BYTES - 1) | st.integers(MESSAGE_BYTES_MAX + 1, 0xFFFFFFFF))
def test_a_length_that_cannot_be_is_refused_at_its_header(length: int) -> None:
    splitter = Splitter()
    good = message("KeepAlive", 1)
    messages = splitter.feed(good + pack(">HII", 1 << 10 | REPORT, length, 1))
    assert next(messages).name == "KeepAlive"
    with pytest.raises(DeviceSpokeNonsense):
        next(messages)
    assert splitter.held_bytes <= HEADER_BYTES


def test_the_longest_message_is_taken_and_not_held_twice() -> None:
    splitter = Splitter()
    longest = framed(REPORT, 1, bytes(MESSAGE_BYTES_MAX - HEADER_BYTES))
    got = [one for at in range(0, len(longest), 65536) for one in splitter.feed(longest[at : at + 65536])]
    assert len(got) == 1
    assert splitter.held_bytes == 0


def test_nothing_is_sent_before_the_reader_has_greeted() -> None:
    session = a_session()
    assert list(session.receive(message("KeepAlive", 1)))
    session.ask_for_report()
    assert [got.name for got in Splitter().feed(session.to_send())] == ["KeepAliveAck"]
    session.hang_up()
    assert session.stage is Stage.LEFT
    assert session.to_send() == b""


def test_reads_from_before_the_start_are_left_out() -> None:
    first, *rest = beginning()
    stale = message("ROAccessReport", 0, recordings("ROAccessReport")[0].payload)
    events, _, _ = heard([first, stale, *rest])
    assert events == [Heard(), Heard(), Dropped("1 reads from before this connection was set up"), WHOLE[0][1]]


def test_a_reader_that_cannot_be_asked_for_reports_is_not_asked_again() -> None:
    session = a_session()
    for frame in beginning():
        list(session.receive(frame))
    session.to_send()
    session.ask_for_report()
    (asked,) = Splitter().feed(session.to_send())
    no = payload("ErrorMessage", {"LLRPStatus": {"Status": 109, "ErrorDescription": "what?"}})
    events = list(session.receive(message("ErrorMessage", asked.ident, no)))
    assert events == [Dropped("the reader could not use a message of ours: M_UnsupportedMessage (109): what?")]
    session.ask_for_report()
    assert session.to_send() == b""


def test_a_reader_that_stopped_reading_is_lost() -> None:
    session = a_session()
    for frame in beginning():
        list(session.receive(frame))
    assert list(session.receive(event(ROSpecEvent={"Event": 1, "ROSpecID": 8}))) == [Heard()]
    with pytest.raises(DeviceLost, match="stopped reading"):
        list(session.receive(event(ROSpecEvent={"Event": 1, "ROSpecID": ROSPEC})))


def test_a_question_that_was_late_and_not_lost_is_answered_twice_and_taken_once() -> None:
    session = a_session()
    greeting, capabilities, *rest, enabled, started = beginning()
    assert list(session.receive(greeting)) == [Heard()]
    (asked,) = Splitter().feed(session.to_send())
    session.ask_again()
    assert list(Splitter().feed(session.to_send())) == [asked]
    frames = (capabilities, capabilities, *rest)
    assert [one for frame in frames for one in session.receive(frame)] == [Heard()]
    session.to_send()
    session.ask_again()
    assert session.to_send() == b"", "a question that changes something is not repeated"
    assert [one for frame in (enabled, started) for one in session.receive(frame)] == [WHOLE[0][1]]
