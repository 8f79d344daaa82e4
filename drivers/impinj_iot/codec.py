"""The stream of Impinj's IoT device interface: lines of JSON, an event each, and empty ones as a sign of life.

Impinj Reader Configuration REST API 1.6 and later, `GET /data/stream`, ReaderEvent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from drivers.json_fields import BadEvent, base64url, hexadecimal, members, number, parsed, time_us, whole, words
from drivers.readings import TagRead, by_pc

#: An event has a few hundred bytes.
LINE_BYTES_MAX: Final = 16 * 1024
#: With an antenna hub a reader has 32.
ANTENNAS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Inventory:
    """The reader says that it reads now, or no longer: `running`, `idle`, `armed` …"""

    status: str


@dataclass(frozen=True, slots=True)
class Antenna:
    """A cable was plugged in or pulled."""

    port: int
    connected: bool


@dataclass(frozen=True, slots=True)
class Overflow:
    """The reader threw events away."""


@dataclass(frozen=True, slots=True)
class Other:
    """An event that means nothing here."""


ReaderEvent = TagRead | Inventory | Antenna | Overflow | Other


class Lines:
    """Cuts the stream into lines, however it arrives. Keeps at most LINE_BYTES_MAX."""

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """The lines that end in this piece, empty ones too; None for one that was too long."""
        *lines, rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if self._too_long or len(line) > LINE_BYTES_MAX:
                self._too_long = False
                yield None
            else:
                yield line.strip(b"\r")
        self._too_long = self._too_long or len(rest) > LINE_BYTES_MAX
        self._rest = b"" if self._too_long else rest


def event_of(line: bytes) -> ReaderEvent:
    """What a line says. Raises BadEvent."""
    given = members(parsed(line), "an event")
    if "tagInventoryEvent" in given:
        tag = members(given["tagInventoryEvent"], "tagInventoryEvent")
        return _tag(tag, time_us(tag.get("lastSeenTime")) or time_us(given.get("timestamp")))
    if "inventoryStatusEvent" in given:
        return Inventory(words(members(given["inventoryStatusEvent"], "the status").get("inventoryStatus"), 40))
    for name, connected in (("antennaConnectedEvent", True), ("antennaDisconnectedEvent", False)):
        if name in given:
            port = whole(members(given[name], name), "antennaPort", 1, ANTENNAS_MAX)
            return Antenna(port, connected) if port else Other()
    return Overflow() if "overflowEvent" in given else Other()


def _tag(tag: dict[str, Any], seen_us: int | None) -> TagRead:
    """A preset says which fields there are; of the EPC it has one way of writing it, or both."""
    if tag.get("epcHex") is None and tag.get("epc") is None:
        raise BadEvent("a tag without its EPC: switch epcHex on in the preset")
    rssi = number(tag, "peakRssiCdbm", -20_000, 10_000)
    read = TagRead(
        hexadecimal(tag, "epcHex") if tag.get("epcHex") is not None else base64url(tag, "epc"),
        whole(tag, "antennaPort", 1, ANTENNAS_MAX),
        None if rssi is None else rssi / 100,
        seen_us,
    )
    return by_pc(read, int.from_bytes(pc, "big")) if (pc := base64url(tag, "pc") if tag.get("pc") else b"") else read
