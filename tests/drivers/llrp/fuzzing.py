"""What a fuzzer calls with any bytes: each raises AssertionError when the LLRP driver takes what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Tags
from drivers.llrp.codec import BadMessage, Message, Splitter, message
from drivers.llrp.reports import Reads, ReportDecoder
from drivers.llrp.schema import MESSAGE
from drivers.llrp.session import HELD_MAX
from drivers.llrp.values import values
from tests.drivers.llrp.captures import recordings
from tests.drivers.llrp.test_stream import TALK, a_session

_NAMES = sorted(MESSAGE)
_WHOLE = [message(one.message, 7, one.payload) for one in recordings()]

SEEDS = [
    TALK,
    *_WHOLE,
    b"".join(_WHOLE),
    *(one.payload for one in recordings("ROAccessReport")),
    *(bytes([_NAMES.index(one.message)]) + one.payload for one in recordings()),
]


def fuzz_llrp_frames(data: bytes) -> None:
    """However bytes are cut, the messages are the same, and no more is held than came."""
    assert _frames([data]) == _frames([data[at : at + 7] for at in range(0, len(data), 7)])


def _frames(pieces: list[bytes]) -> list[Message | str]:
    splitter, found = Splitter(), list[Message | str]()
    for nth, piece in enumerate(pieces):
        try:
            found += splitter.feed(piece)
        except DeviceError as why:
            return [*found, why.why]
        assert splitter.held_bytes <= sum(map(len, pieces[: nth + 1]))
    return found


def fuzz_llrp_values(data: bytes) -> None:
    """A message of any kind with anything in it has values, or is a bad message."""
    if data:
        with suppress(BadMessage):
            values(_NAMES[data[0] % len(_NAMES)], data[1:])


def fuzz_llrp_reports(data: bytes) -> None:
    """The fast way says what the exact way says, again and again; of tags, and of what is left out."""
    fast, exact = ReportDecoder(), ReportDecoder(fast=False)
    third = len(data) // 3
    for payload in (data, data[:third], data, data[third:], data):
        told = _told(fast, payload)
        assert told == _told(exact, payload)
        if isinstance(told, Reads):
            assert sum(len(read.epc) for read in told.reads) <= len(payload)


def _told(decoder: ReportDecoder, payload: bytes) -> Reads | str:
    try:
        return decoder.decode(payload)
    except BadMessage:
        return "bad"


def fuzz_llrp_session(data: bytes) -> None:
    """Nothing but a DeviceError ends a session, and what it sends stays small."""
    session = a_session(negotiates=len(data) % 2 == 1)
    with suppress(DeviceError):
        for event in session.receive(data):
            assert not isinstance(event, Tags) or all(read.epc for read in event.reads)
    session.ask_again()
    assert len(session._held) <= HELD_MAX
    assert len(session.to_send()) <= 20_000 + 10 * len(data)
