"""A barcode scanner on a pseudo-terminal: to the agent a serial port like any other."""

import asyncio
from pathlib import Path

from simulators.serial_port import SerialPort

_ACK, _NAK = b"\x06", b"\x15"


class NoAnswer(Exception):
    """Raised when neither ACK nor NAK came in time: the scan is in doubt, and its user must look at the screen."""


class SerialScanner:
    """A scanner in ACK/NAK mode; `path` is where the agent finds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._port = SerialPort(path, self._hear)
        self.plug, self.unplug, self.say = self._port.plug, self._port.unplug, self._port.say
        self._answers = bytearray()
        self._answered = asyncio.Event()
        self._given_up = False

    async def scan(self, text: str, within_s: float = 10.0) -> bool:
        """Pull the trigger: True for ACK, False for NAK. Raises `NoAnswer`, at once when it is unplugged."""
        if not self._port.plugged:
            raise NoAnswer(f"{self.path.name}: it is not plugged in")
        self._answers.clear()
        self.say(text.encode() + b"\r")
        answer = await self.answer(within_s)
        return answer == _ACK

    async def answer(self, within_s: float = 10.0) -> bytes:
        """The next byte that came back. Raises `NoAnswer`."""
        self._given_up = False
        try:
            async with asyncio.timeout(within_s):
                while not self._answers:
                    if self._given_up:
                        raise NoAnswer(f"{self.path.name}: its user waits no longer")
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            raise NoAnswer(f"{self.path.name}: no answer within {within_s} s") from None
        return bytes([self._answers.pop(0)])

    def give_up(self) -> None:
        """Whoever waits for an answer now gets `NoAnswer`, because its user sees that none will come."""
        self._given_up = True
        self._answered.set()

    @property
    def answers_waiting(self) -> int:
        """How many bytes came back that nobody has asked for."""
        return len(self._answers)

    def _hear(self, heard: bytes) -> None:
        self._answers += heard
        self._answered.set()
