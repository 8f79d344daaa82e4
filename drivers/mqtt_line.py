"""A broker that a device is behind, as messages under asyncio: one connection, without a thread.

paho speaks MQTT 3.1.1, which every broker knows; this module owns the socket, so that connecting never blocks the loop
and whoever is cancelled leaves no socket behind. What is not taken in time waits in the broker, not here.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from drivers.access import Access
from drivers.connecting import no_connection
from drivers.errors import DeviceError, DeviceLost, DeviceRefused

#: The largest packet read. A sled sends at most 6 KB, a fixed reader as much as its batches are set to.
PACKET_BYTES_MAX: Final = 512 * 1024
#: What waits here before the socket is left alone: messages, and their bytes.
WAITING_MAX: Final = 1000
WAITING_BYTES_MAX: Final = 4 * 1024 * 1024

_CONNECT_S = 10.0  # TCP, TLS, CONNACK and SUBACK together
_KEEPALIVE_S = 10  # a broker that is gone without a word is noticed within twice this
_TICK_S = 1.0
_GOODBYE_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message; `retained`: the broker kept it, and nobody knows since when."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Broker:
    """Where it is, and how it is entered."""

    host: str
    port: int
    tls: bool
    access: Access

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


class _Bounded(socket.socket):
    """Refuses to read a packet of more than PACKET_BYTES_MAX: paho asks for the rest of one in a single `recv`."""

    too_long = False

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        if buflen > PACKET_BYTES_MAX:
            self.too_long = True
            raise OSError("too long")  # paho swallows it and disconnects
        return super().recv(buflen, flags)


class _BoundedTls(_Bounded, ssl.SSLSocket):
    """The same over TLS."""


class _Client(paho.Client):
    """paho over a socket that is already connected."""

    ready: socket.socket

    def _create_socket(self) -> socket.socket:
        return self.ready


class MqttLine:
    """An open connection with its subscriptions; `async with await MqttLine.open(…)` leaves politely and closes.

    Every method raises a DeviceError once it is over.
    """

    def __init__(self, sock: _Bounded, broker: Broker, client_id: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock, self._fd, self._broker = sock, sock.fileno(), broker
        self._waiting: deque[Arrived] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()
        self._answered = 0  # CONNACK, then SUBACK
        self._trouble: DeviceError | None = None
        self._watching = self._reading = False
        self._timer: asyncio.TimerHandle | None = None
        self._client = client = _Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv311, reconnect_on_failure=False
        )
        client.ready = sock
        client.on_connect = self._connacked
        client.on_subscribe = self._subacked
        client.on_message = self._received
        client.on_disconnect = self._disconnected
        client.on_socket_close = lambda *_: self._unwatch()
        client.on_socket_register_write = lambda *_: self._watch_writable(wanted=True)
        client.on_socket_unregister_write = lambda *_: self._watch_writable(wanted=False)

    @classmethod
    async def open(cls, broker: Broker, client_id: str, topics: Sequence[str]) -> Self:
        """Connected, and subscribed to `topics` at QoS 1. Raises DeviceLost; DeviceRefused when a person must look."""
        password = broker.access.password()
        line: Self | None = None
        try:
            async with asyncio.timeout(_CONNECT_S):
                line = cls(await _connected(broker), broker, client_id)
                await line._enter(password, topics)
                return line
        except BaseException as why:
            if line is not None:
                line._close()
            if isinstance(why, ssl.SSLCertVerificationError):
                raise DeviceRefused(
                    f"{broker} could not prove who it is: {why.verify_message}",
                    "Is `ca` the authority of this broker, and is this machine's clock right?",
                    "untrusted",
                ) from why
            if isinstance(why, OSError):  # TimeoutError is one
                raise no_connection(broker.host, broker.port, "broker", why) from why
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._trouble is None:
                self._client.disconnect()
                self._guard(self._client.loop_write)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GOODBYE_S):
                        while self._trouble is None:
                            await self._until_news()
        finally:
            self._close()

    async def next(self, until: float) -> Arrived | None:
        """The next message; None when the time (of the loop's clock) has come first."""
        if not self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    while not self._waiting:
                        self._or_raise()
                        await self._until_news()
        if not self._waiting:
            return None
        arrived = self._waiting.popleft()
        self._waiting_bytes -= len(arrived.payload)
        if not self._reading and not self._is_full(0.5):
            self._read_on()
        return arrived

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a message to the broker, at QoS 1 and not retained."""
        self._or_raise()
        if self._client.publish(topic, payload, qos=1).rc != paho.MQTT_ERR_SUCCESS:
            raise self._lost("it takes no more messages")

    async def _enter(self, password: str, topics: Sequence[str]) -> None:
        """CONNECT, then SUBSCRIBE."""
        self._watching = True
        self._read_on()
        self._tick()
        if self._broker.access.username:
            self._client.username_pw_set(self._broker.access.username, password or None)
        self._client.connect(self._broker.host, self._broker.port, _KEEPALIVE_S)
        await self._until_answered(1)
        self._client.subscribe([(topic, 1) for topic in topics])
        await self._until_answered(2)

    async def _until_answered(self, answers: int) -> None:
        while self._answered < answers:
            self._or_raise()
            await self._until_news()
        self._or_raise()

    async def _until_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _tick(self) -> None:
        """Have paho look at its keepalive."""
        self._guard(self._client.loop_misc)
        if self._watching:
            self._timer = self._loop.call_later(_TICK_S, self._tick)

    def _or_raise(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _lost(self, why: str) -> DeviceLost:
        return DeviceLost(f"the line to {self._broker} broke: {why}", "Is the broker running? It is tried again.")

    def _over(self, why: DeviceError) -> None:
        self._trouble = self._trouble or why
        self._unwatch()
        self._news.set()

    def _close(self) -> None:
        self._over(self._lost("this end closed it"))
        self._sock.close()

    def _read_on(self) -> None:
        if self._watching and not self._reading:
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)
            if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                self._loop.call_soon(self._readable)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def _unwatch(self) -> None:
        if self._watching:
            self._pause()
            self._loop.remove_writer(self._fd)
            self._watching = False
            if self._timer is not None:
                self._timer.cancel()

    def _watch_writable(self, *, wanted: bool) -> None:
        if self._watching and wanted:
            self._loop.add_writer(self._fd, self._guard, self._client.loop_write)
        elif self._watching:
            self._loop.remove_writer(self._fd)

    def _guard(self, step: Callable[[], object]) -> None:
        """Run one step of paho; bytes it cannot take apart end the connection, not the program."""
        try:
            step()
        except Exception as error:  # struct.error, IndexError …: whatever nonsense does to a parser
            self._over(self._lost(f"it spoke nonsense: {error!r}"))

    def _readable(self) -> None:
        if not self._reading:
            return
        self._guard(self._client.loop_read)
        # TLS reads whole records: what is left of one waits inside it, where the event loop does not see it.
        while self._reading and isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            self._guard(self._client.loop_read)

    def _connacked(self, _c: paho.Client, _u: Any, _f: Any, code: ReasonCode, _p: Any) -> None:
        if code.is_failure:
            who = f"user {self._broker.access.username!r}" if self._broker.access.username else "anybody without a name"
            why = f"{self._broker} does not let in {who}: {code}"
            self._over(DeviceRefused(why, "Check `username` and `password_file`.", "login"))
        self._answered = max(self._answered, 1)
        self._news.set()

    def _subacked(self, _c: paho.Client, _u: Any, _m: int, codes: list[ReasonCode], _p: Any) -> None:
        if any(code.is_failure for code in codes):
            why = f"{self._broker} does not let us read the reader's topics"
            self._over(DeviceRefused(why, "Allow it in the broker's rules.", "not_allowed"))
        self._answered = 2
        self._news.set()

    def _received(self, _c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        with suppress(UnicodeDecodeError):  # no topic of ours
            self._waiting.append(Arrived(message.topic, bytes(message.payload), message.retain))
            self._waiting_bytes += len(message.payload)
        if self._is_full(1.0):
            self._pause()
        self._news.set()

    def _is_full(self, part: float) -> bool:
        return len(self._waiting) >= part * WAITING_MAX or self._waiting_bytes >= part * WAITING_BYTES_MAX

    def _disconnected(self, _c: paho.Client, _u: Any, _flags: Any, code: ReasonCode, _p: Any) -> None:
        size = f"it sent a packet of more than {PACKET_BYTES_MAX} bytes" if self._sock.too_long else str(code)
        self._over(self._lost(size))


async def _connected(broker: Broker) -> _Bounded:
    """A connected, non-blocking socket, over TLS if the broker has it. A cancelled caller leaves none open."""
    context = broker.access.context() if broker.tls else None
    found = await asyncio.get_running_loop().getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    problem = OSError(f"{broker.host} has no address")
    for family, kind, protocol, _, address in found:
        sock = _Bounded(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, address)
            if context is None:
                return sock
            context.sslsocket_class = _BoundedTls
            secured = context.wrap_socket(sock, server_hostname=broker.host, do_handshake_on_connect=False)
            assert isinstance(secured, _BoundedTls)
            sock = secured
            await _hands_shaken(secured)
            return secured
        except OSError as why:
            sock.close()
            problem = why
        except BaseException:
            sock.close()
            raise
    raise problem


async def _hands_shaken(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        watch, ignore = loop.add_reader, loop.remove_reader
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLWantWriteError:
            watch, ignore = loop.add_writer, loop.remove_writer
        else:
            return
        ready = asyncio.Event()
        watch(sock, ready.set)
        try:
            await ready.wait()
        finally:
            ignore(sock)
