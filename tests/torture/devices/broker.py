"""A broker on the leaping loop, whose own clock would not leap if it were a program of its own.

MQTT 3.1.1 as a subscriber sees it: QoS 1, clean sessions, one client to a name, retained messages.
"""

import asyncio
from collections.abc import Callable
from enum import IntEnum
from itertools import cycle
from typing import Final

#: Messages that a client has not acknowledged, before it is given no more.
UNACKNOWLEDGED_MAX: Final = 1000
_QOS_1, _DUP, _RETAIN = 0x02, 0x08, 0x01


class Packet(IntEnum):
    """The kinds of MQTT's packets (MQTT 3.1.1, 2.2.1) that are spoken here."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13


class LeapingBroker:
    """`heard` is given what a client publishes. `retained`: topics whose last message is kept for who comes."""

    def __init__(self, heard: Callable[["Client", str, bytes], None]) -> None:
        self.heard = heard
        self.clients: dict[str, Client] = {}
        self.retained: dict[str, bytes] = {}
        self.mute = False
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen: the first time on any port, later on the same."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """As when it is killed: all its connections end."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in list(self.clients.values()):
            client.drop()

    def into_black_hole(self) -> None:
        """The connections stand, and nothing is taken or given."""
        self.mute = True
        for client in self.clients.values():
            client.transport.pause_reading()

    def out_of_black_hole(self) -> None:
        self.mute = False
        for client in self.clients.values():
            client.transport.resume_reading()

    def subscriber(self, topic: str) -> "Client | None":
        """Who is given messages on this topic now."""
        if self.mute:
            return None
        found = (client for client in self.clients.values() if topic in client.topics)
        return next((client for client in found if len(client.unacknowledged) < UNACKNOWLEDGED_MAX), None)

    def say(self, topic: str, payload: bytes, *, twice: bool = False) -> "Client | None":
        """Publish; to whom it was given. `twice`: as if the first had not been acknowledged in time."""
        client = self.subscriber(topic)
        if client is not None:
            client.give(topic, payload, twice=twice)
        return client


class Client(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, broker: LeapingBroker) -> None:
        self.topics: set[str] = set()
        self.unacknowledged: set[int] = set()
        self._broker = broker
        self._name = ""
        self._arrived = bytearray()
        self._idents = cycle(range(1, 2**16))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if self._broker.clients.get(self._name) is self:
            del self._broker.clients[self._name]

    def drop(self) -> None:
        self.connection_lost(None)
        self.transport.abort()

    def give(self, topic: str, payload: bytes, *, twice: bool = False, retained: bool = False) -> None:
        """PUBLISH at QoS 1."""
        ident = next(self._idents)
        self.unacknowledged.add(ident)
        body = _text(topic) + ident.to_bytes(2, "big") + payload
        flags = _QOS_1 | (_RETAIN if retained else 0)
        self.transport.write(_packet(Packet.PUBLISH, body, flags))
        if twice:
            self.transport.write(_packet(Packet.PUBLISH, body, flags | _DUP))

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while (found := _first(self._arrived)) is not None:
            head, body, size = found
            del self._arrived[:size]
            if not self.transport.is_closing():
                self._take(head >> 4, head & 0x0F, body)

    def _take(self, kind: int, flags: int, body: bytes) -> None:
        match kind:
            case Packet.CONNECT:
                self._connected(body)
            case Packet.PUBLISH:
                self._published(body, flags)
            case Packet.PUBACK:
                self.unacknowledged.discard(int.from_bytes(body[:2], "big"))
            case Packet.SUBSCRIBE:
                self._subscribed(body)
            case Packet.PINGREQ:
                self.transport.write(_packet(Packet.PINGRESP, b""))
            case _:
                self.transport.close()

    def _connected(self, body: bytes) -> None:
        self._name = _read_text(body, 10)[0]  # behind protocol, level, flags and keepalive
        if (before := self._broker.clients.get(self._name)) is not None:
            before.drop()
        self._broker.clients[self._name] = self
        self.transport.write(_packet(Packet.CONNACK, bytes(2)))

    def _published(self, body: bytes, flags: int) -> None:
        topic, at = _read_text(body, 0)
        if flags & _QOS_1:
            self.transport.write(_packet(Packet.PUBACK, body[at : at + 2]))
            at += 2
        self._broker.heard(self, topic, body[at:])

    def _subscribed(self, body: bytes) -> None:
        at, codes = 2, b""
        while at < len(body):
            topic, at = _read_text(body, at)
            self.topics.add(topic)
            at, codes = at + 1, codes + b"\1"
        self.transport.write(_packet(Packet.SUBACK, body[:2] + codes))
        for topic in sorted(self.topics & self._broker.retained.keys()):
            self.give(topic, self._broker.retained[topic], retained=True)


def hello(name: str) -> bytes:
    """The CONNECT of a client of this name, with a clean session."""
    return _packet(Packet.CONNECT, _text("MQTT") + b"\4\2\0\x3c" + _text(name))


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : end].decode(), end


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    size, left = bytearray(), len(body)
    while True:
        left, low = divmod(left, 128)
        size.append(low | (128 if left else 0))
        if not left:
            return bytes([kind << 4 | flags]) + bytes(size) + body


def _first(arrived: bytearray) -> tuple[int, bytes, int] | None:
    """The first packet's head and body, and its size with its head; None while it is not whole."""
    length = 0
    for nth, byte in enumerate(arrived[1:5]):
        length |= (byte & 0x7F) << 7 * nth
        if byte < 0x80:
            size = 2 + nth + length
            return (arrived[0], bytes(arrived[2 + nth : size]), size) if len(arrived) >= size else None
    return None
