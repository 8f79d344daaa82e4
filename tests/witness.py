"""A witness at every broker that tests start: what crosses the line is held to the published contract.

It reads along as anybody could. Topic, QoS and retain flag of each message are held to `wire/asyncapi.json`, and one
message of each shape, after the test, to `wire/schemas`. A test that sends nonsense on purpose says on which channels:
`@pytest.mark.nonsense("log", "hello")`, or "strangers" for topics that are nobody's.
"""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import paho.mqtt.client as paho
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.waiting import until
from wire.codec import MAX_PARTS
from wire.contract import HOME
from wire.messages import MAX_NUMBER, MAX_TEXT
from wire.tls import Credentials
from wire.topics import shard_of

STRANGERS = "strangers"

_DOCUMENT = json.loads((HOME / "asyncapi.json").read_bytes())
_BINDINGS = {
    sent["channel"]["$ref"].rsplit("/", 1)[1]: sent["bindings"]["mqtt"] for sent in _DOCUMENT["operations"].values()
}
_NAME = "[A-Za-z0-9-]{1,32}"
_LEVELS = {"chain": _NAME, "store": _NAME, "name": _NAME, "shard": "[0-9a-f]{2}", "part": "[0-9]+", "kind": "[^/+#]+"}
_TOPICS = {
    name: re.compile(re.sub(r"\{(\w+)\}", lambda level: f"(?P<{level[1]}>{_LEVELS[level[1]]})", channel["address"]))
    for name, channel in _DOCUMENT["channels"].items()
}
_SCHEMAS = {
    name: Draft202012Validator(json.loads((HOME / "schemas" / f"{name}.json").read_bytes()))
    for name in _DOCUMENT["components"]["messages"]
}

#: So many shapes of one channel are kept by one witness; SKUs that are keys of an object make endless ones.
_SHAPES = 200
_LET_IN_WITHIN_S = 10.0


def condensed(value: Any) -> tuple[Any, Any]:
    """(what shape a JSON value has, the same value with one of each shape in its lists).

    Values are of one shape when a schema could hardly tell them apart: numbers of one sign, texts within the limit.
    """
    if isinstance(value, dict):
        parts = {key: condensed(each) for key, each in value.items()}
        word = next((value[key] for key in ("kind", "state", "outcome", "type") if isinstance(value.get(key), str)), "")
        shape = (word, *((key, part[0]) for key, part in parts.items()))
        return shape, {key: part[1] for key, part in parts.items()}
    if isinstance(value, list):
        kinds = dict(map(condensed, value))
        return frozenset(kinds), list(kinds.values())
    if isinstance(value, str):
        return (str, not value, len(value) > MAX_TEXT), value
    if isinstance(value, int | float):
        return (type(value), (value > 0) - (value < 0), abs(value) > MAX_NUMBER), value
    return type(value), value


def fault_in(message: str, payload: Any) -> str | None:
    """What is wrong with a payload that should be such a message; None when it is as the schema says."""
    error = best_match(_SCHEMAS[message].iter_errors(payload))
    return None if error is None else f"{error.json_path}: {error.message[:300]}"


#: Shapes of messages (their name, and the shape) that are as their schema says.
_known: set[tuple[str, Any]] = set()


def _fault_once(message: str, shape: Any, payload: Any) -> str | None:
    """The same, looked at once in a process for all payloads of one shape."""
    if (message, shape) in _known:
        return None
    fault = fault_in(message, payload)
    if fault is None:
        _known.add((message, shape))
    return fault


@dataclass(frozen=True)
class Seen:
    """One message as a subscriber gets it; `payload` is condensed, or the bytes when they are no JSON."""

    topic: str
    qos: int
    retained: bool
    payload: Any

    def channel(self) -> tuple[str, dict[str, str]]:
        """Whose topic it is, as the document calls the channel, and what its parameters are."""
        for name, topic in _TOPICS.items():
            if match := topic.fullmatch(self.topic):
                return name, match.groupdict()
        return STRANGERS, {}

    def message(self, channel: str, levels: dict[str, str]) -> str:
        """Which of its channel's messages it must be."""
        messages = list(_DOCUMENT["channels"][channel]["messages"])
        return str(messages[0] if len(messages) == 1 else messages[int(levels["part"]) > 0])

    def misdelivered(self, channel: str, levels: dict[str, str]) -> str | None:
        """What is wrong around the payload: the topic, QoS, the retain flag, and whether the topic fits the payload."""
        if channel == STRANGERS:
            return "a topic the document has no channel for"
        binding = _BINDINGS[channel]
        if (self.qos, self.retained) != (binding["qos"], binding["retain"]):
            return f"QoS {self.qos}, {'retained' if self.retained else 'not retained'}; the document says {binding}"
        if "shard" in levels and levels["shard"] != shard_of(levels["store"]):
            return "another store's shard"
        if int(levels.get("part", 0)) > MAX_PARTS:
            return "a part beyond the last"
        if not isinstance(self.payload, dict):
            return "not a JSON object"
        for level, key in (("store", "partitionkey"), ("name", "name"), ("part", "part")):
            if level in levels and str(self.payload.get(key, levels[level])) != levels[level]:
                return f"{key} is {self.payload[key]!r}"
        if levels.get("kind", "other") not in ("other", self.payload.get("data", {}).get("kind")):
            return "a row of another kind"
        return None


class Witness:
    """Reads along at one broker, on a thread of its own. `credentials` are asked for at each arrival."""

    def __init__(self, credentials: Callable[[], Credentials] | None = None) -> None:
        self._credentials = credentials
        self.excused: set[str] = set()
        self._seen: dict[str, dict[Any, Seen]] = {}
        self._taken = 0
        self._client: paho.Client | None = None
        self._gone = threading.Event()
        self._subscribed = threading.Event()

    async def arrive(self, port: int) -> None:
        """Returns when nothing that is said from now on is missed."""
        self.leave()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, "tests-witness", protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if self._credentials is not None:
            context = self._credentials().context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it hears wrong brokers as well
            client.tls_set_context(context)
        self._subscribed.clear()
        self._gone = gone = threading.Event()
        client.on_connect = lambda *_: self._subscribe()
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _client, _data, message: self._hear(message)
        client.on_disconnect = lambda *_: gone.set()
        client.connect("127.0.0.1", port)
        client.loop_start()  # its thread alone touches the socket: what others ask for, it is woken for
        await until(self._subscribed.is_set, _LET_IN_WITHIN_S)

    def excuse(self, *channels: str) -> None:
        """From somebody who sends nonsense there, and is no test that could be marked with it."""
        self.excused.update(channels)

    async def caught_up(self) -> None:
        """Everything the broker had for it has been read. Does nothing when the broker has gone."""
        taken = -1
        while self._client is not None and not self._gone.is_set() and taken != self._taken:
            taken = self._taken
            self._subscribed.clear()
            self._subscribe()
            await until(lambda: self._subscribed.is_set() or self._client is None or self._gone.is_set())

    def leave(self) -> None:
        """What it has seen it keeps."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
        self._client = None  # and with it its sockets

    def faults(self) -> dict[str, list[str]]:
        """By channel, what was not as the contract says."""
        found: dict[str, list[str]] = {}
        for channel, shapes in self._seen.items():
            for (message, shape), seen in shapes.items():
                fault = shape if message is None else _fault_once(message, shape, seen.payload)
                if fault is not None:
                    found.setdefault(channel, []).append(f"{seen.topic}: {fault}; {str(seen.payload)[:300]}")
        return found

    def channels(self) -> set[str]:
        """Where anything was said."""
        return set(self._seen)

    def _subscribe(self) -> None:
        assert self._client is not None
        # Retained as published: else one could not tell whether a message stays.
        self._client.subscribe("nearshelf/#", options=SubscribeOptions(qos=1, retainAsPublished=True))

    def _hear(self, message: paho.MQTTMessage) -> None:
        self._taken += 1
        try:
            shape, payload = condensed(msgspec.json.decode(message.payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            shape, payload = None, message.payload[:300]
        seen = Seen(message.topic, message.qos, message.retain, payload)
        channel, levels = seen.channel()
        fault = seen.misdelivered(channel, levels)
        key = (seen.message(channel, levels), shape) if fault is None else (None, fault)
        shapes = self._seen.setdefault(channel, {})
        if len(shapes) < _SHAPES:
            shapes.setdefault(key, seen)


@dataclass
class Bench:
    """Where witnesses wait until they are heard."""

    witnesses: list[Witness] = field(default_factory=list)

    def judge(self, excused: set[str]) -> None:
        """Raises AssertionError over what was not as the contract says, and over an excuse that nobody needed."""
        found: dict[str, list[str]] = {}
        for witness in self.witnesses:
            witness.leave()
            excused = excused | witness.excused
            for channel, faults in witness.faults().items():
                found.setdefault(channel, []).extend(faults)
        unexcused = [fault for channel, faults in found.items() if channel not in excused for fault in faults]
        assert not unexcused, "messages that are not as the contract says:\n" + "\n".join(unexcused[:20])
        assert not self.witnesses or excused <= set(found), f"all was well on {sorted(excused - set(found))}"


_bench: Bench | None = None


@contextmanager
def bench() -> Iterator[Bench]:
    """While it is open, every broker that starts gets a witness."""
    global _bench
    _bench, before = Bench(), _bench
    try:
        yield _bench
    finally:
        _bench = before


def summoned(credentials: Callable[[], Credentials] | None = None) -> Witness | None:
    """A witness for one broker; None where nobody judges, as in benchmarks."""
    if _bench is None:
        return None
    witness = Witness(credentials)
    _bench.witnesses.append(witness)
    return witness
