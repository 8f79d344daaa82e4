"""A barcode scanner that sends lines of text over a serial line."""

from collections.abc import Mapping

from drivers.barcode_serial.session import Session
from drivers.barcode_serial.settings import Settings, settings_from
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan
from drivers.scan_text import Unreadable
from drivers.serial_line import SerialLine

#: What the scanner may say before we have answered. More stays in the kernel, whose flow control holds the scanner.
_READ_BYTES = 64

#: An ACK is one byte; a line that does not take it in this time is dead or held by XOFF or CTS.
_ANSWER_WITHIN_S = 2.0


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A scanner that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return SerialScanner(name, settings_from(settings))


class SerialScanner:
    """One scanner. Scans are handed over one after the other; the next is read when the last is answered."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Open the port and report scans until it is lost. The port is closed whichever way this ends.

        A caller who cancels may rely on this: each scan was either handed to `sink.scan` or never taken from the
        line, save what was read together with it; in ACK mode the scanner, unanswered, tells its user.
        """
        async with await SerialLine.open(self._settings.wiring, "scanner") as line:
            session = Session(self._settings)
            sink.online(self._settings.about)
            while True:
                chunk = await line.read(_READ_BYTES)
                sink.heard()
                for said in session.receive(chunk):
                    if answer := session.answer(accepted=await accepted(said, sink)):
                        await line.write(answer, _ANSWER_WITHIN_S)


async def accepted(said: BarcodeScan | Unreadable, sink: Sink) -> bool:
    """Hand a scan on; whether it is in the books."""
    if isinstance(said, Unreadable):
        sink.dropped(said.why)
        return False
    answer = await sink.scan(said)
    return answer.accepted
