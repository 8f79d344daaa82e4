"""What a fuzzer calls with any bytes: each raises AssertionError when the ThingMagic driver takes what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Tags
from drivers.thingmagic.codec import READ, STREAM, VERSION, BadRecord, Frame, frames, kind_of, tag_read
from drivers.thingmagic.session import Session
from drivers.thingmagic.settings import settings_from
from simulators.thingmagic_module import ThingMagicModule
from tests.drivers.streams import understood

_TAG = bytes.fromhex("1000 1B01FF0101C4110E1640 000001270000 05 0000 0F 0080 3000 000000000000000000001545 E94A")

SEEDS = [
    _TAG,
    bytes.fromhex(
        "FF282200001000 1B01FF0101C4110E1640 000001270000 05 0000 0F 0080 3000 000000000000000000001545 E94A 561D"
    ),
    bytes.fromhex("10 001b 0081 01 07 0011 aabbcc 0080 3000"),
    # A stop, a version, a program, then a tag that lacks its metadata.
    b"\x40\x14" + bytes(20) + b"\x61\x0c\x12" + b"\x3d" + _TAG[:5] + b"\x01" + _TAG[-18:],
]
_SETTINGS = settings_from({"port": "/dev/ttyUSB0", "region": "eu3"})
_MODULE = ThingMagicModule()


def fuzz_thingmagic_frames(data: bytes) -> None:
    """Whatever comes, whole or byte by byte, the frames are the same, and little is held."""
    cutter = frames()
    for _ in cutter.feed(data):
        pass
    assert cutter.held_bytes <= 0xF8 + 7
    whole = understood(frames(), [data])
    assert whole == understood(frames(), [data[at : at + 1] for at in range(len(data))])
    assert all(isinstance(frame, Frame) for frame in whole[0])


def fuzz_thingmagic_record(data: bytes) -> None:
    """A record's tag is within the record."""
    with suppress(BadRecord):
        kind_of(data)
        read = tag_read(data)
        assert read.epc in data
        assert read.count >= 1
        assert read.antenna is None or 1 <= read.antenna <= 15


def fuzz_thingmagic_session(data: bytes) -> None:
    """Frames with right CRCs and any inside, and pauses: nothing but a DeviceError ends it, and little is sent."""
    session, now_s, at = Session(_SETTINGS, 115_200), 0.0, 0
    with suppress(DeviceError):
        while at < len(data):
            size, how = data[at] & 31, data[at] >> 5
            inside = data[at + 1 : at + 1 + size]
            opcode = (VERSION, READ, STREAM, inside[0] if inside else 0)[how & 3]
            piece = inside if how == 7 else _MODULE.frame(opcode, inside, 0 if size & 1 else 0x0400)
            for event in session.receive(piece, now_s):
                assert not isinstance(event, Tags) or event.reads[0].epc
            assert len(session.to_send()) <= 100
            at += 1 + size
            now_s += how * 0.1
