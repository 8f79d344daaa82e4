"""What a fuzzer calls with any bytes: each raises AssertionError when the R200 driver takes what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Tags
from drivers.r200.codec import DATA_BYTES_MAX, PROFILES, Frame, frames, is_tag, tag_read
from drivers.r200.session import Session
from drivers.r200.settings import settings_from
from tests.drivers.streams import understood

_ALL = tuple(PROFILES.values())
_SETTINGS = settings_from({"port": "/dev/ttyUSB0", "region": "eu", "power_dbm": 20})


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
    """Pieces of 1 to 32 bytes, and pauses: nothing but a DeviceError ends it, and what is sent stays small."""
    session, now_s, at = Session(_SETTINGS), 0.0, 0
    with suppress(DeviceError):
        while at < len(data):
            size, pause = data[at] & 31, data[at] >> 5
            for event in session.receive(data[at + 1 : at + 1 + size], now_s):
                assert not isinstance(event, Tags) or event.reads[0].epc
            assert len(session.to_send()) <= 100
            at += 1 + size
            now_s += pause * 0.05
