"""A reader is found without being taken from whoever uses it."""

import asyncio
import socket
from ipaddress import IPv4Network
from urllib.parse import urlsplit

from drivers.finding import Where
from drivers.llrp.driver import open_device
from drivers.llrp.finding import find, probe
from simulators.llrp_reader import SimulatedReader
from tests import fast_forward
from tests.drivers.llrp.listening import Listening
from tests.waiting import until


async def started(antennas: int = 4) -> tuple[SimulatedReader, int]:
    reader = SimulatedReader(antennas=antennas)
    await reader.start()
    return reader, urlsplit(reader.address).port or 0


async def test_a_free_reader_says_what_it_is_and_is_free_again() -> None:
    reader, port = await started(antennas=2)
    found = await probe("127.0.0.1", port, "Portal")
    assert found is not None
    assert (found.kind, found.settings, found.antennas, found.note) == ("llrp", {"address": reader.address}, 2, "")
    assert "firmware simulated" in found.about
    assert found.about.endswith('announced as "Portal"')
    await until(lambda: reader.idle)
    asked = {name for name in reader.counts if not name.startswith("sent ")}
    assert asked == {"connects", "GetReaderCapabilities", "CloseConnection"}, "nothing was changed"
    await reader.stop()


async def test_a_reader_that_somebody_uses_stays_his() -> None:
    reader, port = await started()
    reader.place(bytes(12), 1)
    desk = Listening()
    using = asyncio.ensure_future(open_device("portal", {"address": reader.address}).run(desk))
    await until(lambda: desk.reads)
    found = await probe("127.0.0.1", port)
    assert found is not None
    assert found.note == "another client holds it"
    so_far = len(desk.reads)
    await until(lambda: len(desk.reads) > so_far)
    assert not using.done()
    assert reader.counts["connects"] == 1
    using.cancel()
    await asyncio.wait([using])
    await reader.stop()


async def test_what_is_no_reader_is_not_found() -> None:
    async def talks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    async with await asyncio.start_server(talks, "127.0.0.1", 0) as server:
        assert await probe("127.0.0.1", server.sockets[0].getsockname()[1]) is None
    assert await probe("127.0.0.1", 1) is None


def test_one_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert fast_forward.run(probe("127.0.0.1", server.getsockname()[1])) is None


async def test_a_reader_that_is_configured_is_not_even_asked() -> None:
    where = Where(0.1, networks=(IPv4Network("127.0.0.1/32"),), in_use=frozenset({"tcp://127.0.0.1:5084"}))
    assert await find(where) == []
