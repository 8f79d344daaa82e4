"""A barcode scanner on a serial line: RS-232, a USB scanner in serial (CDC) mode, or a TCP terminal server."""

import asyncio
import errno
import os
import socket
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

import serial

from drivers.barcode_serial.codec import LineReader, Unreadable
from drivers.barcode_serial.settings import Settings, read_settings
from drivers.errors import DeviceLost, DeviceRefused
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan

#: What the scanner may say before we have answered. More stays in the kernel, whose flow control holds the scanner.
_READ_BYTES = 64

#: An ACK is one byte; a line that does not take it in this time is dead or held by XOFF or CTS.
_ANSWER_WITHIN_S = 2.0

_CONNECT_WITHIN_S = 5.0

_ACK = b"\x06"


class _Port(Protocol):
    """A serial port or a socket: a file descriptor with an owner who closes it."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A scanner that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return SerialScanner(name, read_settings(settings))


class SerialScanner:
    """One scanner. Scans are handed over one after the other; the next is read when the last is answered."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Open the port and report scans until it is lost. The port is closed whichever way this ends.

        A caller who cancels may rely on this: each scan was either handed to `sink.scan` or never taken from the
        line, save what was read together with it; in ACK mode the scanner, unanswered, tells its user.
        """
        port = await self._connect()
        try:
            sink.online(self._settings.about)
            await self._converse(port.fileno(), sink)
        finally:
            # The line may already be gone; closing says so again, and no one is left to tell.
            with suppress(OSError):
                port.close()

    async def _converse(self, fd: int, sink: Sink) -> None:
        lines = LineReader(self._settings.framing)
        while True:
            await _ready(fd, for_writing=False)
            for said in lines.receive(self._read(fd)):
                answer = await self._take(said, sink)
                if self._settings.acknowledge and answer:
                    await self._write(fd, answer)

    async def _take(self, said: BarcodeScan | Unreadable, sink: Sink) -> bytes:
        if isinstance(said, Unreadable):
            sink.dropped(said.why)
            return self._settings.refusal
        answer = await sink.scan(said)
        return _ACK if answer.accepted else self._settings.refusal

    def _read(self, fd: int) -> bytes:
        try:
            chunk = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as trouble:
            raise self._lost(trouble.strerror) from trouble
        if not chunk:
            # Ready and yet nothing there: that is how a terminal says it was hung up, and a socket that it is closed.
            raise self._lost("the line was hung up")
        return chunk

    async def _write(self, fd: int, answer: bytes) -> None:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                while True:
                    with suppress(BlockingIOError):
                        os.write(fd, answer)
                        return
                    await _ready(fd, for_writing=True)
        except TimeoutError as trouble:
            raise DeviceLost(
                f"{self._settings.port}: the scanner took no answer within {_ANSWER_WITHIN_S} s",
                "Look at the flow control of scanner and port: one of them may be held by XOFF or CTS.",
            ) from trouble
        except OSError as trouble:
            raise self._lost(trouble.strerror) from trouble

    def _lost(self, why: str | None) -> DeviceLost:
        return DeviceLost(
            f"{self._settings.port}: {why or 'the line failed'}",
            "Is the scanner plugged in and switched on? It is tried again by itself.",
        )

    async def _connect(self) -> _Port:
        address = self._settings.tcp_address
        if address is not None:
            return await self._connect_tcp(address)
        try:
            return serial.Serial(**self._settings.for_pyserial(), exclusive=True, timeout=0, write_timeout=0)
        except (OSError, ValueError, termios.error) as trouble:  # pyserial lets some of each through
            raise _why_not(self._settings.port, trouble) from trouble

    async def _connect_tcp(self, address: tuple[str, int]) -> socket.socket:
        loop = asyncio.get_running_loop()
        line = None
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
                family, kind, protocol, _, where = found[0]
                line = socket.socket(family, kind, protocol)
                line.setblocking(False)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                await loop.sock_connect(line, where)
        except BaseException as trouble:
            if line is not None:
                line.close()
            if isinstance(trouble, OSError):  # TimeoutError is one
                raise DeviceLost(
                    f"{self._settings.port}: {trouble or 'no answer'}",
                    "Is the terminal server switched on, and are address and port right?",
                ) from trouble
            raise
        return line


def _why_not(port: str, trouble: Exception) -> DeviceLost | DeviceRefused:
    """Why the port does not open: gone (try again) or refused (a person must look)."""
    match _error_number(trouble):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return DeviceLost(
                f"{port}: there is no such port",
                "Is the scanner plugged in? Prefer its name under /dev/serial/by-id, which survives a replug.",
            )
        case errno.EACCES | errno.EPERM:
            return DeviceRefused(
                f"{port}: this user may not open it",
                "Add the service's user to the group dialout and restart the service.",
            )
        case errno.EAGAIN | errno.EBUSY:
            return DeviceRefused(
                f"{port}: another program has it open",
                "Stop the other program, or ModemManager, from taking this port.",
            )
    return DeviceRefused(f"{port}: {trouble}", "Is this a serial port, and does it know this baud rate?")


def _error_number(trouble: BaseException) -> int | None:
    """The system's number of an error, also when pyserial has put its own words around it."""
    if isinstance(trouble, OSError) and trouble.errno is not None:
        return trouble.errno
    if isinstance(trouble, termios.error):
        number: int = trouble.args[0]
        return number
    return _error_number(trouble.__context__) if trouble.__context__ is not None else None


async def _ready(fd: int, *, for_writing: bool) -> None:
    """Wait until `fd` can be read (or written), or has failed, which reading it will tell."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    watch, unwatch = (loop.add_writer, loop.remove_writer) if for_writing else (loop.add_reader, loop.remove_reader)
    watch(fd, partial(_settle, ready, unwatch, fd))
    try:
        await ready
    finally:
        unwatch(fd)


def _settle(ready: asyncio.Future[None], unwatch: Callable[[int], bool], fd: int) -> None:
    unwatch(fd)
    if not ready.done():
        ready.set_result(None)
