"""What a fuzzer calls with any bytes: raises AssertionError when the keyboard codec or session says what cannot be."""

from drivers.barcode_usb_keyboard.layouts import TEST
from drivers.barcode_usb_keyboard.session import Session
from drivers.barcode_usb_keyboard.settings import settings_from
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, aim_of
from simulators.usb_scanners import typed, typed_by_number, typed_fast

#: Texts as scanners type them, of a country each; the first byte chooses the settings.
SEEDS = [
    bytes([0]) + b"".join(typed("]E04006381333931")),
    bytes([1]) + b"".join(typed("01/[{]@", "de", caps=True)),
    bytes([2]) + b"".join(typed(TEST, "fr", end="\t")),
    bytes([3]) + b"".join(typed_by_number("]C101\x1d10") + typed_fast("123abcABC")),
]

_SETTINGS = [
    settings_from({"usb": "05e0:1200", "layout": layout, "terminator": terminator})
    for layout, terminator in (("us", "any"), ("de", "pause"), ("fr", "tab"), ("uk", "enter"))
]


def fuzz_usb_keyboard(data: bytes) -> None:
    """Whatever reports come, a scan is text that can be, and what is held is bounded. Byte 0: settings and lengths."""
    session = Session(_SETTINGS[data[0] % 4 if data else 0])
    size = 8 if not data or data[0] < 192 else data[0] % 20
    for nth, start in enumerate(range(1, len(data), max(size, 1))):
        for report in (data[start : start + size], b""):
            for said in session.receive(report, nth * 0.3):
                if isinstance(said, BarcodeScan):
                    assert 0 < len(said.text) <= LONGEST_SCAN
                    assert said.text.replace("\x1d", "").isprintable()
                    assert said.aim is None or aim_of(said.aim.encode()) == said.aim
        assert len(session._typed) <= LONGEST_SCAN
