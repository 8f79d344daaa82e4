"""A simulated USB bus, and programs of ours at it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from simulators.usb_scanners import UsbBus, missing
from tests.waiting import until

needs_usb = pytest.mark.skipif(bool(missing()), reason=f"no USB bus to play: {missing()}; scripts/packages installs it")


class Program:
    """tests/drivers/usb_program.py, running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = process
        assert process.stdout is not None
        self._listening = asyncio.create_task(self._listen(process.stdout))

    @classmethod
    async def start(
        cls, bus: UsbBus, kind: str, settings: Sequence[dict[str, object]], books: Path | None = None, user: str = ""
    ) -> Self:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.drivers.usb_program", kind, json.dumps(settings), str(books or ""), user),
            env=bus.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(process)

    def every(self, key: str) -> list[Any]:
        """What was said under this key, in order."""
        return [said[key] for said in self.said if key in said]

    async def hears(self, key: str, count: int = 1) -> Any:
        """The `count`th thing said under this key."""
        await until(lambda: len(self.every(key)) >= count or self._listening.done(), within_s=20)
        assert len(self.every(key)) >= count, f"it ended, and said {self.said}"
        return self.every(key)[count - 1]

    async def stop(self) -> float:
        """Stop it as a service is stopped; the longest time its loop stood still, in seconds."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10)
        await self._listening
        assert self.every("ended") == [True], self.said
        return float(self.every("longest_pause_s")[0])

    async def kill(self) -> None:
        """As a power cut ends it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._listening

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            if line.startswith(b"{"):  # else it is for the log
                self.said.append(json.loads(line))


@contextlib.asynccontextmanager
async def at_bus(
    bus: UsbBus,
    kind: str,
    books: Path | None = None,
    user: str = "",
    also: Sequence[dict[str, object]] = (),
    **settings: object,
) -> AsyncIterator[Program]:
    """A program at the bus until the block ends, killed if it did not stop by then. `also`: more devices' settings."""
    program = await Program.start(bus, kind, [settings, *also], books, user)
    try:
        yield program
    finally:
        await program.kill()
