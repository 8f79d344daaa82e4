"""Boot keyboard reports → keys → letters. No I/O.

A report is eight bytes: held modifiers as bits, a reserved byte, up to six held keys as usages of page 07h (Device
Class Definition for HID 1.11, appendix B). A key is pressed when it is held and was not in the report before.
"""

import enum
from dataclasses import dataclass
from typing import Final

from drivers.barcode_usb_keyboard.layouts import LAYOUTS

REPORT_BYTES: Final = 8

_CONTROL, _SHIFT, _ALT, _ALT_GR, _GUI = 0x11, 0x22, 0x04, 0x40, 0x88
_ROLLED_OVER: Final = (1, 2, 3)  # more keys than a report holds, and two kinds of trouble
_ENTER: Final = (0x28, 0x58)
_TAB: Final = 0x2B
_SPACE: Final = 0x2C
_CAPS_LOCK: Final = 0x39
_F8: Final = 0x41
_SILENT: Final = (0x46, 0x47, 0x48, 0x53)  # Print Screen, Scroll Lock, Pause, Num Lock
_KEYPAD: Final = {0x54: "/", 0x55: "*", 0x56: "-", 0x57: "+", 0x63: "."} | dict(
    zip(range(0x59, 0x63), "1234567890", strict=True)
)
#: What Ctrl and a key mean, by the letter at the key's place on a US keyboard.
_CONTROLS: Final = {letter: chr(ord(letter.upper()) & 0x1F) for letter in "abcdefghijklmnopqrstuvwxyz[\\]"} | {
    "6": "\x1e",
    "-": "\x1f",
}
_GS: Final = "\x1d"
_MOST_OF_A_NUMBER: Final = 5


class End(enum.Enum):
    """A key that ends a scan."""

    ENTER = enum.auto()
    TAB = enum.auto()


@dataclass(frozen=True, slots=True)
class Press:
    """A key that went down. `letter`, if it has one by itself, whatever the layout."""

    usage: int
    shift: bool = False
    alt_gr: bool = False
    caps: bool = False
    letter: str = ""


class Keys:
    """Follows a keyboard's reports; remembers what is held, Caps Lock, and a number that is typed with Alt."""

    def __init__(self) -> None:
        self._held: frozenset[int] = frozenset()
        self._alt = False
        self._caps = False
        self._number = ""

    def receive(self, report: bytes) -> list[Press | End]:
        """What was pressed with this report, in its order. Raises ValueError if it is no keyboard's."""
        if len(report) < 3 or len(report) > 2 * REPORT_BYTES:
            raise ValueError(f"a report of {len(report)} bytes")
        modifiers, keys = report[0], report[2:REPORT_BYTES]
        if any(key in _ROLLED_OVER for key in keys):
            raise ValueError("a report of more keys than it holds")
        pressed = [key for nth, key in enumerate(keys) if key and key not in self._held and key not in keys[:nth]]
        self._held = frozenset(keys)
        alt = modifiers & (_ALT | _CONTROL) == _ALT and not modifiers & _ALT_GR
        found = self._number_ended() if self._alt and not alt else []
        self._alt = alt
        for key in pressed:
            found += self._press(key, modifiers)
        return found

    def _press(self, key: int, modifiers: int) -> list[Press | End]:
        control, shift = bool(modifiers & _CONTROL), bool(modifiers & _SHIFT)
        alt_gr = bool(modifiers & _ALT_GR) or (control and bool(modifiers & _ALT))
        if self._alt and key in _KEYPAD and _KEYPAD[key].isdigit():
            self._number = (self._number + _KEYPAD[key])[:_MOST_OF_A_NUMBER]
            return []
        if key == _CAPS_LOCK:
            self._caps = not self._caps
            return []
        if key in _SILENT:
            return []
        if key in _ENTER:
            return [End.ENTER]
        if key == _TAB:
            return [End.TAB]
        if control and not alt_gr:
            return _controlled(LAYOUTS["us"][0].get(key, ""))
        letter = " " if key == _SPACE else _GS if key == _F8 else _KEYPAD.get(key, "")
        if modifiers & _GUI or self._alt:
            return [Press(0)]  # a shortcut, and no letter in any layout
        return [Press(key, shift, alt_gr, self._caps, letter)]

    def _number_ended(self) -> list[Press | End]:
        """Alt was let go: the digits are a letter's number, in Windows' code page after a 0, else in DOS'."""
        number, self._number = self._number, ""
        if not number:
            return []
        page = "cp1252" if number.startswith("0") else "cp437"
        value = int(number) & 0xFF
        letter = chr(value) if value < 0x80 else bytes([value]).decode(page, "replace")
        return [Press(0, letter=letter)] if letter not in "\r\n" else [End.ENTER]


def letter_of(press: Press, layout: str) -> str:
    """The letter of a key in a layout, none if the layout has none there. Caps Lock turns the case of letters only."""
    if press.letter:
        return press.letter
    plain, shifted, with_alt_gr = LAYOUTS[layout]
    if press.alt_gr:
        return with_alt_gr.get(press.usage, "")
    small, capital = plain.get(press.usage, ""), shifted.get(press.usage, "")
    turned = press.caps and small.isalpha() and small.upper() == capital
    return capital if press.shift != turned else small


def _controlled(letter: str) -> list[Press | End]:
    """Ctrl and a key: a control character, such as the GS of GS1, or the end of a line."""
    control = _CONTROLS.get(letter, "")
    if control in ("\r", "\n"):
        return [End.ENTER]
    return [End.TAB] if control == "\t" else [Press(0, letter=control)]
