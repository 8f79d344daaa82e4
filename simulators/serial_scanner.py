"""A barcode scanner on a pseudo-terminal: to the agent a serial port like any other."""

import asyncio
import os
import tty
from contextlib import suppress
from pathlib import Path

_ACK, _NAK = b"\x06", b"\x15"


class NoAnswer(Exception):
    """Raised when neither ACK nor NAK came in time: the scan is in doubt, and its user must look at the screen."""


class SerialScanner:
    """A scanner in ACK/NAK mode. `path` is where the agent finds it, a link as under /dev/serial/by-id.

    The simulator keeps both ends of the terminal open, so that the line outlives an agent that dies; `unplug` closes
    both, which hangs the agent's end up exactly as a pulled cable does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._here = -1
        self._there = -1
        self._answers = bytearray()
        self._answered = asyncio.Event()
        self._given_up = False

    def plug(self) -> None:
        """Appear as a device. Needs a running event loop."""
        self._here, self._there = os.openpty()
        tty.setraw(self._there)
        os.set_blocking(self._here, False)
        asyncio.get_running_loop().add_reader(self._here, self._hear)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._there))

    def unplug(self) -> None:
        """Vanish. May be called twice."""
        if self._here < 0:
            return
        self.path.unlink(missing_ok=True)
        asyncio.get_running_loop().remove_reader(self._here)
        os.close(self._here)
        os.close(self._there)
        self._here = self._there = -1

    async def scan(self, text: str, within_s: float = 10.0) -> bool:
        """Pull the trigger: True for ACK, False for NAK. Raises `NoAnswer`, at once when it is unplugged."""
        if self._here < 0:
            raise NoAnswer(f"{self.path.name}: it is not plugged in")
        self._answers.clear()
        self.say(text.encode() + b"\r")
        answer = await self.answer(within_s)
        return answer == _ACK

    def say(self, line: bytes) -> None:
        """Send bytes as they are. Raises BlockingIOError when the agent's end is full."""
        os.write(self._here, line)

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

    def _hear(self) -> None:
        with suppress(OSError):
            self._answers += os.read(self._here, 1024)
        self._answered.set()
