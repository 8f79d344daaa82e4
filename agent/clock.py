"""Time, given to whoever needs it: wall time stamps, monotonic time waits."""

import asyncio
import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What the agent knows of time."""

    def now_ms(self) -> int:
        """Wall time, unix milliseconds: for stamping, never for waiting or order."""

    def monotonic_s(self) -> float:
        """Seconds that never jump, and that count while the machine sleeps: for waiting and for how long ago."""

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def this_boot() -> str:
    """A name that is another after each reboot of the machine; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
