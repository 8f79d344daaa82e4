"""Frames of the R200 family (M100, QM100, JRD-4035, JRM20x0) ↔ values. No I/O.

`header type code length(2) data sum end`, after "R200 user protocol" V2.3.3. The header and the end differ between
makers and may occur inside, so a frame is known by its length and its sum: that of all bytes from the type to the data,
mod 256.
"""

from binascii import crc_hqx
from struct import Struct
from typing import Final, NamedTuple

from drivers.framing import Frames
from drivers.readings import TagRead, by_pc

COMMAND, ANSWER, NOTICE = 0, 1, 2

ABOUT, POLL_ONCE, POLL, STOP = 0x03, 0x22, 0x27, 0x28
SET_REGION, SET_POWER, GET_POWER, SET_QUERY, SET_SELECT_MODE, SET_HOPPING = 0x07, 0xB6, 0xB7, 0x0E, 0x12, 0xAD
#: What the manual has in the answer to SET_SELECT_MODE.
SET_SELECT: Final = 0x0C
#: In place of the command's code: it was not done, and the first byte of the data says why.
FAILED: Final = 0xFF

UNKNOWN_COMMAND, NO_TAG, NO_FREE_CHANNEL = 0x17, 0x15, 0x20

#: The longest data is that of a tag with the longest EPC (62 bytes), or of a maker's words.
DATA_BYTES_MAX: Final = 256
_HEAD_BYTES, _TAIL_BYTES = 5, 2
#: RSSI, PC and the tag's CRC around the EPC.
_AROUND_EPC: Final = 5

_HEAD: Final = Struct(">BBH")
_TAG: Final = Struct(">bH")


class Profile(NamedTuple):
    """The first and the last byte of a maker's frames."""

    header: int
    end: int


#: R200 itself; M5Stack, JRD-4035 and EL-UHF-RMT01; JRM20x0.
PROFILES: Final = {"aa-dd": Profile(0xAA, 0xDD), "bb-7e": Profile(0xBB, 0x7E), "aa-8e": Profile(0xAA, 0x8E)}


class Frame(NamedTuple):
    """One frame whose sum is right. `kind` is COMMAND, ANSWER or NOTICE."""

    profile: Profile
    kind: int
    code: int
    data: bytes


def framed(profile: Profile, kind: int, code: int, data: bytes = b"") -> bytes:
    """The bytes of a frame."""
    inside = _HEAD.pack(kind, code, len(data)) + data
    return bytes([profile.header]) + inside + bytes([sum(inside) & 0xFF, profile.end])


def frames(profiles: tuple[Profile, ...]) -> Frames[Frame]:
    """Cuts a stream into frames of any of these profiles. A notice of a tag must be as long as its PC says."""
    headers = {profile.header for profile in profiles}

    def length_at(held: bytearray, at: int) -> int | None:
        if held[at] not in headers:
            return 0
        if len(held) - at < _HEAD_BYTES:
            return None
        kind, _, length = _HEAD.unpack_from(held, at + 1)
        return _HEAD_BYTES + length + _TAIL_BYTES if kind <= NOTICE and length <= DATA_BYTES_MAX else 0

    def understood(frame: bytes) -> Frame | None:
        profile = Profile(frame[0], frame[-1])
        if profile not in profiles or sum(frame[1:-_TAIL_BYTES]) & 0xFF != frame[-_TAIL_BYTES]:
            return None
        found = Frame(profile, frame[1], frame[2], frame[_HEAD_BYTES:-_TAIL_BYTES])
        return None if is_tag(found) and not _fits(found.data) else found

    return Frames(length_at, understood)


def is_tag(frame: Frame) -> bool:
    """Whether the frame tells of a tag. A poll's notices have code 22 by the manual's table, 27 by its text."""
    return frame.kind == NOTICE and frame.code in (POLL_ONCE, POLL)


def _fits(data: bytes) -> bool:
    return len(data) >= _AROUND_EPC and len(data) == _AROUND_EPC + (data[1] >> 3) * 2


def tag_read(data: bytes) -> TagRead | None:
    """The tag of a notice: RSSI (dBm, signed), PC, EPC, CRC. None if the tag's own CRC (Gen2, 6.3.2.1.3) is wrong."""
    rssi_dbm, pc = _TAG.unpack_from(data)
    if crc_hqx(data[1:-2], 0xFFFF) ^ 0xFFFF != int.from_bytes(data[-2:], "big"):
        return None
    return by_pc(TagRead(data[3:-2], None, rssi_dbm), pc)


def query(session: int, q: int) -> bytes:
    """The Query parameters: DR 8, M 1 and a pilot tone, which are all the chip has; all tags, target A."""
    return (0x1000 | session << 8 | q << 3).to_bytes(2, "big")
