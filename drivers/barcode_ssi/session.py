"""One connection to an SSI scanner, without any I/O and without a clock: bytes and the time in, scans and bytes out.

The scanner keeps a packet until we have acknowledged it, and sends it again, marked, when we have not within its
time-out (2 s as shipped), twice. So a scan is acknowledged when it is in the books and not before, a packet that comes
again is answered again and not handed on again, and what is damaged is asked for again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from drivers.barcode_ssi import codec, symbols
from drivers.barcode_ssi.codec import Damaged, Packet, Splitter, packet
from drivers.barcode_ssi.settings import Settings
from drivers.errors import DeviceLost
from drivers.events import Dropped, Event, Heard, Online
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable, scan_of

#: A packet's bytes follow one another without a pause; after this the rest will not come.
QUIET_S: Final = 0.2
#: For answering a request of ours, and how often it is asked.
ANSWER_S: Final = 1.0
TRIES: Final = 3
#: Between two packets of one message; longer than the scanner's time-out and its repetitions.
PARTS_S: Final = 8.0

_ACK: Final = packet(codec.CMD_ACK)
_NAK: Final = packet(codec.CMD_NAK, bytes([codec.RESEND]))
#: A sleeping scanner takes the first byte as its alarm clock; one that is awake skips it.
_WAKE: Final = b"\x00"
#: Without a beep (FF): decode data in packets (EE), and acknowledged (9F); until the scanner's next start.
_PARAMETERS: Final = b"\xff\xee\x01\x9f\x01"

_ANSWER_TO: Final = {codec.REQUEST_REVISION: codec.REPLY_REVISION}


@dataclass(slots=True)
class Memory:
    """What a scanner has said and was told, across connections: what was acknowledged may come again."""

    last: Packet | None = None
    answer: bytes = _ACK
    #: Something was damaged that may have been a packet's first sending.
    lost_one: bool = False
    #: Of a message whose end is to come.
    parts: list[bytes] = field(default_factory=list)
    parts_at_s: float = 0.0


class Session:
    """One connection. Each scan that `receive` brings is to be answered by `answer` before the next is taken from it.

    `wake_at_s` is when `receive` is to be called without bytes if none came.
    """

    def __init__(self, settings: Settings, now_s: float, memory: Memory) -> None:
        self._settings = settings
        self._splitter = Splitter()
        self._out = bytearray(_WAKE)
        self._now_s = self._bytes_at_s = self._heard_at_s = now_s
        self._heard = False
        self._noise = 0
        self._about = ""
        self._online = False
        self._to_ask = [packet(codec.REQUEST_REVISION), packet(codec.SCAN_ENABLE)]
        if settings.configure:
            self._to_ask.insert(1, packet(codec.PARAM_SEND, _PARAMETERS))
        self._asked = b""
        self._tries = 0
        self._memory = memory
        self._ask_next()

    def to_send(self) -> bytes:
        """What is to be sent now; it is forgotten here."""
        out = bytes(self._out)
        self._out.clear()
        return out

    @property
    def wake_at_s(self) -> float:
        """When to look again, should nothing come before."""
        times = [self._bytes_at_s + QUIET_S] if self._splitter.waiting else []
        if self._asked:
            times.append(self._asked_at_s + ANSWER_S)
        elif self._settings.heartbeat_s:
            times.append(self._heard_at_s + self._settings.heartbeat_s)
        return min(times, default=float("inf"))

    def receive(self, piece: bytes, now_s: float) -> Iterator[BarcodeScan | Event]:
        """What a piece of the stream, cut anywhere, brings; none when only time has passed. Must be exhausted.

        Raises DeviceLost when the scanner does not answer.
        """
        self._now_s = now_s
        if piece:
            self._bytes_at_s = now_s
            yield from self._take(self._splitter.feed(piece))
        elif self._splitter.waiting and now_s >= self._bytes_at_s + QUIET_S:
            yield from self._take(self._splitter.quiet(), ask_again=True)
        if self._asked and now_s >= self._asked_at_s + ANSWER_S:
            yield from self._unanswered()
        elif not self._asked and self._settings.heartbeat_s and now_s >= self._heard_at_s + self._settings.heartbeat_s:
            self._heard = False
            self._to_ask.append(packet(codec.REQUEST_REVISION))
            self._ask_next()

    def answer(self, *, accepted: bool) -> None:
        """Answer the scan that `receive` brought last."""
        self._memory.answer = _ACK if accepted else self._settings.refusal
        self._out += self._memory.answer

    def _take(self, found: Iterator[Packet | Damaged], *, ask_again: bool = False) -> Iterator[BarcodeScan | Event]:
        for one in found:
            if isinstance(one, Packet):
                self._heard, self._heard_at_s = True, self._now_s
                yield from self._understand(one)
            else:
                self._noise += one.length
                if one.may_be_a_packet:
                    self._memory.lost_one = self._memory.lost_one or not one.retransmission
                    self._out += _NAK if ask_again else b""
                yield Dropped(
                    f"{one.length} bytes that are no SSI packet: is the scanner set to SSI, at this baud rate?"
                )

    def _understand(self, got: Packet) -> Iterator[BarcodeScan | Event]:
        if got.opcode == codec.DECODE_DATA:
            yield from self._decoded(got)
        elif got.opcode in (codec.REPLY_REVISION, codec.CMD_ACK, codec.CMD_NAK):
            yield from self._answered(got)
        else:
            # An event, or something newer than this driver: whoever sends it waits for an ACK.
            self._out += _ACK
            yield Heard() if got.opcode == codec.EVENT else Dropped(f"an SSI message {got.opcode:02X}h")

    def _decoded(self, got: Packet) -> Iterator[BarcodeScan | Event]:
        memory = self._memory
        lost_one, memory.lost_one = memory.lost_one, False
        # Marked as sent again, it is a scan of its own only if the first sending may be what was damaged.
        if got.retransmitted and not lost_one and memory.last is not None and _same(got, memory.last):
            self._out += memory.answer
            yield Heard()
            return
        if memory.parts and self._now_s - memory.parts_at_s > PARTS_S:
            memory.parts.clear()
            yield Dropped("a scan whose end did not come")
        memory.last, memory.parts_at_s = got, self._now_s
        if sum(map(len, memory.parts)) <= LONGEST_SCAN:  # else it is too long already, and only its end is waited for
            memory.parts.append(got.data[1:])
        if got.continued:
            self.answer(accepted=True)
            yield Heard()
            return
        decoded, memory.parts = b"".join(memory.parts), []
        scan = _scan(got.data, decoded)
        if isinstance(scan, Unreadable):
            self.answer(accepted=False)
            yield Dropped(scan.why)
        else:
            yield scan

    def _answered(self, got: Packet) -> Iterator[Event]:
        expected = _ANSWER_TO.get(self._asked[1], codec.CMD_ACK) if self._asked else None
        refused = got.opcode == codec.CMD_NAK
        if expected is None or (got.opcode != expected and not refused):
            yield Heard()  # an answer to the beep, or one that came late
        elif refused and got.data[:1] == bytes([codec.RESEND]):
            yield from self._unanswered()
        else:
            if got.opcode == codec.REPLY_REVISION:
                self._about = got.data.decode("ascii", "backslashreplace").strip(" \0")
            elif refused and self._asked[1] == codec.PARAM_SEND:
                yield Dropped("the scanner refused its settings: scan the codes of README.md, or set configure = false")
            yield from self._ask_next()

    def _unanswered(self) -> Iterator[Event]:
        """Ask again; one that answers other requests may leave out this one."""
        if self._tries < TRIES:
            self._tries += 1
            self._asked_at_s = self._now_s
            self._out += _WAKE + self._asked
        elif self._heard:
            yield from self._ask_next()
        else:
            raise _unheard(self._settings.wiring.about, self._noise)

    def _ask_next(self) -> list[Event]:
        if self._to_ask:
            self._asked, self._tries, self._asked_at_s = self._to_ask.pop(0), 1, self._now_s
            self._out += self._asked
            return []
        self._asked = b""
        if self._online:
            return [Heard()]
        self._online = True
        return [Online(", ".join(filter(None, (self._about, self._settings.wiring.about))))]


def _unheard(where: str, noise: int) -> DeviceLost:
    """Silence and noise are different troubles."""
    why = f"the scanner does not answer in SSI on {where}"
    if noise:
        hint = f"Only noise came, {noise} bytes: is it set to SSI, and to this baud rate and parity?"
        return DeviceLost(why, hint, "nonsense")
    return DeviceLost(why, "Is it on, set to SSI, and are its lines RX and TX crossed with ours?", "silent")


def _same(one: Packet, other: Packet) -> bool:
    return (one.data, one.continued) == (other.data, other.continued)


def _scan(data: bytes, decoded: bytes) -> BarcodeScan | Unreadable:
    if not data:
        return Unreadable("a scan without its type")
    kind = data[0]
    if kind in symbols.PROGRAMMING:
        return Unreadable("a code that sets up the scanner")
    if len(decoded) > LONGEST_SCAN:
        return Unreadable(f"a scan of more than {LONGEST_SCAN} bytes")
    # The scanner's own suffix, if it has one, is data to SSI.
    decoded = decoded.rstrip(b"\r\n\t")
    return scan_of(symbols.as_aim_has_it(kind, decoded), symbols.AIM.get(kind))
