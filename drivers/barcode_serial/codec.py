"""Bytes from a serial scanner → lines of text. No I/O: bytes in, values out."""

import re
from dataclasses import dataclass

from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable, scan_of

_ANY_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Framing:
    """How the scanner marks a line: `terminator` None is CR, LF or both; `aim` splits `]E0` and its like off."""

    terminator: bytes | None = None
    prefix: bytes = b""
    aim: bool = True


class LineReader:
    """Cuts a scanner's bytes into lines, however they arrive.

    Keeps at most `LONGEST_SCAN` bytes and one terminator: a longer line is reported once, when it has become too
    long, and everything of it up to its terminator is forgotten.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._line_end = _ANY_LINE_END if framing.terminator is None else re.compile(re.escape(framing.terminator))
        self._keep = LONGEST_SCAN + (len(framing.terminator) if framing.terminator else 1) - 1
        self._rest = b""
        self._too_long = False

    def receive(self, chunk: bytes) -> list[BarcodeScan | Unreadable]:
        """What the scanner said with these bytes, in order. Empty lines say nothing."""
        *lines, rest = self._line_end.split(self._rest + chunk)
        said: list[BarcodeScan | Unreadable] = []
        for line in lines:
            if self._too_long:
                self._too_long = False
            elif len(line) > LONGEST_SCAN:
                said.append(_too_long())
            elif line:
                said.append(_understand(line, self._framing))
        if len(rest) > self._keep:
            if not self._too_long:
                said.append(_too_long())
            self._too_long = True
        # Of a line that is too long, only what may be the beginning of its terminator is of interest.
        self._rest = rest[len(rest) - (self._keep - LONGEST_SCAN) :] if self._too_long else rest
        return said


def _too_long() -> Unreadable:
    return Unreadable(f"a line of more than {LONGEST_SCAN} bytes: baud rate, parity or terminator may be wrong")


def _understand(line: bytes, framing: Framing) -> BarcodeScan | Unreadable:
    if not line.startswith(framing.prefix):
        return Unreadable("a line without its prefix")
    text = line[len(framing.prefix) :]
    if not text:
        return Unreadable("a line that is nothing but its prefix")
    return scan_of(text, aim_inside=framing.aim, what="line")
