"""A reader with the IoT device interface is found by what it says to anybody; what is none is not."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from drivers.finding import Found, Where
from drivers.impinj_iot.finding import find, probe
from hq_bridge.authority import Authority
from simulators.impinj_reader import ImpinjReader
from tests.drivers.issuing import issued


@asynccontextmanager
async def on(reader: ImpinjReader) -> AsyncIterator[ImpinjReader]:
    await reader.switch_on()
    try:
        yield reader
    finally:
        await reader.switch_off()


async def found_at(reader: ImpinjReader, name: str = "") -> Found | None:
    address = urlsplit(reader.address)
    assert address.hostname is not None
    return await probe(address.scheme, address.hostname, address.port or 0, name)


async def test_a_reader_that_lets_everybody_in_says_what_it_is(tmp_path: Path) -> None:
    for certificate in (None, issued(tmp_path)):
        async with on(ImpinjReader(certificate=certificate)) as reader:
            found = await found_at(reader)
            assert found is not None
            assert (found.kind, found.settings, found.note) == ("impinj_iot", {"address": reader.address}, "")
            assert "R700" in found.about
            assert reader.runs is None, "nothing was started"


async def test_one_that_wants_a_password_is_known_by_its_name(tmp_path: Path) -> None:
    async with on(ImpinjReader(certificate=issued(tmp_path), users={"root": "secret"})) as reader:
        assert await found_at(reader) is None
        found = await found_at(reader, "impinj-14-00-01")
        assert found is not None
        assert 'announced as "impinj-14-00-01"' in found.about
        assert "password" in found.note


async def test_one_that_wants_a_password_is_known_by_its_certificate(tmp_path: Path) -> None:
    files = Authority.make(tmp_path, "Impinj", dt.datetime.now(dt.UTC)).broker(["127.0.0.1"], 30)
    async with on(ImpinjReader(certificate=files, users={"root": "secret"})) as reader:
        found = await found_at(reader)
        assert found is not None
        assert "password" in found.note


async def test_a_reader_that_is_set_to_llrp_is_left_to_that_driver() -> None:
    async with on(ImpinjReader()) as reader:
        reader.interface = "LLRP"
        assert await found_at(reader) is None


async def test_what_is_no_such_reader_is_not_found() -> None:
    answers = [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"up":true}'[:-1],
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 200_000,
    ]
    for answer in answers:

        async def talks(_: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = answer) -> None:
            writer.write(said)
            writer.close()

        async with await asyncio.start_server(talks, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await probe("http", "127.0.0.1", port) is None
    assert await probe("http", "127.0.0.1", port) is None, "nobody is there any more"


async def test_a_reader_that_is_configured_is_not_even_asked() -> None:
    here = IPv4Network("127.0.0.1/32")
    assert await find(Where(0.0, (here,), in_use=frozenset({"https://127.0.0.1"}))) == []
