"""What everybody holds on disk and in memory while things go wrong, looked at all the time, and the most it may be."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.torture.line.chain import Line, Store

_LOOK_EVERY_S = 0.5
MB = 1024 * 1024


class Bound(NamedTuple):
    """The most a thing may hold: `most` and `each_row` for every row that waits in a store's outbox at the most."""

    unit: str
    most: float
    each_row: float = 0.0


#: mosquitto's queue to HQ is bounded at 64 MB (broker_config); HQ takes as much off the line, and 65 MB of cache; a
#: log is brought home every 2,000 pages, unless somebody is reading. A row that waits is a posting and an announcement.
BOUNDS = {
    "broker's memory": Bound("MB", 128),
    "broker's store": Bound("MB", 64),
    "HQ's memory": Bound("MB", 448),
    "HQ's log": Bound("MB", 64),
    "an agent's memory": Bound("MB", 256),
    "an agent's log": Bound("MB", 64),
    "an agent's books": Bound("MB", 1024, 0.002),
    "an agent's outbox": Bound("rows", 1_000_000),
}


class Held:
    """The most of each, so far."""

    def __init__(self) -> None:
        self.most: dict[str, float] = {}

    def note(self, what: str, much: float) -> None:
        self.most[what] = max(self.most.get(what, 0.0), much)

    def too_much(self) -> Iterator[str]:
        rows = self.most.get("an agent's outbox", 0.0)
        for what, much in self.most.items():
            bound = BOUNDS[what]
            if much > bound.most + bound.each_row * rows:
                yield f"{what} was {much:.0f} {bound.unit}; the most is {bound.most + bound.each_row * rows:.0f}"

    def __str__(self) -> str:
        return ", ".join(f"{what} ≤ {much:,.0f} {BOUNDS[what].unit}" for what, much in sorted(self.most.items()))


@asynccontextmanager
async def watched(there: Line) -> AsyncIterator[Held]:
    """Looks until the end of the block."""
    held = Held()
    watching = asyncio.create_task(_watch(there, held), name="watch")
    try:
        yield held
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        if not watching.cancelled():
            watching.result()


async def _watch(there: Line, held: Held) -> None:
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as asks:
        while True:
            held.note("broker's memory", _memory(there.broker.pid))
            held.note("broker's store", sum(map(_size, there.kept.iterdir())))
            held.note("HQ's memory", _memory(there.hq.pid))
            held.note("HQ's log", _size(there.folder / "hq.db-wal"))
            for store in there.stores:
                held.note("an agent's memory", _memory(store.agent.pid))
                held.note("an agent's log", _size(store.folder / "books.db-wal"))
                held.note("an agent's books", _size(store.folder / "books.db"))
                held.note("an agent's outbox", await _waiting(asks, store))
            await asyncio.sleep(_LOOK_EVERY_S)


async def _waiting(asks: httpx.AsyncClient, store: Store) -> int:
    try:
        found: int = (await asks.get(f"{store.agent.web}/v1/health")).json()["line"]["waiting"]
    except (httpx.HTTPError, ValueError):  # it is away, or just coming
        return 0
    return found


def _size(path: Path) -> float:
    try:
        return path.stat().st_size / MB
    except FileNotFoundError:
        return 0.0


def _memory(pid: int | None) -> float:
    return 0.0 if pid is None else memory(pid) / MB


def memory(pid: int) -> int:
    """What a process has in memory, in bytes (proc(5)); 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else 0
