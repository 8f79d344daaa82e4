"""LLRP on the wire, both ways and for both ends, without any I/O (LLRP 1.1 §17).

A message is a 10-byte header (3 bits reserved, 3 bits version, 10 bits type; length of the whole; id) and parameters.
A parameter is TLV (6 bits reserved, 10 bits type, 16 bits length with the header) or, for types 1–127, TV (a byte
0x80 | type, and as many bytes as that type has).
"""

from collections.abc import Callable, Iterator
from functools import partial
from struct import Struct
from typing import Final, NamedTuple, cast

from drivers.errors import DeviceSpokeNonsense
from drivers.llrp.schema import MESSAGE, MESSAGE_NAME, TV_BYTES

#: The longest message taken. Readers send at most about 500 KiB (one vendor closes the line above that itself); the
#: bound leaves room for that and keeps what sixteen readers can make us hold at 10 MB.
MESSAGE_BYTES_MAX: Final = 640 * 1024
HEADER_BYTES: Final = 10
#: 1.0.1 and 1.1, and room for the next. Each connection begins with 1.0.1, which every reader understands.
VERSIONS: Final = range(1, 4)
V1_0_1, V1_1 = 1, 2

#: For each first byte of a TV parameter its whole length; 0 where the type is unknown, and with it the length.
TV_STEP: Final = tuple(
    1 + TV_BYTES[head & 0x7F] if head & 0x7F in TV_BYTES and head & 0x80 else 0 for head in range(256)
)

_HEADER: Final = Struct(">HII")
_TLV: Final = Struct(">HH")


class BadMessage(Exception):
    """The inside of a well-framed message is not LLRP: leave the message out, keep the connection."""


class Message(NamedTuple):
    """One message as framed: `kind` is its number, `payload` what follows the header."""

    kind: int
    ident: int
    version: int
    payload: bytes

    @property
    def name(self) -> str:
        return MESSAGE_NAME.get(self.kind, f"message type {self.kind}")


#: A Message without a Python call, as Message._make would.
_message: Final = cast(Callable[[tuple[int, int, int, bytes]], Message], partial(tuple.__new__, Message))

#: Where one parameter's value lies in its message: its type, its first byte, and where the next parameter begins.
Parameter = tuple[int, int, int]


class Splitter:
    """Cuts a byte stream into messages, whatever pieces it comes in.

    Holds at most MESSAGE_BYTES_MAX and the piece given last: a declared length that cannot be is refused as soon as it
    is seen.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = HEADER_BYTES  # so many bytes until there is something to do

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The messages completed by `piece`, in order. Must be exhausted before the next piece.

        Raises DeviceSpokeNonsense, after the messages before it, for a length below the header or over the bound.
        """
        if self._held:
            self._held += piece
            if len(self._held) < self._wanted:
                return
            piece = bytes(self._held)
            self._held.clear()
            self._wanted = HEADER_BYTES
        at, stop = 0, len(piece)
        try:
            while stop - at >= HEADER_BYTES:
                word, length, ident = _HEADER.unpack_from(piece, at)
                if not HEADER_BYTES <= length <= MESSAGE_BYTES_MAX:
                    raise DeviceSpokeNonsense(
                        f"a message declares {length} bytes; {HEADER_BYTES} to {MESSAGE_BYTES_MAX} are possible",
                        "Is this the LLRP port (5084, without TLS) of an RFID reader?",
                    )
                begins, ends = at + HEADER_BYTES, at + length
                if ends > stop:
                    self._wanted = length
                    break
                at = ends
                yield _message((word & 0x3FF, ident, word >> 10 & 7, piece[begins:ends]))
        finally:
            if at < stop:
                self._held += piece[at:]

    @property
    def held_bytes(self) -> int:
        """How much of an unfinished message is held."""
        return len(self._held)


def message(name: str, ident: int, payload: bytes = b"", version: int = V1_0_1) -> bytes:
    """The bytes of a message of the table."""
    return framed(MESSAGE[name].number, ident, payload, version)


def framed(kind: int, ident: int, payload: bytes = b"", version: int = V1_0_1) -> bytes:
    """The bytes of a message of any number."""
    return _HEADER.pack(version << 10 | kind, HEADER_BYTES + len(payload), ident) + payload


def tlv(kind: int, value: bytes) -> bytes:
    """The bytes of a TLV parameter."""
    return _TLV.pack(kind, 4 + len(value)) + value


def parameters(data: bytes, at: int, stop: int) -> Iterator[Parameter]:
    """The parameters in `data[at:stop]`; BadMessage when one does not fit.

    A TV type outside the table has an unknown length, so nothing behind it can be read: it is the last, to the end.
    """
    while at < stop:
        if data[at] < 0x80:
            found = tlv_at(data, at, stop)
        elif step := TV_STEP[data[at]]:
            found = data[at] & 0x7F, at + 1, at + step
            if at + step > stop:
                raise overrun(data[at] & 0x7F, at + step - stop)
        else:
            found = data[at] & 0x7F, at + 1, stop
        yield found
        at = found[2]


def tlv_at(data: bytes, at: int, stop: int) -> Parameter:
    """The TLV parameter that begins at `at`."""
    if stop - at < 4:
        raise BadMessage(f"{stop - at} bytes where a parameter should begin")
    word, length = _TLV.unpack_from(data, at)
    kind = word & 0x3FF
    if length < 4:
        raise BadMessage(f"a parameter of type {kind} declares {length} bytes")
    if at + length > stop:
        raise overrun(kind, at + length - stop)
    return kind, at + 4, at + length


def overrun(kind: int, by: int) -> BadMessage:
    """A parameter is longer than what holds it."""
    return BadMessage(f"a parameter of type {kind} ends {by} bytes after what holds it")
