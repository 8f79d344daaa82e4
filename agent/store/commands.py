"""Rows of HQ's commands: what each of the newest was answered."""

import json
import sqlite3
from collections.abc import Sequence

from agent.core.commands import WINDOW, FromHq, Obeyed
from agent.core.ledger import Books, Turn

_COLUMNS = ", ".join(Obeyed.__struct_fields__)


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the newest counter into the books."""
    (books.newest_command,) = tx.execute("SELECT coalesce(max(counter), 0) FROM command").fetchone()


def look_back(tx: sqlite3.Connection, turn: Turn, commands: Sequence[FromHq]) -> None:
    """Give the turn what these commands were answered before."""
    if commands:
        counters = json.dumps([command.counter for command in commands])
        query = f"SELECT {_COLUMNS} FROM command WHERE counter IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
        turn.commands.before = {row[1]: Obeyed(*row) for row in tx.execute(query, (counters,))}


def enter(tx: sqlite3.Connection, turn: Turn) -> None:
    """Write what a turn answered; forget what is too old to come again."""
    if turn.commands.now:
        rows = [tuple(getattr(said, name) for name in Obeyed.__struct_fields__) for said in turn.commands.now]
        tx.executemany(f"INSERT INTO command ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - ours
        tx.execute("DELETE FROM command WHERE counter <= ?", (turn.commands.newest - WINDOW,))
