"""Rows of HQ's commands: what each of the newest was answered."""

import json
import sqlite3
from collections.abc import Sequence

from agent.core.commands import WINDOW, FromHq, Obeyed
from agent.core.ledger import Books, Turn

_COLUMNS = "id, counter, outcome, why, epoch, seq, at"
#: What was answered last, whatever the counters: numbers of announcements only grow.
_LAST = f"SELECT counter FROM command ORDER BY epoch DESC, seq DESC, counter DESC LIMIT {WINDOW}"  # noqa: S608 - ours


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the newest counter into the books."""
    (books.newest_command,) = tx.execute("SELECT coalesce(max(counter), 0) FROM command").fetchone()


def look_back(tx: sqlite3.Connection, turn: Turn, commands: Sequence[FromHq]) -> None:
    """Give the turn what was answered before to these commands, or under their counters."""
    if commands:
        ids = json.dumps([command.id for command in commands])
        counters = json.dumps([command.counter for command in commands])
        query = (
            f"SELECT {_COLUMNS} FROM command WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
            " OR counter IN (SELECT value FROM json_each(?))"
        )
        turn.commands.recall(Obeyed(*row) for row in tx.execute(query, (ids, counters)))


def enter(tx: sqlite3.Connection, turn: Turn) -> None:
    """Write what a turn answered; forget what is too old to come again, and was answered long ago."""
    if turn.commands.now:
        rows = [(*(getattr(said, name) for name in _COLUMNS.split(", ")),) for said in turn.commands.now]
        tx.executemany(f"INSERT INTO command ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - ours
        (count,) = tx.execute("SELECT count(*) FROM command").fetchone()
        if count > 2 * WINDOW:
            too_old = turn.commands.newest - WINDOW
            tx.execute(f"DELETE FROM command WHERE counter <= ? AND counter NOT IN ({_LAST})", (too_old,))  # noqa: S608 - ours
