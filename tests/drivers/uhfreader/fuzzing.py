"""What a fuzzer calls with any bytes: each raises AssertionError when the UHFReader driver takes what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Tags
from drivers.uhfreader.codec import BadAnswer, Frame, command, frames, pushed_by_288, tags_of_18, tags_of_288
from drivers.uhfreader.session import Session
from drivers.uhfreader.settings import settings_from
from tests.drivers.streams import understood

SEEDS = [
    bytes.fromhex("13000103010C0000000000000000000003133F39"),
    bytes.fromhex("15000103010 10C0000000000000000000003136BB1A5 560000000000 0700010101001E4B".replace(" ", "")),
    bytes.fromhex("01020C0000000000000000000003136B0C0000000000000000000003146C"),
    # What it is, its mode, and an inventory: each with its size, and to be framed.
    bytes.fromhex(
        "2E 2100 0301 2002 3180 1E0A 0100 0001 2B 770000 0000 0000 0000 0000"
        "31 01 03 0101 0C 000000000000000000000313 6B"
    ),
]
_SETTINGS = settings_from({"port": "/dev/ttyUSB0", "antennas": [1, 2], "region": "eu"})


def fuzz_uhfreader_frames(data: bytes) -> None:
    """Whatever comes, whole or byte by byte, the frames are the same, and little is held."""
    cutter = frames()
    for _ in cutter.feed(data):
        pass
    assert cutter.held_bytes <= 256
    whole = understood(frames(), [data])
    assert whole == understood(frames(), [data[at : at + 1] for at in range(len(data))])
    assert all(isinstance(frame, Frame) for frame in whole[0])


def fuzz_uhfreader_tags(data: bytes) -> None:
    """Tags add up to no more bytes than there were."""
    for understand in (tags_of_18, tags_of_288, pushed_by_288):
        with suppress(BadAnswer):
            epcs = {read.epc for read in understand(data)}
            assert all(0 < len(epc) < 256 and epc in data for epc in epcs)


def fuzz_uhfreader_session(data: bytes) -> None:
    """Frames with right CRCs and any inside, and pauses: nothing but a DeviceError ends it, and little is sent."""
    session, now_s, at = Session(_SETTINGS), 0.0, 0
    with suppress(DeviceError):
        while at < len(data):
            size, pause = data[at] & 31, data[at] >> 5
            inside = data[at + 1 : at + 1 + size]
            piece = command(0, inside[0], inside[1:]) if len(inside) > 1 and pause & 1 else inside
            for event in session.receive(piece, now_s):
                assert not isinstance(event, Tags) or all(read.epc for read in event.reads)
            assert len(session.to_send()) <= 100
            at += 1 + size
            now_s += pause * 0.1
