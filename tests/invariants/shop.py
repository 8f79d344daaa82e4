"""The agent's own clerk and store, asked from outside, one turn at a time, by a clock that the history sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from agent.books_time import BooksTime
from agent.clerk import Clerk
from agent.core.asks import Answer, Ask
from agent.core.commands import FromHq, Obeyed
from agent.core.lease import Leases
from agent.core.ledger import Books
from agent.store import books as rows
from agent.store import claims, conditions
from agent.store.connection import Store
from tests.core.test_work import GOODS

STORE, EPOCH = "SH-1", 1_700_000_000_000
T = TypeVar("T")
#: How long an order may be accepted on a lease.
LEASE_S = 900


class SetClock:
    """A machine's clocks, which stand still until somebody sets them."""

    def __init__(self) -> None:
        self.passed_ms = 0

    def now_ms(self) -> int:
        return EPOCH + self.passed_ms

    def monotonic_s(self) -> float:
        return self.passed_ms / 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Shop:
    """Books that are open. Each `ask` is one turn of the clerk, whoever asks in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = SetClock()
        self._loop = asyncio.new_event_loop()
        self._open()

    @property
    def books(self) -> Books:
        return self.clerk.books

    def ask(self, *asks: Ask | FromHq) -> Sequence[Answer | Obeyed]:
        """All of these at once; what they are answered."""

        async def all_at_once() -> list[Answer | Obeyed]:
            return list(await asyncio.gather(*(self.clerk.enter(cast(Any, ask)) for ask in asks)))

        answers = self._loop.run_until_complete(all_at_once())
        self.answered(asks, answers)
        return answers

    def answered(self, asks: Sequence[Ask | FromHq], answers: Sequence[Answer | Obeyed]) -> None:
        """A turn is over, in which these were asked."""

    def pass_time(self, seconds: int) -> None:
        """The clock does what is due, and then what has become due by that."""
        self.clock.passed_ms += seconds * 1000
        for _ in range(2):
            self._loop.run_until_complete(self.clerk.prove())
            self.answered((), ())

    def lease(self) -> int:
        """The lease that the store tells HQ now."""
        return self.books.leases.issue(self.clock.passed_ms)

    def restart(self) -> None:
        """Stop the agent, and start it again a moment later."""
        self._shut()
        self._open()

    def rows(self, sql: str) -> list[Any]:
        """What the disk says."""
        return self.run(self.store.write(lambda tx: tx.execute(sql).fetchall()))

    def run(self, work: Awaitable[T]) -> T:
        """Wait for it, beside the clerk."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        if not self._loop.is_closed():
            self._shut()
            self._loop.close()

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """The store of these books."""
        async with await Store.open(self.path) as store:
            yield store

    def _open(self) -> None:
        self._stack = contextlib.AsyncExitStack()
        self._loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        self.store = await self._stack.enter_async_context(self.opened())
        epoch = await self.store.write(lambda tx: rows.found(tx, STORE, EPOCH))
        self.answered((), ())
        books = await self.store.write(lambda tx: rows.load(tx, STORE, epoch, GOODS))
        books.leases = Leases(await self.store.write(conditions.begin_start), LEASE_S)
        self.answered((), ())
        time = BooksTime(self.clock, "boot", await self.store.write(claims.time_of))
        self.clerk = Clerk(self.store, books, self.clock, lambda turn: None, time)
        self._work = asyncio.ensure_future(self.clerk.run())

    def _shut(self) -> None:
        self._work.cancel()
        self._loop.run_until_complete(asyncio.gather(self._work, return_exceptions=True))
        self._loop.run_until_complete(self._stack.aclose())
