"""Seven days without a line: rows wait by the hundred thousand, and the shop does not notice how they go.

There is one dense stream per store, so what is new stands behind what waits: it is at HQ when the backlog is.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from pathlib import Path

from tests.torture.line.chain import Line, Store
from tests.torture.line.figures import Figures, Length

_LINES = 250
#: One customer after the other, so many a second, while it is measured.
_SALES_PER_S = 20.0
_USUAL_S = 5.0
_MEMORY_WITHIN = 0.10
_P99_TIMES = 2.0
#: A p99 of so few milliseconds is noise on a machine that others use.
_P99_FLOOR_MS = 25.0


async def outage(there: Line, length: Length, seen: Figures) -> None:
    """Sell `rows` behind a cut line, then mend it and go on selling at the usual pace while they drain."""
    (store,) = there.stores
    await store.sell()
    usual = await _sell_for(store, _USUAL_S)
    store.line.cut()
    while len(store.sold) < length.rows:
        await store.sell(_LINES)
    waiting = (await store.look("/v1/health"))["line"]["waiting"]
    assert waiting >= length.rows * 0.9, f"only {waiting} rows wait"
    assert store.agent.pid is not None
    status = Path(f"/proc/{store.agent.pid}/status")
    await _sell_for(store, 1.0)
    before = _memory(status)
    store.line.mend()
    began = time.monotonic()
    draining: list[float] = []
    memory = [before]
    while (line := (await store.look("/v1/health"))["line"])["waiting"] > _LINES or line["heard"] == 0:
        draining += await _sell_for(store, 0.25)
        memory.append(_memory(status))
        assert time.monotonic() - began < 600, f"{line['waiting']} rows still wait"
    spent = time.monotonic() - began
    p99s = [_p99_ms(usual), _p99_ms(draining)]
    most = max(abs(each - before) / before for each in memory)
    seen.notes.append(
        f"{waiting} rows drained in {spent:.1f} s ({waiting / spent:.0f} a second), a sale p99 {p99s[0]:.0f} ms "
        f"as usual and {p99s[1]:.0f} ms meanwhile, memory {before >> 20} MB and {most:+.0%} at most, "
        f"what was sold meanwhile is at HQ within {spent:.1f} s"
    )
    assert most <= _MEMORY_WITHIN, seen.notes
    assert p99s[1] <= max(_P99_TIMES * p99s[0], _P99_FLOOR_MS), seen.notes


async def _sell_for(store: Store, seconds: float) -> list[float]:
    """One-line receipts at the usual pace; how long each took."""
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        took.append(await store.sell(1))
        await asyncio.sleep(max(0.0, 1 / _SALES_PER_S - took[-1]))
    return took


def _p99_ms(seconds: Iterable[float]) -> float:
    ranked = sorted(seconds)
    return 1000 * ranked[max(0, math.ceil(0.99 * len(ranked)) - 1)]


def _memory(status: Path) -> int:
    """What a process has in memory, in bytes (proc(5))."""
    (found,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(found) * 1024
