"""What a fuzzer calls with any bytes: raises AssertionError when the HID POS codec or session says what cannot be."""

from drivers.barcode_usb_pos.codec import COMMON, is_scanner, layout_of
from drivers.barcode_usb_pos.session import Session
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, aim_of
from simulators.usb_scanners import HID_POS, HID_POS_WITHOUT_AIM, HID_POS_WITHOUT_LENGTH, posted

#: Descriptors of three makers' kind with a scan each, one of them in two reports.
SEEDS = [
    bytes([len(form)]) + form + b"".join(posted(b"4006381333931" * times, form=form))
    for form, times in ((HID_POS, 1), (HID_POS_WITHOUT_AIM, 8), (HID_POS_WITHOUT_LENGTH, 1))
]


def fuzz_hid_pos(data: bytes) -> None:
    """Byte 0 is the length of a report descriptor, the rest reports: a scan is text that can be, memory is bounded."""
    cut = 1 + data[0] if data else 0
    layout = layout_of(data[1:cut])
    if layout is not None:
        assert is_scanner(data[1:cut])
        assert 8 <= layout.data.size <= 8 * 4096
    session = Session(layout or COMMON)
    for nth, start in enumerate(range(cut, len(data), 64)):
        for said in session.receive(data[start : start + 64], nth * 0.6):
            if isinstance(said, BarcodeScan):
                assert said.text
                assert len(said.text) <= 4 * LONGEST_SCAN
                assert said.text.replace("\x1d", "").isprintable()
                assert said.aim is None or aim_of(said.aim.encode()) == said.aim
        assert sum(len(one.data) for one in session._pieces) <= LONGEST_SCAN + 64
