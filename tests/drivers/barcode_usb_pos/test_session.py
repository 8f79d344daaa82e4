"""Reports in any maker's order become scans; what is broken costs its scan."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.barcode_usb_pos.codec import COMMON, Field, Layout, is_scanner, layout_of, piece_of
from drivers.barcode_usb_pos.session import PARTS_S, Session
from drivers.events import Dropped, Event, Heard
from drivers.readings import BarcodeScan
from simulators.usb_scanners import HID_POS, HID_POS_WITHOUT_AIM, HID_POS_WITHOUT_LENGTH, KEYBOARD, posted
from tests.drivers.barcode_usb_pos.fuzzing import fuzz_hid_pos

RECORDED = Path(__file__).parent / "recordings" / "voyager-1602g.hex"
FORMS = (HID_POS, HID_POS_WITHOUT_AIM, HID_POS_WITHOUT_LENGTH)
PEN = BarcodeScan("4006381333931", "]E0")


def heard(*reports: bytes, form: bytes = HID_POS) -> list[BarcodeScan | Event]:
    session = Session(layout_of(form) or COMMON)
    return [one for report in reports for one in session.receive(report, 0.0)]


def test_the_layout_is_read_from_the_descriptor() -> None:
    assert layout_of(HID_POS) == Layout(
        2, Field(40, 448), (Field(16, 8), Field(24, 8), Field(32, 8)), Field(8, 8), Field(504, 1)
    )
    assert layout_of(HID_POS_WITHOUT_AIM) == Layout(2, Field(16, 448), (), Field(8, 8), Field(504, 1))
    without_length = layout_of(HID_POS_WITHOUT_LENGTH)
    assert without_length is not None
    assert (without_length.number, without_length.data, without_length.count) == (None, Field(24, 448), None)
    assert layout_of(KEYBOARD) is None
    assert (is_scanner(HID_POS), is_scanner(KEYBOARD)) == (True, False)


def test_a_recorded_scanner_is_understood() -> None:
    reports = [bytes.fromhex(line) for line in RECORDED.read_text().splitlines()]
    pieces = [piece for report in reports if (piece := piece_of(report, COMMON))]
    assert [piece.continued for piece in pieces] == [True] * 5 + [False, False]
    text = b"".join(piece.data for piece in pieces[:6]).decode()
    assert text.startswith(
        "Product Name: Voyager 1602g\r\nBoot Revision: : 8992\r\nSoftware Part Number: CW000082BBA\r\n"
    )
    assert text.endswith("Checksum: N/A\r\n")
    assert (pieces[6].symbology, pieces[6].data) == (b"]Z6", b"REVINF\x06.")
    assert [type(one) for one in heard(*reports)] == [Dropped, Dropped], "what it says of itself is no scan"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [1, 13, 55, 56, 57, 112, 113, 500, 512])
def test_a_scan_of_any_length_is_whole(form: bytes, length: int) -> None:
    text = ("0123456789ABCDEF" * 32)[:length]
    aim = None if form == HID_POS_WITHOUT_AIM else "]Q1"
    assert heard(*posted(text.encode(), b"]Q1", form), form=form) == [BarcodeScan(text, aim)]


def test_identifiers_may_be_missing_or_in_the_text() -> None:
    assert heard(*posted(b"1", b"\0\0\0"), *posted(b"2", b"   ")) == [BarcodeScan("1"), BarcodeScan("2")]
    assert heard(*posted(b"]d20112", b"]d2")) == [BarcodeScan("0112", "]d2")]
    reports = posted(b"]C101\x1d10AB\r\n", form=HID_POS_WITHOUT_AIM)
    assert heard(*reports, form=HID_POS_WITHOUT_AIM) == [BarcodeScan("01\x1d10AB", "]C1")]


def test_a_scan_that_breaks_off_is_left_out_and_the_next_counts() -> None:
    long = posted(b"7" * 100, b"]Q1")
    broken = Dropped("a scan whose end did not come")
    assert heard(long[0], *posted(b"4006381333931")) == [broken, PEN]
    session = Session(COMMON)
    assert list(session.receive(long[0], 5.0)) == []
    assert session.wake_at_s == 5.0 + PARTS_S
    assert list(session.receive(b"", session.wake_at_s)) == [broken]
    assert list(session.receive(long[1], 9.0)) == [BarcodeScan("7" * 44, "]Q1")]


def test_a_scan_without_end_costs_a_bounded_memory() -> None:
    (endless,) = posted(b"7" * 56, b"]Q1")
    session = Session(COMMON)
    for _ in range(1000):
        assert list(session.receive(endless[:-1] + b"\x01", 0.0)) == []
    assert len(session._pieces) < 12
    assert list(session.receive(endless, 0.0)) == [Dropped("a scan of more than 512 bytes")]


@pytest.mark.parametrize(
    "report",
    [b"\x02", b"\x02\x05", b"\x02\xff]E0" + bytes(59), b"\x02\x01]E0\x07" + bytes(58), b"\x02\x00]E0" + bytes(59)],
)
def test_what_is_no_scan_is_left_out_and_said(report: bytes) -> None:
    first, second = heard(report, *posted(b"4006381333931"))
    assert isinstance(first, Dropped)
    assert second == PEN


def test_other_reports_are_signs_of_life() -> None:
    assert heard(b"\x03\x01", b"\xfd" * 64) == [Heard(), Heard()]


@pytest.mark.parametrize("form", FORMS)
def test_one_damaged_byte_in_a_descriptor_breaks_nothing(form: bytes) -> None:
    for at in range(len(form)):
        for change in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            damaged = form[:at] + bytes([form[at] ^ change]) + form[at + 1 :]
            session = Session(layout_of(damaged) or COMMON)
            for report in posted(b"4006381333931", form=form):
                list(session.receive(report, 0.0))


@given(st.binary(max_size=600))
@example(bytes([len(HID_POS)]) + HID_POS + b"".join(posted(b"4006381333931")))
@example(bytes.fromhex("0a 27ffffffff 058c 97ffffffff 09fe 77ffffffff 8102"))
@example(bytes.fromhex("0f 058c 1900 2bffffffff 7508 97ffffff0f 8102"))
def test_no_descriptor_and_no_reports_bring_what_cannot_be(data: bytes) -> None:
    fuzz_hid_pos(data)
