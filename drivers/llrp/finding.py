"""Finds LLRP readers: those that announce themselves, and those that greet us at their port.

A reader takes one client, and says first whether it took us (LLRP 1.1 §20.1.1). If somebody else has it, it says so, he
keeps it, and we go. If nobody has, it is asked for its make, nothing is changed, and it is free again within moments.
"""

import asyncio
import ipaddress
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from drivers import mdns
from drivers.errors import DeviceError
from drivers.finding import Found, Where
from drivers.llrp.capabilities import ability
from drivers.llrp.codec import BadMessage, Message, Splitter, message
from drivers.llrp.session import ANOTHER_CLIENT
from drivers.llrp.settings import PORTS
from drivers.llrp.values import payload, values

PORT: Final = PORTS["tcp"]
SERVICE: Final = "_llrp._tcp"
#: Connecting to a machine on this network takes milliseconds; where there is none, it takes this long.
CONNECT_S: Final = 1.0
ANSWER_S: Final = 2.0
AT_ONCE: Final = 128
READ_BYTES: Final = 64 * 1024


async def find(where: Where) -> list[Found]:
    """Readers on the networks of `where`; see `drivers.finding.Find`."""
    announced = await mdns.browse(SERVICE, min(where.within_s, 3.0), where.interfaces)
    names = {(one.addresses[-1], one.port or PORT): one.name for one in announced}
    known = {urlsplit(text).hostname: text for text in where.in_use if text.startswith(("tcp://", "tls://"))}
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(host: str, port: int) -> Found | None:
        name = names.get((host, port), "")
        if host in known:
            return Found("llrp", f"{host}:{port}", name, "tags", {"address": known[host]}) if name else None
        async with turns:
            return await probe(host, port, name)

    hosts = dict.fromkeys([*names, *((str(host), PORT) for network in where.networks for host in network.hosts())])
    asked = await asyncio.gather(*(ask(*place) for place in hosts))
    return sorted(filter(None, asked), key=lambda found: ipaddress.ip_address(_host(found)))


async def probe(host: str, port: int = PORT, name: str = "") -> Found | None:
    """The reader at this port; None when there is none. `name` is what it announces itself as."""
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port, limit=READ_BYTES)
    except (OSError, TimeoutError):
        return (
            _found(host, port, "an LLRP reader", name, "it announces itself and takes no connection") if name else None
        )
    try:
        async with asyncio.timeout(ANSWER_S):
            return await _converse(reader, writer, host, port, name)
    except (OSError, TimeoutError, DeviceError, BadMessage):
        return None  # whatever listens there is no reader
    finally:
        writer.transport.abort()


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, name: str
) -> Found | None:
    splitter = Splitter()
    asked = False
    while piece := await reader.read(READ_BYTES):
        for got in splitter.feed(piece):
            attempt = _attempt(got)
            if attempt in ANOTHER_CLIENT:
                return _found(host, port, "an LLRP reader", name, "another client holds it")
            if attempt == 0 and not asked:
                asked = True
                writer.write(message("GetReaderCapabilities", 1, payload("GetReaderCapabilities", {})))
            elif got.name == "GetReaderCapabilitiesResponse":
                await _leave(writer, reader)
                able = ability(values(got.name, got.payload))
                return _found(host, port, able.about or "an LLRP reader", name, antennas=able.antennas)
            elif got.name == "ErrorMessage" or (attempt is not None and attempt):
                return _found(host, port, "an LLRP reader", name, "it did not say what it is")
    return None


async def _leave(writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    """Say goodbye and wait for the answer, so that the reader's only place is free at once."""
    writer.write(message("CloseConnection", 2))
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S / 2):
            while await reader.read(READ_BYTES):
                pass


def _attempt(got: Message) -> int | None:
    """What a greeting says of our attempt to connect; None when it is none."""
    if got.name != "ReaderEventNotification":
        return None
    told = values(got.name, got.payload)["ReaderEventNotificationData"]
    attempt: int | None = told["ConnectionAttemptEvent"] if told is not None else None
    return attempt


def _found(host: str, port: int, about: str, name: str, note: str = "", antennas: int = 0) -> Found:
    about = f'{about}, announced as "{name}"' if name else about
    address = f"tcp://{host}{'' if port == PORT else f':{port}'}"
    return Found("llrp", f"{host}:{port}", about, "tags", {"address": address}, antennas, note=note)


def _host(found: Found) -> str:
    return found.where.rpartition(":")[0]
