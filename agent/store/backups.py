"""Copies of the books: made while the agent runs, verified before they count, a few of them kept."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from agent.store import snapshots
from agent.store.verify import Tick, verify

KEPT: Final = 3
_PAGES_AT_ONCE: Final = 2048


class BackupFailedError(Exception):
    """The copy was not made, or is not the books: it is gone again."""


def make(books: Path, copy: Path, tick: Tick = lambda what, done, of: None) -> None:
    """Copy the books as they are now to `copy`, on disk and verified when this returns. Call it in a thread.

    Goes through SQLite's backup API within one read transaction, so that an agent at work neither waits nor makes it
    start again. Raises BackupFailedError.
    """
    part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
    _remove(part)
    try:
        _copy(books, part, lambda left, of: tick("pages copied", of - left, of))
        report = verify(part, tick, archives_in=books.parent)
        if report.findings:
            raise BackupFailedError(f"the copy is not right: {report.findings[0]}")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailedError(str(error)) from error
    finally:
        _remove(part)
    folder = os.open(copy.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(books: Path, part: Path, tick: Callable[[int, int], None]) -> None:
    source = snapshots.reader(books)
    target = sqlite3.connect(part, isolation_level=None)
    try:
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM meta").fetchone()
        source.backup(target, pages=_PAGES_AT_ONCE, progress=lambda _, left, of: tick(left, of), sleep=0.001)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    finally:
        target.close()
        source.close()


class Reached(NamedTuple):
    """How far the books of a copy had come: their epoch, their last number, and their own time then."""

    epoch: int
    head: int
    books_ms: int


_NOWHERE: Final = Reached(-1, -1, -1)


def daily_name(books: Path, folder: Path, day: str, nth: int = 1) -> Path:
    """Where the copy of a day (2026-11-21) goes; one that is made on a day that seems to be the same gets a number."""
    return folder / f"{books.stem}-backup-{day}{'' if nth == 1 else f'.{nth}'}.db"


def free_name(books: Path, folder: Path, day: str) -> Path:
    """The first name of a day that no copy has."""
    names = (daily_name(books, folder, day, nth) for nth in range(1, 1000))
    return next(name for name in names if not name.exists())


def found(books: Path, folder: Path) -> list[Path]:
    """The daily copies, newest first: by how far their books had come, for a clock may have named them wrongly.

    Those that cannot be read come last.
    """
    return sorted(folder.glob(f"{books.stem}-backup-*.db"), key=lambda copy: reached(copy) or _NOWHERE, reverse=True)


def reached(copy: Path) -> Reached | None:
    """How far a copy had come, if it can be read."""
    try:
        db = snapshots.reader(copy)
        try:
            meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
            (head,) = db.execute("SELECT coalesce(max(seq), 0) FROM announcement").fetchone()
        finally:
            db.close()
        return Reached(int(meta["epoch"]), head, json.loads(meta["time"])[0] if "time" in meta else 0)
    except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, IndexError):
        return None


def forget(books: Path, folder: Path, made: Path) -> None:
    """Remove all daily copies but the newest, and what is left of those whose making was killed.

    The one just `made` stays: there may be copies of other books, which had come further.
    """
    others = [copy for copy in found(books, folder) if copy != made]
    for old in [*others[KEPT - 1 :], *folder.glob(f"{books.stem}-backup-*.db.*.part")]:
        _remove(old)


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
