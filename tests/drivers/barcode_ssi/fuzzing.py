"""What a fuzzer calls with any bytes: each raises AssertionError when the SSI codec or session says what cannot be."""

from contextlib import suppress

from drivers.barcode_ssi.codec import DECODE_DATA, Packet, Splitter
from drivers.barcode_ssi.session import QUIET_S, Memory, Session
from drivers.barcode_ssi.settings import settings_from
from drivers.errors import DeviceLost
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, aim_of
from simulators.ssi_scanner import packed

#: Published packets, a repetition, a message of two packets, one that is cut off.
SEEDS = [
    bytes.fromhex("07 F3 00 00 01 4E 52 FE 65"),
    packed(DECODE_DATA, b"\x0b4006381333931") + packed(DECODE_DATA, b"\x0b4006381333931", again=True),
    packed(DECODE_DATA, b"\x0f]C101" + b"1" * 240, more=True) + packed(DECODE_DATA, b"\x0f10AB"),
    packed(0xA4, b"NBRPUAAM V1") + packed(0xD0) + packed(0xD1, b"\x01") + packed(0xF6, b"\x01")[:5],
]

_SETTINGS = settings_from({"port": "/dev/x", "heartbeat_s": 0})


def fuzz_ssi_packets(data: bytes) -> None:
    """However bytes are cut, the same packets are found; what is held is bounded and time empties it."""
    whole, pieces = Splitter(), Splitter()
    found = [*whole.feed(data), *whole.quiet()]
    cut = len(data) // 3
    assert found == [*pieces.feed(data[:cut]), *pieces.feed(data[cut:]), *pieces.quiet()]
    assert not whole.waiting
    assert sum(len(one.data) + 6 if isinstance(one, Packet) else one.length for one in found) == len(data)


def fuzz_ssi_session(data: bytes) -> None:
    """Whatever comes, a scan is text that can be, its answer is short, and memory stays small."""
    memory = Memory()
    session = Session(_SETTINGS, 0.0, memory)
    for now_s, start in enumerate(range(0, len(data), 300)):
        for said in [
            *_taken(session, data[start : start + 300], now_s * 0.1),
            *_taken(session, b"", now_s * 0.1 + QUIET_S),
        ]:
            assert said.text
            assert len(said.text) <= 4 * LONGEST_SCAN + 1
            assert said.aim is None or aim_of(said.aim.encode()) == said.aim
        assert len(session.to_send()) < 300 * 20
        assert sum(map(len, memory.parts)) <= LONGEST_SCAN + 256


def _taken(session: Session, piece: bytes, now_s: float) -> list[BarcodeScan]:
    scans = []
    with suppress(DeviceLost):
        for said in session.receive(piece, now_s):
            if isinstance(said, BarcodeScan):
                session.answer(accepted=len(said.text) % 2 == 0)
                scans.append(said)
    return scans
