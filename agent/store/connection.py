"""The one way to the books: one writer, one turn at a time, and readers that cannot write.

A transaction is a function handed to `Store.write`. It runs whole in the writer's own thread, so that no cancelled
caller can leave a transaction open, and what it changed becomes memory (`and_then`) in the same step of the event loop
in which its outcome is known.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiosqlite

from agent.store import migrations
from agent.store.ballast import Ballast
from agent.store.errors import BooksDamagedError, BooksFullError, BooksLostError, BooksRefusedError
from agent.store.thread import OwnThread

T = TypeVar("T")

#: Set at each opening and read back: SQLite takes a PRAGMA it cannot follow in silence.
SETTINGS: dict[str, str | int] = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: NORMAL lost acknowledged rows in 22 of 30 power cuts
    "foreign_keys": 1,
    "mmap_size": 0,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "busy_timeout": 5000,
    "journal_size_limit": 16 * 1024 * 1024,
}


class Store:
    """The books' file, open. Use `async with await Store.open(path)`."""

    def __init__(self, path: Path, writer: sqlite3.Connection, thread: OwnThread, lock: int, ballast: Ballast) -> None:
        self.path = path
        self.ballast = ballast
        self._writer = writer
        self._thread = thread
        self._lock = lock
        self._reader: aiosqlite.Connection | None = None

    @classmethod
    async def open(cls, path: Path, ballast: Ballast | None = None) -> Self:
        """Open the books, made or brought to this program's version as needed.

        Raises BooksRefusedError when the file is in use, is newer, or its settings do not hold, BooksDamagedError when
        it is not what was written.
        """
        lock = take_lock(path)
        ballast = Ballast(path, 0) if ballast is None else ballast
        ballast.give_if_none_is_left()
        thread = OwnThread("books")
        try:
            writer = await thread.do(partial(_open_writer, path))
        except BaseException:
            thread.finish()
            os.close(lock)
            raise
        store = cls(path, writer, thread, lock, ballast)
        store._reader = await aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
        await store._reader.execute("PRAGMA query_only = 1")
        return store

    async def write(self, work: Callable[[sqlite3.Connection], T], and_then: Callable[[T], None] | None = None) -> T:
        """Run `work` as one transaction; it is on disk when this returns.

        `and_then` runs on the event loop as soon as the commit is known, with no await between. A cancelled caller
        changes nothing about either. Raises BooksLostError when the disk failed, BooksFullError when it is full and
        nothing was written; what `work` raises is rolled back and raised. `work` may be run twice, once for nothing.
        """
        return await self._thread.do(partial(self._transact, work), and_then)

    async def read(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        """The rows a query finds, seen as of the last commit. The connection behind it cannot write."""
        assert self._reader is not None
        return list(await self._reader.execute_fetchall(sql, values))  # one hop: a cancelled read leaves no cursor open

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _close(self) -> None:
        if self._reader is not None:
            await self._reader.close()
        await self._thread.do(self._writer.close)  # after whatever is under way
        self._thread.finish()
        os.close(self._lock)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            result = self._try(work)
        except BooksFullError:
            if not self.ballast.give():
                raise
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            result = self._try(work)
        if self.ballast.room == "full":
            self.ballast.room = "low"
        return result

    def _try(self, work: Callable[[sqlite3.Connection], T]) -> T:
        tx = self._writer
        try:
            tx.execute("BEGIN IMMEDIATE")
            result = work(tx)
            tx.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if tx.in_transaction:
                    tx.execute("ROLLBACK")
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise BooksFullError(
                    "the disk is full", f"Make room on the disk that holds {self.path}; then send it again."
                ) from error
            if _is_the_disk(error):
                raise BooksLostError(
                    f"the books could not be written: {error}", f"Look at the disk that holds {self.path}."
                ) from error
            raise
        return result


def _is_the_disk(error: BaseException) -> bool:
    """Is it open whether the transaction is on disk? An fsync that failed may still have worked.

    SQLite's own trouble is OperationalError, or plain DatabaseError for a damaged file; its other kinds are ours.
    """
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def take_lock(path: Path) -> int:
    """Lock the books for this process, until the descriptor is closed or the process ends, however it ends.

    Raises BooksRefusedError when another process has them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise BooksRefusedError(
            f"another agent runs on {path}", "Stop it first; two writers would spoil both."
        ) from error
    return lock


def _open_writer(path: Path) -> sqlite3.Connection:
    writer: sqlite3.Connection | None = None
    try:
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        for name, wanted in SETTINGS.items():
            writer.execute(f"PRAGMA {name} = {wanted}")
            found = writer.execute(f"PRAGMA {name}").fetchone()
            if found != (wanted,):
                raise BooksRefusedError(
                    f"{path}: {name} is {found and found[0]!r} where {wanted!r} was asked",
                    "Put the books on a local disk with an ordinary file system.",
                )
        migrations.bring_up_to_date(writer)
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException as error:
        if writer is not None:
            writer.close()
        if not isinstance(error, sqlite3.DatabaseError):
            raise
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = BooksDamagedError if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else BooksRefusedError
        raise kind(f"{path} cannot be opened: {error}", "Restore a copy of the books, or move it away.") from error
    return writer
