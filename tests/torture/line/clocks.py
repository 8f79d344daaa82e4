"""Stores whose clocks are wrong: frozen, ahead, behind, at 1970 when they start. libfaketime tells the agents so.

Only the wall clock is wrong: the clock that merely runs is the kernel's, and right, as on a machine whose battery died.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.torture.line.chain import KEPT, Line, Store
from tests.torture.line.figures import Figures, Length, commanded
from tests.torture.line.judge import caught_up
from tests.waiting import until

FAKETIME = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime" / "libfaketimeMT.so.1"
#: What each store's clock does while it sells; one of them also starts like that. As libfaketime reads them.
RIGHT, AHEAD, DAY_BEHIND, FROZEN, AT_1970 = "+0", "+2h", "-1d", "2026-01-01 12:00:00", "@1970-01-01 00:00:10"
_LONG_S, _SHORT_S = 3600, 1


def set_clock(store: Store, to: str) -> None:
    """At once, also for an agent that runs."""
    path = store.folder / "clock"
    path.with_suffix(".new").write_text(to + "\n")
    path.with_suffix(".new").rename(path)


def _fake(store: Store) -> None:
    store.agent.environment = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(store.folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


async def clocks(there: Line, length: Length, seen: Figures) -> None:
    """Every clock on every store in turn: an hour's promise stays, one of a second ends in seconds."""
    assert FAKETIME.exists(), f"{FAKETIME} is missing: apt-get install faketime"
    await there.work_for(1.0)
    for store in there.stores:
        await store.agent.stop()
        set_clock(store, RIGHT)
        _fake(store)
        await store.agent.start()
        await _stock(store)
    await there.work_for(0.5)
    turns = [FROZEN, AHEAD, DAY_BEHIND, AT_1970]
    for nth in range(max(2, length.times // 10 * len(turns))):  # two turns have each clock wrong somewhere
        await asyncio.gather(
            *[
                _go_wrong(there, store, turns[(nth + place) % len(turns)], str(nth))
                for place, store in enumerate(there.stores)
            ]
        )
        seen.caught_up_s.append(await caught_up(there))
    for store in there.stores:
        set_clock(store, RIGHT)
    await there.work_for(0.5)


async def _go_wrong(there: Line, store: Store, clock: str, name: str) -> None:
    """From now on `clock`: at once while it runs, or, for 1970, at a start of the machine's programs."""
    await _hold(store, f"long-{name}", _LONG_S)
    if clock == AT_1970:
        await store.agent.kill()
        set_clock(store, clock)
        await store.agent.start()
    else:
        set_clock(store, clock)
    await _hold(store, f"short-{name}", _SHORT_S)
    await there.work_for(1.0)

    async def has_ended() -> bool:
        await there.work_for(0.05)
        return _state(store, f"short-{name}") == "expired"

    await until(has_ended, 20)
    assert _state(store, f"long-{name}") == "pending", f"{store.name}: an hour's hold ended early under {clock}"
    await commanded(there, [store], f"clock-{name}")
    assert store.till is not None
    await store.till.ask(f"/v1/holds/long-{name}/release", {})


async def _hold(store: Store, name: str, ttl_s: int) -> None:
    assert store.till is not None
    lines = [{"line": 1, "sku": KEPT, "qty": 1}]
    wanted = {"hold": name, "channel": "web", "lines": lines, "ttl_s": ttl_s}
    await store.till.ask("/v1/holds", wanted)


async def _stock(store: Store) -> None:
    """Two people count what there is to promise, and a manager agrees."""
    assert store.till is not None
    ask, item = store.till.ask, {"sku": KEPT}
    await ask("/v1/counts", {"count": "C1", "place": "FLOOR", "by": "lead", "items": [item], "why": "cycle"})
    for by in ("anna", "bao"):
        await ask("/v1/counts/C1/start", {"by": by})
        said = await ask("/v1/counts/C1/lines", {"by": by, "lines": [{"sku": KEPT, "counted": 90}]})
        if said["state"] != "recount":
            break
    if said["state"] == "review":
        await ask("/v1/counts/C1/review", {"by": "chen", "lines": [item | {"approve": 1}]})


def _state(store: Store, name: str) -> str:
    """Of a hold, as the books have it."""
    with closing(sqlite3.connect(f"file:{store.folder / 'books.db'}?mode=ro", uri=True)) as books:
        state: str = books.execute("SELECT state FROM hold WHERE id = ?", [name]).fetchone()[0]
    return state
