"""A serial line as a file descriptor under asyncio: RS-232, USB in serial (CDC) mode, or a TCP terminal server.

pyserial opens and configures the port; reading and writing go by the loop, without a thread.
"""

import asyncio
import errno
import os
import socket
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import serial

from drivers.connecting import no_connection
from drivers.errors import DeviceLost, DeviceRefused
from drivers.serial_ports import instead, who_has, who_may
from drivers.settings import Asked

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_FLOW_CONTROLS: dict[str, dict[str, bool]] = {"none": {}, "rtscts": {"rtscts": True}, "xonxoff": {"xonxoff": True}}
_BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)

_CONNECT_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where the line is and how it is set: the settings that every serial device shares."""

    port: str
    baud: int
    data_bits: int = 8
    parity: str = serial.PARITY_NONE
    stop_bits: int = 1
    flow_control: str = "none"

    @property
    def tcp_address(self) -> tuple[str, int] | None:
        """Host and port when the line is a TCP connection."""
        url = urlsplit(self.port)
        return (url.hostname or "", url.port or 0) if url.scheme == "socket" else None

    @property
    def about(self) -> str:
        """What this is, for people: `/dev/ttyACM0, 9600 8N1`."""
        speed = f", {self.baud} {self.data_bits}{self.parity}{self.stop_bits}" if self.tcp_address is None else ""
        return f"{self.port}{speed}"

    def for_pyserial(self) -> dict[str, Any]:
        """The keywords of `serial.Serial` that say how to open the port."""
        return {
            "port": self.port,
            "baudrate": self.baud,
            "bytesize": self.data_bits,
            "parity": self.parity,
            "stopbits": self.stop_bits,
            **_FLOW_CONTROLS[self.flow_control],
        }


def wiring_from(asked: Asked, baud: int) -> Wiring:
    """The settings `port`, `baud` (usually `baud`), `data_bits`, `parity`, `stop_bits` and `flow_control`."""
    return Wiring(
        port=_port(asked),
        baud=asked.choice("baud", baud, {known: known for known in _BAUDS}),
        data_bits=asked.choice("data_bits", 8, {7: 7, 8: 8}),
        parity=asked.choice("parity", "none", _PARITIES),
        stop_bits=asked.choice("stop_bits", 1, {1: 1, 2: 2}),
        flow_control=asked.choice("flow_control", "none", {name: name for name in _FLOW_CONTROLS}),
    )


def _port(asked: Asked) -> str:
    given = asked.take("port")
    if given is None:
        asked.wrong("port", "missing; for example /dev/serial/by-id/… or socket://192.168.1.30:4001")
    elif not isinstance(given, str) or not _is_port(given):
        asked.wrong("port", f"{given!r} is neither an absolute path of a device nor socket://host:port")
    else:
        return given
    return ""


def _is_port(text: str) -> bool:
    if not text.startswith("socket://"):
        return text.startswith("/") and text.isprintable()
    try:
        url = urlsplit(text)
        return bool(url.hostname and url.port and not url.path)
    except ValueError:
        return False


class _Port(Protocol):
    """A serial port or a socket: a file descriptor with an owner who closes it."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


class SerialLine:
    """An open line; `async with await SerialLine.open(wiring, what)` closes it whichever way that ends.

    `what` is the device in a word (`scanner`, `reader`), for the hints. Every method raises `DeviceLost` once the line
    is gone.
    """

    def __init__(self, port: _Port, wiring: Wiring, what: str) -> None:
        self._port = port
        self._fd = port.fileno()
        self._where = wiring.port
        self._what = what

    @classmethod
    async def open(cls, wiring: Wiring, what: str) -> Self:
        """Raises DeviceLost when there is no such port, DeviceRefused when a person must look."""
        address = wiring.tcp_address
        if address is not None:
            return cls(await _connect(address), wiring, what)
        try:
            port = serial.Serial(**wiring.for_pyserial(), exclusive=True, timeout=0, write_timeout=0)
        except (OSError, ValueError, termios.error) as trouble:  # pyserial lets some of each through
            raise _why_not(wiring.port, what, trouble) from trouble
        return cls(port, wiring, what)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # The line may already be gone; closing says so again, and no one is left to tell.
        with suppress(OSError):
            self._port.close()

    async def read(self, most: int) -> bytes:
        """Wait for bytes: 1 to `most` of them, or none if what was there is gone again."""
        await _ready(self._fd, for_writing=False)
        try:
            chunk = os.read(self._fd, most)
        except BlockingIOError:
            return b""
        except OSError as trouble:
            raise self._lost(trouble.strerror) from trouble
        if not chunk:
            # Ready and yet nothing there: that is how a terminal says it was hung up, and a socket that it is closed.
            raise self._lost("the line was hung up")
        return chunk

    async def write(self, message: bytes, within_s: float) -> None:
        """Hand all of `message` to the line."""
        rest = memoryview(message)
        try:
            async with asyncio.timeout(within_s):
                while rest:
                    with suppress(BlockingIOError):
                        rest = rest[os.write(self._fd, rest) :]
                        continue
                    await _ready(self._fd, for_writing=True)
        except TimeoutError as trouble:
            raise DeviceLost(
                f"{self._where}: the {self._what} took nothing within {within_s:g} s",
                f"Look at the flow control of {self._what} and port: one of them may be held by XOFF or CTS.",
                "silent",
            ) from trouble
        except OSError as trouble:
            raise self._lost(trouble.strerror) from trouble

    def _lost(self, why: str | None) -> DeviceLost:
        return DeviceLost(
            f"{self._where}: {why or 'the line failed'}",
            f"Is the {self._what} plugged in and switched on? It is tried again by itself.",
        )


async def _connect(address: tuple[str, int]) -> socket.socket:
    loop = asyncio.get_running_loop()
    line = None
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
            family, kind, protocol, _, there = found[0]
            line = socket.socket(family, kind, protocol)
            line.setblocking(False)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await loop.sock_connect(line, there)
    except BaseException as trouble:
        if line is not None:
            line.close()
        if isinstance(trouble, OSError):  # TimeoutError is one
            raise no_connection(*address, "terminal server", trouble) from trouble
        raise
    return line


def _why_not(port: str, what: str, trouble: Exception) -> DeviceLost | DeviceRefused:
    """Why the port does not open: gone (try again) or refused (a person must look)."""
    match _error_number(trouble):
        case errno.ENOENT | errno.ENODEV | errno.ENXIO | errno.EIO:
            return DeviceLost(
                f"{port}: there is no such port",
                f"Is the {what} plugged in? {instead()} Names under /dev/serial/by-id survive a replug.",
                "not_there",
            )
        case errno.EACCES | errno.EPERM:
            return DeviceRefused(
                f"{port}: this user may not open it",
                who_may(port),
                "not_allowed",
            )
        case errno.EAGAIN | errno.EBUSY:
            return DeviceRefused(
                f"{port}: another program has it open",
                who_has(port),
                "taken",
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
