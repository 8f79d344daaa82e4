"""The conversation with a serial scanner, without any I/O: lines in, an ACK or a refusal for each out."""

from drivers.barcode_serial.codec import LineReader
from drivers.barcode_serial.settings import Settings
from drivers.readings import BarcodeScan
from drivers.scan_text import Unreadable

_ACK = b"\x06"


class Session:
    """One connection. Each thing that `receive` brings is to be answered, in its order."""

    def __init__(self, settings: Settings) -> None:
        self._lines = LineReader(settings.framing)
        self._refusal = settings.refusal
        self._acknowledge = settings.acknowledge

    def receive(self, piece: bytes) -> list[BarcodeScan | Unreadable]:
        """What a piece of the stream, cut anywhere, brings."""
        return self._lines.receive(piece)

    def answer(self, *, accepted: bool) -> bytes:
        """What the scanner is told of its last line; nothing if it does not wait for an answer."""
        if not self._acknowledge:
            return b""
        return _ACK if accepted else self._refusal
