"""How the books are opened at the start: looked at, and when they are damaged put aside for the newest good copy.

In order: the lock, the settings (connection.py), the schema (migrations.py), then `look`. It is bounded: small tables
whole, of the ledger and the announcements the end. The rest is verified in the background (agent/upkeep.py).
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from agent.store import backups, catalogues, chain, conditions, migrations, restoring, salvage, snapshots
from agent.store import books as rows
from agent.store.ballast import Ballast
from agent.store.connection import Store, take_lock
from agent.store.errors import BooksDamagedError, BooksRefusedError
from agent.store.restoring import Begun
from agent.store.salvage import Salvaged
from agent.store.verify import verify

log = structlog.get_logger()

#: Postings at the ledger's end whose chain is recomputed at each start.
TAIL: Final = 1000
#: Tables that grow without bound are not checked whole at the start.
_LARGE: Final = ("posting", "former_posting", "announcement", "snapshot", "bygone")
_HINT: Final = "Restore a copy of the books."


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place of other books, where those are now, and what of them was carried over."""

    copy: str
    aside: str
    epoch: int
    rows: int
    salvaged: Salvaged
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
    salvaged = restored.salvaged
    log.error(
        "books_quarantined",
        aside=restored.aside,
        copy=restored.copy,
        salvaged=salvaged.postings,
        carried=str(salvaged),
        why=restored.why,
    )
    return await _open_and_look(path, ballast), restored


async def _open_and_look(path: Path, ballast: Ballast) -> Store:
    store = await Store.open(path, ballast)
    # Side by side: the tables take long, and while SQLite checks them another core may do the sums.
    looks = store.write(_look_at_what_they_say), asyncio.to_thread(_look_at_the_tables_of, path)
    try:
        for seen in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(seen, BaseException):
                raise seen
    except BaseException:
        await store.__aexit__(None, None, None)
        raise
    return store


def look(db: sqlite3.Connection) -> None:
    """Is what the shop lives on what was written? Raises BooksDamagedError."""
    _look_at_the_tables(db)
    _look_at_what_they_say(db)


def _look_at_the_tables_of(path: Path) -> None:
    with contextlib.closing(snapshots.reader(path)) as db:
        _look_at_the_tables(db)


def _look_at_the_tables(db: sqlite3.Connection) -> None:
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table not in _LARGE and not table.startswith("sqlite_"):
                (verdict,) = db.execute(f"PRAGMA quick_check('{table}')").fetchone()
                if verdict != "ok":
                    raise BooksDamagedError(f"the table {table} is damaged: {verdict}", _HINT)
    except sqlite3.DatabaseError as error:
        raise BooksDamagedError(f"the books cannot be read: {error}", _HINT) from error


def _look_at_what_they_say(db: sqlite3.Connection) -> None:
    try:
        _look_at_the_tail(db)
        _look_at_the_epoch(db)
        wrong = db.execute(
            "SELECT sku FROM balance GROUP BY sku HAVING sum(qty) <> 0 OR sum(qty) FILTER (WHERE"
            " place IN ('FREE', 'CONSUMED') OR place GLOB 'GRANT:*' OR place GLOB 'HOLD:*' OR place GLOB 'COMMIT:*'"
            " OR place GLOB 'PULLED:*') <> 0 LIMIT 1"
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


def _look_at_the_epoch(db: sqlite3.Connection) -> None:
    """The newest announcement bears the store's name and the epoch, as `meta` has them."""
    newest = db.execute("SELECT seq, body FROM announcement ORDER BY seq DESC LIMIT 1").fetchone()
    meta = dict(db.execute("SELECT key, value FROM meta WHERE key IN ('store', 'epoch')").fetchall())
    if newest is not None and f'"{meta.get("store")}/{meta.get("epoch")}/'.encode() not in newest[1]:
        raise BooksDamagedError(f"announcement {newest[0]} is of another store or epoch than the books say", _HINT)


def restore(path: Path, copy: Path, at: int, *, damage: str = "") -> Restored:
    """Put a copy in the place of the books at `path`, in a new epoch; those are kept aside. The agent must not run.

    `damage` says what is wrong with those, if that is why: then what they still say is carried over (salvage.py).
    Raises BooksRefusedError when an agent runs, or the copy is not good.
    """
    lock = take_lock(path)
    try:
        report = verify(copy, archives_in=path.parent)
        if report.findings:
            raise BooksRefusedError(f"{copy} is not good: {report.findings[0]}", "Take an older copy.")
        store, epoch = _whose(path)
        if store not in ("", report.store):
            raise BooksRefusedError(f"{copy} is of store {report.store}, not of {store}", "Take another copy.")
        aside = f"{path.name}.{'damaged' if damage else 'replaced'}-{_stamp(at)}"
        fresh = path.with_name(path.name + ".restoring")
        _remove(fresh)
        shutil.copyfile(copy, fresh)
        db = sqlite3.connect(fresh, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = 2")
            migrations.bring_up_to_date(db)
            conditions.go_on_after(db, conditions.starts_at(path))
            found = _Damage(path, copy.name, aside, damage) if damage else None
            begun, salvaged = _begin(db, at, epoch, found)
        finally:
            db.close()
        fresh.replace(_ready(path))
        _put_in_place(path, aside)
    finally:
        os.close(lock)
    return Restored(copy.name, aside, begun.epoch, begun.rows, salvaged, damage)


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
            return restore(path, copy, at, damage=damage.why)
        except BooksRefusedError as error:
            log.error("backup_unusable", copy=copy.name, why=error.why)
    raise damage


@dataclass(frozen=True, slots=True)
class _Damage:
    """The books that were found damaged, the copy that goes on, where they are put, and what was wrong."""

    path: Path
    copy: str
    aside: str
    why: str


def _begin(db: sqlite3.Connection, at: int, above: int, damage: _Damage | None) -> tuple[Begun, Salvaged]:
    """Begin the new epoch, with what can be salvaged of damaged books as long as the agent can start with it."""
    if damage is None:
        return _begin_with(db, at, above)
    every = frozenset(salvage.tables(db)) - salvage.LEDGERS_OWN
    try:
        return _begin_with(db, at, above, damage)
    except Exception as error:
        log.exception("salvage_failed", why=str(error))
    bad = frozenset(table for table in every if not _fits(db, at, above, damage, every - {table}))
    try:
        return _begin_with(db, at, above, damage, bad)
    except Exception as error:
        log.exception("salvage_failed", why=str(error))
    return _begin_with(db, at, above, damage, every)


class _OnlyATry(Exception):
    """Nothing of it is to stay."""


def _fits(db: sqlite3.Connection, at: int, above: int, damage: _Damage, leave: frozenset[str]) -> bool:
    try:
        _begin_with(db, at, above, damage, leave, only_try=True)
    except _OnlyATry:
        return True
    except Exception:
        return False
    return True


def _begin_with(
    db: sqlite3.Connection,
    at: int,
    above: int,
    damage: _Damage | None = None,
    leave: frozenset[str] = frozenset(),
    *,
    only_try: bool = False,
) -> tuple[Begun, Salvaged]:
    """One transaction: the salvage, its case, the new epoch, and a look whether the agent can read all of it."""
    salvaged = Salvaged()
    db.execute("BEGIN IMMEDIATE")
    try:
        if damage is not None:
            with contextlib.closing(snapshots.reader(damage.path)) as old:
                salvaged = salvage.carry_over(db, old, leave)
            detail = f"{damage.why}; {damage.copy} goes on, with {salvaged}"
            restoring.open_cases(db, at, damage.aside, detail)
        begun = restoring.begin_epoch(db, at, above=above)
        rows.load(db, "", begun.epoch, catalogues.load(db))
        if only_try:
            raise _OnlyATry
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return begun, salvaged


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
