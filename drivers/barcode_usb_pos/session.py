"""What a HID POS scanner says, without any I/O and without a clock: reports and the time in, scans out."""

from collections.abc import Iterator
from typing import Final

from drivers.barcode_usb_pos.codec import Layout, Piece, piece_of
from drivers.events import Dropped, Event, Heard
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable, aim_of, scan_of

#: Between two reports of one scan.
PARTS_S: Final = 1.0

#: The AIM identifier's letter for what was in no symbol: answers of the scanner to commands.
_NO_SYMBOL: Final = b"]Z"


class Session:
    """One connection. `wake_at_s` is when `receive` is to be called without a report if none came."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._pieces: list[Piece] = []
        self._at_s = 0.0

    @property
    def wake_at_s(self) -> float:
        """When the rest of a scan will have been away for too long."""
        return self._at_s + PARTS_S if self._pieces else float("inf")

    def receive(self, report: bytes, now_s: float) -> Iterator[BarcodeScan | Event]:
        """What a report says; an empty one: only time has passed. Must be exhausted."""
        if self._pieces and now_s >= self.wake_at_s:
            yield from self._broken_off()
        if not report:
            return
        try:
            piece = piece_of(report, self._layout)
        except ValueError as why:
            self._pieces.clear()
            yield Dropped(str(why))
            return
        if piece is None:
            yield Heard()
            return
        if self._pieces and piece.symbology != self._pieces[0].symbology:
            yield from self._broken_off()
        self._at_s = now_s
        if sum(len(one.data) for one in self._pieces) <= LONGEST_SCAN:  # else only the end of it is waited for
            self._pieces.append(piece)
        if not piece.continued:
            yield self._whole()

    def _whole(self) -> BarcodeScan | Event:
        pieces, self._pieces = self._pieces, []
        symbology = pieces[0].symbology
        if symbology.startswith(_NO_SYMBOL):
            return Dropped("an answer of the scanner to a command, and no scan")
        # The scanner's own suffix, if it has one, is data here.
        decoded = b"".join(one.data for one in pieces).rstrip(b"\r\n\t")
        if len(decoded) > LONGEST_SCAN:
            return Dropped(f"a scan of more than {LONGEST_SCAN} bytes")
        said = scan_of(decoded, aim_of(symbology))
        return Dropped(said.why) if isinstance(said, Unreadable) else said

    def _broken_off(self) -> Iterator[Event]:
        self._pieces.clear()
        yield Dropped("a scan whose end did not come")
