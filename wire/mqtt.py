"""One MQTT connection that comes back for ever, on the event loop and without a thread.

paho speaks the protocol; this module owns the socket, so that connecting never blocks the loop and a cancelled task
never leaves a socket behind. Each attempt uses a new paho client and a clean session: what must last is in the books,
and a message the broker acknowledged may still be lost. Believe only an answer of the other end.
"""

import asyncio
import random
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wire.codec import MAX_PAYLOAD
from wire.sockets import MAX_PACKET, BrokerSocket, connect
from wire.tls import Credentials, CredentialsUnusable, Span, shown_by

#: Messages between PUBLISH and PUBACK. paho looks through all of them at each PUBACK, so more is slower, and 20 is
#: what mosquitto takes at once unless told otherwise.
MAX_INFLIGHT = 20

MqttVersion = Literal["5", "3.1.1"]
LinkState = Literal["connecting", "here", "stopped"]

_PORTS = {"mqtts": 8883, "mqtt": 1883}
_PROTOCOLS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}

_CONNECT_WITHIN_S = 10.0  # TCP, CONNACK and SUBACK together
_KEEPALIVE_S = 10  # a cut cable is noticed within twice this
_TICK_S = 1.0  # how often paho may look whether a ping is due
_GOODBYE_WITHIN_S = 1.0
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MOST_S = 5.0
_STEADY_S = 5.0  # a connection that lasted this long ends the backoff


class BrokerLost(Exception):
    """Raised when a message may not have reached the broker: the line is down or went down first."""


class BrokerRefused(BrokerLost):
    """Raised when the broker answered no, with its reason. Only MQTT 5 tells; 3.1.1 says yes and drops."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker listens."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker(address: str) -> Broker:
    """`mqtts://host:port` (8883 when left out) or, without TLS, `mqtt://host:port` (1883).

    Raises ValueError with what to write instead.
    """
    example = "write it like mqtts://hq.example:8883 or mqtt://127.0.0.1:1883"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{address!r} is no broker address ({error}); {example}") from None
    if parts.scheme not in _PORTS:
        raise ValueError(f"{address!r} does not start with mqtts:// or mqtt://; {example}")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{address!r} holds more than a host and a port; {example}")
    if not host or port == 0:
        raise ValueError(f"{address!r} names no host or port; {example}")
    return Broker(host, _PORTS[parts.scheme] if port is None else port, tls=parts.scheme == "mqtts")


class Link:
    """The line to a broker.

    `on_message(topic, payload)` and `on_up()` run on the event loop and must not wait; what they raise ends `run`.
    `on_up` is called after each connect, when all `topics` are subscribed (QoS 1), and before any message of that
    connection: both may publish. `on_down(why)` is called once when a
    connection that was up has gone. `will` is the topic and payload the broker publishes, retained, when this end
    vanishes without a goodbye. `now_ms` stamps `connected_since`. An `mqtts://` broker needs `credentials`.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        version: MqttVersion = "5",
        credentials: Credentials | None = None,
        will: tuple[str, bytes] | None = None,
        topics: Sequence[str] = (),
        on_message: Callable[[str, bytes], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[str], None] = lambda why: None,
        now_ms: Callable[[], int],
    ) -> None:
        self.broker = broker
        self.state: LinkState = "connecting"
        self.why = "not tried yet"
        self.connected_since: int | None = None
        #: From when to when the broker's certificate holds that it showed last; None before, and without TLS.
        self.shown: Span | None = None
        self._client_id = client_id
        self._version = version
        self._credentials = credentials
        self._will = will
        self._topics = tuple(topics)
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._now_ms = now_ms
        self._session: _Session | None = None
        self._chance = random.Random()  # noqa: S311 - it spreads reconnects and hides nothing

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say goodbye (within a second) and close.

        Publishes nothing by itself. Raises only what `on_message` or `on_up` raised.
        """
        failures = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                started = loop.time()
                try:
                    await self._connect_and_stay()
                except (OSError, BrokerLost, CredentialsUnusable, TimeoutError) as error:
                    self.why = str(error) or "no answer in time"
                failures = 1 if loop.time() - started >= _STEADY_S else failures + 1
                # Full jitter, so that a thousand stores do not come back in the same moment.
                most_s = min(_BACKOFF_MOST_S, _BACKOFF_FIRST_S * 2 ** min(failures, 10))
                await asyncio.sleep(self._chance.uniform(0, most_s))
        finally:
            self.state, self.connected_since = "stopped", None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[None]:
        """Send at QoS 1, in the order of the calls; the future is done at PUBACK.

        The call, or the future, raises BrokerLost when the line is down and BrokerRefused when the broker says no.
        Raises ValueError for a payload over MAX_PAYLOAD. Cancelling the future takes nothing back. How many messages
        wait here is up to the caller.
        """
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes to {topic}; the most is {MAX_PAYLOAD}")
        if self._session is None or self.state != "here":
            raise BrokerLost(self.why)
        return self._session.publish(topic, payload, retain)

    def _credentials_wanted(self) -> Credentials | None:
        if self.broker.tls and self._credentials is None:
            raise CredentialsUnusable(f"{self.broker} needs credentials")
        return self._credentials if self.broker.tls else None

    async def _connect_and_stay(self) -> None:
        """One connection from the first packet to the last. Raises what ended it."""
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            sock = await connect(self.broker.host, self.broker.port, self._credentials_wanted())
        self.shown = shown_by(sock)

        def came_up() -> None:
            self._session = session
            self.state, self.why, self.connected_since = "here", "", self._now_ms()
            self._on_up()

        session = _Session(sock, self._client_id, self._version, self._will, came_up, self._on_message)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await session.open(self.broker, self._topics)
            await session.stay()
        except asyncio.CancelledError:
            self._session = None
            await session.say_goodbye()
            raise
        except (OSError, BrokerLost) as error:
            self._went_down(str(error))
            raise
        finally:
            self._session = None
            session.close("this end hung up")

    def _went_down(self, why: str) -> None:
        if self.state == "here":
            self.state, self.why, self.connected_since = "connecting", why, None
            self._on_down(why)


class _Client(paho.Client):
    """paho over a socket that is already connected."""

    ready: socket.socket

    def _create_socket(self) -> socket.socket:
        return self.ready


class _Session:
    """One paho client on one socket: callbacks in, futures out. Everything runs on the event loop's thread."""

    def __init__(
        self,
        sock: BrokerSocket,
        client_id: str,
        version: MqttVersion,
        will: tuple[str, bytes] | None,
        on_up: Callable[[], None],
        on_message: Callable[[str, bytes], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._fd = sock.fileno()
        self._version = version
        self._on_up = on_up
        self._on_message = on_message
        #: What came before the line was up: a broker may send retained messages ahead of its SUBACK.
        self._early: list[tuple[str, bytes]] = []
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._watching = False
        self._up = False
        self._client = client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=True if version == "3.1.1" else None,
            protocol=_PROTOCOLS[version],
            reconnect_on_failure=False,
        )
        client.ready = sock
        client.max_inflight_messages = MAX_INFLIGHT
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._connacked
        client.on_subscribe = self._subacked
        client.on_publish = self._pubacked
        client.on_message = self._received
        client.on_disconnect = self._disconnected
        client.on_socket_close = lambda *_: self._unwatch()
        client.on_socket_register_write = lambda *_: self._watch_writable()
        client.on_socket_unregister_write = lambda *_: self._ignore_writable()

    async def open(self, broker: Broker, topics: Sequence[str]) -> None:
        """CONNECT, then SUBSCRIBE. Raises BrokerLost or BrokerRefused."""
        self._watching = True
        self._loop.add_reader(self._fd, self._readable)
        properties = None
        if self._version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_PACKET
        self._client.connect(broker.host, broker.port, _KEEPALIVE_S, properties=properties)
        await self._or_end(self._accepted)
        if topics:
            self._client.subscribe([(topic, 1) for topic in topics])
            await self._or_end(self._subscribed)
        else:
            self._is_up()

    async def stay(self) -> None:
        """Until the connection ends; raises why it did."""
        while not self._ended.done():
            await asyncio.wait({self._ended}, timeout=_TICK_S)
            if not self._ended.done():
                self._guard(self._client.loop_misc)
        self._ended.result()

    def publish(self, topic: str, payload: bytes, retain: bool) -> asyncio.Future[None]:
        if self._ended.done():
            raise BrokerLost("the connection has just ended")
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise BrokerLost(paho.error_string(info.rc))
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[info.mid] = future
        return future

    async def say_goodbye(self) -> None:
        """DISCONNECT, so that the broker keeps the last will to itself; gives up after a second."""
        if self._accepted.done() and not self._ended.done():
            self._client.disconnect()
            self._guard(self._client.loop_write)
            await asyncio.wait({self._ended}, timeout=_GOODBYE_WITHIN_S)

    def close(self, why: str) -> None:
        """Let go of the socket and of everybody who waits. May be called again."""
        self._end(BrokerLost(why))
        self._sock.close()
        for future in self._waiting.values():
            _fail(future, BrokerLost(why))
        self._waiting.clear()

    async def _or_end(self, answer: asyncio.Future[None]) -> None:
        await asyncio.wait({answer, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        (answer if answer.done() else self._ended).result()

    def _end(self, why: Exception) -> None:
        _fail(self._ended, why)
        self._unwatch()

    def _watch_writable(self) -> None:
        if self._watching:
            self._loop.add_writer(self._fd, self._writable)

    def _ignore_writable(self) -> None:
        if self._watching:
            self._loop.remove_writer(self._fd)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)

    def _guard(self, step: Callable[[], object]) -> None:
        """Run one step of paho; bytes it cannot take apart end the connection, not the program."""
        try:
            step()
        except Exception as error:  # struct.error, IndexError …: whatever nonsense does to a parser
            self._end(BrokerLost(f"the broker spoke nonsense: {error!r}"))

    def _readable(self) -> None:
        self._guard(self._client.loop_read)
        # TLS reads whole records: what is left of one waits inside it, where the event loop does not see it.
        while isinstance(self._sock, ssl.SSLSocket) and not self._ended.done() and self._sock.pending():
            self._guard(self._client.loop_read)

    def _writable(self) -> None:
        self._guard(self._client.loop_write)

    def _connacked(self, _c: paho.Client, _u: Any, _f: Any, code: ReasonCode, _p: Any) -> None:
        if code.is_failure:
            self._end(BrokerRefused(f"the broker refuses the connection: {code}"))
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _subacked(self, _c: paho.Client, _u: Any, _m: int, codes: list[ReasonCode], _p: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self._end(BrokerRefused(f"the broker refuses a subscription: {refused[0]}"))
        elif not self._subscribed.done():
            self._subscribed.set_result(None)
            self._is_up()

    def _pubacked(self, _c: paho.Client, _u: Any, mid: int, code: ReasonCode, _p: Any) -> None:
        future = self._waiting.pop(mid, None)
        if future is None or future.done():
            return
        if code.is_failure:
            _fail(future, BrokerRefused(f"the broker refuses the message: {code}"))
        else:
            future.set_result(None)

    def _received(self, _c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic of ours
        if self._up:
            self._tell(partial(self._on_message, topic, bytes(message.payload)))
        else:
            self._early.append((topic, bytes(message.payload)))

    def _is_up(self) -> None:
        """In the same step as the SUBACK, so that nobody hears a message on a line that is not up yet."""
        self._up = True
        self._tell(self._on_up)
        for topic, payload in self._early:
            self._tell(partial(self._on_message, topic, payload))
        self._early.clear()

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # our own mistake: `run` raises it
            self._end(error)

    def _disconnected(self, _c: paho.Client, _u: Any, flags: Any, code: ReasonCode, _p: Any) -> None:
        if self._sock.complaint:
            self._end(BrokerLost(self._sock.complaint))
        who = "the broker ended the connection" if flags.is_disconnect_packet_from_server else "the connection broke"
        self._end(BrokerLost(f"{who}: {code}"))


def _fail(future: asyncio.Future[None], why: Exception) -> None:
    """End a future with an exception that nobody is obliged to look at."""
    if not future.done():
        future.set_exception(why)
        future.exception()
