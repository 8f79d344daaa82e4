"""Postings per second through the clerk, against the bare floor: the same rows in the same batches by executemany in
stdlib sqlite3, synchronous=FULL, on the same disk. Rounds alternate; the ratio is the median of the rounds' ratios.
"""

import asyncio
import sqlite3
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

from agent.clerk import announcements_of
from agent.core import telling
from agent.core.asks import Sale, SaleLine
from agent.core.catalogue import Catalogue, Sku
from agent.core.ledger import Posting, Turn
from agent.memory import spare_the_books
from agent.store import chain, migrations
from tests.agent.shops import opened
from tests.benchmarks.figures import Figure, figure
from tests.core.shop import gtin_14

CALLERS: Final = 256
SALES_PER_CALLER: Final = 80
SKUS: Final = 500
ROUNDS: Final = 7

_INSERT_POSTING: Final = f"INSERT INTO posting VALUES ({', '.join('?' * (len(Posting._fields) + 1))})"
_UPSERT_BALANCE: Final = "INSERT INTO balance VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qty = excluded.qty"

#: Rows of the ledger with their chain values, balances, announcements.
Batch = tuple[list[tuple[Any, ...]], list[tuple[str, str, int]], list[tuple[int, int, bytes]]]


async def through_the_clerk(folder: Path) -> tuple[float, list[Turn]]:
    """Postings per second with 256 callers who each wait for their answer, and the turns that were taken."""
    turns: list[Turn] = []
    catalogue = Catalogue(Sku(f"S{n}", (gtin_14(n),), "", "") for n in range(SKUS))
    async with opened(folder / "clerk.db", catalogue, turns.append) as shop:
        for n in range(SKUS):
            shop.books.balances[f"S{n}", "FLOOR"] = 10**6  # so that no sale opens a case
        receipts = count()

        async def till() -> None:
            for _ in range(SALES_PER_CALLER):
                receipt = next(receipts)
                await shop.clerk.enter(Sale(f"T1-{receipt:06}", (SaleLine(1, "sku", f"S{receipt % SKUS}", 1),)))

        began = time.perf_counter()
        await asyncio.gather(*(till() for _ in range(CALLERS)))
        took_s = time.perf_counter() - began
    return CALLERS * SALES_PER_CALLER / took_s, turns


def on_the_floor(folder: Path, batches: list[Batch]) -> float:
    """Postings per second when nothing is decided, checked or answered."""
    db = sqlite3.connect(folder / "floor.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = FULL")
    migrations.bring_up_to_date(db)
    began = time.perf_counter()
    for postings, balances, announcements in batches:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INSERT_POSTING, postings)
        db.executemany(_UPSERT_BALANCE, balances)
        db.executemany("INSERT INTO announcement VALUES (?, ?, ?)", announcements)
        db.execute("COMMIT")
    took_s = time.perf_counter() - began
    db.close()
    return sum(len(postings) for postings, _, _ in batches) / took_s


def in_batches(turns: list[Turn]) -> list[Batch]:
    """The rows that the turns wrote, ready for the floor."""
    batches: list[Batch] = []
    value = chain.START
    for turn in turns:
        postings = chain.chained(value, turn.postings)
        value = postings[-1][-1]
        balances = [(sku, place, qty) for (sku, place), qty in turn.balances.items()]
        telling.open_stock(turn)
        batches.append((postings, balances, announcements_of(turn)))
    return batches


def figures() -> list[Figure]:
    """Measure; takes about 15 seconds. The collector is set as the agent sets it, for both."""
    spare_the_books()
    ours: list[float] = []
    floor: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rate, turns = asyncio.run(through_the_clerk(Path(folder)))
            batches = in_batches(turns)
            assert sum(len(postings) for postings, _, _ in batches) == CALLERS * SALES_PER_CALLER
            ours.append(rate)
            floor.append(on_the_floor(Path(folder), batches))
    ratio = round(median(one / other for one, other in zip(ours, floor, strict=True)), 3)
    return [
        figure("clerk_vs_floor", ratio, "x", "sqlite3 executemany", ratio),
        figure("clerk_postings_s", round(median(ours)), "postings/s", "sqlite3 executemany", ratio),
        figure("floor_postings_s", round(median(floor)), "postings/s"),
    ]
