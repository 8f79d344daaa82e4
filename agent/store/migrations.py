"""Brings the books from any older version to this program's, in one transaction; refuses a newer one."""

import sqlite3
from collections.abc import Callable, Iterator
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from agent.store import chain
from agent.store.errors import BooksRefusedError

#: Steps that SQL alone cannot do, run after the script of their version and in its transaction.
AND_THEN: Final = MappingProxyType[int, Callable[[sqlite3.Connection], None]]({3: chain.backfill})


def scripts() -> list[tuple[int, str]]:
    """The schema's steps `(version, SQL)` in order: one file each, `schema/NNNN_name.sql`, never edited."""
    folder = files("agent.store") / "schema"
    found = sorted((item.name, item) for item in folder.iterdir() if item.name.endswith(".sql"))
    return [(int(name[:4]), item.read_text(encoding="utf-8")) for name, item in found]


def bring_up_to_date(writer: sqlite3.Connection) -> None:
    """Apply what is missing. Raises BooksRefusedError when the file was written by a newer program."""
    (version,) = writer.execute("PRAGMA user_version").fetchone()
    steps = scripts()
    newest = steps[-1][0]
    if version > newest:
        raise BooksRefusedError(
            f"the books are of version {version}, this program knows {newest}", "Install the newer agent again."
        )
    if version == newest:
        return
    writer.execute("BEGIN IMMEDIATE")
    try:
        for step, sql in steps:
            if step > version:
                for statement in _statements(sql):
                    writer.execute(statement)
                if step in AND_THEN:
                    AND_THEN[step](writer)
        writer.execute(f"PRAGMA user_version = {newest}")
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """A script's statements, one by one: `executescript` would end the transaction it runs in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
