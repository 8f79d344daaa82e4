"""A UHFReader18 or UHFReader288 that isn't there: one command at a time, in answer mode or speaking on its own.

Quirks of the real ones: what comes while it is busy is lost; its memory keeps region, power and mode without power; in
active mode a 288 takes three commands only; an 18 says FB when there is no tag, a 288 an inventory of none.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from simulators.serial_module import SerialModule

#: A frame holds so many bytes of tags; the rest comes in the next.
_TAGS_BYTES = 100
#: An inventory takes a moment, and something for each tag.
_ROUND_S, _PER_TAG_S = 0.015, 0.003
#: After a power cut it is deaf for so long.
_BOOT_S = 0.3


class SimulatedUhfReader(SerialModule):
    """`field` has for each EPC the antennas that hear it. `model` is 18 or 288."""

    def __init__(self, path: Path | None = None, *, model: int = 288, baud: int = 57_600, seed: int = 0) -> None:
        super().__init__(path, baud=baud, seed=seed)
        self.model = model
        self.address = 0
        self.field: dict[bytes, set[int]] = {}
        self.region, self.power_dbm, self.scan = bytes.fromhex("3180"), 30, 10 if model == 18 else 20
        self.antennas = 1
        self.unplugged_antennas: set[int] = set()
        #: 18: the six bytes of the work mode; 288: mode, then what it looks for in active mode.
        self.mode = bytearray(6) if model == 18 else bytearray(6 + 3 + 1 + 32 + 2)
        #: Commands that it does not know, and those it does not even answer.
        self.unknown: set[int] = set()
        self.ignored: set[int] = set()
        #: In active mode, how often it says that there is no tag; 0: never.
        self.beat_s = 0.0
        self._held = bytearray()
        self.now_s = 0.0
        self._busy_until_s: float | None = None
        self._deaf_until_s = 0.0
        self._answers: list[bytes] = []
        self._next_push_s = 0.0
        self._turn = 0

    def place(self, epc: bytes, *antennas: int) -> None:
        """A tag comes into reach of these antennas, of the first if none is named."""
        self.field[epc] = set(antennas or (1,))

    @property
    def is_active(self) -> bool:
        return bool(self.mode[0] & 3)

    def boot(self) -> None:
        self._held.clear()
        self._answers.clear()
        self._busy_until_s = None
        self._deaf_until_s = self.now_s + _BOOT_S

    def frame(self, code: int, status: int, data: bytes = b"") -> bytes:
        """The bytes of an answer."""
        inside = bytes([len(data) + 5, self.address, code, status]) + data
        return inside + crc(inside)

    def tick(self, now_s: float) -> None:
        self.now_s = now_s
        if now_s < self._deaf_until_s:
            return
        if self._busy_until_s is not None and now_s >= self._busy_until_s:
            self._busy_until_s = None
            for answer in self._answers:
                self.say(answer)
            self._answers.clear()
        if self.is_active and now_s >= self._next_push_s and self.room:
            self._next_push_s = now_s + 0.005
            self._push()

    def _push(self) -> None:
        tags = list(self.field.items())
        if not tags:
            if self.beat_s:
                self._next_push_s = self.now_s + self.beat_s
                self.say(bytes.fromhex("560000000000") if self.model == 18 else self.frame(0xEE, 0x28, bytes(12)))
            return
        self._turn = (self._turn + 1) % len(tags)
        epc, antennas = tags[self._turn]
        self.counts["reads"] += 1
        if self.model == 18:
            self.say(self.frame(0xEE, 0, epc))
        else:
            self.say(self.frame(0xEE, 0, bytes([_bits(antennas), len(epc)]) + epc + b"\x6b"))

    def hear(self, piece: bytes) -> None:
        if self.now_s < self._deaf_until_s:
            return
        self._held += piece
        while self._held and len(self._held) > self._held[0]:
            frame = bytes(self._held[: 1 + self._held[0]])
            if len(frame) < 5 or crc(frame[:-2]) != frame[-2:]:
                del self._held[0]
                continue
            del self._held[: len(frame)]
            if frame[1] in (0xFF, self.address) and self._busy_until_s is None:
                self._obey(frame[2], frame[3:-2])

    def _obey(self, code: int, data: bytes) -> None:
        self.counts[f"{code:02X}"] += 1
        closed = self.is_active and (code == 0x01 or (self.model == 288 and code not in (0x21, 0x76, 0x77)))
        if closed or code in self.ignored:
            self.counts["not now"] += 1
        elif code in self.unknown:
            self.say(self.frame(0, 0xFE))
        elif code == 0x01:
            self._inventory(data)
        elif code == 0x21:
            self.say(self.frame(code, 0, self._about()))
        elif code == (0x36 if self.model == 18 else 0x77):
            mode = bytes(self.mode)
            self.say(self.frame(code, 0, bytes.fromhex("001e0a0f") + mode + b"\x08\0" if self.model == 18 else mode))
        elif self._set(code, data):
            self.say(self.frame(code, 0))
        else:
            self.say(self.frame(code, 0xFF))

    def _about(self) -> bytes:
        common = self.region + bytes([self.power_dbm, self.scan])
        if self.model == 18:
            return bytes.fromhex("0224 09 03") + common
        return bytes.fromhex("0301 20 02") + common + bytes([self.antennas, 0, 0, 1])

    def _set(self, code: int, data: bytes) -> bool:
        """Whether this is an order that can be done, and is."""
        match code, len(data):
            case 0x22, 2:
                band = data[0] >> 6 << 2 | data[1] >> 6
                if self.model == 18 and band > 3:
                    return False
                self.region = data
            case 0x25, 1:
                self.scan = data[0]
            case 0x2F, 1:
                if data[0] > 30:
                    return False
                self.power_dbm = data[0]
            case 0x35, 6 if self.model == 18:
                self.mode[:] = data
            case 0x3F, 1 if self.model == 288:
                self.antennas = data[0]
            case 0x75, 5 if self.model == 288:
                self.mode[1:6] = data
                self.mode[6:] = bytes(len(self.mode) - 6)
            case 0x76, 1 if self.model == 288:
                self.mode[0] = data[0]
            case 0x78, 1 if self.model == 288:
                self.beat_s = self.beat_s or (data[0] & 0x7F) * 30
            case _:
                return False
        return True

    def _inventory(self, data: bytes) -> None:
        antenna, scan = 1, self.scan
        if self.model == 288:
            if len(data) != 9 or not 0x80 <= data[7] <= 0x87:
                self.say(self.frame(1, 0xFF))
                return
            antenna, scan = data[7] - 0x7F, data[8]
        tags = [epc for epc, antennas in self.field.items() if antenna in antennas]
        self.counts["reads"] += len(tags)
        self._busy_until_s = self.now_s + min(_ROUND_S + _PER_TAG_S * len(tags), scan / 10)
        if antenna in self.unplugged_antennas:
            self._answers = [self.frame(1, 0xF8)]
        elif not tags and self.model == 18:
            self._answers = [self.frame(1, 0xFB)]
        else:
            ant = bytes([1 << antenna - 1]) if self.model == 288 else b""
            self._answers = [self.frame(1, 3, ant + block) for block in self._blocks(tags)]
            self._answers.append(self.frame(1, 1, ant + b"\0"))

    def _blocks(self, tags: list[bytes]) -> Iterator[bytes]:
        count, block = 0, b""
        for epc in tags:
            block += bytes([len(epc)]) + epc + (b"\x6b" if self.model == 288 else b"")
            count += 1
            if len(block) > _TAGS_BYTES:
                yield bytes([count]) + block
                count, block = 0, b""
        if count:
            yield bytes([count]) + block


def _bits(antennas: set[int]) -> int:
    return sum(1 << antenna - 1 for antenna in antennas)


@lru_cache(4096)  # the same tags come again
def crc(data: bytes) -> bytes:
    """The manual's CRC-16, bit by bit: preset FFFF, polynomial 8408, the low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value.to_bytes(2, "little")
