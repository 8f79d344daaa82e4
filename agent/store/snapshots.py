"""All balances as of a posting, kept now and then: whoever recomputes the books begins there and not at zero.

A snapshot is read from disk in one read transaction beside the writer, and written in a turn of its own: it is about
the past, which does not change.
"""

import sqlite3
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from agent.store import chain

#: How many of the newest are kept, besides each month's first and the one the ledger begins with.
NEWEST_KEPT: Final = 3

Balances = dict[tuple[str, str], int]


class SnapshotDamagedError(Exception):
    """A snapshot is not what was written."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every balance that is not zero after posting `seq`; `chain` is the chain value after it, `at` unix ms."""

    seq: int
    at: int
    chain: bytes
    packed: bytes

    def seal(self) -> bytes:
        """A hash over all the rest."""
        return blake2b(b"%d,%d," % (self.seq, self.at) + self.chain + self.packed, digest_size=chain.SIZE).digest()

    def balances(self) -> Balances:
        rows = msgspec.json.decode(zlib.decompress(self.packed), type=list[tuple[str, str, int]])
        return {(sku, place): qty for sku, place, qty in rows}


def reader(path: Path) -> sqlite3.Connection:
    """A connection of one's own that cannot write. Close it."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


def take(path: Path, at: int) -> Snapshot:
    """The balances as the disk has them now. Takes about 5 µs per balance; call it in a thread."""
    db = reader(path)
    try:
        db.execute("BEGIN")
        seq, link = ledger_head(db)
        pack = zlib.compressobj(1)
        parts, sign = [], b"["
        for row in db.execute("SELECT sku, place, qty FROM balance WHERE qty <> 0 ORDER BY sku, place"):
            parts.append(pack.compress(sign + msgspec.json.encode(row)))
            sign = b","
        parts.append(pack.compress(b"[]" if sign == b"[" else b"]") + pack.flush())
    finally:
        db.close()
    return Snapshot(seq, at, link, b"".join(parts))


def ledger_head(db: sqlite3.Connection) -> tuple[int, bytes]:
    """The newest posting's number and the chain value after it; where the ledger begins, when it is empty."""
    row = db.execute("SELECT seq, chain FROM posting ORDER BY seq DESC LIMIT 1").fetchone()
    return ledger_start(db) if row is None else row


def ledger_start(db: sqlite3.Connection) -> tuple[int, bytes]:
    """Up to which posting the ledger is archived, and the chain value after it."""
    row = db.execute("SELECT seq, chain FROM ledger_start ORDER BY epoch DESC LIMIT 1").fetchone()
    return (0, chain.START) if row is None else row


def keep(tx: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Write a snapshot and forget those nobody needs: all but the newest, each month's first, and the beginning."""
    row = (snapshot.seq, snapshot.at, snapshot.chain, snapshot.packed, snapshot.seal())
    tx.execute("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
    tx.execute(
        "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT ?)"
        " AND seq NOT IN (SELECT min(seq) FROM snapshot GROUP BY strftime('%Y-%m', at / 1000, 'unixepoch'))"
        " AND seq <> ?",
        (NEWEST_KEPT, ledger_start(tx)[0]),
    )


def known(db: sqlite3.Connection, seq: int | None = None) -> Snapshot | None:
    """The newest snapshot, or the one after posting `seq`. Raises SnapshotDamagedError."""
    which, values = ("seq = ?", (seq,)) if seq is not None else ("1", ())
    row = db.execute(
        f"SELECT seq, at, chain, balances, seal FROM snapshot WHERE {which} ORDER BY seq DESC LIMIT 1",  # noqa: S608
        values,
    ).fetchone()
    if row is None:
        return None
    snapshot = Snapshot(*row[:-1])
    if snapshot.seal() != row[-1]:
        raise SnapshotDamagedError(f"the snapshot after posting {snapshot.seq} is damaged")
    return snapshot
