"""Old postings leave the ledger for a file per month; the chain goes through both without a seam.

An archive is gzipped text: a first line that says what it holds, then the canonical bytes of each posting
(agent/store/chain.py) as a line of their own. Beside it lies its SHA-256 as `sha256sum -c` reads it. The ledger
remembers the chain value it now begins with, and the snapshot of that moment has the balances.
"""

import gzip
import hashlib
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.store import bygone, chain, snapshots
from agent.store.replay import Replay

#: Postings deleted in one turn: about 30 ms of the writer.
DELETED_AT_ONCE: Final = 5000

_ROW = msgspec.json.Decoder(tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Archive:
    """One file: postings `first` to `last` of an epoch, the chain value before and after them."""

    file: str
    epoch: int
    first: int
    last: int
    before: bytes
    after: bytes
    sha256: str


@dataclass(slots=True)
class Found:
    """What a look into an archive showed."""

    rows: int = 0
    problems: list[str] = field(default_factory=list)


class LedgerBrokenError(Exception):
    """The postings that were to be archived are not those that were entered: they stay where they are."""


def kept(db: sqlite3.Connection) -> list[Archive]:
    """All archives the ledger knows of, oldest first."""
    rows = db.execute("SELECT file, epoch, first, last, before, after, sha256 FROM archive ORDER BY epoch, last")
    return [Archive(*row) for row in rows]


def due(db: sqlite3.Connection, before: int) -> int | None:
    """The snapshot that ends the oldest month to archive: taken before `before` (unix ms), nothing left to announce.

    Months end at the first snapshot of the next; None when there is nothing to do. An announcement is forgotten only
    long after HQ has heard it (announcements.py).
    """
    start, _ = snapshots.ledger_start(db)
    row = db.execute(
        "SELECT s.seq FROM snapshot AS s, (SELECT at, seq FROM posting WHERE seq > ?1 ORDER BY seq LIMIT 1) AS oldest"
        " WHERE s.seq > ?1 AND s.at < ?2 AND s.seq < (SELECT min(seq) FROM announcement)"
        " AND strftime('%Y-%m', s.at / 1000, 'unixepoch') > strftime('%Y-%m', oldest.at / 1000, 'unixepoch')"
        " ORDER BY s.seq LIMIT 1",
        (start, before),
    ).fetchone()
    return None if row is None else row[0]


def write(path: Path, epoch: int, until: int) -> Archive:
    """Write the ledger's rows up to `until` to a file beside the books at `path`, on disk when this returns.

    Raises LedgerBrokenError. About 8 µs per posting; call it in a thread.
    """
    db = snapshots.reader(path)
    try:
        db.execute("BEGIN")
        start, before = snapshots.ledger_start(db)
        rows = db.execute(
            f"SELECT {chain.NAMES}, chain FROM posting WHERE seq > ? AND seq <= ? ORDER BY seq",  # noqa: S608
            (start, until),
        )
        (first, month) = db.execute(
            "SELECT seq, strftime('%Y-%m', at / 1000, 'unixepoch') FROM posting WHERE seq > ? ORDER BY seq LIMIT 1",
            (start,),
        ).fetchone()
        (store,) = db.execute("SELECT value FROM meta WHERE key = 'store'").fetchone()
        target = _free_name(path, month)
        part = target.with_name(target.name + ".part")
        link = before
        with (
            part.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as out,
        ):
            about = {"store": store, "epoch": epoch, "first": first, "last": until, "before": before.hex()}
            out.write(msgspec.json.encode(about) + b"\n")
            for row in rows:
                line = chain.canonical(row[:-1])
                link = hashlib.blake2b(link + line, digest_size=chain.SIZE).digest()
                if link != row[-1]:
                    raise LedgerBrokenError(f"posting {row[0]} is not what was entered")
                out.write(line + b"\n")
        digest = _settle(part)
        note = target.with_name(target.name + ".sha256")
        note.write_text(f"{digest}  {target.name}\n")
        part.replace(target)
        _sync(target.parent)
    finally:
        db.close()
    return Archive(target.name, epoch, first, until, before, link, digest)


def enter(tx: sqlite3.Connection, archive: Archive) -> None:
    """The archive is on disk: from now on the ledger begins after it."""
    row = (archive.file, archive.epoch, archive.first, archive.last, archive.before, archive.after, archive.sha256)
    tx.execute("INSERT INTO archive VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    tx.execute(
        "INSERT INTO ledger_start VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET seq = excluded.seq, chain = excluded.chain",
        (archive.epoch, archive.last, archive.after),
    )


def forget(tx: sqlite3.Connection, most: int = DELETED_AT_ONCE) -> int:
    """Delete up to `most` postings that are archived; how many. Their sources stay known (bygone.py)."""
    start, _ = snapshots.ledger_start(tx)
    gone = tx.execute(
        "SELECT seq, source, at FROM posting WHERE seq <= ? ORDER BY seq LIMIT ?", (start, most)
    ).fetchall()
    if gone:
        bygone.remember(tx, (row[1:] for row in gone))
        tx.execute("DELETE FROM posting WHERE seq <= ?", (gone[-1][0],))
    return len(gone)


def forget_former(tx: sqlite3.Connection, before: int, most: int = DELETED_AT_ONCE) -> int:
    """Delete up to `most` postings of former epochs, the oldest first, as long as they are older than `before` (ms).

    Where their chain begins from then on is kept, as for the ledger.
    """
    gone, start = 0, (0, 0, chain.START)
    rows = tx.execute(
        "SELECT epoch, seq, at, chain, source FROM former_posting ORDER BY epoch, seq LIMIT ?", (most,)
    ).fetchall()
    for epoch, seq, at, link, _ in rows:
        if at >= before or epoch != rows[0][0]:
            break
        gone, start = gone + 1, (epoch, seq, link)
    if gone:
        tx.execute(
            "INSERT INTO ledger_start VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET seq = excluded.seq, chain = excluded.chain",
            start,
        )
        bygone.remember(tx, ((source, at) for _, _, at, _, source in rows[:gone]))
        tx.execute("DELETE FROM former_posting WHERE epoch = ? AND seq <= ?", start[:2])
    return gone


def forget_zeros(tx: sqlite3.Connection, most: int = -1) -> int:
    """Delete up to `most` balances of 0 of accounts that have a name of their own, such as a hold's; how many.

    Those of the few places and of `FREE` stay: they say that the SKU was booked once.
    """
    zeros = "SELECT sku, place FROM balance WHERE qty = 0 AND instr(place, ':') LIMIT ?"
    return tx.execute(f"DELETE FROM balance WHERE (sku, place) IN ({zeros})", (most,)).rowcount  # noqa: S608 - no input


def look(path: Path, archive: Archive, replay: Replay) -> Found:
    """Is the file what was archived? `replay` follows its postings, if it stands where they begin."""
    found = Found()
    if hashlib.sha256(path.read_bytes()).hexdigest() != archive.sha256:
        found.problems.append("its SHA-256 is not the one that was noted")
    link = archive.before
    rows: list[tuple[Any, ...]] = []
    try:
        with gzip.open(path, "rb") as lines:
            next(lines)
            for line in lines:
                link = hashlib.blake2b(link + line[:-1], digest_size=chain.SIZE).digest()
                rows.append((*_ROW.decode(line), link))
                found.rows += 1
                if len(rows) == 10_000:
                    replay.follow(rows)
                    rows.clear()
        replay.follow(rows)
    except (OSError, EOFError, ValueError, StopIteration) as error:
        found.problems.append(f"cannot be read after {found.rows} postings: {error}")
    if link != archive.after:
        found.problems.append("its postings do not lead to the chain value the next one begins with")
    return found


def _free_name(path: Path, month: str) -> Path:
    """The file for a month; a second one of the same month gets a number. What is there is never written over."""
    for nth in range(1, 1000):
        suffix = "" if nth == 1 else f".{nth}"
        target = path.with_name(f"{path.stem}-archive-{month}{suffix}.jsonl.gz")
        if not target.exists():
            return target
    raise FileExistsError(f"{path.stem}-archive-{month}: a thousand of them")


def _settle(part: Path) -> str:
    """Bring a file to the disk; its SHA-256."""
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
