"""An APSW connection that answers like the standard library's `sqlite3`, as far as the agent's store uses it."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import apsw


class Rows:
    """What a statement found, read to its end at once."""

    def __init__(self, rows: list[Any], rowcount: int, lastrowid: int) -> None:
        self.rowcount = rowcount
        self.lastrowid = lastrowid
        self._rows = iter(rows)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int) -> list[Any]:
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class AsSqlite3:
    """Errors come as those of `sqlite3`, with SQLite's own code.

    APSW lets an error go up that SQLite itself swallows: that of a checkpoint after a commit. So checkpoints are made
    here, as SQLite's own hook makes them: when the log has so many pages, and without a word when that fails.
    """

    def __init__(self, file: str, vfs: str, checkpoint_pages: int) -> None:
        try:
            self._connection = apsw.Connection(file, vfs=vfs)
        except apsw.Error as error:
            raise _translated(error) from error
        self._checkpoint_pages = checkpoint_pages
        self._connection.set_wal_hook(self._committed)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, values: Any = ()) -> Rows:
        return self._run(lambda: list(self._connection.execute(sql, values)))

    def executemany(self, sql: str, many: Iterable[Sequence[Any]]) -> Rows:
        rows = [tuple(values) for values in many]
        return self._run(lambda: list(self._connection.executemany(sql, rows)))

    def executescript(self, sql: str) -> Rows:
        return self._run(lambda: list(self._connection.execute(sql)))

    def cursor(self) -> "AsSqlite3":
        return self

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):
            self._connection.close(force=True)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages >= self._checkpoint_pages:
            with contextlib.suppress(apsw.Error):
                connection.wal_checkpoint(database)
        return apsw.SQLITE_OK

    def _run(self, work: Any) -> Rows:
        try:
            return Rows(work(), self._connection.changes(), self._connection.last_insert_rowid())
        except apsw.Error as error:
            raise _translated(error) from error


def _translated(error: apsw.Error) -> sqlite3.Error:
    kinds: tuple[tuple[type[apsw.Error], type[sqlite3.Error]], ...] = (
        (apsw.ConstraintError, sqlite3.IntegrityError),
        (apsw.CorruptError, sqlite3.DatabaseError),
        (apsw.NotADBError, sqlite3.DatabaseError),
    )
    kind = next((theirs for ours, theirs in kinds if isinstance(error, ours)), sqlite3.OperationalError)
    found = kind(str(error))
    found.sqlite_errorcode = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
    codes = apsw.mapping_result_codes | apsw.mapping_extended_result_codes
    found.sqlite_errorname = str(codes.get(found.sqlite_errorcode, "SQLITE_ERROR"))
    return found
