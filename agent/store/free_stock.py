"""Rows of how many SKUs were free, and how many of them hidden: see `agent.core.free_stock`."""

import sqlite3
from typing import Final

from agent.core.atp import open_to_all
from agent.core.free_stock import Change, Step
from agent.core.ledger import Books
from agent.store.connection import Store

_COLUMNS: Final = ", ".join(Step._fields)
_NEWEST: Final = f"SELECT {_COLUMNS} FROM free_stock ORDER BY at_ms DESC LIMIT 1"  # noqa: S608 - our own words
_UP_TO: Final = _NEWEST.replace("ORDER", "WHERE at_ms <= ? ORDER")
_ENTER: Final = f"INSERT OR REPLACE INTO free_stock ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own words


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take it into the books; all else must be there. What is other than it was when nobody ran is so from now on."""
    found = tx.execute(_NEWEST).fetchone()
    books.free_stock.last = Step() if found is None else Step._make(found)
    for sku, on_hand in books.on_hand.items():
        if on_hand > 0:
            _, atp, left = open_to_all(books, books.catalogue, sku)
            books.free_stock.take(sku, free=left > 0, closed=left > 0 and not atp)


def enter(tx: sqlite3.Connection, change: Change) -> None:
    """Write the step that a turn begins."""
    if change.step is not None:
        tx.execute(_ENTER, change.step)


def forget(tx: sqlite3.Connection, before_ms: int) -> None:
    """Steps that ended before a moment are not needed any more."""
    tx.execute(
        "DELETE FROM free_stock WHERE at_ms < (SELECT max(at_ms) FROM free_stock WHERE at_ms <= ?)", (before_ms,)
    )


async def during(store: Store, since_ms: int, until_ms: int) -> dict[str, int]:
    """SKU-seconds between two moments of the books' own time; what is not zero. They add up over days."""
    begun, ended = await _seconds(store, since_ms), await _seconds(store, until_ms)
    return {name: ended[name] - begun[name] for name in ended if ended[name] != begun[name]}


async def _seconds(store: Store, at_ms: int) -> dict[str, int]:
    found = await store.read(_UP_TO, (at_ms,))
    free_ms, hidden_ms, stopped_ms = (Step._make(found[0]) if found else Step()).sums_at(at_ms)
    return {"free_s": free_ms // 1000, "hidden_s": hidden_ms // 1000, "stopped_s": stopped_ms // 1000}
