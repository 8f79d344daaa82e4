"""The simulated reader does what a reader does, also to a client that does not know how to ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.codec import Message, Splitter, framed, message
from drivers.llrp.reports import ReportDecoder
from drivers.llrp.schema import MESSAGE
from drivers.llrp.settings import Settings
from drivers.llrp.values import Values, payload, values
from simulators.llrp_reader import SimulatedReader
from tests.drivers.llrp.asking import setup

EPC = bytes.fromhex("3034257bf4f3acef00000001")
REQUESTS = dict(setup(Settings("", 0)))
ROSPEC: Values = {**REQUESTS["AddROSpec"]["ROSpec"], "ROSpecID": 1}


class Client:
    """Speaks LLRP message by message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._splitter, self._got = Splitter(), list[Message]()

    async def next(self) -> Message:
        async with asyncio.timeout(10):
            while not self._got:
                piece = await self._reader.read(65536)
                assert piece, "the reader closed the connection"
                self._got += self._splitter.feed(piece)
        return self._got.pop(0)

    async def says(self) -> tuple[str, Values]:
        got = await self.next()
        return got.name, values(got.name, got.payload)

    def send(self, name: str, **said: Any) -> None:
        self._writer.write(message(name, 1, payload(name, said)))

    def send_raw(self, data: bytes) -> None:
        self._writer.write(data)

    async def status(self, name: str, **said: Any) -> int:
        self.send(name, **said)
        answered, answer = await self.says()
        while answered in ("ReaderEventNotification", "ROAccessReport"):  # it reads already
            answered, answer = await self.says()
        assert answered == f"{name}Response"
        code: int = answer["LLRPStatus"]["Status"]
        return code

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def a_client(**how: Any) -> AsyncIterator[tuple[SimulatedReader, Client]]:
    reader = SimulatedReader(**{"rounds_per_s": 0, "read_rate": 1.0, **how})
    host, port = (await reader.start()).removeprefix("tcp://").split(":")
    client = Client(*await asyncio.open_connection(host, int(port)))
    assert (await client.next()).name == "ReaderEventNotification"
    yield reader, client
    client.close()
    await reader.stop()


async def test_a_rospec_lives_as_the_standard_says() -> None:
    async with a_client() as (reader, client):
        assert await client.status("StartROSpec", ROSpecID=1) == 300, "not there"
        assert await client.status("AddROSpec", ROSpec=ROSPEC) == 0
        assert await client.status("AddROSpec", ROSpec=ROSPEC) == 101, "there already"
        assert await client.status("StartROSpec", ROSpecID=1) == 300, "disabled"
        assert await client.status("EnableROSpec", ROSpecID=0) == 0, "0 is all"
        assert not reader.started.is_set()
        assert await client.status("StartROSpec", ROSpecID=1) == 0
        assert reader.started.is_set()
        client.send("GetROSpecs")
        _, said = await client.says()
        assert [one["ROSpecCurrentState"] for one in said["ROSpecs"]] == [2]
        assert await client.status("StopROSpec", ROSpecID=0) == 0
        assert await client.status("DisableROSpec", ROSpecID=1) == 0
        assert await client.status("DeleteROSpec", ROSpecID=0) == 0
        client.send("GetROSpecs")
        assert (await client.says())[1]["ROSpecs"] is None


async def test_an_immediate_start_trigger_starts_on_enable() -> None:
    immediate = {**ROSPEC, "ROBoundarySpec": {"StartTrigger": {"Trigger": 1}, "StopTrigger": {"Trigger": 0}}}
    async with a_client() as (reader, client):
        await client.status("AddROSpec", ROSpec=immediate)
        assert await client.status("EnableROSpec", ROSpecID=1) == 0
        assert reader.started.is_set()


async def test_tags_are_counted_until_reported_and_nothing_is_reported_before_the_start() -> None:
    async with a_client() as (reader, client):
        reader.place(EPC, 3)
        await client.status("AddROSpec", ROSpec=ROSPEC)
        await client.status("EnableROSpec", ROSpecID=1)
        await reader.round()
        await client.status("StartROSpec", ROSpecID=1)
        for _ in range(3):
            await reader.round()
        client.send("GetReport")
        (read,) = ReportDecoder().decode((await client.next()).payload).reads
        assert (read.epc, read.antenna, read.count) == (EPC, 3, 3)
        reader.move(EPC, 1)
        await reader.round()
        reader.take(EPC)
        await reader.round()
        client.send("GetReport")
        (read,) = ReportDecoder().decode((await client.next()).payload).reads
        assert (read.antenna, read.count) == (1, 1)


async def test_an_unknown_message_is_answered_with_an_error_message() -> None:
    async with a_client() as (_, client):
        for kind in (999, MESSAGE["GetSupportedVersion"].number, MESSAGE["CustomMessage"].number):
            client.send_raw(framed(kind, 1, bytes(5)))
            name, said = await client.says()
            assert (name, said["LLRPStatus"]["Status"]) == ("ErrorMessage", 109)
        client.send("EnableEventsAndReports")
        assert await client.status("SetReaderConfig", KeepAliveSpec={"Trigger": 0, "Interval": 0}) == 0


@pytest.mark.parametrize("missing", ["ROBoundarySpec", "AISpecs"])
async def test_half_a_rospec_is_refused(missing: str) -> None:
    half = {**ROSPEC, "ROBoundarySpec": {}} if missing == "ROBoundarySpec" else {**ROSPEC, "AISpecs": [{}]}
    async with a_client() as (_, client):
        assert await client.status("AddROSpec", ROSpec=half) != 0


async def test_the_same_seed_reads_the_same() -> None:
    async def a_day() -> list[object]:
        async with a_client(read_rate=0.5, seed=7, now_us=lambda: 1) as (reader, client):
            for name, said in setup(Settings("", 0)):
                await client.status(name, **said)
            for serial in range(20):
                reader.place(EPC[:-1] + bytes([serial]), 1 + serial % 4)
            await reader.round()
            client.send("GetReport")
            return [(await client.next()).payload]

    assert await a_day() == await a_day()


@given(st.sampled_from([shape.number for shape in MESSAGE.values()]), st.binary(max_size=60))
async def test_garbage_from_a_client_leaves_the_reader_working(kind: int, garbage: bytes) -> None:
    async with a_client() as (_, client):
        client.send_raw(framed(kind, 1, garbage))
        if kind != MESSAGE["CloseConnection"].number:
            client.send("GetROSpecs")
            while (await client.next()).name != "GetROSpecsResponse":
                pass
