"""Rows of what HQ has not been told yet: see `agent.core.untold`."""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from agent.core.ledger import Books
from agent.core.untold import Tellings


def load(tx: sqlite3.Connection, books: Books, same: Callable[[Any, Any], Any]) -> None:
    """Take it into the books. `same` gives one object for equal texts."""
    books.untold.note(same(sku, sku) for (sku,) in tx.execute("SELECT sku FROM untold"))
    row = tx.execute("SELECT value FROM meta WHERE key = 'aged'").fetchone()
    books.untold.aged_ms = 0 if row is None else int(row[0])


def note(tx: sqlite3.Connection, skus: Iterable[str]) -> None:
    """HQ must be told of these again, if they were ever booked."""
    tx.executemany(
        "INSERT OR IGNORE INTO untold SELECT ?1 WHERE EXISTS (SELECT 1 FROM balance WHERE sku = ?1)",
        [(sku,) for sku in skus],
    )


def note_all(tx: sqlite3.Connection) -> None:
    """HQ must be told of every SKU again."""
    tx.execute("INSERT OR IGNORE INTO untold SELECT DISTINCT sku FROM balance")


def enter(tx: sqlite3.Connection, told: Tellings) -> None:
    """Write what a turn told and noted. How far age was looked at is only written with what that found: a start that
    looks again finds no less."""
    if told.settled:
        tx.executemany("DELETE FROM untold WHERE sku = ?", [(sku,) for sku in told.settled])
    if told.noted:
        note(tx, told.noted)
        tx.execute(
            "INSERT INTO meta VALUES ('aged', ?) ON CONFLICT DO UPDATE SET value = excluded.value", (str(told.aged_ms),)
        )
