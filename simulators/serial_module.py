"""A serial RFID module that isn't there, without its language: a real pseudo-terminal, or a TCP terminal server.

Bytes take their time on the line, as the baud rate has it; a host that set another rate hears garbage, as from a real
UART. Faults are attributes and methods: `mute`, `noise`, `damage`, `plug()`, `unplug()`, `power_cycle()`.
"""

import asyncio
import os
import random
import termios
import tty
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

#: The line is fed this often. Ten bits per byte: a start bit, eight of data, a stop bit.
_TICK_S: Final = 0.002
#: What is said while the line is busy; then the module waits.
_AHEAD_BYTES: Final = 256
_BITS_PER_BYTE: Final = 10
#: What a UART's buffer holds of what the line has not taken yet; a host that does not read loses the rest.
_BUFFER_BYTES: Final = 4096
_SPEEDS: Final = {
    getattr(termios, f"B{baud}"): baud for baud in (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
}


class SerialModule:
    """What all simulated modules have; each of them overrides `hear`, `tick` and `boot`.

    `path` is where the host finds it, a link as under /dev/serial/by-id. `noise` is how likely each tick brings a few
    bytes of nothing, `damage` how likely a frame of ours loses a bit.
    """

    def __init__(self, path: Path | None = None, *, baud: int = 115_200, seed: int = 0) -> None:
        self.path = path
        self.baud = baud
        self.tick_s = _TICK_S
        self.mute = False
        self.noise = 0.0
        self.damage = 0.0
        self.counts: Counter[str] = Counter()
        self.port = 0
        self.chance = random.Random(seed)
        self._out = bytearray()
        self._fds: tuple[int, int] | None = None
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._running: asyncio.Task[None] | None = None

    # What a module's language is.

    def hear(self, piece: bytes) -> None:
        """Bytes came from the host."""
        raise NotImplementedError

    def tick(self, now_s: float) -> None:
        """Time has passed."""
        raise NotImplementedError

    def boot(self) -> None:
        """Power is there again: everything is as after a start."""
        raise NotImplementedError

    # The line.

    def plug(self, path: Path | None = None) -> None:
        """Appear as a device, under another name if `path` is given. Needs a running event loop."""
        self.path = path or self.path
        assert self.path is not None
        here, there = os.openpty()
        tty.setraw(there)
        os.set_blocking(here, False)
        asyncio.get_running_loop().add_reader(here, self._read, here)
        self._fds = here, there
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(there))
        self._run()

    def unplug(self, last: bytes = b"") -> None:
        """Vanish, the `last` bytes of what is on the line being these. May be called twice."""
        if self._fds is not None and self.path is not None:
            here, there = self._fds
            with suppress(BlockingIOError):
                os.write(here, last)
            self.path.unlink(missing_ok=True)
            asyncio.get_running_loop().remove_reader(here)
            os.close(here)
            os.close(there)
        self._fds = None
        self._out.clear()

    async def serve(self) -> None:
        """Hang on a terminal server, at `port`, for one client at a time."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._run()

    async def stop(self) -> None:
        """Be gone, with everything that was opened."""
        self.unplug()
        if self._writer is not None:
            self._writer.transport.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    def power_cycle(self) -> None:
        """The power fails and comes back; the port on the host's side (a USB adapter, a terminal server) stays."""
        self._out.clear()
        self.boot()

    def say(self, frame: bytes) -> None:
        """Send a frame, damaged if chance has it; what does not fit into the buffer is lost."""
        if self.chance.random() < self.damage:
            at = self.chance.randrange(len(frame))
            frame = frame[:at] + bytes([frame[at] ^ 1 << self.chance.randrange(8)]) + frame[at + 1 :]
            self.counts["damaged"] += 1
        if self.mute or len(self._out) + len(frame) > _BUFFER_BYTES:
            self.counts["lost"] += 1
            return
        self._out += frame
        self.counts["frames"] += 1

    def next_after(self, last_s: float, every_s: float, now_s: float) -> float:
        """When what is done `every_s` is done again; what was missed since the last tick is made up for."""
        return max(last_s + every_s, now_s - self.tick_s)

    def taken(self) -> bytes:
        """What was said and not yet sent; for whoever is the line itself."""
        said = bytes(self._out)
        self._out.clear()
        return said

    @property
    def is_free(self) -> bool:
        """Whether the terminal server would take a client."""
        return self._writer is None

    @property
    def pending(self) -> int:
        """How many bytes the line has not taken yet."""
        return len(self._out)

    @property
    def room(self) -> bool:
        """Whether the line keeps up with what is said."""
        return len(self._out) < _AHEAD_BYTES + self.tick_s * self.baud / _BITS_PER_BYTE

    @property
    def host_baud(self) -> int:
        """What the host has set its port to; over TCP it can set nothing."""
        if self._fds is None:
            return self.baud
        return _SPEEDS.get(termios.tcgetattr(self._fds[0])[5], 0)

    def _run(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._live(), name="simulated-module")

    async def _live(self) -> None:
        clock = asyncio.get_running_loop().time
        sent_s, allowance = clock(), 0.0
        while True:
            await asyncio.sleep(self.tick_s)
            now_s = clock()
            self.tick(now_s)
            if self.noise and self.chance.random() < self.noise:
                self._out += self.chance.randbytes(self.chance.randint(1, 8))
                self.counts["noise"] += 1
            allowance = min(allowance + (now_s - sent_s) * self.baud / _BITS_PER_BYTE, _BUFFER_BYTES)
            sent_s = now_s
            if not self._out:
                allowance = 0.0
            piece = bytes(self._out[: int(allowance)])
            if piece:
                del self._out[: len(piece)]
                allowance -= len(piece)
                self._write(piece)

    def _write(self, piece: bytes) -> None:
        if self.host_baud != self.baud:
            piece = self.chance.randbytes(len(piece))
        if self._fds is not None:
            with suppress(BlockingIOError):
                os.write(self._fds[0], piece)
        elif self._writer is not None:
            self._writer.write(piece)

    def _read(self, here: int) -> None:
        with suppress(OSError):
            self._heard(os.read(here, 4096))

    def _heard(self, piece: bytes) -> None:
        self.counts["bytes heard"] += len(piece)
        if self.host_baud == self.baud:
            self.hear(piece)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()
            return
        self._writer = writer
        try:
            while piece := await reader.read(4096):
                self._heard(piece)
        except ConnectionError:
            pass
        finally:
            self._writer = None
            writer.close()
