"""What processes use, and whether the machine has room to measure anything, by proc(5)."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

_LOOK_EVERY_S = 0.05
_LOOK_AT_OTHERS_S = 2.0
_BUSY = 0.15  # of all cores


def memory_mb(pid: int) -> float:
    """Resident memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (found,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(found) / 1024


async def most_memory_mb(pid: int, is_over: Callable[[], bool]) -> float:
    """The most resident memory, in MiB, until `is_over`."""
    most = memory_mb(pid)
    while not is_over():
        await asyncio.sleep(_LOOK_EVERY_S)
        most = max(most, memory_mb(pid))
    return most


def others() -> str:
    """What to tell a person when others use this machine, before anything is measured; takes two seconds."""
    before = _idle_and_all()
    time.sleep(_LOOK_AT_OTHERS_S)
    idle, every = (after - once for after, once in zip(_idle_and_all(), before, strict=True))
    used = 1 - idle / max(1, every)
    if used < _BUSY:
        return ""
    return f"others use {used:.0%} of the {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}): figures will be worse"


def _idle_and_all() -> tuple[int, int]:
    """Ticks of all cores so far: idle, and any."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
