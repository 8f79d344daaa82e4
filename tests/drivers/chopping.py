"""A wire between two ends that delivers every byte, but cut as it likes; and may turn one of them over."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def chopped(port: int, seed: int, *, flip_at: int | None = None) -> AsyncIterator[int]:
    """The port of a wire to `port` at 127.0.0.1; byte `flip_at` of what comes from there has a bit turned over."""
    chance = random.Random(seed)
    ends: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flip: int | None) -> None:
        carried = 0
        try:
            while piece := bytearray(await reader.read(4096)):
                if flip is not None and carried <= flip < carried + len(piece):
                    piece[flip - carried] ^= 1 << chance.randrange(8)
                carried += len(piece)
                while piece:
                    size = chance.randint(1, 7)
                    writer.write(piece[:size])
                    del piece[:size]
                    await writer.drain()
                    await asyncio.sleep(0)
        except OSError:
            return  # one end has gone: so does the other
        finally:
            writer.transport.abort()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        for work in (carry(reader, back, None), carry(there, writer, flip_at)):
            task = asyncio.create_task(work, name="wire")
            ends.add(task)
            task.add_done_callback(ends.discard)

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(ends):
            task.cancel()
        if ends:
            await asyncio.wait(ends)
