"""An R200 module that isn't there: answers, polls and forgets as the manual and its owners tell.

Quirks of the real ones: between tags it says again and again that no tag answered; what it is told is forgotten without
power; the power is clipped to what it has; asleep, it wakes by the first command and does not answer it.
"""

from pathlib import Path

from simulators.serial_module import SerialModule
from simulators.tag_crc import gen2_crc


class R200Module(SerialModule):
    """`field` has the tags in reach: for each EPC its PC and RSSI. `rounds_per_s` polls, each tag read in its turn."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        header: int = 0xBB,
        end: int = 0x7E,
        most_dbm: float = 26.0,
        rounds_per_s: float = 100.0,
        baud: int = 115_200,
        seed: int = 0,
    ) -> None:
        super().__init__(path, baud=baud, seed=seed)
        self.header, self.end = header, end
        self.most_dbm = most_dbm
        self.rounds_per_s = rounds_per_s
        self.field: dict[bytes, tuple[int, int]] = {}
        #: Codes it answers with "unknown command", and those it leaves unanswered.
        self.unknown: set[int] = set()
        self.ignored: set[int] = set()
        self.says_no_tag = True
        self.notice_code = 0x22
        self.asleep = False
        self._held = bytearray()
        self._next_round_s = 0.0
        self._turn = 0
        self.boot()

    def place(self, epc: bytes, rssi_dbm: int = -55, pc: int | None = None) -> None:
        """A tag comes into reach."""
        self.field[epc] = (len(epc) // 2 << 11 if pc is None else pc), rssi_dbm

    def boot(self) -> None:
        self.region, self.power_cdbm, self.query, self.select_mode = 0x01, 2000, 0x1020, 0x01
        self.hops = False
        self.rounds_left = 0

    def frame(self, kind: int, code: int, data: bytes) -> bytes:
        """The bytes of a frame, in this maker's dress."""
        inside = bytes([kind, code, len(data) >> 8, len(data) & 0xFF]) + data
        return bytes([self.header]) + inside + bytes([sum(inside) % 256, self.end])

    def tag_frame(self, epc: bytes, pc: int, rssi_dbm: int) -> bytes:
        """What is said of a tag."""
        inside = pc.to_bytes(2, "big") + epc
        crc = gen2_crc(inside).to_bytes(2, "big")
        return self.frame(2, self.notice_code, bytes([rssi_dbm & 0xFF]) + inside + crc)

    def tick(self, now_s: float) -> None:
        while self.rounds_left and now_s >= self._next_round_s and self.room:
            self._next_round_s = self.next_after(self._next_round_s, 1 / self.rounds_per_s, now_s)
            self.rounds_left -= 1
            self._round()

    def _round(self) -> None:
        tags = list(self.field.items())
        if tags:
            self._turn = (self._turn + 1) % len(tags)
            epc, (pc, rssi_dbm) = tags[self._turn]
            self.counts["reads"] += 1
            self.say(self.tag_frame(epc, pc, rssi_dbm))
        elif self.says_no_tag:
            self.say(self.frame(1, 0xFF, b"\x15"))

    def hear(self, piece: bytes) -> None:
        if self.asleep:
            self.asleep = False
            return
        self._held += piece
        while len(self._held) >= 7:
            length = 7 + int.from_bytes(self._held[3:5], "big")
            if self._held[0] != self.header or self._held[1] != 0 or length > 300:
                del self._held[0]
                continue
            if len(self._held) < length:
                return
            frame = bytes(self._held[:length])
            if frame[-1] != self.end or sum(frame[1:-2]) % 256 != frame[-2]:
                del self._held[0]
                continue
            del self._held[:length]
            self._obey(frame[2], frame[5:-2])

    def _obey(self, code: int, data: bytes) -> None:
        self.counts[f"{code:02X}"] += 1
        if code in self.ignored:
            return
        if code in self.unknown:
            self.say(self.frame(1, 0xFF, b"\x17"))
            return
        match code:
            case 0x03:
                words = {0: b"M100 26dBm V1.0", 1: b"V2.3.5", 2: b"MagicRf"}.get(data[0], b"")
                self.say(self.frame(1, code, data + words))
            case 0x22:
                self.rounds_left += 1
            case 0x27:
                self.rounds_left = int.from_bytes(data[1:], "big")
            case 0xB7:
                self.say(self.frame(1, code, self.power_cdbm.to_bytes(2, "big")))
            case _ if self._set(code, data):
                self.say(self.frame(1, 0x0C if code == 0x12 else code, b"\x00"))
            case _:
                self.say(self.frame(1, 0xFF, b"\x17"))

    def _set(self, code: int, data: bytes) -> bool:
        """Whether this is a command that is answered with a plain yes, and done."""
        match code:
            case 0x28:
                self.rounds_left = 0
            case 0x07:
                self.region = data[0]
            case 0xAD:
                self.hops = data == b"\xff"
            case 0xB6:
                self.power_cdbm = min(int.from_bytes(data, "big"), round(self.most_dbm * 100))
            case 0x0E:
                self.query = int.from_bytes(data, "big")
            case 0x12:
                self.select_mode = data[0]
            case _:
                return False
        return True
