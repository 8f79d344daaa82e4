"""One client's connection to the simulated reader."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

from drivers.errors import DeviceSpokeNonsense
from drivers.llrp.codec import V1_0_1, V1_1, Message, Splitter, message
from drivers.llrp.values import Values, payload

READ_BYTES: Final = 64 * 1024
#: These, and their answers, have the header of 1.1 whatever is spoken.
VERSION_ASKED: Final = ("GetSupportedVersion", "SetProtocolVersion")


class Owner(Protocol):
    """What a connection needs of its reader."""

    counts: Counter[str]
    keepalive_s: float
    mute: bool

    def timestamp(self) -> Values: ...


class Client:
    """The reader's end of one connection."""

    def __init__(self, owner: Owner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.gone = asyncio.Event()
        self.has_extensions = False
        self.has_started = False
        self.version = V1_0_1
        self._owner = owner
        self._reader = reader
        self._writer = writer
        self._ident = 0

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def send(self, name: str, content: bytes = b"", ident: int | None = None) -> None:
        """Send a message; one of the reader's own accord gets the next id."""
        if ident is None:
            self._ident = ident = self._ident + 1
        version = V1_1 if name.removesuffix("Response") in VERSION_ASKED else self.version
        self.write(message(name, ident, content, version))
        self._owner.counts[f"sent {name}"] += 1

    def event(self, what: Values) -> None:
        """Tell the client of an event, with the time."""
        told = {**self._owner.timestamp(), **what}
        self.send("ReaderEventNotification", payload("ReaderEventNotification", {"ReaderEventNotificationData": told}))

    async def drained(self) -> None:
        """Wait while the client is slower than the reader."""
        with suppress(OSError):
            await self._writer.drain()

    async def converse(self, answer: Callable[["Client", Message], Awaitable[None]]) -> None:
        """Answer until the client goes or talks nonsense."""
        keepalives = asyncio.create_task(self._keep_alive(), name="simulated reader: keepalives")
        splitter = Splitter()
        try:
            with suppress(OSError, DeviceSpokeNonsense):
                while piece := await self._reader.read(READ_BYTES):
                    for asked in splitter.feed(piece):
                        await answer(self, asked)
                        await self.drained()
        finally:
            keepalives.cancel()
            await asyncio.wait([keepalives])

    async def _keep_alive(self) -> None:
        while True:
            every_s = self._owner.keepalive_s
            await asyncio.sleep(every_s or 0.05)
            if every_s and not self._owner.mute:
                self.send("KeepAlive")

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def left(self) -> None:
        """Close, and wait until it is closed; what a client does not take within a second is thrown away."""
        self.close()
        with suppress(OSError):
            try:
                async with asyncio.timeout(1.0):
                    await self._writer.wait_closed()
            except TimeoutError:
                self.abort()
        self.gone.set()
