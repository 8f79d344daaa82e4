"""Rows of the days that are over and that HQ was told of."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from agent.core.days import Day
from agent.core.ledger import Books
from agent.store import free_stock, heard_times
from agent.store.connection import Store

_COLUMNS: Final = "day, since, until, since_ms, until_ms, sums"


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take into the books which days HQ was told of."""
    books.untold.days = {day for (day,) in tx.execute("SELECT day FROM trading_day")}


def begun(tx: sqlite3.Connection, today: str) -> str:
    """The first day that these books tell HQ of: today, unless that was noted before."""
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('days_begun', ?)", (today,))
    return str(tx.execute("SELECT value FROM meta WHERE key = 'days_begun'").fetchone()[0])


def enter(tx: sqlite3.Connection, days: Iterable[Day]) -> None:
    """Write the days of a turn; what was measured in them is not kept beside their sums."""
    days = list(days)
    tx.executemany(
        f"INSERT INTO trading_day ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own words
        [(one.day, one.since, one.until, one.since_ms, one.until_ms, json.dumps(one.sums)) for one in days],
    )
    for one in days:
        free_stock.forget(tx, one.until_ms)
        heard_times.forget(tx, one.until_ms)


async def named(store: Store, day: str) -> Day | None:
    """A day that is over; None when HQ was not told of it."""
    found = await store.read(f"SELECT {_COLUMNS} FROM trading_day WHERE day = ?", (day,))  # noqa: S608 - our own words
    return _day(found[0]) if found else None


async def newest(store: Store, most: int) -> list[Day]:
    """The last days that HQ was told of, the oldest first."""
    last = f"SELECT {_COLUMNS} FROM trading_day ORDER BY day DESC LIMIT ?"  # noqa: S608 - our own words
    found = await store.read(last, (most,))
    return [_day(row) for row in reversed(found)]


async def told(store: Store) -> tuple[str, int] | None:
    """The first day that HQ was told of, and up to when, in the books' time, it was told; None: of nothing."""
    # each by its index: asked for together they would be looked for in all rows
    both = "SELECT (SELECT min(day) FROM trading_day), (SELECT max(until_ms) FROM trading_day)"
    ((first, until_ms),) = await store.read(both)
    return None if first is None else (first, until_ms)


def _day(row: Any) -> Day:
    day, since, until, since_ms, until_ms, sums = row
    return Day(day, since, until, since_ms, until_ms, json.loads(sums))
