"""What happens to the line. A seed decides who, when and how; the machine, how fast."""

import asyncio
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from simulators.programs import Program
from tests.torture.line.chain import Line, Store
from tests.torture.line.figures import Figures, Length, commanded
from tests.torture.line.judge import caught_up

#: The tills sell this long before anything happens, and at most so long between two kills.
_OPENING_S = 0.5
_BETWEEN_S = 0.7
#: Rows a second that a denied store must have waiting, at the least.
_FEWEST_DENIED = 10


async def broker_killed(there: Line, length: Length, seen: Figures) -> None:
    """Kill -9, and away for a moment."""
    await there.work_for(_OPENING_S)
    for _ in range(length.times):
        await there.work_for(there.rng.uniform(0.0, _BETWEEN_S))
        there.broker.kill()
        await there.work_for(there.rng.uniform(0.0, 0.3))
        await there.broker.start()
        seen.caught_up_s.append(await caught_up(there))


async def hq_killed(there: Line, length: Length, seen: Figures) -> None:
    """Kill -9 at random moments, one in five while it is still starting."""
    await there.work_for(_OPENING_S)
    for _ in range(length.times):
        await there.work_for(there.rng.uniform(0.0, _BETWEEN_S))
        await there.hq.kill()
        if there.rng.random() < 0.2:
            await there.hq.spawn()
            await there.work_for(there.rng.uniform(0.0, _BETWEEN_S))
            await there.hq.kill()
        await there.hq.start()
        seen.caught_up_s.append(await caught_up(there))


async def hq_unheard(there: Line, length: Length, seen: Figures) -> None:
    """HQ dies between its commit and `heard`, at a random one of its answers each time."""
    await there.work_for(_OPENING_S)
    calm = there.hq
    await calm.stop()
    falling = Program("falling HQ", "tests.chaos.falling_hq", calm.settings, calm.log, web=calm.web)
    there.hq = falling
    try:
        for _ in range(length.times):
            falling.environment = {"NEARSHELF_FALLS_AT": str(there.rng.randint(1, 30))}
            await falling.spawn()
            end = asyncio.create_task(falling.wait())
            while not end.done():
                await there.work_for(0.05)
            assert end.result() == -9, f"HQ ended with status {end.result()}; see {falling.log}"
    finally:
        await falling.kill()
    seen.notes.append(f"HQ died {length.times} times between its commit and heard")
    there.hq = calm
    await calm.start()
    seen.caught_up_s.append(await caught_up(there))


async def agent_killed(there: Line, length: Length, seen: Figures) -> None:
    """Kill -9 of one store's agent at a time."""
    await there.work_for(_OPENING_S)
    for _ in range(length.times):
        await there.work_for(there.rng.uniform(0.0, _BETWEEN_S))
        store = there.rng.choice(there.stores)
        await store.agent.kill()
        await store.agent.start()
        seen.caught_up_s.append(await caught_up(there))


async def line_cut(there: Line, length: Length, seen: Figures) -> None:
    """The cable between one store's network and the broker is out for 1 to 60 s, at a random end of it."""
    await there.work_for(_OPENING_S)
    for _ in range(length.times):
        await there.work_for(there.rng.uniform(0.0, _BETWEEN_S))
        store = there.rng.choice(there.stores)
        store.line.cut()
        await there.work_for(there.rng.uniform(1.0, length.cut_s))
        store.line.mend()
        seen.caught_up_s.append(await caught_up(there))


async def unkind(there: Line, length: Length, seen: Figures) -> None:
    """Whoever is in the middle does what he can, to all three stores at once: see roads.py and middleman.py."""
    await there.work_for(_OPENING_S)
    for store in there.stores:
        store.line.unkind = True
    await there.work_for(length.unkind_s)
    for store in there.stores:
        store.line.unkind = False
    done = sum((store.line.done for store in there.stores), Counter[str]())
    seen.notes.append("; ".join(f"{times} {what}" for what, times in sorted(done.items())))
    assert done["lost"], "the middleman was kind"
    seen.caught_up_s.append(await caught_up(there))


async def hq_restored(there: Line, length: Length, seen: Figures) -> None:
    """HQ loses its disk and goes on from a backup; it is replayed what it had heard since.

    What it asked of stores since is not known to it, but to them: asked again it is answered, and new asks are done.
    """
    await there.work_for(_OPENING_S)
    await caught_up(there)
    await commanded(there, there.stores, "before-backup")
    with (
        closing(sqlite3.connect(there.folder / "hq.db")) as books,
        closing(sqlite3.connect(there.folder / "backup.db")) as copy,
    ):
        books.backup(copy)
    await commanded(there, there.stores, "since-1", "since-2")
    sold = await _sold_since(there, length.backup_rows)
    await there.hq.kill()
    for path in there.folder.glob("hq.db*"):
        path.unlink()
    shutil.copy(there.folder / "backup.db", there.folder / "hq.db")
    await there.hq.start()
    seen.caught_up_s.append(await caught_up(there))
    await commanded(there, there.stores, "before-backup", "after-1", "since-2", "after-2")
    seen.notes.append(f"HQ's backup lacked {sold} rows and was replayed them in {seen.caught_up_s[-1]:.1f} s")


async def store_restored(there: Line, length: Length, seen: Figures) -> None:
    """A store loses its disk and goes on from an old copy, in a new epoch. What it sold since, HQ's history has."""
    await there.work_for(_OPENING_S + 0.5)
    store = there.rng.choice(there.stores)
    await _books(store, "backup", "old.db")
    copied = len(store.sold)
    await _sold_since(there, length.backup_rows)
    async with closed(there):
        await caught_up(there)
        seen.notes.append(f"the store's copy lacked {len(store.sold) - copied} rows")
        await store.agent.stop()
        await _books(store, "restore", "old.db")
        await store.agent.start()
    await there.work_for(1.0)
    seen.caught_up_s.append(await caught_up(there))


async def _sold_since(there: Line, rows: int) -> int:
    """Sell so many rows in all, faster than the clock; HQ has heard them. Returns how many they were."""
    before = sum(len(store.sold) for store in there.stores)
    heaps = asyncio.gather(*[store.sell_heaps(rows // len(there.stores)) for store in there.stores])
    while not heaps.done():
        await there.work_for(0.1)
    heaps.result()
    await caught_up(there)
    return sum(len(store.sold) for store in there.stores) - before


@asynccontextmanager
async def closed(there: Line) -> AsyncIterator[None]:
    """No tills sell inside."""
    await there.close()
    yield
    there.closing, there.load = False, None


async def _books(store: Store, *what: str) -> None:
    action, file = what
    argv = (sys.executable, "-m", "agent", "books", action, str(store.agent.settings), str(store.folder / file))
    made = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said, _ = await made.communicate()
    assert made.returncode == 0, said.decode()


async def broker_wiped(there: Line, length: Length, seen: Figures) -> None:
    """A broker that keeps its messages on disk loses them all."""
    await there.work_for(_OPENING_S)
    times = max(1, length.times // 10)
    for _ in range(times):
        await there.work_for(there.rng.uniform(1.0, 2.0))
        there.broker.stop()
        kept = list(there.kept.iterdir())
        assert kept, "the broker keeps nothing, so nothing was wiped"
        for path in kept:
            path.unlink()
        await there.broker.start()
        seen.caught_up_s.append(await caught_up(there))


async def acl_denied(there: Line, length: Length, seen: Figures) -> None:
    """The shipped broker says yes to one store and drops all it says (MQTT 3.1.1), until the rule is taken back."""
    assert there.secured is not None
    await there.work_for(_OPENING_S)
    rules = there.secured.installed / "nearshelf.acl"
    honest, store = rules.read_text(), there.rng.choice(there.stores)
    rules.write_text(f"{honest}\nuser {store.name}\ntopic deny nearshelf/v1/+/+/{store.name}/up/log\n")
    there.broker.reload()
    await there.work_for(length.denied_s)
    waiting = (await store.look("/v1/health"))["line"]["waiting"]
    assert waiting >= _FEWEST_DENIED * length.denied_s, f"{store.name} was not denied: {waiting} rows wait"
    rules.write_text(honest)
    there.broker.reload()
    seen.caught_up_s.append(await caught_up(there))
    seen.notes.append(f"{waiting} rows waited")
