"""What happens to readers and networks: each time the driver notices, says what it was, and reads again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest

from drivers.errors import DeviceError, trouble_of
from drivers.llrp.driver import ASK_AGAIN_S, open_device
from drivers.llrp.requests import ROSPEC
from simulators.llrp_capabilities import NEWER
from simulators.llrp_reader import SimulatedReader
from tests import fast_forward
from tests.drivers.llrp.listening import Listening
from tests.drivers.llrp.test_setting_up import left_by_another
from tests.waiting import until

EPC: Final = bytes.fromhex("3034257bf4f3acef00000001")
TCP_REPAIR: Final = 19


class Kept(Listening):
    """What a driver tells, and what ended it each time."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[DeviceError] = []

    @property
    def troubles(self) -> list[str]:
        return [trouble_of(error) for error in self.ends]


@asynccontextmanager
async def kept_running(address: str, **settings: object) -> AsyncIterator[Kept]:
    """The driver, run again each time it ends, as the agent does with pauses."""
    device = open_device("portal", {"address": address, "keepalive_s": 1, "report_every_ms": 50, **settings})
    kept = Kept()

    async def live() -> None:
        while True:
            try:
                await device.run(kept)
            except DeviceError as error:
                kept.ends.append(error)
                await asyncio.sleep(0)

    task = asyncio.create_task(live())
    try:
        yield kept
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def a_reader(**how: object) -> AsyncIterator[SimulatedReader]:
    reader = SimulatedReader(**{"rounds_per_s": 100, "read_rate": 1.0, **how})  # type: ignore[arg-type] # by name
    await reader.start()
    reader.place(EPC, 1)
    try:
        yield reader
    finally:
        await reader.stop()


async def reads_again(kept: Kept, begun: int) -> None:
    """It came up once more, and tags are heard."""
    await until(lambda: len(kept.about) > begun, within_s=30)
    heard = len(kept.reads)
    await until(lambda: len(kept.reads) > heard)


async def test_a_reader_whose_power_is_cut_is_noticed_and_read_again_when_it_is_back() -> None:
    async with a_reader() as reader, kept_running(reader.address) as kept:
        await until(lambda: kept.reads)
        reader.cut_power()
        await until(lambda: kept.ends)
        assert kept.troubles[0] == "silent"
        await until(lambda: "port_closed" in kept.troubles)
        await reader.reboot()
        await reads_again(kept, 1)
        assert list(reader.inventories) == [ROSPEC]


async def test_a_reader_that_reboots_is_set_up_anew() -> None:
    async with a_reader() as reader, kept_running(reader.address) as kept:
        for begun in range(1, 4):
            await until(lambda: kept.reads)
            await reader.reboot()
            await reads_again(kept, begun)
        assert set(kept.troubles) <= {"broke", "port_closed"}


def test_of_a_reader_that_lost_our_question_nothing_is_lost_that_it_heard_meanwhile() -> None:
    """It hung as we came back, and then goes on with the ROSpec of ours that it still has."""

    async def look() -> None:
        clock = asyncio.get_running_loop().time
        leaping = a_reader(rounds_per_s=5, now_us=lambda: round(clock() * 1e6))
        async with leaping as reader, kept_running(reader.address, tags_per_report=1) as kept:
            await until(lambda: kept.reads)
            reader.mute = True
            await until(lambda: reader.counts["GetReaderCapabilities"] == 2)
            reader.mute, reader.counts["tags"] = False, 0
            heard, began = len(kept.reads), clock()
            await reads_again(kept, 1)
            assert clock() - began < ASK_AGAIN_S + 1
            assert reader.counts["GetReaderCapabilities"] == 3, "asked again, on the same connection"
            assert len(kept.ends) == 1
            await until(lambda: len(kept.reads) - heard == reader.counts["tags"])
            assert not kept.left_out

    fast_forward.run(look(), grace_s=0)


def test_of_a_reader_that_lost_our_question_what_others_have_it_read_is_left_out() -> None:
    async def look() -> None:
        clock = asyncio.get_running_loop().time
        leaping = a_reader(rounds_per_s=5, now_us=lambda: round(clock() * 1e6), model=NEWER)
        async with leaping as reader:
            await left_by_another(reader, 7)
            reader.mute = True
            async with kept_running(reader.address, tags_per_report=1, antennas=[2]) as kept:
                await until(lambda: reader.counts["GetReaderCapabilities"] == 1)
                reader.mute = False
                await until(lambda: kept.about)
                assert not kept.reads
                assert any("from before this connection" in why for why in kept.left_out), "it did report on"

    fast_forward.run(look(), grace_s=0)


class Road:
    """Between driver and reader: pieces are carried, or swallowed without a word."""

    def __init__(self, address: str) -> None:
        self._host, port = address.removeprefix("tcp://").split(":")
        self._port = int(port)
        self._near: list[asyncio.StreamWriter] = []
        self._far: list[asyncio.StreamWriter] = []
        self._cut: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """A black hole: nothing arrives on the connections there are, and there are no new ones."""
        assert self._server is not None
        self._server.close()
        self._cut.update(self._near, self._far)

    def far_end_notices(self) -> None:
        """The reader gives the dead connections up."""
        for writer in self._far:
            if writer in self._cut:
                writer.transport.abort()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in (*self._near, *self._far):
            writer.transport.abort()
        if self._carrying:
            await asyncio.wait(self._carrying)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._near.append(writer)
        self._far.append(far_writer)
        for source, target in ((reader, far_writer), (far_reader, writer)):
            self._carrying.add(asyncio.create_task(self._carry(source, target)))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                if target not in self._cut:
                    target.write(piece)
                    await target.drain()
        if target not in self._cut:
            target.close()


async def test_a_black_hole_is_noticed_and_the_dead_connection_outwaited() -> None:
    """The reader does not know that its client is gone, and has room for one only."""
    async with a_reader() as reader:
        road = Road(reader.address)
        await road.open()
        async with kept_running(f"tcp://127.0.0.1:{road.port}") as kept:
            await until(lambda: kept.reads)
            road.cut()
            await until(lambda: kept.ends)
            assert kept.troubles[0] == "silent"
            await road.open()
            await until(lambda: "taken" in kept.troubles)
            taken = kept.ends[kept.troubles.index("taken")]
            assert "another client" in taken.why
            assert taken.hint
            road.far_end_notices()
            await reads_again(kept, 1)
        await road.close()


def vanish(connection: socket.socket) -> None:
    """The socket goes, and the other end is told nothing, as when a machine loses its power."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)


async def test_a_half_open_connection_is_given_up() -> None:
    """Of the reader's end nothing is left: the first thing we send finds nobody."""
    async with a_reader() as reader, kept_running(reader.address) as kept:
        await until(lambda: kept.reads)
        client = reader._client
        assert client is not None
        try:
            vanish(client._writer.get_extra_info("socket"))
        except PermissionError:
            pytest.skip("TCP_REPAIR NEEDS CAP_NET_ADMIN: a half-open connection was NOT tried")
        client.abort()
        await until(lambda: kept.ends)
        assert kept.troubles[0] in ("broke", "silent")
        await reads_again(kept, 1)
