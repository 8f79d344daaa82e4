"""A ThingMagic M6e or Nano that isn't there: boot loader and program, read plan, and a stream that a crash leaves on.

Quirks of the real ones: tags and signs of life come between answers while a stream runs, and stopping it takes a
moment; without a region it does not read; without power it forgets everything, also its baud rate, and says when it
starts.
"""

from functools import lru_cache
from pathlib import Path

from simulators.serial_module import SerialModule
from simulators.tag_crc import gen2_crc

_DEFAULT_BAUD = 115_200
_STOP_S = 0.2
_BOOT_S = 0.3
_TABLE = [part << 12 | part << 5 | part for part in range(16)]  # of polynomial 1021, for four bits


class ThingMagicModule(SerialModule):
    """`field` has for each EPC its PC words, antenna and RSSI. `model` is the hardware's first byte, 0x30 a Nano."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        model: int = 0x30,
        ports: int = 1,
        boots_into_loader: bool = False,
        reads_per_s: float = 200.0,
        baud: int = _DEFAULT_BAUD,
        seed: int = 0,
    ) -> None:
        super().__init__(path, baud=baud, seed=seed)
        self.model, self.ports = model, ports
        self.boots_into_loader = boots_into_loader
        self.regions = {0x0D, 0x0E, 0x08, 0x06, 0x0B, 0xFF} if model == 0x30 else {0x01, 0x08, 0x06, 0x05, 0xFF}
        self.most_cdbm = 2700 if model == 0x30 else 3150
        self.reads_per_s = reads_per_s
        self.field: dict[bytes, tuple[bytes, int, int]] = {}
        self.connected = set(range(1, ports + 1))
        self.unknown: set[int] = set()
        self.asleep = False
        self.now_s = 0.0
        self._held = bytearray()
        self._next_baud = 0
        self._next_read_s = self._next_alive_s = 0.0
        self._stop_at_s: float | None = None
        self._boots_until_s: float | None = None
        self._turn = 0
        self._forget()
        self.in_loader = boots_into_loader

    def place(self, epc: bytes, antenna: int = 1, rssi_dbm: int = -60, pc: bytes | None = None) -> None:
        """A tag comes into reach of an antenna."""
        self.field[epc] = (len(epc) // 2 << 11).to_bytes(2, "big") if pc is None else pc, antenna, rssi_dbm

    def _forget(self) -> None:
        self.region = self.protocol = self.session = 0
        self.power_cdbm = self.most_cdbm
        self.antennas: list[int] = []
        self.filters = True
        self.q: bytes = b"\0"
        self.streams = False
        self._stop_at_s = None

    def boot(self) -> None:
        self._forget()
        self._held.clear()
        self.baud = _DEFAULT_BAUD
        self.in_loader = self.boots_into_loader
        self._boots_until_s = self.now_s + _BOOT_S

    def frame(self, opcode: int, data: bytes = b"", status: int = 0) -> bytes:
        """The bytes of an answer."""
        inside = bytes([len(data), opcode]) + status.to_bytes(2, "big") + data
        return b"\xff" + inside + crc(inside)

    def record(self, epc: bytes, pc: bytes, antenna: int, rssi_dbm: int) -> bytes:
        """What the stream says of a tag."""
        backscattered = pc + epc
        told = bytes([1, rssi_dbm & 0xFF, antenna << 4 | antenna]) + bytes.fromhex("0e1640 00000127 0000 05 0000 0f")
        bits = (len(backscattered) * 8 + 16).to_bytes(2, "big")
        tag = bits + backscattered + gen2_crc(backscattered).to_bytes(2, "big")
        return self.frame(0x22, bytes.fromhex("10001b01ff01") + told + tag)

    def tick(self, now_s: float) -> None:
        self.now_s = now_s
        if self._boots_until_s is not None:
            if now_s >= self._boots_until_s:
                self._boots_until_s = None
                self.say(self.frame(0x04, self._version()))
            return
        if self._next_baud and not self.pending:
            self.baud, self._next_baud = self._next_baud, 0
        if self._stop_at_s is not None and now_s >= self._stop_at_s:
            self._stop_at_s, self.streams = None, False
            self.say(self.frame(0x2F, b"\0\0\x02"))
        if self.streams:
            self._stream()

    def _stream(self) -> None:
        if self.now_s >= self._next_alive_s:
            self._next_alive_s = self.now_s + 1.0
            self.say(self.frame(0x22, status=0x0400))
        here = [(epc, tag) for epc, tag in self.field.items() if tag[1] in self.antennas]
        while here and self.now_s >= self._next_read_s and self.room:
            self._next_read_s = self.next_after(self._next_read_s, 1 / self.reads_per_s, self.now_s)
            self._turn = (self._turn + 1) % len(here)
            epc, tag = here[self._turn]
            self.counts["reads"] += 1
            self.say(self.record(epc, *tag))

    def hear(self, piece: bytes) -> None:
        if self._boots_until_s is not None:
            return
        if self.asleep:
            self.asleep = False
            return
        self._held += piece
        while len(self._held) >= 5:
            length = self._held[1] + 5
            if self._held[0] != 0xFF or self._held[1] > 0xF8:
                del self._held[0]
                continue
            if len(self._held) < length:
                return
            frame = bytes(self._held[:length])
            if crc(frame[1:-2]) != frame[-2:]:
                del self._held[0]
                continue
            del self._held[:length]
            self._obey(frame[2], frame[3:-2])

    def _version(self) -> bytes:
        firmware = bytes.fromhex("20200618 01 09 00 02")
        return bytes.fromhex("12120000") + bytes([self.model, 0, 0, 1]) + firmware + bytes.fromhex("00000010")

    def _obey(self, opcode: int, data: bytes) -> None:
        self.counts[f"{opcode:02X}"] += 1
        answer: bytes | int
        if opcode in self.unknown or (self.in_loader and opcode not in (0x03, 0x04, 0x06, 0x0C)):
            answer = 0x0101
        elif opcode == 0x2F:
            if self.streams and data[2:3] == b"\x02":
                self._stop_at_s = self.now_s + _STOP_S
                return
            answer = self._stream_order(data)
        elif self.streams:
            return  # busy reading
        else:
            answer = self._set(opcode, data)
        self.say(self.frame(opcode, answer) if isinstance(answer, bytes) else self.frame(opcode, status=answer))

    def _stream_order(self, data: bytes) -> bytes | int:
        if data == b"\0\0\x02":
            return data
        if data != bytes.fromhex("00000122000005072210001b03e801ff"):
            return 0x0105
        if not self.region or self.protocol != 5:
            return 0x010B if not self.region else 0x0401
        if not set(self.antennas) <= self.connected:
            return 0x0503
        self.streams = True
        return b""

    def _set(self, opcode: int, data: bytes) -> bytes | int:
        """The answer to what is no order to read: its data, or an error."""
        match opcode:
            case 0x03:
                return self._version()
            case 0x04:
                self.in_loader = False
                return self._version()
            case 0x06:
                self._next_baud = int.from_bytes(data, "big")
            case 0x0C:
                return b"\x11" if self.in_loader else b"\x12"
            case 0x62:
                return data + self.power_cdbm.to_bytes(2, "big")
            case 0x67:
                return bytes([self.region])
            case 0x91 if data[:1] == b"\x02":
                if not set(data[1:]) <= set(range(1, self.ports + 1)):
                    return 0x0507
                self.antennas = list(data[1::2])
            case 0x92:
                power = int.from_bytes(data, "big")
                if power > self.most_cdbm:
                    return 0x0103
                self.power_cdbm = power
            case 0x93:
                self.protocol = data[1]
            case 0x97:
                if data[0] not in self.regions:
                    return 0x010B
                self.region = data[0]
            case 0x9A if data[:2] == b"\1\x0c":
                self.filters = bool(data[2])
            case 0x9B if data[:2] == b"\5\0":
                self.session = data[2]
            case 0x9B if data[:2] == b"\5\x12":
                self.q = data[2:]
            case 0x9B:
                pass
            case _:
                return 0x0101
        return b""


@lru_cache(4096)  # the same tags come again
def crc(data: bytes) -> bytes:
    """ThingMagic's own, four bits at a time."""
    value = 0xFFFF
    for byte in data:
        for part in (byte >> 4, byte & 15):
            value = ((value << 4 | part) ^ _TABLE[value >> 12]) & 0xFFFF
    return value.to_bytes(2, "big")
