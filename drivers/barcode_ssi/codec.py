"""Zebra's Simple Serial Interface: bytes ↔ packets. No I/O.

`length opcode source status data… checksum(2)`: the length counts itself but not the checksum, which is the 16-bit
two's complement of the sum of all bytes before it, high byte first (Simple Serial Interface Programmer's Guide,
72E-40451).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

REQUEST_REVISION: Final = 0xA3
REPLY_REVISION: Final = 0xA4
PARAM_SEND: Final = 0xC6
CMD_ACK: Final = 0xD0
CMD_NAK: Final = 0xD1
BEEP: Final = 0xE6
SCAN_ENABLE: Final = 0xE9
DECODE_DATA: Final = 0xF3
EVENT: Final = 0xF6

#: Causes of CMD_NAK.
RESEND: Final = 1
DENIED: Final = 6

_HOST: Final = 4
#: Who a packet to us may say it comes from: decoders say 0, some makers' modules 4 like the host.
_SOURCES: Final = (0, _HOST)
_HEAD: Final = 4
_CHECKSUM: Final = 2
_RETRANSMITTED: Final = 0x01
_CONTINUED: Final = 0x02


class Packet(NamedTuple):
    """One packet of the scanner, its checksum right. Of `status`, bits other than the first two differ by maker."""

    opcode: int
    status: int
    data: bytes

    @property
    def retransmitted(self) -> bool:
        return bool(self.status & _RETRANSMITTED)

    @property
    def continued(self) -> bool:
        """Further packets of the same message follow."""
        return bool(self.status & _CONTINUED)


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no packet. `retransmission`: they may have been one that was marked as sent again."""

    length: int
    retransmission: bool

    @property
    def may_be_a_packet(self) -> bool:
        return self.length >= _HEAD + _CHECKSUM


def packet(opcode: int, data: bytes = b"") -> bytes:
    """A packet of the host."""
    message = bytes((_HEAD + len(data), opcode, _HOST, 0)) + data
    return message + _checksum(message)


def _checksum(message: bytes) -> bytes:
    return (-sum(message) & 0xFFFF).to_bytes(_CHECKSUM, "big")


class Splitter:
    """Cuts a scanner's bytes into packets, however they arrive; holds at most 256 bytes, one packet short of its end.

    Where the bytes are no packet it looks for one from each byte on, and says once what it skipped.
    """

    def __init__(self) -> None:
        self._held = b""
        self._skipped = 0
        self._status = b""  # the first bytes that were skipped, up to the status

    @property
    def waiting(self) -> bool:
        """Something is held back: the rest of a packet is to come, or never will."""
        return bool(self._held or self._skipped)

    def feed(self, piece: bytes) -> Iterator[Packet | Damaged]:
        """The packets that a piece of the stream, cut anywhere, brings, and what was skipped before them."""
        self._held += piece
        while (size := _size(self._held)) is not None and size <= len(self._held):
            message = self._held[:size]
            if size and _checksum(message[:-_CHECKSUM]) == message[-_CHECKSUM:]:
                yield from self._damage()
                self._held = self._held[size:]
                yield Packet(message[1], message[3], message[_HEAD:-_CHECKSUM])
            else:
                self._skip()

    def quiet(self) -> Iterator[Packet | Damaged]:
        """Nothing more came for a while: packets behind what looked like the head of a longer one, and what is none."""
        while self._held:
            self._skip()
            yield from self.feed(b"")
        yield from self._damage()

    def _skip(self) -> None:
        if self._skipped < _HEAD:
            self._status += self._held[:1]
        self._skipped += 1
        self._held = self._held[1:]

    def _damage(self) -> Iterator[Damaged]:
        if self._skipped:
            marked = len(self._status) == _HEAD and bool(self._status[3] & _RETRANSMITTED)
            skipped, self._skipped, self._status = self._skipped, 0, b""
            yield Damaged(skipped, marked)


def _size(held: bytes) -> int | None:
    """Bytes of the packet that `held` begins with, checksum included; 0: it is no head of one; None: not clear yet."""
    if not held:
        return None
    if held[0] < _HEAD or (len(held) > 2 and held[2] not in _SOURCES):
        return 0
    return held[0] + _CHECKSUM if len(held) > 2 else None
