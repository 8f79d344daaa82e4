"""A Zebra scanner that speaks SSI on a serial line."""

import asyncio
from collections.abc import Mapping

from drivers.barcode_ssi.session import Memory, Session
from drivers.barcode_ssi.settings import Settings, settings_from
from drivers.events import tell
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan
from drivers.serial_line import SerialLine

#: The longest packet and a repetition.
_READ_BYTES = 512
#: Our answers are a few bytes; a line that does not take them in this time is dead or held by flow control.
_ANSWER_WITHIN_S = 2.0


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A scanner that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return SsiScanner(name, settings_from(settings))


class SsiScanner:
    """One scanner. Scans are handed over one after the other, each acknowledged when it is answered."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._memory = Memory()

    async def run(self, sink: Sink) -> None:
        """Open the port, set the scanner up, report scans until it is lost. The port is closed whichever way this ends.

        A caller who cancels may rely on this: a scan that was not handed to `sink.scan` was not acknowledged either,
        and its user hears that from the scanner.
        """
        clock = asyncio.get_running_loop().time
        async with await SerialLine.open(self._settings.wiring, "scanner") as line:
            session = Session(self._settings, clock(), self._memory)
            while True:
                await _send(session, line)
                for said in session.receive(await _piece(line, session.wake_at_s), clock()):
                    if isinstance(said, BarcodeScan):
                        session.answer(accepted=(await sink.scan(said)).accepted)
                    else:
                        await tell(said, sink, self.name)
                    await _send(session, line)


async def _piece(line: SerialLine, until_s: float) -> bytes:
    """The next bytes; none when the time has come first."""
    try:
        async with asyncio.timeout_at(until_s):
            return await line.read(_READ_BYTES)
    except TimeoutError:
        return b""


async def _send(session: Session, line: SerialLine) -> None:
    if out := session.to_send():
        await line.write(out, _ANSWER_WITHIN_S)
