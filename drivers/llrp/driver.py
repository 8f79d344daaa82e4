"""The LLRP driver: one TCP connection around a `Session`, with the clock that the session does not have."""

import asyncio
import ssl
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Final

from drivers.connecting import no_connection
from drivers.errors import DeviceError, DeviceLost
from drivers.events import tell
from drivers.llrp.session import Session, Stage
from drivers.llrp.settings import Settings, settings_from
from drivers.port import Sink

CONNECT_S: Final = 5.0
#: From the connection to the first report. Readers answer in milliseconds, but some need seconds for SET_READER_CONFIG.
SETUP_S: Final = 20.0
#: For taking our few bytes, and for answering CLOSE_CONNECTION.
SEND_S: Final = 5.0
LEAVE_S: Final = 1.0
#: Two keepalives are missed, and half an interval of grace.
SILENT_INTERVALS: Final = 2.5
#: Work per wake-up: some 1,400 tag reports, a millisecond or two; then everyone else has a turn.
READ_BYTES: Final = 64 * 1024


def open_device(name: str, settings: Mapping[str, object]) -> "LlrpReader":
    """Check the settings; BadSettings names every mistake. Connects to nothing."""
    return LlrpReader(name, settings_from(settings))


class LlrpReader:
    """A fixed RFID reader. Each `run` is one connection."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Connect, set the reader up, report its reads; see `drivers.port.Device`.

        Cancelled, it still says goodbye to the reader, for at most LEAVE_S, before it raises CancelledError.
        """
        reader, writer = await self._connected()
        session = Session(self._settings, asyncio.get_running_loop().time, _utc_us)
        line = _Line(session, reader, writer)
        try:
            await self._converse(line, session, sink)
        finally:
            await _to_the_end(line.leave(), f"device:{self._name}:leave")

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        settings = self._settings
        tls = settings.access.context() if settings.tls else None
        name = (settings.tls_name or settings.host) if tls else None
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(
                    settings.host, settings.port, limit=READ_BYTES, ssl=tls, server_hostname=name
                )
        except (OSError, TimeoutError) as why:
            lost = no_connection(settings.host, settings.port, "reader", why)
            if isinstance(why, ssl.SSLCertVerificationError):
                lost.hint = "Save the reader's certificate in a file and name it in `ca`; its name, in `tls_name`."
            elif tls:
                lost.hint += " Is TLS switched on in its own settings?"
            raise lost from why

    async def _converse(self, line: "_Line", session: Session, sink: Sink) -> None:
        """Never returns: ends by a DeviceError."""
        clock = asyncio.get_running_loop().time
        every_s = self._settings.report_every_ms / 1000
        silence_s = SILENT_INTERVALS * self._settings.keepalive_s
        patience_ends, poll_at = clock() + SETUP_S, float("inf")
        while True:
            messages, reports = session.messages, session.reports
            piece = await line.piece(min(patience_ends, poll_at))
            for event in session.receive(piece):
                await tell(event, sink, self._name)
            now = clock()
            if session.stage is Stage.REPORTING:
                if session.messages != messages:
                    patience_ends = now + silence_s
                if session.reports != reports or poll_at == float("inf"):
                    poll_at = now + every_s
                elif now >= poll_at:
                    session.ask_for_report()
                    poll_at = now + every_s
            if now >= patience_ends:
                raise DeviceLost(*_silence(session, silence_s), "silent")
            await line.send()
            await asyncio.sleep(0)


class _Line:
    """The TCP connection of one session."""

    def __init__(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.broken = False
        self._session = session
        self._reader = reader
        self._writer = writer

    async def piece(self, until: float) -> bytes:
        """The next bytes; none when the time has come first. Raises DeviceLost at the end of the stream."""
        try:
            async with asyncio.timeout_at(until):
                piece = await self._reader.read(READ_BYTES)
        except TimeoutError:
            return b""
        except OSError as why:
            raise self._broke(why) from why
        if not piece:
            self.broken = True
            raise DeviceLost("the reader closed the connection", "Was it switched off, or given to another program?")
        return piece

    async def send(self) -> None:
        """Send what the session has to say. Raises DeviceLost when it is not taken."""
        if out := self._session.to_send():
            self._writer.write(out)
            try:
                async with asyncio.timeout(SEND_S):
                    await self._writer.drain()
            except (OSError, TimeoutError) as why:
                raise self._broke(why) from why

    def _broke(self, why: Exception) -> DeviceLost:
        self.broken = True
        return DeviceLost(f"the connection broke: {_words(why)}", "Check the network cable.")

    async def leave(self) -> None:
        """Say goodbye if there is somebody to say it to, and close."""
        try:
            with suppress(OSError, TimeoutError, DeviceError):
                async with asyncio.timeout(LEAVE_S):
                    await self._part()
        finally:
            self._writer.transport.abort()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def _part(self) -> None:
        if self.broken:
            return
        self._session.hang_up()
        await self.send()
        while self._session.stage is not Stage.LEFT and (piece := await self._reader.read(READ_BYTES)):
            for _ in self._session.receive(piece):
                pass


async def _to_the_end(work: Coroutine[None, None, None], name: str) -> None:
    """Await work that limits its own time; a cancellation meanwhile is raised when it is done."""
    task = asyncio.create_task(work, name=name)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as again:
            cancelled = again
    task.result()
    if cancelled is not None:
        raise cancelled


def _silence(session: Session, silence_s: float) -> tuple[str, str]:
    if session.stage is Stage.GREETING:
        return "the reader did not greet us", "Is this the LLRP port of an RFID reader?"
    if session.stage is Stage.SETUP:
        return f"the reader did not answer within {SETUP_S:g} s", "Restart the reader."
    return f"the reader was silent for {silence_s:g} s", "Check its power and the network."


def _utc_us() -> int:
    return time.time_ns() // 1000


def _words(why: BaseException) -> str:
    return str(why) or type(why).__name__
