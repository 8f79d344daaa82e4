"""Rows of what stops the store's promises, and the count of starts that leases are told apart by."""

import sqlite3
from pathlib import Path
from typing import Final

from agent.core.atp import StopNote
from agent.core.ledger import Books, Turn
from agent.store import snapshots

#: So many starts a restored copy goes on after: also when the books before it cannot say how often they were started.
STARTS_APART: Final = 1 << 16


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take what is noted into the books."""
    for name, holds, at, why, by in tx.execute("SELECT name, holds, at, why, said_by FROM condition"):
        books.conditions.take(name, StopNote(bool(holds), at, why, by))


def enter(tx: sqlite3.Connection, turn: Turn) -> None:
    """Write what a turn notes."""
    if not turn.stops:
        return
    rows = [(name, noted.holds, noted.at, noted.why, noted.by) for name, noted in turn.stops.items()]
    tx.executemany(
        "INSERT INTO condition VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " holds = excluded.holds, at = excluded.at, why = excluded.why, said_by = excluded.said_by",
        rows,
    )


def begin_start(tx: sqlite3.Connection) -> int:
    """Count this start of the agent; its number is greater than that of every start before."""
    return _note_starts(tx, starts(tx) + 1)


def starts(tx: sqlite3.Connection) -> int:
    """How many starts these books count; 0 when there was none."""
    row = tx.execute("SELECT value FROM meta WHERE key = 'starts'").fetchone()
    return 0 if row is None else int(row[0])


def starts_at(books: Path) -> int:
    """The same of books that may be damaged or absent: 0 when they do not say."""
    if not books.exists():
        return 0
    try:
        db = snapshots.reader(books)
        try:
            return starts(db)
        finally:
            db.close()
    except (sqlite3.DatabaseError, ValueError):
        return 0


def go_on_after(db: sqlite3.Connection, former: int) -> None:
    """Restored books begin far above their own starts and `former`, those of the books they replace."""
    _note_starts(db, max(starts(db), former) + STARTS_APART)


def _note_starts(tx: sqlite3.Connection, count: int) -> int:
    tx.execute("INSERT OR REPLACE INTO meta VALUES ('starts', ?)", (str(count),))
    return count
