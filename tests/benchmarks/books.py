"""The books at full size: 50,000 SKUs, 100,000 EPCs, 2,000,000 postings. Made once, under build/; takes a minute.

The floor is the same rows in the same batches, by the same statements, in stdlib sqlite3 with synchronous=FULL on the
same disk: what a recorded run wrote is replayed, with nothing looked up, decided, checked or answered.
"""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final, cast

from agent import catalogue_import
from agent.clerk import Clerk
from agent.clock import SystemClock
from agent.core import checks
from agent.core.asks import Claimed, CommitHold, ConsumeHold, ReleaseHold, Reserve, Sale, SaleLine, Sold, Want
from agent.core.ledger import Turn
from agent.memory import spare_the_books
from agent.store import books as rows
from agent.store.connection import Store, _open_writer
from simulators.programs import Program
from tests.benchmarks.figures import Figure, figure
from tests.benchmarks.large_books import EPCS, SKUS, STORE, copied, made

POSTINGS: Final = 2_000_000
FEW_POSTINGS: Final = 1_000
CALLERS: Final = 256
ROUNDS_OF_A_CALLER: Final = 20
ROUNDS: Final = 5
LONELY: Final = 300
STARTS: Final = 3
_BUILD: Final = Path("build/books")

Statement = tuple[str, Any, bool]


#: The rows of marks of a statement that enters many rows.
_MARKS: Final = re.compile(r"(\((?:\?, )*\?\))((?:, \1)+)")


class _Recording:
    """The writer, and every statement that changes something, whatever takes many rows as `executemany`."""

    def __init__(self, writer: sqlite3.Connection, kept: list[Statement]) -> None:
        self._writer = writer
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if not sql.lstrip().startswith(("SELECT", "PRAGMA")):
            several = _MARKS.search(sql)
            if several is None:
                self._kept.append((sql, values, False))
            else:
                columns = several[1].count("?")
                rows = [tuple(values[at : at + columns]) for at in range(0, len(values), columns)]
                self._keep_many(_MARKS.sub(r"\1", sql), rows)
        return self._writer.execute(sql, values)

    def executemany(self, sql: str, many: Iterable[Any]) -> sqlite3.Cursor:
        every = list(many)
        self._keep_many(sql, every)
        return self._writer.executemany(sql, every)

    def _keep_many(self, sql: str, rows: list[Any]) -> None:
        if self._kept and self._kept[-1][0] == sql and self._kept[-1][2]:
            rows = self._kept.pop()[1] + rows
        self._kept.append((sql, rows, True))


class _Shop:
    """A clerk at work on real books, and what it entered."""

    def __init__(self, store: Store, clerk: Clerk, turns: list[Turn]) -> None:
        self.store = store
        self.clerk = clerk
        self.turns = turns
        #: SKUs of which there is enough on the floor that no command is refused.
        self.plenty = [
            sku for (sku, place), qty in clerk.books.balances.items() if place == "FLOOR" and qty >= 12
        ] or list(clerk.books.catalogue.skus)
        self._names = count(time.time_ns())

    @property
    def postings(self) -> int:
        return sum(len(turn.postings) for turn in self.turns)

    async def hold(self) -> None:
        name = self._name("H")
        await self._claimed(Reserve(name, "web", (Want(1, self._sku(), 1),), 900))

    async def commit(self) -> None:
        """A hold, and its commit."""
        name = self._name("H")
        await self._claimed(Reserve(name, "web", (Want(1, self._sku(), 1),), 900))
        await self._claimed(CommitHold(name, f"O{name}"))

    async def post(self) -> None:
        answer = await self.clerk.enter(Sale(self._name("T1-"), (SaleLine(1, "sku", self._sku(), 1),)))
        assert isinstance(answer, Sold), answer

    async def mixed(self) -> None:
        """Two sales, and two holds of which one is used and one is let go."""
        await self.post()
        for resolved in (ConsumeHold, ReleaseHold):
            name = self._name("H")
            await self._claimed(Reserve(name, "web", (Want(1, self._sku(), 1),), 900))
            await self._claimed(CommitHold(name, f"O{name}"))
            done = ConsumeHold(name, ((1, 1),)) if resolved is ConsumeHold else ReleaseHold(name)
            await self._claimed(done)
        await self.post()

    async def _claimed(self, ask: Reserve | CommitHold | ConsumeHold | ReleaseHold) -> None:
        answer = await self.clerk.enter(cast(Any, ask))
        assert isinstance(answer, Claimed), answer

    def _name(self, sign: str) -> str:
        return f"{sign}{next(self._names)}"

    def _sku(self) -> str:
        return self.plenty[next(self._names) % len(self.plenty)]


@asynccontextmanager
async def _opened(folder: Path, kept: list[Statement] | None = None) -> AsyncIterator[_Shop]:
    async with await Store.open(folder / "books.db") as store:
        epoch = await store.write(lambda tx: rows.found(tx, STORE, 1))
        catalogue = await store.write(lambda tx: catalogue_import.follow_file(tx, folder / "catalogue.csv"))
        books = await store.write(lambda tx: rows.load(tx, STORE, epoch, catalogue))
        for sku in catalogue.skus:  # few postings leave few units: commands must find enough everywhere
            books.balances[sku, "FLOOR"] = books.balances.get((sku, "FLOOR"), 0) + 1000
            books.evidence.setdefault(sku, 0)
        spare_the_books()  # as the agent does
        if kept is not None:
            store._writer = cast(sqlite3.Connection, _Recording(store._writer, kept))
        turns: list[Turn] = []
        clerk = Clerk(store, books, SystemClock(), turns.append)
        work = asyncio.ensure_future(clerk.run())
        try:
            yield _Shop(store, clerk, turns)
        finally:
            work.cancel()
            await asyncio.wait([work])


async def _rush(shop: _Shop, command: Callable[[_Shop], Awaitable[None]]) -> float:
    """Seconds per posting with 256 callers who each wait for their answers."""

    async def caller() -> None:
        for _ in range(ROUNDS_OF_A_CALLER):
            await command(shop)

    before, began = shop.postings, time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (time.perf_counter() - began) / (shop.postings - before)


COMMANDS: Final[dict[str, Callable[[_Shop], Awaitable[None]]]] = {
    "hold": _Shop.hold,
    "commit": _Shop.commit,
    "post": _Shop.post,
    "mixed": _Shop.mixed,
}


def _replayed(path: Path, statements: Sequence[Statement]) -> float:
    """Seconds that the bare statements take."""
    with closing(_open_writer(path)) as db:
        began = time.perf_counter()
        for sql, values, many in statements:
            (db.executemany if many else db.execute)(sql, values)
        return time.perf_counter() - began


async def _against_the_floor(folder: Path, scratch: Path) -> list[Figure]:
    """Each command's rate, in turn with the floor; `books_vs_floor` is the least of the ratios."""
    found: list[Figure] = []
    for name, command in COMMANDS.items():
        statements: list[Statement] = []
        async with _opened(copied(folder, scratch), statements) as shop:
            statements.clear()
            await _rush(shop, command)
            postings = shop.postings
        ratios, rates = [], []
        for _ in range(ROUNDS):
            async with _opened(copied(folder, scratch)) as shop:
                ours_s = await _rush(shop, command)
            floor_s = _replayed(copied(folder, scratch) / "books.db", statements) / postings
            ratios.append(floor_s / ours_s)
            rates.append(1 / ours_s)
        found.append(
            figure(
                f"books_{name}_postings_s",
                round(median(rates)),
                "postings/s",
                "sqlite3 executemany",
                round(median(ratios), 3),
            )
        )
    least = min(one["ratio"] or 0 for one in found)
    return [figure("books_vs_floor", least, "x", "sqlite3 executemany", least), *found]


async def _checks(folder: Path, scratch: Path) -> list[Figure]:
    """What the running checks take of a rush, for the command where that is most: of its time, and of its CPU time."""
    spent_s = spent_cpu_s = 0.0
    check = checks.check

    def timed(turn: Turn) -> None:
        nonlocal spent_s, spent_cpu_s
        began, began_cpu = time.perf_counter(), time.thread_time()
        check(turn)
        spent_s += time.perf_counter() - began
        spent_cpu_s += time.thread_time() - began_cpu

    shares: list[tuple[float, float]] = []
    checks.check = timed
    try:
        for command in COMMANDS.values():
            of_command: list[tuple[float, float]] = []
            for _ in range(ROUNDS):
                async with _opened(copied(folder, scratch)) as shop:
                    spent_s = spent_cpu_s = 0.0
                    began, began_cpu = time.perf_counter(), time.process_time()
                    await _rush(shop, command)
                    cpu_s, took_s = time.process_time() - began_cpu, time.perf_counter() - began
                    of_command.append((spent_s / took_s, spent_cpu_s / cpu_s))
            shares.append((median(one for one, _ in of_command), median(cpu for _, cpu in of_command)))
    finally:
        checks.check = check
    return [
        figure("books_checks_cost", round(max(one for one, _ in shares), 3), "of the time"),
        figure("books_checks_cpu", round(max(cpu for _, cpu in shares), 3), "of the CPU time"),
    ]


async def _lonely(folder: Path, scratch: Path) -> Figure:
    """One sale at a time, in turn with a bare commit of the same rows."""
    statements: list[Statement] = []
    async with _opened(copied(folder, scratch), statements) as shop:
        statements.clear()
        for _ in range(LONELY):
            await shop.post()
    commits: list[list[Statement]] = [[]]
    for statement in statements:
        commits[-1].append(statement)
        if statement[0] == "COMMIT":
            commits.append([])
    ours: list[float] = []
    bare: list[float] = []
    bare_folder = copied(folder, scratch.with_name("bare"))
    async with _opened(copied(folder, scratch)) as shop:
        with closing(_open_writer(bare_folder / "books.db")) as db:
            for commit in commits[:LONELY]:
                began = time.perf_counter()
                await shop.post()
                ours.append(time.perf_counter() - began)
                began = time.perf_counter()
                for sql, values, many in commit:
                    (db.executemany if many else db.execute)(sql, values)
                bare.append(time.perf_counter() - began)
    ratio = round(median(ours) / median(bare), 2)
    return figure("books_lonely_vs_commit", ratio, "x", f"bare commit {median(bare) * 1000:.2f} ms", ratio)


async def _flatness(small: Path, large: Path, scratch: Path) -> Figure:
    """What a posting costs with 2,000,000 postings in the ledger, in what it costs with 1,000."""
    ratios = []
    for _ in range(ROUNDS):
        costs = []
        for folder in (small, large):
            async with _opened(copied(folder, scratch)) as shop:
                await _rush(shop, _Shop.mixed)  # until everything is warm
                costs.append(min([await _rush(shop, _Shop.mixed) for _ in range(3)]))
        ratios.append(costs[1] / costs[0])
    ratio = round(median(ratios), 3)
    return figure("books_flatness", ratio, "x", f"{FEW_POSTINGS} postings", ratio)


async def _started(folder: Path) -> list[Figure]:
    """Seconds until the real agent says it is ready, and the memory it then has."""
    took, memory = [], []
    for nth in range(STARTS):
        agent = Program("agent", "agent", folder / "agent.toml", folder / f"agent-{nth}.log")
        try:
            took.append(await agent.start(60))
            memory.append(_resident_mb(agent.pid))
        finally:
            await agent.kill()
    return [
        figure("books_ready_s", round(median(took), 2), "s"),
        figure("books_rss_mb", round(max(memory), 1), "MB"),
    ]


def _resident_mb(pid: int | None) -> float:
    """Of the process or, where a leash holds it, of its child: whichever has more."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{one}/status").read_text()) for one in (str(pid), *children)]
    return max(int(one[1]) for one in found if one) / 1024


def _verified(folder: Path) -> Figure:
    began = time.perf_counter()
    command = [sys.executable, "-m", "agent", "books", "verify", str(folder / "agent.toml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return figure("books_verify_s", round(time.perf_counter() - began, 1), "s")


def figures() -> list[Figure]:
    """Measure; takes about three minutes, the first time four."""
    large = made(_BUILD / "large", POSTINGS)
    small = made(_BUILD / "small", FEW_POSTINGS)
    print(f"books: {POSTINGS} postings, {SKUS} SKUs, {EPCS} EPCs, {os.path.getsize(large / 'books.db') >> 20} MiB")
    with tempfile.TemporaryDirectory(dir=_BUILD) as name:
        scratch = Path(name) / "scratch"
        return [
            *asyncio.run(_against_the_floor(small, scratch)),
            *asyncio.run(_checks(small, scratch)),
            asyncio.run(_lonely(small, scratch)),
            asyncio.run(_flatness(small, large, scratch)),
            *asyncio.run(_started(copied(large, scratch))),
            _verified(large),
        ]
