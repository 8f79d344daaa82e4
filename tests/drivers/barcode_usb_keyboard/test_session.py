"""Reports of a keyboard become what the scanner meant, or are left out and said."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.barcode_usb_keyboard.layouts import KEYS, ROWS, TEST
from drivers.barcode_usb_keyboard.session import Session
from drivers.barcode_usb_keyboard.settings import settings_from
from drivers.errors import BadSettings
from drivers.events import Dropped, Event
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN
from simulators.usb_scanners import COUNTRIES, typed, typed_by_number, typed_fast
from tests.drivers.barcode_usb_keyboard.fuzzing import fuzz_usb_keyboard

PAGE = Path(__file__).parent.parent.parent.parent / "agent" / "web" / "static" / "layouts.js"
#: Places of keys as browsers name them → usages, from HID's tables by hand.
PLACES = {
    "Backquote": 0x35, "Minus": 0x2D, "Equal": 0x2E, "BracketLeft": 0x2F, "BracketRight": 0x30, "Backslash": 0x31,
    "Semicolon": 0x33, "Quote": 0x34, "IntlBackslash": 0x64, "Comma": 0x36, "Period": 0x37, "Slash": 0x38,
    **{f"Digit{digit}": 0x1E + nth for nth, digit in enumerate("1234567890")},
    **{f"Key{chr(65 + nth)}": 4 + nth for nth in range(26)},
}  # fmt: skip
PEN = "4006381333931"


def heard(*reports: bytes, every_s: float = 0.002, **settings: object) -> list[BarcodeScan | Event]:
    session = Session(settings_from({"usb": "05e0:1200", **settings}))
    said = [one for nth, report in enumerate(reports) for one in session.receive(report, nth * every_s)]
    return said + list(session.receive(b"", len(reports) * every_s + 60))


def test_the_page_has_the_same_layouts() -> None:
    script = PAGE.read_text(encoding="utf-8")
    (table,) = re.findall(r"const LAYOUTS = \{(.*?)\n\};", script, re.DOTALL)
    theirs = {
        name: tuple(map(json.loads, re.findall(r'"(?:[^"\\]|\\.)*"', rows)))
        for name, rows in re.findall(r"(\w+): \[\n(.*?)\n  \]", table, re.DOTALL)
    }
    assert theirs == ROWS
    (keys,) = re.findall(r"export const KEYS = \[(.*?)\];", script, re.DOTALL)
    codes: list[str] = []
    for single, letters, prefix in re.findall(r'"(\w+)",|\.\.\."(\w+)"\.split\(""\)\.map\(\(\w+\) => `(\w+)\$', keys):
        codes += [single] if single else [prefix + letter for letter in letters]
    assert tuple(PLACES[code] for code in codes) == KEYS
    assert json.dumps(TEST)[1:-1].replace('\\"', '"') in script


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_letter_of_a_country_s_scanner_is_understood(country: str) -> None:
    for letter in sorted(set(COUNTRIES[country]) - set("\r\t\x1d\x02 ")):
        assert heard(*typed(f"1{letter}2", country), layout=country) == [BarcodeScan(f"1{letter}2")], letter


@pytest.mark.parametrize("caps", [False, True])
@pytest.mark.parametrize("country", COUNTRIES)
def test_caps_lock_turns_the_case_and_nothing_else(country: str, caps: bool) -> None:
    text = "Abc-xYz/109"
    assert heard(*typed(text, country, caps=caps), layout=country) == [BarcodeScan(text)]


@given(st.text("0123456789ABCabcxyz-./ ", min_size=1, max_size=40).filter(str.strip))
def test_keys_that_come_in_one_report_are_read_in_its_order(text: str) -> None:
    assert heard(*typed_fast(text)) == [BarcodeScan(text)]


def test_letters_by_number_need_no_layout() -> None:
    assert heard(*typed_by_number("]C101\x1d10AB"), layout="fr") == [BarcodeScan("01\x1d10AB", "]C1")]


def test_an_identifier_is_split_off_and_gs_stays() -> None:
    assert heard(*typed("]C10106901234567892\x1d10AB")) == [BarcodeScan("0106901234567892\x1d10AB", "]C1")]
    assert heard(*typed("]E01"), aim=False) == [BarcodeScan("]E01")]


def test_f8_is_gs_too() -> None:
    reports = [*typed("21", end=""), bytes([0, 0, 0x41, 0, 0, 0, 0, 0]), bytes(8), *typed("10")]
    assert heard(*reports) == [BarcodeScan("21\x1d10")]


def test_enter_and_tab_end_a_scan_and_alone_say_nothing() -> None:
    assert heard(*typed(PEN), *typed("", end="\t"), *typed("2", end="\t")) == [BarcodeScan(PEN), BarcodeScan("2")]
    assert heard(*typed(PEN), terminator="tab") != [BarcodeScan(PEN)]
    assert heard(*typed("1", end="\t"), terminator="tab") == [BarcodeScan("1")]
    assert heard(*typed("1\t2"), terminator="enter") == [Dropped("a scan with control characters")]


def test_a_scan_without_end_is_left_out_or_with_pause_taken() -> None:
    (dropped,) = heard(*typed(PEN, end=""))
    assert isinstance(dropped, Dropped)
    assert heard(*typed(PEN, end=""), terminator="pause") == [BarcodeScan(PEN)]
    assert heard(*typed(PEN), terminator="pause") == [BarcodeScan(PEN)]


def test_a_prefix_is_taken_off_and_must_be_there() -> None:
    assert heard(*typed(f"\x02{PEN}"), *typed(PEN), prefix="\x02") == [
        BarcodeScan(PEN),
        Dropped("a scan without its prefix"),
    ]


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_test_code_shows_the_layout(country: str) -> None:
    (said,) = heard(*typed(TEST, country), layout="us")
    assert isinstance(said, Dropped)
    assert ("reads right" if country == "us" else f'layout = "{country}"') in said.why


def test_what_cannot_be_understood_costs_its_scan_only() -> None:
    for evil in (
        [bytes([0x08, 0, 0x04, 0, 0, 0, 0, 0])],  # a shortcut
        [bytes([0, 0, 0x65, 0, 0, 0, 0, 0])],  # a key without a letter
        [bytes([0, 0, 1, 1, 1, 1, 1, 1])],  # too many keys
        [b"\0"],
        [bytes(64)],
        typed("\x02", end=""),
    ):
        first, second = heard(*typed("12", end=""), *evil, bytes(8), *typed("34"), *typed(PEN))
        assert isinstance(first, Dropped)
        assert second == BarcodeScan(PEN)


def test_a_scan_too_long_is_left_out_once_and_held_bounded() -> None:
    session = Session(settings_from({"usb": "05e0:1200"}))
    for report in typed("7" * 10_000, end=""):
        assert list(session.receive(report, 0.0)) == []
    assert len(session._typed) <= LONGEST_SCAN
    (dropped,) = [said for report in typed("") for said in session.receive(report, 0.0)]
    assert isinstance(dropped, Dropped)


@given(st.binary(max_size=400))
def test_no_reports_bring_what_cannot_be(data: bytes) -> None:
    fuzz_usb_keyboard(data)


def test_every_mistake_in_the_settings_is_named() -> None:
    with pytest.raises(BadSettings) as told:
        settings_from({"usb": "5e0", "port": "left", "layout": "xx", "pause_ms": 1, "prefix": 7})
    assert len(told.value.mistakes) == 5
    with pytest.raises(BadSettings, match="usb: missing; for example 05e0:1300"):
        settings_from({})
