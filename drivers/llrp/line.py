"""A TCP or TLS connection, read piece by piece until a time, at little cost for each of many small messages."""

import asyncio
import ssl
from collections import deque
from typing import Final

from drivers.errors import DeviceLost

#: Work per piece: some 1,400 tag reports, a millisecond or two.
READ_BYTES: Final = 64 * 1024
#: As much may wait; then the other end has to.
WAITING_BYTES: Final = 2 * READ_BYTES
#: For the other end to take our few bytes.
SEND_S: Final = 5.0


class Line(asyncio.Protocol):
    """Our end of one connection, for one task; `over` is true when the other end is gone."""

    def __init__(self) -> None:
        self.over = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._why: Exception | None = None
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_paused = False
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_closed = asyncio.Event()
        self._waiter: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._until = 0.0

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None, name: str | None) -> "Line":
        """Connect; `name` is whose certificate it must be. Raises OSError."""
        _, line = await asyncio.get_running_loop().create_connection(cls, host, port, ssl=tls, server_hostname=name)
        return line

    @property
    def has_more(self) -> bool:
        """The next piece is here already: others should have a turn first."""
        return bool(self._pieces)

    async def piece(self, until: float) -> bytes:
        """The next bytes, at most READ_BYTES; none when the time has come first. DeviceLost when there are no more."""
        if not self._pieces and not self.over:
            self._set_alarm(until)
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if not self._pieces:
            if self.over:
                raise self._lost()
            return b""
        piece = self._pieces.popleft()
        if len(piece) > READ_BYTES:
            self._pieces.appendleft(piece[READ_BYTES:])
            piece = piece[:READ_BYTES]
        self._waiting_bytes -= len(piece)
        if self._waiting_bytes < READ_BYTES:
            self._resume()
        return piece

    async def write(self, data: bytes) -> None:
        """Send; waits while the other end takes nothing. Raises DeviceLost."""
        if self.over:
            raise self._lost()
        self._transport.write(data)
        if not self._has_room.is_set():
            try:
                async with asyncio.timeout(SEND_S):
                    await self._has_room.wait()
            except TimeoutError as why:
                self._why = why
                raise self._lost() from why

    async def rest(self, tick_s: float) -> None:
        """Let what comes gather until the next tick of a clock that all lines share, so that they wake up together."""
        now = self._loop.time()
        self._pause()
        try:
            await asyncio.sleep(tick_s - now % tick_s)
        finally:
            self._resume()

    async def close(self) -> None:
        """Cut the connection."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._transport.abort()
        await self._is_closed.wait()

    def _lost(self) -> DeviceLost:
        if self._why is None:
            return DeviceLost("the reader closed the connection", "Was it switched off, or given to another program?")
        lost = DeviceLost(
            f"the connection broke: {str(self._why) or type(self._why).__name__}", "Check the network cable."
        )
        lost.__cause__ = self._why
        return lost

    def _pause(self) -> None:
        if not self._is_paused and not self.over:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self.over:
            self._is_paused = False
            self._transport.resume_reading()

    def _set_alarm(self, until: float) -> None:
        """Wake up then. It is mostly put off, so an alarm that rings too early is cheaper than a new one each time."""
        self._until = until
        if until == float("inf"):
            return
        if self._alarm is None or self._alarm.when() > until:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._loop.call_at(until, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._loop.time() >= self._until:
            self._wake()
        elif self._waiter is not None:
            self._set_alarm(self._until)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= WAITING_BYTES:
            self._pause()
        self._wake()

    def eof_received(self) -> None:
        self.over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self._why = self._why or exc
        self._has_room.set()
        self._is_closed.set()
        self._wake()

    def pause_writing(self) -> None:
        self._has_room.clear()

    def resume_writing(self) -> None:
        self._has_room.set()
