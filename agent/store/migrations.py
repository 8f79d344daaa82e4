"""Brings the books from any older version to this program's, in one transaction; refuses a newer one."""

import sqlite3
from importlib.resources import files

from agent.store.errors import BooksRefusedError


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
    missing = [sql for step, sql in steps if step > version]
    if missing:
        writer.executescript("BEGIN IMMEDIATE;\n" + "\n".join(missing) + f"\nPRAGMA user_version = {newest};\nCOMMIT;")
