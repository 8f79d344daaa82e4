"""Real books on a real disk, with a clerk, for tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from agent.clerk import Clerk
from agent.clock import Clock, SystemClock
from agent.core.catalogue import Catalogue
from agent.core.ledger import Books, Turn
from agent.store import books as rows
from agent.store.connection import Store
from tests.core.shop import CATALOGUE


@dataclass(frozen=True, slots=True)
class Shop:
    """An open store with a clerk at work."""

    store: Store
    clerk: Clerk

    @property
    def books(self) -> Books:
        return self.clerk.books

    async def on_disk(self) -> Books:
        """The books as a new start would read them."""
        return await self.store.write(lambda tx: rows.load(tx, "SH-1", self.books.epoch, self.books.catalogue))

    async def assert_memory_is_disk(self) -> None:
        """What the clerk remembers is what is on disk."""
        disk = await self.on_disk()
        assert disk.head == self.books.head
        assert {k: q for k, q in disk.balances.items() if q} == {k: q for k, q in self.books.balances.items() if q}
        assert {s: q for s, q in disk.on_hand.items() if q} == {s: q for s, q in self.books.on_hand.items() if q}
        assert disk.scans == self.books.scans
        assert disk.cases == self.books.cases
        assert disk.holds == self.books.holds
        assert disk.orders == self.books.orders
        assert disk.newest_command == self.books.newest_command
        assert disk.conditions.notes == self.books.conditions.notes
        assert disk.conditions.paused == self.books.conditions.paused
        assert disk.conditions.lease_stale == self.books.conditions.lease_stale
        assert disk.counts.sessions == self.books.counts.sessions
        assert disk.tasks.tasks == self.books.tasks.tasks
        assert disk.untold.days == self.books.untold.days
        kept, memory = (
            {epc: (tag.sku, tag.state, tag.place, tag.moves) for epc, tag in tags.items()}
            for tags in (disk.tags, self.books.tags)
        )
        left = kept.keys() ^ memory.keys()
        assert all((kept.get(epc) or memory[epc])[1] == "sold" for epc in left), "only sold tags leave memory"
        assert all(kept[epc] == memory[epc] for epc in kept.keys() & memory.keys())


@contextlib.asynccontextmanager
async def opened(
    path: Path,
    catalogue: Catalogue = CATALOGUE,
    wrote: Callable[[Turn], None] = lambda turn: None,
    *,
    at_work: bool = True,
    clock: Clock | None = None,
) -> AsyncIterator[Shop]:
    """A shop on the books at `path`, until the block ends; the clerk takes turns if `at_work`."""
    async with await Store.open(path) as store:
        epoch = await store.write(lambda tx: rows.found(tx, "SH-1", 1_700_000_000_000))
        books = await store.write(lambda tx: rows.load(tx, "SH-1", epoch, catalogue))
        clerk = Clerk(store, books, clock or SystemClock(), wrote)
        work = [asyncio.ensure_future(clerk.run())] if at_work else []
        try:
            yield Shop(store, clerk)
        finally:
            for task in work:
                task.cancel()
                await asyncio.wait([task])
