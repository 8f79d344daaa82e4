"""The LLRP driver: one connection around a `Session`, with the clocks that the session does not have."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from drivers.connecting import no_connection
from drivers.ending import to_the_end
from drivers.errors import DeviceError, DeviceLost
from drivers.events import tell
from drivers.llrp.line import Line
from drivers.llrp.session import Session, Stage
from drivers.llrp.settings import Settings, settings_from
from drivers.port import Sink

CONNECT_S: Final = 5.0
#: From the connection to the first report. Readers answer in milliseconds, but some need seconds for SET_READER_CONFIG.
SETUP_S: Final = 20.0
#: A question that is lost is repeated after this.
ASK_AGAIN_S: Final = 2.0
#: A reader that first sends what it kept has so long for all of it.
FLOOD_S: Final = 100.0
#: For answering CLOSE_CONNECTION.
LEAVE_S: Final = 1.0
#: Reports gather so long, all readers together, unless much comes at once: waking up costs more than a message.
GATHER_S: Final = 0.04
BUSY_BYTES: Final = 16 * 1024
#: Two keepalives are missed, and half an interval of grace.
SILENT_INTERVALS: Final = 2.5


def open_device(name: str, settings: Mapping[str, object]) -> "LlrpReader":
    """Check the settings; BadSettings names every mistake. Connects to nothing."""
    return LlrpReader(name, settings_from(settings))


class LlrpReader:
    """A fixed RFID reader. Each `run` is one connection."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._negotiates = True

    async def run(self, sink: Sink) -> None:
        """Connect, set the reader up, report its reads; see `drivers.port.Device`.

        Cancelled, it still says goodbye to the reader, for at most LEAVE_S, before it raises CancelledError.
        """
        line = await self._connected()
        clock = asyncio.get_running_loop().time
        session = Session(self._settings, clock, _utc_us, negotiates=self._negotiates)
        try:
            await self._converse(line, session, sink)
        finally:
            if session.stage is not Stage.GREETING:  # who was asked and did not know is not asked again
                self._negotiates = self._negotiates and session.knows_versions
            await to_the_end(_leave(line, session), f"device:{self._name}:leave")

    async def _connected(self) -> Line:
        settings = self._settings
        tls = settings.access.context() if settings.tls else None
        name = (settings.tls_name or settings.host) if tls else None
        try:
            async with asyncio.timeout(CONNECT_S):
                return await Line.open(settings.host, settings.port, tls, name)
        except (OSError, TimeoutError) as why:
            lost = no_connection(settings.host, settings.port, "reader", why)
            if isinstance(why, ssl.SSLCertVerificationError):
                lost.hint = "Save the reader's certificate in a file and name it in `ca`; its name, in `tls_name`."
            elif tls:
                lost.hint += " Is TLS switched on in its own settings?"
            raise lost from why

    async def _converse(self, line: Line, session: Session, sink: Sink) -> None:
        """Never returns: ends by a DeviceError."""
        clock = asyncio.get_running_loop().time
        every_s = self._settings.report_every_ms / 1000
        silence_s = SILENT_INTERVALS * self._settings.keepalive_s
        began = clock()
        patience_ends, ask_at, is_polled = began + SETUP_S, began + ASK_AGAIN_S, False
        while True:
            messages, reports, kept = session.messages, session.reports, session.kept
            piece = await line.piece(min(patience_ends, ask_at))
            for event in session.receive(piece):
                await tell(event, sink, self._name)
            now = clock()
            if session.stage is Stage.REPORTING:
                if session.messages != messages:
                    patience_ends = now + silence_s
                if session.reports != reports or not is_polled:
                    ask_at, is_polled = now + every_s, True
                elif now >= ask_at:
                    session.ask_for_report()
                    ask_at = now + every_s
            elif session.kept != kept:
                patience_ends, ask_at = min(now + SETUP_S, began + FLOOD_S), now + ASK_AGAIN_S
            elif now >= ask_at:
                session.ask_again()
                ask_at = now + ASK_AGAIN_S
            if now >= patience_ends:
                raise DeviceLost(*_silence(session, silence_s), "silent")
            if out := session.to_send():
                await line.write(out)
            if line.has_more:
                await asyncio.sleep(0)
            elif session.reports != reports and len(piece) < BUSY_BYTES:
                await line.rest(GATHER_S)


async def _leave(line: Line, session: Session) -> None:
    """Say goodbye if there is somebody to say it to, and close."""
    try:
        with suppress(DeviceError, TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                session.hang_up()
                await line.write(session.to_send())
                while session.stage is not Stage.LEFT:
                    for _ in session.receive(await line.piece(float("inf"))):
                        pass
    finally:
        await line.close()


def _silence(session: Session, silence_s: float) -> tuple[str, str]:
    if session.stage is Stage.GREETING:
        return "the reader did not greet us", "Is this the LLRP port of an RFID reader?"
    if session.stage is Stage.SETUP:
        return f"the reader did not answer within {SETUP_S:g} s", "Restart the reader."
    return f"the reader was silent for {silence_s:g} s", "Check its power and the network."


def _utc_us() -> int:
    return time.time_ns() // 1000
