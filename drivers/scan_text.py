"""What a scanner decoded, as bytes → a scan. Shared by all scanners, so that they agree on what may be in a code."""

import re
from dataclasses import dataclass

from drivers.readings import BarcodeScan

#: Most bytes of one scan. The longest GS1 message a 2D symbol holds in practice is below 200; anything longer is a
#: wrong baud rate, a scan whose end was lost, or no product.
LONGEST_SCAN = 512

#: GS1's separator between elements is the only control character that belongs into a barcode's text.
_GROUP_SEPARATOR = "\x1d"

#: AIM symbology identifier: flag character, code character, modifier (ISO/IEC 15424).
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A scan that was left out, and why."""

    why: str


def scan_of(
    decoded: bytes, aim: str | None = None, *, aim_inside: bool = True, what: str = "scan"
) -> BarcodeScan | Unreadable:
    """The scan that these bytes are. `aim`: the identifier as the scanner's frame tells it.

    One that stands in front of the text (`aim_inside`) is split off, and is the truer one: it has the symbol's
    modifier. `what` names the bytes when they are left out.
    """
    # Bytes that are no UTF-8 stay visible as \xNN: such a scan is refused further on, by name.
    text = decoded.decode("utf-8", "backslashreplace")
    if not text.replace(_GROUP_SEPARATOR, "").isprintable():
        return Unreadable(f"a {what} with control characters")
    inside = _AIM.match(text) if aim_inside else None
    if inside is not None:
        text, aim = text[inside.end() :], inside.group()
        return BarcodeScan(text, aim) if text else Unreadable(f"a {what} that is nothing but an AIM identifier")
    return BarcodeScan(text, aim) if text else Unreadable(f"a {what} without text")


def aim_of(identifier: bytes) -> str | None:
    """The AIM identifier that three bytes are; None for NULs, blanks and whatever else is none."""
    text = identifier.decode("latin-1")
    return text if _AIM.fullmatch(text) else None
