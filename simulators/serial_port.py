"""A pseudo-terminal as a serial port: what a simulated device plugs into the agent's machine."""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class SerialPort:
    """A port that is plugged in and pulled out. `path` is where the agent finds it, a link as under /dev/serial/by-id.

    Both ends of the terminal are kept open, so that the line outlives an agent that dies; `unplug` closes both, which
    hangs the agent's end up exactly as a pulled cable does. `heard` is called with whatever the agent sends.
    """

    def __init__(self, path: Path, heard: Callable[[bytes], None]) -> None:
        self.path = path
        self._heard = heard
        self._here = -1
        self._there = -1

    @property
    def plugged(self) -> bool:
        return self._here >= 0

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

    def say(self, message: bytes) -> None:
        """Send bytes as they are. Raises BlockingIOError when the agent's end is full, OSError when unplugged."""
        os.write(self._here, message)

    def _hear(self) -> None:
        heard = b""
        with suppress(OSError):
            heard = os.read(self._here, 1024)
        self._heard(heard)
