"""Stores whose clocks are wrong: frozen, ahead, behind, at 1970 when they start. libfaketime tells the agents so."""

import asyncio
import sqlite3
from contextlib import closing

from tests.faketime import FAKETIME, MISSING, set_clock, told_by
from tests.torture.line.chain import KEPT, Line, Store
from tests.torture.line.figures import Figures, Length, commanded
from tests.torture.line.judge import caught_up
from tests.torture.line.middleman import Middleman
from tests.waiting import until

#: What each store's clock does while it sells; one of them also starts like that.
RIGHT, AHEAD, DAY_BEHIND, FROZEN, AT_1970 = "+0", "+2h", "-1d", "2026-01-01 12:00:00", "@1970-01-01 00:00:10"
_LONG_S, _SHORT_S = 3600, 1


async def clocks(there: Line, length: Length, seen: Figures) -> None:
    """Every clock on every store in turn: an hour's promise stays, one of a second ends in seconds."""
    assert FAKETIME.exists(), MISSING
    await there.work_for(1.0)
    for store in there.stores:
        await store.agent.stop()
        set_clock(store.folder / "clock", RIGHT)
        store.agent.environment = told_by(store.folder / "clock")
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
        set_clock(store.folder / "clock", RIGHT)
    await there.work_for(0.5)


async def _go_wrong(there: Line, store: Store, clock: str, name: str) -> None:
    """From now on `clock`: at once while it runs, or, for 1970, at a start of the machine's programs."""
    await _hold(store, f"long-{name}", _LONG_S)
    if clock == AT_1970:
        await store.agent.kill()
        set_clock(store.folder / "clock", clock)
        await store.agent.start()
    else:
        set_clock(store.folder / "clock", clock)
        assert isinstance(store.line, Middleman)
        store.line.hang_up()  # over TLS certificates are looked at again
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
