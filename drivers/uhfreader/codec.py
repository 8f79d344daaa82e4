"""Frames of UHFReader18 and UHFReader288 ↔ values. No I/O.

`length address code [status] data crc(2)`, the status in answers only, after "UHFReader18 User's Manual" V2.0 and
"CF-MU804 User Manual" V1.15 (UHFReader288MP). There is no first byte to look for: a frame is known by its CRC alone.
"""

from binascii import crc_hqx
from collections.abc import Iterator
from typing import Final, NamedTuple

from drivers.framing import Frames
from drivers.readings import TagRead

INVENTORY, ABOUT, SET_REGION, SET_SCAN_TIME, SET_POWER = 0x01, 0x21, 0x22, 0x25, 0x2F
SET_MODE_18, GET_MODE_18 = 0x35, 0x36
SET_ANTENNAS, SET_ACTIVE, SET_MODE_288, GET_MODE_288, SET_HEARTBEAT = 0x3F, 0x75, 0x76, 0x77, 0x78
#: A reader in active mode says on its own what it hears.
PUSHED: Final = 0xEE

DONE, TIMED_OUT, MORE_FOLLOWS, MEMORY_FULL = 0x01, 0x02, 0x03, 0x04
STATISTICS, HEARTBEAT, ALARM = 0x26, 0x28, 0xEE
NO_ANTENNA, FAILED, POOR, NO_TAG = 0xF8, 0xF9, 0xFA, 0xFB
WRONG_LENGTH, UNKNOWN_COMMAND, WRONG_PARAMETER = 0xFD, 0xFE, 0xFF
WHY: Final = {
    0x13: "it could not store it",
    0x14: "it cannot send with this power",
    FAILED: "it failed",
    WRONG_LENGTH: "it expects another length",
    UNKNOWN_COMMAND: "it does not know the command",
    WRONG_PARAMETER: "it does not know the value",
}

BROADCAST: Final = 0xFF
#: What follows the length, at least: address, code, status, CRC.
_LEAST, _CRC_BYTES = 5, 2
#: A sign of life that is no frame, from network readers in active mode.
_BEAT: Final = bytes.fromhex("560000000000")
#: A block with Impinj's FastID is the EPC and twelve bytes of the tag's TID.
_FAST_ID, _TID_BYTES = 0x80, 12

_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Frame(NamedTuple):
    """One answer, or what a reader says on its own, whose CRC is right."""

    address: int
    code: int
    status: int
    data: bytes


BEAT: Final = Frame(0, PUSHED, HEARTBEAT, b"")


class BadAnswer(Exception):
    """The inside of a frame whose CRC is right does not add up: leave it out."""


def crc(data: bytes) -> bytes:
    """CRC-16 of preset FFFF and polynomial 8408: that of `crc_hqx`, with every byte and the result mirrored."""
    high, low = crc_hqx(data.translate(_MIRRORED), 0xFFFF).to_bytes(2, "big")
    return bytes([_MIRRORED[high], _MIRRORED[low]])


def command(address: int, code: int, data: bytes = b"") -> bytes:
    """The bytes of a command."""
    inside = bytes([len(data) + 4, address, code]) + data
    return inside + crc(inside)


def frames() -> Frames[Frame]:
    """Cuts a stream into answers."""
    return Frames(_length_at, _understood)


def _length_at(held: bytearray, at: int) -> int | None:
    start = held[at : at + len(_BEAT)]
    if start == _BEAT:
        return len(_BEAT)
    if _BEAT.startswith(start):
        return None
    return 1 + held[at] if held[at] >= _LEAST else 0


def _understood(frame: bytes) -> Frame | None:
    if frame == _BEAT:
        return BEAT
    if crc(frame[:-_CRC_BYTES]) != frame[-_CRC_BYTES:]:
        return None
    return Frame(frame[1], frame[2], frame[3], frame[4:-_CRC_BYTES])


def tags_of_18(data: bytes) -> list[TagRead]:
    """An inventory's `count (length epc)…`. Raises BadAnswer."""
    blocks = list(_blocks(data, 1, 0))
    if len(blocks) != data[0]:
        raise BadAnswer(f"an inventory of {len(blocks)} tags that says {data[0]}")
    return [TagRead(epc) for epc, _ in blocks]


def tags_of_288(data: bytes) -> list[TagRead]:
    """An inventory's `antennas count (length epc rssi)…`. Raises BadAnswer. No manual tells the unit of the RSSI."""
    if len(data) < 2:
        raise BadAnswer("an inventory without its count")
    blocks = list(_blocks(data, 2, 1))
    if len(blocks) != data[1]:
        raise BadAnswer(f"an inventory of {len(blocks)} tags that says {data[1]}")
    return [TagRead(_epc(epc, head), antenna) for epc, head in blocks for antenna in antennas_of(data[0])]


def pushed_by_288(data: bytes) -> list[TagRead]:
    """A tag in active mode, `antennas length epc rssi`. Raises BadAnswer."""
    blocks = list(_blocks(data, 1, 1))
    if len(blocks) != 1:
        raise BadAnswer(f"a report of {len(blocks)} tags")
    return [TagRead(_epc(*blocks[0]), antenna) for antenna in antennas_of(data[0])]


def _blocks(data: bytes, at: int, behind: int) -> Iterator[tuple[bytes, int]]:
    """The blocks of bytes, each with its length before it and `behind` bytes after it, and that length as it stands."""
    if not data:
        raise BadAnswer("an inventory without its count")
    while at < len(data):
        head = data[at]
        stop = at + 1 + (head & ~_FAST_ID if behind else head)
        if stop + behind > len(data):
            raise BadAnswer("an EPC that is longer than its frame")
        if stop > at + 1:
            yield data[at + 1 : stop], head
        at = stop + behind


def _epc(block: bytes, head: int) -> bytes:
    return block[:-_TID_BYTES] if head & _FAST_ID and len(block) > _TID_BYTES else block


def antennas_of(bits: int) -> list[int | None]:
    """The antennas' numbers; of none it is not known which."""
    return [nth + 1 for nth in range(8) if bits >> nth & 1] or [None]
