"""The file of people: workers, sessions and wrong tries. Its own database, so that a person can be added while the
store works, is not in the books' copies, and does not come back with an old one.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from agent.core.lockout import Tries
from agent.core.people import Worker

#: One step of the schema each; never edited once released.
_STEPS: Final = (
    """
    CREATE TABLE worker (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, lang TEXT NOT NULL, turn INTEGER NOT NULL,
        badge BLOB UNIQUE, salt BLOB NOT NULL, pin BLOB NOT NULL, pepper BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- Ids are never given twice: the ledger names them.
    CREATE TABLE former_worker (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    -- token: a hash of the cookie. Times are of the books' own clock, in ms.
    CREATE TABLE session (
        token BLOB PRIMARY KEY, worker TEXT NOT NULL, turn INTEGER NOT NULL, address TEXT NOT NULL, key TEXT NOT NULL,
        began_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, number INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tries (
        who BLOB PRIMARY KEY, wrong INTEGER NOT NULL, at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)
#: Rows of wrong tries that are kept: whoever makes up badges fills no disk.
MOST_TRIED: Final = 2000


class PeopleError(Exception):
    """What was asked cannot be; `str` says why."""


class Secret(NamedTuple):
    """What is kept of a worker's PIN, and the key it was made with."""

    salt: bytes
    pin: bytes
    pepper: bytes


class Kept(NamedTuple):
    """A worker as the file has it."""

    worker: Worker
    badge: bytes
    secret: Secret


class SessionRow(NamedTuple):
    """A session as the file has it; `number` is the highest of its requests, as of `seen_ms`."""

    token: bytes
    worker: str
    turn: int
    address: str
    key: str
    began_ms: int
    seen_ms: int
    number: int


class PeopleFile:
    """The file, open. Calls are short; from one thread at a time."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    @classmethod
    def open(cls, path: Path) -> Self:
        """The file, made or brought up to date as needed. Raises sqlite3.Error, PeopleError when it is newer."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_private(path)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for setting in ("journal_mode = wal", "synchronous = 2", "trusted_schema = 0", "busy_timeout = 5000"):
                db.execute(f"PRAGMA {setting}")
            file = cls(path, db)
            with file._transaction():
                _bring_up_to_date(path, db)
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        except BaseException:
            db.close()
            raise
        return file

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def version(self) -> int:
        """Another number once another connection has written."""
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(version)

    def workers(self) -> list[Kept]:
        """Everybody who works here, by id."""
        rows = self._db.execute(
            "SELECT id, name, role, lang, turn, badge, salt, pin, pepper FROM worker ORDER BY id"
        ).fetchall()
        return [Kept(Worker(*row[:5]), row[5], Secret(*row[6:])) for row in rows]

    def add(self, worker: Worker, badge: bytes, secret: Secret) -> None:
        """Raises PeopleError when the id is or was somebody's, or the badge is."""
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM former_worker WHERE id = ?", (worker.id,)).fetchone():
                raise PeopleError(f"{worker.id} was somebody who left; the books name them: take another id")
            if db.execute("SELECT 1 FROM worker WHERE id = ?", (worker.id,)).fetchone():
                raise PeopleError(f"{worker.id} is somebody already")
            _badge_is_free(db, worker.id, badge)
            row = (worker.id, worker.name, worker.role, worker.lang, worker.turn, badge, *secret)
            db.execute("INSERT INTO worker VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def change(
        self, worker: str, change: Callable[[Worker], Worker], badge: bytes | None = None, secret: Secret | None = None
    ) -> Worker:
        """The worker as changed; another badge or PIN ends all sessions, and forgets what was tried.

        Raises PeopleError when there is none of this id, or the badge is somebody else's.
        """
        with self._transaction() as db:
            found = [kept for kept in self.workers() if kept.worker.id == worker]
            if not found:
                raise PeopleError(f"nobody is {worker}")
            kept = found[0]
            now = change(kept.worker)
            _badge_is_free(db, worker, badge)
            turn = kept.worker.turn + (badge is not None or secret is not None)
            now = Worker(now.id, now.name, now.role, now.lang, turn)
            db.execute(
                "UPDATE worker SET name = ?, role = ?, lang = ?, turn = ?, badge = ?, salt = ?, pin = ?, pepper = ?"
                " WHERE id = ?",
                (now.name, now.role, now.lang, turn, badge or kept.badge, *(secret or kept.secret), worker),
            )
            db.execute("DELETE FROM session WHERE worker = ? AND turn <> ?", (worker, turn))
            if secret is not None:
                db.execute("DELETE FROM tries WHERE who = ?", (badge or kept.badge,))
        return now

    def remove(self, worker: str) -> None:
        """Nothing of them stays but the id. Raises PeopleError when there is none of this id."""
        with self._transaction() as db:
            if not db.execute("DELETE FROM worker WHERE id = ?", (worker,)).rowcount:
                raise PeopleError(f"nobody is {worker}")
            db.execute("DELETE FROM session WHERE worker = ?", (worker,))
            db.execute("INSERT INTO former_worker VALUES (?)", (worker,))

    def sessions(self) -> list[SessionRow]:
        rows = self._db.execute(f"SELECT {', '.join(SessionRow._fields)} FROM session")  # noqa: S608 - our own words
        return [SessionRow(*row) for row in rows]

    def keep(self, sessions: Iterable[SessionRow], ended: Iterable[bytes] = ()) -> None:
        """Sessions as they are now, and those that are over, by token."""
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sessions)
            db.executemany("DELETE FROM session WHERE token = ?", [(token,) for token in ended])

    def tries(self, who: bytes) -> Tries:
        row = self._db.execute("SELECT wrong, at_ms, until_ms FROM tries WHERE who = ?", (who,)).fetchone()
        return Tries() if row is None else Tries(*row)

    def tried(self, tries: Iterable[tuple[bytes, Tries]]) -> None:
        """What was tried, on disk; one without a wrong try is forgotten."""
        with self._transaction() as db:
            for who, now in tries:
                if now.wrong:
                    row = (who, now.wrong, now.at_ms, now.until_ms)
                    db.execute("INSERT OR REPLACE INTO tries VALUES (?, ?, ?, ?)", row)
                else:
                    db.execute("DELETE FROM tries WHERE who = ?", (who,))
            db.execute(
                "DELETE FROM tries WHERE who IN (SELECT who FROM tries WHERE who NOT IN (SELECT badge FROM worker)"
                " ORDER BY at_ms DESC LIMIT -1 OFFSET ?)",
                (MOST_TRIED,),
            )


def _make_private(path: Path) -> None:
    """An empty file for us alone, if there is none.

    One that is there is never opened and closed here: that would drop the locks of this process's other connections,
    and another process would take the log away under them (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _bring_up_to_date(path: Path, db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(_STEPS):
        raise PeopleError(f"{path} is of version {version}, this program knows {len(_STEPS)}: install the newer agent")
    for step in _STEPS[version:]:
        for statement in step.split(";"):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {len(_STEPS)}")


def _badge_is_free(db: sqlite3.Connection, worker: str, badge: bytes | None) -> None:
    whose = db.execute("SELECT id FROM worker WHERE badge = ? AND id <> ?", (badge, worker)).fetchone()
    if whose is not None:
        raise PeopleError(f"the badge is {whose[0]}'s")
