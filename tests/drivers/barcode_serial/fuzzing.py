"""What a fuzzer calls with any bytes: each raises AssertionError when a scanner's line says what it cannot."""

from drivers.barcode_serial.codec import LineReader
from drivers.barcode_serial.settings import settings_from
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable

SEEDS = [
    b"]E04006381333931\r\n",
    b"\x024006381333931\r",
    b"]C1010400638133393110A\x1d17261231\n",
    b"A\tB\x03\r\r\n" * 3,
]

_FRAMINGS = [
    settings_from({"port": "/dev/x", "terminator": terminator, "prefix": prefix}).framing
    for terminator in ("any", "cr", "crlf", "etx")
    for prefix in ("", "\u0002")
]


def fuzz_scanner_lines(data: bytes) -> None:
    """However bytes are cut, the lines are the same; what is held, and what a line says, is bounded."""
    for framing in _FRAMINGS:
        whole, pieces = LineReader(framing), LineReader(framing)
        found = whole.receive(data)
        cut = len(data) // 3
        assert _scans(found) == _scans([*pieces.receive(data[:cut]), *pieces.receive(data[cut:])])
        assert len(whole._rest) <= LONGEST_SCAN + 2
        for one in found:
            if isinstance(one, BarcodeScan):
                assert 0 < len(one.text) <= 4 * LONGEST_SCAN
                assert one.text.replace("\x1d", "").isprintable()


def _scans(found: list[BarcodeScan | Unreadable]) -> list[BarcodeScan]:
    return [one for one in found if isinstance(one, BarcodeScan)]
