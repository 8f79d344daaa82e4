"""How the books are opened at the start: looked at, and when they are damaged put aside for the newest good copy.

In order: the lock, the settings (connection.py), the schema (migrations.py), then `look`. It is bounded: small tables
whole, of the ledger and the announcements the end. The rest is verified in the background (agent/upkeep.py).
"""

import asyncio
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from agent.store import backups, chain, conditions, migrations, restoring, snapshots
from agent.store.ballast import Ballast
from agent.store.connection import Store, take_lock
from agent.store.errors import BooksDamagedError, BooksRefusedError
from agent.store.verify import verify

log = structlog.get_logger()

#: Postings at the ledger's end whose chain is recomputed at each start.
TAIL: Final = 1000
#: Tables that grow without bound are not checked whole at the start.
_LARGE: Final = ("posting", "former_posting", "announcement", "snapshot")
_HINT: Final = "Restore a copy of the books."


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place of other books, where those are now, and what of them was carried over."""

    copy: str
    aside: str
    epoch: int
    rows: int
    salvaged: int
    why: str = ""


async def open_books(path: Path, ballast: Ballast, folder: Path, at: int) -> tuple[Store, Restored | None]:
    """The books, open and looked at; with what had to be restored from the copies in `folder` for that.

    Raises BooksRefusedError, when there is no good copy either.
    """
    await asyncio.to_thread(_finish_a_restore, path, at)
    try:
        return await _open_and_look(path, ballast), None
    except BooksDamagedError as damage:
        log.error("books_damaged", why=damage.why)
        restored = await asyncio.to_thread(_restore_newest, path, folder, at, damage)
    log.error(
        "books_quarantined", aside=restored.aside, copy=restored.copy, salvaged=restored.salvaged, why=restored.why
    )
    return await _open_and_look(path, ballast), restored


async def _open_and_look(path: Path, ballast: Ballast) -> Store:
    store = await Store.open(path, ballast)
    try:
        await store.write(look)
    except BaseException:
        await store.__aexit__(None, None, None)
        raise
    return store


def look(db: sqlite3.Connection) -> None:
    """Is what the shop lives on what was written? Raises BooksDamagedError."""
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table not in _LARGE and not table.startswith("sqlite_"):
                (verdict,) = db.execute(f"PRAGMA quick_check('{table}')").fetchone()
                if verdict != "ok":
                    raise BooksDamagedError(f"the table {table} is damaged: {verdict}", _HINT)
        _look_at_the_tail(db)
        wrong = db.execute(
            "SELECT sku FROM balance GROUP BY sku, place IN ('FREE', 'CONSUMED') OR place GLOB 'GRANT:*'"
            " OR place GLOB 'HOLD:*' OR place GLOB 'COMMIT:*' HAVING sum(qty) <> 0 LIMIT 1"
        ).fetchone()
    except sqlite3.DatabaseError as error:
        raise BooksDamagedError(f"the books cannot be read: {error}", _HINT) from error
    if wrong is not None:
        raise BooksDamagedError(f"the balances of {wrong[0]} do not sum to 0", _HINT)


def _look_at_the_tail(db: sqlite3.Connection) -> None:
    """The chain of the last postings, and that the balances are what these say."""
    start, link = snapshots.ledger_start(db)
    rows = db.execute(
        f"SELECT {chain.NAMES}, chain FROM posting WHERE seq > ? ORDER BY seq DESC LIMIT ?",  # noqa: S608
        (start, TAIL + 1),
    ).fetchall()[::-1]
    if len(rows) > TAIL:
        link = rows.pop(0)[-1]
    now: dict[tuple[str, str], int] = {}
    for row in rows:
        if chain.after(link, row[:-1]) != row[-1]:
            raise BooksDamagedError(f"posting {row[0]} is not what was entered", _HINT)
        link = row[-1]
        now[row[1], row[2]], now[row[1], row[3]] = row[11], row[12]
    for (sku, place), qty in now.items():
        kept = db.execute("SELECT qty FROM balance WHERE sku = ? AND place = ?", (sku, place)).fetchone()
        if (0 if kept is None else kept[0]) != qty:
            raise BooksDamagedError(f"the balance of {sku} at {place} is not what its last posting says", _HINT)


def restore(path: Path, copy: Path, at: int, *, salvage: bool = False, why: str = "") -> Restored:
    """Put a copy in the place of the books at `path`, in a new epoch; those are kept aside. The agent must not run.

    With `salvage`, postings that can still be read there and continue the copy's chain are carried over. Raises
    BooksRefusedError when an agent runs, or the copy is not good.
    """
    lock = take_lock(path)
    try:
        report = verify(copy, archives_in=path.parent)
        if report.findings:
            raise BooksRefusedError(f"{copy} is not good: {report.findings[0]}", "Take an older copy.")
        store, epoch = _whose(path)
        if store not in ("", report.store):
            raise BooksRefusedError(f"{copy} is of store {report.store}, not of {store}", "Take another copy.")
        aside = f"{path.name}.{'damaged' if salvage else 'replaced'}-{_stamp(at)}"
        fresh = path.with_name(path.name + ".restoring")
        _remove(fresh)
        shutil.copyfile(copy, fresh)
        db = sqlite3.connect(fresh, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = 2")
            migrations.bring_up_to_date(db)
            salvaged = _carry_over(db, path) if salvage else 0
            conditions.go_on_after(db, conditions.starts_at(path))
            begun = restoring.begin_epoch(db, at, above=epoch)
        finally:
            db.close()
        fresh.replace(_ready(path))
        _put_in_place(path, aside)
    finally:
        os.close(lock)
    return Restored(copy.name, aside, begun.epoch, begun.rows, salvaged, why)


def _ready(path: Path) -> Path:
    """A restored copy that has only to be put in place: also by the next start, should this one be killed."""
    return path.with_name(path.name + ".restored")


def _put_in_place(path: Path, aside: str) -> None:
    """The log goes first: SQLite would read a log of other books into these."""
    _sync(path.parent)
    for suffix in ("-wal", "-shm", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(aside + suffix))
    _sync(path.parent)
    _ready(path).replace(path)
    _sync(path.parent)


def _finish_a_restore(path: Path, at: int) -> None:
    """What a restore that was killed half-way has left to do."""
    if _ready(path).exists():
        lock = take_lock(path)
        try:
            _put_in_place(path, f"{path.name}.replaced-{_stamp(at)}")
        finally:
            os.close(lock)


def _restore_newest(path: Path, folder: Path, at: int, damage: BooksDamagedError) -> Restored:
    for copy in backups.found(path, folder):
        try:
            return restore(path, copy, at, salvage=True, why=damage.why)
        except BooksRefusedError as error:
            log.error("backup_unusable", copy=copy.name, why=error.why)
    raise damage


def _carry_over(db: sqlite3.Connection, damaged: Path) -> int:
    seq, _ = snapshots.ledger_head(db)
    try:
        rows, beyond = restoring.readable(damaged, seq)
    except sqlite3.DatabaseError as error:
        log.error("salvage_failed", why=str(error))
        return 0
    added = restoring.append(db, rows)
    log.error("postings_salvaged", added=added, readable=len(rows), beyond_the_damage=beyond)
    return added


def _whose(path: Path) -> tuple[str, int]:
    """Store and epoch of the books in place, as far as they can be read."""
    if not path.exists():
        return "", 0
    try:
        db = snapshots.reader(path)
        try:
            meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        finally:
            db.close()
    except sqlite3.DatabaseError:
        return "", 0
    return str(meta.get("store", "")), int(meta.get("epoch", 0))


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M%S")


def _remove(books: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        books.with_name(books.name + suffix).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
