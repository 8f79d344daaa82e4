"""Who sits between a program and the broker: holds everything back, or is unkind by a seed.

What TCP can do to a connection is done: chopped, late, stalled (as when a segment is lost), reset, and said a second
time on another connection. Packets themselves are in the hands of roads.py.
"""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from random import Random

_CHUNK = 16 * 1024
#: A connection's first words, to be said again.
_REMEMBERED = 256 * 1024
#: TCP's first wait before it sends a lost segment again, doubled with each loss in a row.
_RETRANSMIT_S = 0.2
_RESET = struct.pack("ii", 1, 0)


class Middleman:
    """Listens on a free port of its own and passes on to `port`. `done` counts what it did."""

    def __init__(self, port: int, rng: Random) -> None:
        self.done: Counter[str] = Counter()
        self.unkind = False
        self._port = port
        self._rng = rng
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Returns where it listens, as `host:port`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """Everything ends at once."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()

    def hang_up(self) -> None:
        """Every connection there is ends; new ones are taken."""
        for writer in self._writers:
            writer.transport.abort()

    def cut(self) -> None:
        """From now on nothing arrives anywhere, and nobody is told: a black hole."""
        self._open.clear()
        self.done["cut"] += 1

    def mend(self) -> None:
        """What was on its way arrives, as TCP would have it."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(writer)
        await self._open.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            self._reset(writer)
            return
        self._keep(back)
        said = bytearray()
        self._own(self._pass_on(reader, back, writer, said))
        self._own(self._pass_on(there, writer, back, None))

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
        said: bytearray | None,
    ) -> None:
        """One direction, until an end goes. `said` gathers the beginning of what the client says."""
        try:
            while chunk := await reader.read(_CHUNK):
                if said is not None and len(said) < _REMEMBERED:
                    said += chunk
                await self._open.wait()
                if not self.unkind:
                    to.write(chunk)
                    await to.drain()
                elif not await self._unkindly(chunk, to, other, said):
                    return
            await self._open.wait()
        except OSError:
            pass
        finally:
            for writer in (to, other):
                self._writers.discard(writer)
                with contextlib.suppress(OSError, RuntimeError):
                    writer.close()

    async def _unkindly(
        self, chunk: bytes, to: asyncio.StreamWriter, other: asyncio.StreamWriter, said: bytearray | None
    ) -> bool:
        """Pass a chunk on as a bad line would; False when the connection was reset instead."""
        rng = self._rng
        wait_s = _RETRANSMIT_S
        while rng.random() < 0.1:
            self.done["lost"] += 1
            await asyncio.sleep(wait_s)
            wait_s *= 2
        if rng.random() < 0.2:
            self.done["late"] += 1
            await asyncio.sleep(rng.uniform(0.0, 0.08))
        if rng.random() < 0.002:
            self.done["stalled"] += 1
            await asyncio.sleep(rng.uniform(1.0, 20.0))
        if rng.random() < 0.004:
            self.done["reset"] += 1
            to.write(chunk[: rng.randrange(len(chunk) + 1)])
            self._reset(to)
            self._reset(other)
            return False
        if said is not None and rng.random() < 0.002:
            self.done["said twice"] += 1
            self._own(self._say_again(bytes(said)))
        while chunk:
            cut = len(chunk) if rng.random() < 0.5 else rng.randint(1, len(chunk))
            self.done["chopped"] += cut < len(chunk)
            to.write(chunk[:cut])
            await to.drain()
            chunk = chunk[cut:]
            await asyncio.sleep(0)
        return True

    async def _say_again(self, said: bytes) -> None:
        """All that a client said, once more on a second connection; the answers go nowhere."""
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            self._keep(back)
            back.write(said)
            async with asyncio.timeout(1.0):
                while await there.read(_CHUNK):
                    pass
        except (OSError, TimeoutError):
            pass
        else:
            back.close()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    def _keep(self, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)

    def _own(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
