"""Scanners that send one line of text per scan over TCP, and are told `OK` once it is booked."""

import asyncio
from collections.abc import Mapping

from drivers.connecting import no_connection
from drivers.errors import DeviceLost, DeviceSpokeNonsense
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan
from drivers.settings import Asked

_CONNECT_S = 5.0
#: No barcode is longer; whatever is, is no scanner.
_LONGEST_LINE = 512


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """Check the settings; BadSettings names every mistake. Connects to nothing."""
    asked = Asked(settings)
    address = asked.address("address", {"tcp": 4000})
    asked.done()
    return Scanner(address.hostname or "", address.port or 0)


class Scanner:
    """Each `run` is one connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def run(self, sink: Sink) -> None:
        """See `drivers.port.Device`."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(self._host, self._port, limit=_LONGEST_LINE)
        except OSError as why:  # TimeoutError is one
            raise no_connection(self._host, self._port, "scanner", why) from why
        try:
            sink.online(f"a scanner at {self._host}:{self._port}")
            while line := await reader.readline():
                answer = await sink.scan(BarcodeScan(line.decode("utf-8", "backslashreplace").strip()))
                writer.write(b"OK\n" if answer.accepted else b"NO\n")
                await writer.drain()
        except ValueError as why:
            raise DeviceSpokeNonsense(f"a line of more than {_LONGEST_LINE} bytes", "Is that a scanner?") from why
        except OSError as why:
            raise DeviceLost(f"the connection broke: {why}", "Check the network cable.") from why
        finally:
            writer.transport.abort()
        raise DeviceLost("the scanner closed the connection", "Is it switched on?")
