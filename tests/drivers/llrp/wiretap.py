"""A TCP proxy that keeps what it carries, and writes it as a capture file for other people's dissectors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from struct import pack

CLIENT_PORT = 40_000
SEGMENT_BYTES = 1400
RAW_IP = 101
SYN, ACK, PUSH = 2, 16, 8


@dataclass
class Wiretap:
    """What went by: (from the client?, bytes), in order. `address` is where to connect instead."""

    address: str = ""
    carried: list[tuple[bool, bytes]] = field(default_factory=list)

    def capture(self, file: Path, port: int) -> None:
        """Write it as one TCP conversation with a server at `port`, in segments of an ethernet's size."""
        ends = {True: [CLIENT_PORT, port, 1000], False: [port, CLIENT_PORT, 5000]}
        packets = []

        def packet(from_client: bool, flags: int, data: bytes = b"") -> None:
            source, target, sequence = ends[from_client]
            acknowledged = 0 if flags == SYN else ends[not from_client][2]
            packets.append(ip_packet(source, target, sequence, acknowledged, flags, data))
            ends[from_client][2] += len(data) + (flags & SYN != 0)

        packet(True, SYN)
        packet(False, SYN | ACK)
        packet(True, ACK)
        for from_client, data in self.carried:
            for at in range(0, len(data), SEGMENT_BYTES):
                packet(from_client, PUSH | ACK, data[at : at + SEGMENT_BYTES])
        with file.open("wb") as out:
            out.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP))
            for number, one in enumerate(packets):
                out.write(pack("<IIII", 1_700_000_000 + number // 1000, number % 1000 * 1000, len(one), len(one)) + one)


def ip_packet(source: int, target: int, sequence: int, acknowledged: int, flags: int, data: bytes) -> bytes:
    """An IPv4 packet of a TCP segment from 127.0.0.1 to itself; checksums are left to be, as network cards do."""
    tcp = pack(">HHIIBBHHH", source, target, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0) + data
    here = bytes([127, 0, 0, 1])
    return pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + here + here + tcp


@asynccontextmanager
async def tapped(address: str) -> AsyncIterator[Wiretap]:
    """A proxy to `tcp://host:port` for any number of connections, one after the other."""
    host, port = address.removeprefix("tcp://").split(":")
    tap = Wiretap()
    carrying: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                tap.carried.append((from_client, data))
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        async with asyncio.TaskGroup() as both:
            carrying.add(both.create_task(carry(reader, far_writer, from_client=True)))
            carrying.add(both.create_task(carry(far_reader, writer, from_client=False)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tap.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield tap
    finally:
        server.close()
        if carrying:
            await asyncio.wait(carrying, timeout=5)
        await server.wait_closed()
