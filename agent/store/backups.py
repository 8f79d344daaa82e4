"""Copies of the books: made while the agent runs, verified before they count, a few of them kept."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

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


def daily_name(books: Path, folder: Path, day: str) -> Path:
    """Where the copy of a day (2026-11-21) goes."""
    return folder / f"{books.stem}-backup-{day}.db"


def found(books: Path, folder: Path) -> list[Path]:
    """The daily copies, newest first."""
    return sorted(folder.glob(f"{books.stem}-backup-*.db"), reverse=True)


def epoch_of(copy: Path) -> int | None:
    """The epoch of a copy, if it can be read."""
    try:
        db = snapshots.reader(copy)
        try:
            ((epoch,),) = db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchall()
        finally:
            db.close()
    except (sqlite3.DatabaseError, ValueError):
        return None
    return int(epoch)


def forget(books: Path, folder: Path, made: Path) -> None:
    """Remove all daily copies but the newest, and what is left of those whose making was killed.

    The one just `made` stays: under a clock that is wrong its day may look older than all.
    """
    others = [copy for copy in found(books, folder) if copy != made]
    for old in [*others[KEPT - 1 :], *folder.glob(f"{books.stem}-backup-*.db.*.part")]:
        _remove(old)


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
