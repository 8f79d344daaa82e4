"""What Zebra readers say and are told over MQTT, as bytes and values. Fixed readers and sleds differ in every name.

Fixed: Zebra IoT Connector, https://zebradevs.github.io/rfid-ziotc-docs. Sleds: RFD40/RFD90 MQTT API 1.22,
https://techdocs.zebra.com/dcs/rfid/rfd40-90-mqtt.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from drivers.json_fields import (
    BadEvent,
    elements,
    hexadecimal,
    members,
    number,
    parsed,
    time_us,
    whole,
    words,
)
from drivers.readings import TagRead, by_pc

ANTENNAS_MAX: Final = 64
#: Of one message. A batch of 256 KB, the most that a reader can be set to, has a thousand.
EVENTS_MAX: Final = 5000
READS_MAX: Final = 2**31
_NUMBER_MAX: Final = 2**53


class TagEvent(NamedTuple):
    """A read, and the reader's own number for having told it (None: it gave none)."""

    read: TagRead
    number: int | None


@dataclass(slots=True)
class Batch:
    """The tag events of one message, and of those that cannot be read, why."""

    events: list[TagEvent] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """To one of our commands, by its `ident`. `why`: the reader's words when it is not `ok`; `code` is a sled's."""

    ident: str
    ok: bool
    why: str
    code: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Status:
    """What the reader says it is doing. None: it does not say. `connected`: of each antenna, is its cable in?"""

    reading: bool | None
    time_us: int | None
    connected: Mapping[int, bool]


@dataclass(frozen=True, slots=True)
class Report:
    """An event that is no tag: when it was said, and whether the reader says in it that it is leaving."""

    time_us: int | None
    gone: bool = False


class Dialect(Protocol):
    """How one family of readers speaks. Whatever cannot be read raises BadEvent."""

    def command(self, name: str, ident: str) -> bytes:
        """`get_version`, `get_status` or `start`, as the reader wants it."""

    def tags(self, payload: bytes) -> Batch:
        """The tag events of a message on the data topic."""

    def answer(self, payload: bytes) -> Answer:
        """What the reader answered to a command."""

    def about(self, content: dict[str, Any]) -> str:
        """Model and firmware, from the answer to `get_version`."""

    def status(self, content: dict[str, Any]) -> Status:
        """From the answer to `get_status`."""

    def reads_already(self, answer: Answer) -> bool:
        """Does a refused `start` say that it reads already?"""

    def report(self, payload: bytes) -> Report:
        """A message on the topics of events."""


class Fixed:
    """FX7500, FX9600, ATR7000, FXR90 and what else has the IoT Connector built in."""

    def command(self, name: str, ident: str) -> bytes:
        return json.dumps({"command": name, "command_id": ident, "payload": {}}).encode()

    def tags(self, payload: bytes) -> Batch:
        """One event, or with batching on an array of them."""
        batch = Batch()
        for given in _each(payload, batch):
            try:
                batch.events.append(self._tag(members(given, "an event")))
            except BadEvent as why:
                batch.bad.append(str(why))
        return batch

    def _tag(self, given: dict[str, Any]) -> TagEvent:
        data = members(given.get("data"), "data")
        read = TagRead(
            hexadecimal(data, "idHex"),
            whole(data, "antenna", 1, ANTENNAS_MAX),
            number(data, "peakRssi", -200, 100),
            time_us(given.get("timestamp")),
            whole(data, "reads", 1, READS_MAX) or 1,
        )
        return TagEvent(_by_pc(read, data), whole(data, "eventNum", 0, _NUMBER_MAX))

    def answer(self, payload: bytes) -> Answer:
        given = members(parsed(payload), "an answer")
        content = given.get("payload")
        said = content if isinstance(content, dict) else {"description": content}
        why = words(said.get("description")) or words(said.get("message"))
        return Answer(str(given.get("command_id")), given.get("response") == "success", why, 0, said)

    def about(self, content: dict[str, Any]) -> str:
        model = words(content.get("model"), 40) or "fixed reader"
        firmware = words(content.get("readerApplication"), 40)
        return f"Zebra {model}, firmware {firmware}" if firmware else f"Zebra {model}"

    def status(self, content: dict[str, Any]) -> Status:
        # Some firmware spells it so.
        activity = content.get("radioActivity", content.get("radioActivitiy"))
        reading = None if activity is None else activity == "active"
        return Status(reading, time_us(content.get("systemTime")), _connected(content.get("antennas")))

    def reads_already(self, answer: Answer) -> bool:
        return False

    def report(self, payload: bytes) -> Report:
        return Report(time_us(members(parsed(payload), "an event").get("timestamp")))


class Sled:
    """RFD40 and RFD90, which reach the broker over Wi-Fi or their cradle."""

    #: What a sled that already reads answers to START.
    _IN_PROGRESS = 11

    def command(self, name: str, ident: str) -> bytes:
        if name == "start":
            operation = {"controlType": "RFID", "operation": "START"}
            return json.dumps(
                {"command": "control_operation", "requestId": ident, "ctrlOprPayload": operation}
            ).encode()
        return json.dumps({"command": name, "requestId": ident}).encode()

    def tags(self, payload: bytes) -> Batch:
        """A batch of tag records under one time, with barcodes beside them."""
        batch = Batch()
        seen_us = None
        try:
            given = members(parsed(payload), "an event")
            data = members(given.get("data"), "data")
            seen_us = time_us(given.get("timestamp"))
            records = data.get("tagData", [])
            if not isinstance(records, list):
                raise BadEvent("tagData is no list")
            batch.bad += ["a barcode: a sled's scans have nobody who answers them"] * bool(data.get("barcodeData"))
        except BadEvent:
            records = list(_each(payload, batch))
        for record in _bounded(records, batch):
            try:
                batch.events.append(self._tag(members(record, "a record"), seen_us))
            except BadEvent as why:
                batch.bad.append(str(why))
        return batch

    def _tag(self, record: dict[str, Any], seen_us: int | None) -> TagEvent:
        read = TagRead(
            hexadecimal(record, "EPCid" if "EPCid" in record else "EPC"),
            None,
            number(record, "peakRssi", -200, 100),
            seen_us,
            whole(record, "seenCount", 1, READS_MAX) or 1,
        )
        return TagEvent(_by_pc(read, record), whole(record, "eventNum", 0, _NUMBER_MAX))

    def answer(self, payload: bytes) -> Answer:
        given = members(parsed(payload), "an answer")
        response = members(given.get("response"), "response")
        code = whole(response, "code", 0, 2**31)
        if code is None:
            raise BadEvent("an answer without its code")
        why = words(response.get("description")) or f"code {code}"
        return Answer(str(given.get("requestId")), code == 0, why, code, given)

    def about(self, content: dict[str, Any]) -> str:
        version = content.get("readerVersion")
        said = version if isinstance(version, dict) else {}
        model = words(said.get("model"), 40) or "sled"
        firmware = words(said.get("firmwareVersion"), 40)
        return f"Zebra {model}, firmware {firmware}" if firmware else f"Zebra {model}"

    def status(self, content: dict[str, Any]) -> Status:
        status = content.get("deviceStatus")
        said = status if isinstance(status, dict) else {}
        activity = said.get("radioActivity")
        return Status(None if activity is None else activity == "ACTIVE", time_us(said.get("systemTime")), {})

    def reads_already(self, answer: Answer) -> bool:
        return answer.code == self._IN_PROGRESS

    def report(self, payload: bytes) -> Report:
        given = members(parsed(payload), "an event")
        return Report(time_us(given.get("timestamp")), gone=given.get("connectionState") == "DISCONNECTED")


def _connected(antennas: object) -> dict[int, bool]:
    """Of `{"1": "connected", "2": "disconnected"}`, what can be understood."""
    given = antennas if isinstance(antennas, dict) else {}
    ports = {str(port): port for port in range(1, ANTENNAS_MAX + 1)}
    return {
        ports[name]: state == "connected"
        for name, state in given.items()
        if name in ports and state in ("connected", "disconnected")
    }


def _each(payload: bytes, batch: Batch) -> Iterator[Any]:
    """The JSON values of a message; of one that is broken, those of its array that are whole."""
    try:
        found = parsed(payload)
    except BadEvent as why:
        known = len(batch.bad)
        for piece in islice(elements(payload), EVENTS_MAX):
            try:
                yield parsed(piece)
            except BadEvent as worse:
                batch.bad.append(str(worse))
        if len(batch.bad) == known:
            batch.bad.append(str(why))
    else:
        yield from _bounded(found, batch) if isinstance(found, list) else [found]


def _bounded(found: list[Any], batch: Batch) -> list[Any]:
    if len(found) > EVENTS_MAX:
        batch.bad.append(f"more than {EVENTS_MAX} events in one message")
    return found[:EVENTS_MAX]


def _by_pc(read: TagRead, given: dict[str, Any]) -> TagRead:
    """The read by its tag's protocol control word, where the reader gives it."""
    pc = given.get("PC")
    if isinstance(pc, str) and len(pc) == 4:
        try:
            return by_pc(read, int(pc, 16))
        except ValueError:
            raise BadEvent("PC is no number in hexadecimal") from None
    return read
