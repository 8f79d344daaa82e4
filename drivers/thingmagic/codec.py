"""Frames of ThingMagic's embedded readers (M6e, Micro, Nano, M7e) ↔ values. No I/O.

To the module `FF length opcode data crc(2)`, from it `FF length opcode status(2) data crc(2)`, the length that of the
data. After the Mercury API's serial reader, whose CRC this is, and a recording of a Nano.
"""

from binascii import crc_hqx
from struct import Struct
from typing import Final, NamedTuple

from drivers.framing import Frames
from drivers.readings import TagRead, by_pc

VERSION, BOOT, SET_BAUD, PROGRAM = 0x03, 0x04, 0x06, 0x0C
#: Tags that are read, and what is told between them.
READ: Final = 0x22
#: Starts and stops reading without end.
STREAM: Final = 0x2F
GET_POWER, GET_REGION = 0x62, 0x67
SET_ANTENNAS, SET_POWER, SET_PROTOCOL, SET_REGION, SET_OPTION, SET_GEN2 = 0x91, 0x92, 0x93, 0x97, 0x9A, 0x9B

OK, ALIVE, TOO_HOT, BAD_MATCH, NO_ANTENNA = 0, 0x0400, 0x0504, 0x0505, 0x0503
WRONG_REGION: Final = 0x010B
WHY: Final = {
    0x0101: "it does not know the command",
    0x0102: "it does not know the command",
    0x0103: "the power is too high",
    0x0105: "it does not know the value",
    0x0106: "the power is too low",
    0x0109: "it does not have this",
    WRONG_REGION: "it does not have this region",
    0x0401: "it has no protocol",
    NO_ANTENNA: "no antenna is connected",
    TOO_HOT: "it is too hot",
    BAD_MATCH: "the antenna or its cable does not fit",
    0x0507: "it does not have these antennas",
}

GEN2: Final = 5
#: Stop: no time, and option 2.
STOP: Final = b"\0\0\x02"
#: Read without end (time 0, option 1) by READ, for Gen2: with metadata, the antennas of the list, a stream of tags that
#: may be many, in rounds of a second, and all metadata there is.
START: Final = bytes.fromhex("0000 01 22 0000 05 07 22 10 001b 03e8 01ff")
#: Wakes a module that sleeps; to one that does not, it is nothing.
WAKE: Final = b"\xff" * 16

_HEADER: Final = 0xFF
_DATA_BYTES_MAX: Final = 0xF8
_AROUND_DATA: Final = 7
#: In a record with metadata: the option, the search flags, which metadata there is, and what kind of record it is.
_RECORD: Final = Struct(">BHHB")
_WITH_METADATA: Final = 0x10
#: Kinds of records: reading has ended; a tag; how the module does.
ENDED, TAG, STATUS = 0, 1, 2

#: Each metadatum by its bit, in their order: its name, and its size; 0 where a size of its own comes first.
_METADATA: Final = (
    ("count", 1), ("rssi", 1), ("antenna", 1), ("kHz", 3), ("ms", 4), ("phase", 2), ("protocol", 1), ("data", 0),
    ("gpio", 1),
)  # fmt: skip
_XPC, _XPC_2 = 0x02, 0x80


class Frame(NamedTuple):
    """One frame of a module whose CRC is right."""

    opcode: int
    status: int
    data: bytes


class BadRecord(Exception):
    """The inside of a frame whose CRC is right does not add up: leave it out."""


def crc(data: bytes) -> int:
    """ThingMagic's CRC: the message, with FFFF before it, mod 11021h; unlike others without 16 bits behind it."""
    message = b"\xff\xff" + data
    return crc_hqx(message[:-2], 0) ^ int.from_bytes(message[-2:], "big")


def command(opcode: int, data: bytes = b"") -> bytes:
    """The bytes of a command."""
    inside = bytes([len(data), opcode]) + data
    return bytes([_HEADER]) + inside + crc(inside).to_bytes(2, "big")


def frames() -> Frames[Frame]:
    """Cuts a stream into frames."""
    return Frames(_length_at, _understood)


def _length_at(held: bytearray, at: int) -> int | None:
    if held[at] != _HEADER:
        return 0
    if len(held) - at < 2:
        return None
    return held[at + 1] + _AROUND_DATA if held[at + 1] <= _DATA_BYTES_MAX else 0


def _understood(frame: bytes) -> Frame | None:
    if crc(frame[1:-2]).to_bytes(2, "big") != frame[-2:]:
        return None
    return Frame(frame[2], int.from_bytes(frame[3:5], "big"), frame[5:-2])


def kind_of(data: bytes) -> int:
    """What kind of record a READ frame without an error holds. Raises BadRecord."""
    if len(data) < _RECORD.size:
        raise BadRecord(f"a record of {len(data)} bytes")
    option, _, _, kind = _RECORD.unpack_from(data)
    if not option & _WITH_METADATA:
        raise BadRecord("a record without metadata")
    return int(kind)


def tag_read(data: bytes) -> TagRead:
    """The tag of a record: metadata, then `bits(2) PC [XPC] EPC CRC`. Raises BadRecord, also when that CRC is wrong."""
    _, _, flags, _ = _RECORD.unpack_from(data)
    if flags >> len(_METADATA):
        raise BadRecord(f"metadata {flags:04X}, of which some is not known")
    told, at = _metadata(data, flags)
    if "protocol" in told and told["protocol"] != bytes([GEN2]):
        raise BadRecord(f"a tag of protocol {told['protocol'].hex()}")
    bits, at = data[at : at + 2], at + 2
    stop = at + (int.from_bytes(bits, "big") + 7) // 8
    if len(bits) < 2 or stop > len(data) or stop - at < 4:
        raise BadRecord("an EPC that does not fit its record")
    backscattered, tag_crc = data[at : stop - 2], data[stop - 2 : stop]
    if (crc_hqx(backscattered, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big") != tag_crc:
        raise BadRecord("a tag whose CRC is wrong")
    rssi_dbm = int.from_bytes(told["rssi"], "big", signed=True) if "rssi" in told else None
    antenna = told["antenna"][0] >> 4 if "antenna" in told else 0
    read = TagRead(_epc(backscattered), antenna or None, rssi_dbm, None, max(told.get("count", b"\1")[0], 1))
    return by_pc(read, int.from_bytes(backscattered[:2], "big"))


def _metadata(data: bytes, flags: int) -> tuple[dict[str, bytes], int]:
    """The metadata that the flags say is there, and where it ends."""
    told, at = {}, _RECORD.size
    for nth, (name, size) in enumerate(_METADATA):
        if flags >> nth & 1:
            if not size:
                size, at = (int.from_bytes(data[at : at + 2], "big") + 7) // 8, at + 2
            told[name], at = data[at : at + size], at + size
            if at > len(data):
                raise BadRecord("metadata that does not fit its record")
    return told, at


def _epc(backscattered: bytes) -> bytes:
    """What follows the PC and, where their bits say so, one or two words of XPC (Gen2, 6.3.2.1.2.5)."""
    at = 2
    if backscattered[0] & _XPC:
        at += 4 if backscattered[2:3] and backscattered[2] & _XPC_2 else 2
    return backscattered[at:]
