"""What a fuzzer calls with any bytes: each raises AssertionError when the R200 driver takes what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Tags
from drivers.r200.codec import DATA_BYTES_MAX, PROFILES, Frame, framed, frames, is_tag, tag_read
from drivers.r200.session import Session
from drivers.r200.settings import settings_from
from simulators.r200_module import R200Module
from tests.drivers.streams import understood

_ALL = tuple(PROFILES.values())
_SETTINGS = settings_from({"port": "/dev/ttyUSB0", "region": "eu", "power_dbm": 20})
_MODULE = R200Module()
_SET_UP = b"".join(
    b"\x23\x01" + bytes([code]) + b"\0" for code in (0x28, 0x03, 0x03, 0x0C, 0x0E, 0x07, 0xAD, 0xB6, 0xB7)
)

SEEDS = [
    bytes.fromhex("AA02220011C9340030751FEB705C5904E3D50D703A76EFDD"),
    bytes.fromhex("AA01FF00011516DD BB0128000100 2A7E AA0103000700 4D313030 56 7E8E"),
    _SET_UP + b"\x4c" + bytes(12) + b"\x4e" + bytes(range(14)),
]


def fuzz_r200_frames(data: bytes) -> None:
    """Whatever comes, whole or byte by byte, the frames are the same, and little is held."""
    cutter = frames(_ALL)
    for _ in cutter.feed(data):
        pass
    assert cutter.held_bytes <= DATA_BYTES_MAX + 7
    whole, noise = understood(frames(_ALL), [data])
    assert (whole, noise) == understood(frames(_ALL), [data[at : at + 1] for at in range(len(data))])
    for frame in whole:
        assert isinstance(frame, Frame)
        if is_tag(frame) and (read := tag_read(frame.data)):
            assert len(read.epc) == len(frame.data) - 5
            assert -128 <= (read.rssi_dbm or 0) <= 127


def fuzz_r200_session(data: bytes) -> None:
    """Pieces, frames and tags with right sums, and pauses: nothing but a DeviceError ends it, and little is sent."""
    session, now_s, at = Session(_SETTINGS), 0.0, 0
    with suppress(DeviceError):
        while at < len(data):
            size, how = data[at] & 31, data[at] >> 5
            inside = data[at + 1 : at + 1 + size]
            piece = inside
            if how & 1 and len(inside) > 1:
                piece = framed(_ALL[how % 3], inside[0] % 3, inside[1], inside[2:])
            elif how & 2:
                piece = _MODULE.tag_frame(inside[: size & ~1], (size // 2) << 11, -50)
            for event in session.receive(piece, now_s):
                assert not isinstance(event, Tags) or event.reads[0].epc
            assert len(session.to_send()) <= 100
            at += 1 + size
            now_s += how * 0.05
