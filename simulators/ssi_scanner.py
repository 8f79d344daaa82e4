"""A Zebra scanner in SSI on a pseudo-terminal: it waits for its acknowledgement, sends again, and gives up with a beep.

It packs its own packets and knows nothing of the driver's. Behaviour and time-outs after the Simple Serial Interface
Programmer's Guide (72E-40451): two repetitions, marked; of the causes of a NAK only RESEND brings another sending.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from simulators.serial_port import SerialPort
from simulators.serial_scanner import NoAnswer

CODE_39, GS1_128, EAN_13, DATA_MATRIX = 0x01, 0x0F, 0x0B, 0x1B
_DECODE_DATA, _ACK, _NAK, _BEEP, _REQUEST_REVISION, _REPLY_REVISION, _PARAM_SEND = (
    0xF3,
    0xD0,
    0xD1,
    0xE6,
    0xA3,
    0xA4,
    0xC6,
)
_RESEND = 1
#: Decoded bytes of one packet: 255 less the head and the bar code type.
_MOST = 250


def packed(opcode: int, data: bytes = b"", *, again: bool = False, more: bool = False, source: int = 0) -> bytes:
    """A packet of the scanner."""
    head = bytes([4 + len(data), opcode, source, again | more << 1])
    total = sum(head) + sum(data)
    return head + data + bytes([(-total >> 8) & 0xFF, -total & 0xFF])


class SsiScanner:
    """One scanner; `path` is where the agent finds it.

    What it can be made to do: `damage` changes what is sent (once each, in order; None: as it is), `deaf_to` answers
    are lost on their way to it, `mute` requests are not answered, `asleep`: what comes next only wakes it. `requests`
    and `beeps` are what the host asked of it. `baud` paces it.
    """

    def __init__(self, path: Path, baud: int = 115200, response_s: float = 2.0) -> None:
        self.path = path
        self.damage: list[Callable[[bytes], bytes] | None] = []
        self.deaf_to = 0
        self.mute = 0
        self.asleep = False
        self.requests: list[bytes] = []
        self.beeps: list[int] = []
        self.sent = 0
        self._baud = baud
        self._response_s = response_s
        self._port = SerialPort(path, self._hear)
        self.plug, self.unplug = self._port.plug, self._port.unplug
        self._heard = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def scan(self, text: bytes, kind: int = EAN_13) -> None:
        """Pull the trigger; returns when the last packet is acknowledged. Raises `NoAnswer` with its error beep."""
        pieces = [text[start : start + _MOST] for start in range(0, len(text), _MOST)] or [b""]
        for nth, piece in enumerate(pieces, start=1):
            await self._deliver(bytes([kind]) + piece, more=nth < len(pieces))

    async def say(self, message: bytes) -> None:
        """Send bytes at the line's pace."""
        self.sent += 1
        change = self.damage.pop(0) if self.damage else None
        message = change(message) if change else message
        for start in range(0, len(message), 16):
            self._port.say(message[start : start + 16])
            await asyncio.sleep(len(message[start : start + 16]) * 10 / self._baud)

    async def _deliver(self, data: bytes, *, more: bool) -> None:
        for nth in range(3):
            while not self._answers.empty():
                self._answers.get_nowait()
            await self.say(packed(_DECODE_DATA, data, again=nth > 0, more=more))
            try:
                answer = await asyncio.wait_for(self._answers.get(), self._response_s)
            except TimeoutError:
                continue
            if answer[1] == _ACK:
                return
            if answer[4] != _RESEND:
                raise NoAnswer(f"{self.path.name}: refused with cause {answer[4]}")
        raise NoAnswer(f"{self.path.name}: four long low beeps")

    def _hear(self, heard: bytes) -> None:
        if self.asleep and heard:
            self.asleep = False
            return
        self._heard += heard
        while self._heard:
            size = self._heard[0] + 2
            if size < 6 or len(self._heard) < size:
                self._heard = self._heard[1:] if size < 6 else self._heard
                if size >= 6:
                    return
                continue
            message, self._heard = self._heard[:size], self._heard[size:]
            if sum(message[:-2]) + int.from_bytes(message[-2:], "big") & 0xFFFF:
                raise AssertionError(f"the host sent {message.hex(' ')}, whose checksum is wrong")
            self._obey(message)

    def _obey(self, message: bytes) -> None:
        opcode = message[1]
        if opcode in (_ACK, _NAK):
            if self.deaf_to:
                self.deaf_to -= 1
            else:
                self._answers.put_nowait(message)
            return
        self.requests.append(message[1:2] + message[4:-2])
        if self.mute:
            self.mute -= 1
        elif opcode == _REQUEST_REVISION:
            self._port.say(packed(_REPLY_REVISION, b"NBRPUAAM V1.04 "))
        else:
            if opcode == _BEEP:
                self.beeps.append(message[4])
            self._port.say(packed(_ACK))
