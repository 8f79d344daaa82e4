"""Bytes from a serial scanner → lines of text. No I/O: bytes in, values out."""

import re
from dataclasses import dataclass

from drivers.readings import BarcodeScan

#: Most bytes of one line. The longest GS1 message a 2D symbol holds in practice is below 200; anything longer is a
#: wrong baud rate or no scanner.
LONGEST_LINE = 512

#: GS1's separator between elements is the only control character that belongs into a barcode's text.
_GROUP_SEPARATOR = "\x1d"

#: AIM symbology identifier: flag character, code character, modifier (ISO/IEC 15424).
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")

_ANY_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that was left out, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Framing:
    """How the scanner marks a line: `terminator` None is CR, LF or both; `aim` splits `]E0` and its like off."""

    terminator: bytes | None = None
    prefix: bytes = b""
    aim: bool = True


class LineReader:
    """Cuts a scanner's bytes into lines, however they arrive.

    Keeps at most `LONGEST_LINE` bytes and one terminator: a longer line is reported once, when it has become too
    long, and everything of it up to its terminator is forgotten.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._line_end = _ANY_LINE_END if framing.terminator is None else re.compile(re.escape(framing.terminator))
        self._keep = LONGEST_LINE + (len(framing.terminator) if framing.terminator else 1) - 1
        self._rest = b""
        self._too_long = False

    def receive(self, chunk: bytes) -> list[BarcodeScan | Unreadable]:
        """What the scanner said with these bytes, in order. Empty lines say nothing."""
        *lines, rest = self._line_end.split(self._rest + chunk)
        said: list[BarcodeScan | Unreadable] = []
        for line in lines:
            if self._too_long:
                self._too_long = False
            elif len(line) > LONGEST_LINE:
                said.append(_too_long())
            elif line:
                said.append(_understand(line, self._framing))
        if len(rest) > self._keep:
            if not self._too_long:
                said.append(_too_long())
            self._too_long = True
        # Of a line that is too long, only what may be the beginning of its terminator is of interest.
        self._rest = rest[len(rest) - (self._keep - LONGEST_LINE) :] if self._too_long else rest
        return said


def _too_long() -> Unreadable:
    return Unreadable(f"a line of more than {LONGEST_LINE} bytes: baud rate, parity or terminator may be wrong")


def _understand(line: bytes, framing: Framing) -> BarcodeScan | Unreadable:
    if not line.startswith(framing.prefix):
        return Unreadable("a line without its prefix")
    # Bytes that are no UTF-8 stay visible as \xNN: such a scan is refused further on, by name.
    text = line[len(framing.prefix) :].decode("utf-8", "backslashreplace")
    if not text.replace(_GROUP_SEPARATOR, "").isprintable():
        return Unreadable("a line with control characters")
    aim = _AIM.match(text) if framing.aim else None
    if aim is None:
        return BarcodeScan(text) if text else Unreadable("a line that is nothing but its prefix")
    text = text[aim.end() :]
    return BarcodeScan(text, aim.group()) if text else Unreadable("a line that is nothing but an AIM identifier")
