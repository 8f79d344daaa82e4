"""Books that go on from an older copy: a new epoch, in which what is true is told to HQ from the first number on.

HQ takes a new epoch from row 1 and forgets the balances of the old one. So the balances become opening rows, open
cases are opened anew, and the postings of the old epoch stay as `former_posting`: what was entered then is never
entered again.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.core.cases import KINDS
from agent.core.ledger import Posting
from agent.core.places import CUSTOMER, is_claim, is_inside
from agent.core.reopening import opening_postings
from agent.store import chain, snapshots
from wire.codec import encode_row
from wire.messages import CaseRow, StockRow

_COLUMNS = f"{chain.NAMES}, chain"
_MARKS = ", ".join("?" * (len(chain.COLUMNS) + 1))


@dataclass(frozen=True, slots=True)
class Begun:
    """A new epoch: its number and how many rows it begins with."""

    epoch: int
    rows: int


def begin_epoch(db: sqlite3.Connection, at: int, *, above: int = 0) -> Begun:
    """Make the books at `db` go on in a new epoch, greater than theirs and than `above`. One transaction."""
    db.execute("BEGIN IMMEDIATE")
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    former = int(meta["epoch"])
    epoch = max(at, former + 1, above + 1)
    balances = {(sku, place): qty for sku, place, qty in db.execute("SELECT sku, place, qty FROM balance")}
    db.execute(f"INSERT INTO former_posting (epoch, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM posting", (former,))  # noqa: S608
    for table in ("posting", "announcement", "snapshot"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
    db.execute("DELETE FROM balance WHERE qty = 0")
    db.execute("INSERT INTO ledger_start VALUES (?, 0, ?)", (epoch, chain.START))
    db.execute("DELETE FROM meta WHERE key = 'old_copy'")
    db.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(epoch),))
    db.execute("UPDATE meta SET value = '0' WHERE key = 'heard'")
    stream = f"{meta['store']}/{epoch}"
    told = _cases_anew(db, stream, at)
    postings = opening_postings(balances, len(told) + 1, at, f"opening:{epoch}")
    db.executemany(
        f"INSERT INTO posting ({_COLUMNS}) VALUES ({_MARKS})",  # noqa: S608 - names of our own
        chain.chained(chain.START, postings),
    )
    told += [(posting.seq, at, _told(stream, posting)) for posting in postings]
    db.executemany("INSERT INTO announcement VALUES (?, ?, ?)", told)
    db.execute("COMMIT")
    return Begun(epoch, len(told))


def append(db: sqlite3.Connection, rows: Iterable[tuple[object, ...]]) -> int:
    """Add salvaged postings that continue the ledger's chain, with what they say of balances, tags and scans; how many.

    Stops at the first that does not continue it. Claims stay as the copy has them, since their holds do.
    """
    seq, link = snapshots.ledger_head(db)
    added = 0
    db.execute("BEGIN IMMEDIATE")
    for row in rows:
        posting, told = Posting._make(row[:-1]), row[-1]
        if posting.seq <= seq:
            continue
        value = chain.after(link, posting)
        if value != told:
            break
        seq, link = posting.seq, value
        db.execute(f"INSERT INTO posting ({_COLUMNS}) VALUES ({_MARKS})", row)  # noqa: S608 - names of our own
        added += 1
        if not is_claim(posting.origin):
            _follow(db, posting)
    db.execute("COMMIT")
    return added


def _follow(db: sqlite3.Connection, posting: Posting) -> None:
    balances = [
        (posting.sku, posting.origin, posting.from_now),
        (posting.sku, posting.target, posting.to_now),
    ]
    db.executemany("INSERT INTO balance VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qty = excluded.qty", balances)
    kind, _, rest = posting.source.partition(":")
    if posting.epc is not None:
        sold = posting.target == CUSTOMER
        place = posting.target if is_inside(posting.target) else None
        moves = int(rest.rpartition(":")[2]) if kind == "tag" else 0
        db.execute(
            "INSERT INTO tag VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " state = excluded.state, place = excluded.place, moves = max(moves, excluded.moves)",
            (posting.epc, posting.sku, "sold" if sold else "in_stock", place, moves),
        )
    elif kind == "scan":
        device, _, n = rest.rpartition(":")
        note = (device, int(n), posting.at, "", f"{posting.code} {posting.sku}, salvaged")
        db.execute("INSERT OR IGNORE INTO scan VALUES (?, ?, ?, ?, ?)", note)


def _cases_anew(db: sqlite3.Connection, stream: str, at: int) -> list[tuple[int, int, bytes]]:
    """Number the open cases from 1 and say them again; those that are resolved keep a number nobody else will get."""
    low, high = db.execute("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM case_file").fetchone()
    db.execute("UPDATE case_file SET id = id - ?", (high - min(low, 0) + 1,))
    told: list[tuple[int, int, bytes]] = []
    open_cases = "SELECT id, kind, about, due_at FROM case_file WHERE resolved_at IS NULL ORDER BY id"
    for seq, (old, kind, about, due) in enumerate(db.execute(open_cases).fetchall(), 1):
        db.execute("UPDATE case_file SET id = ? WHERE id = ?", (seq, old))
        row = CaseRow(seq, f"{stream}/{seq}", at, kind, about, "open", KINDS[kind].owner, due)
        told.append((seq, at, encode_row(row)))
    return told


def _told(stream: str, posting: Posting) -> bytes:
    seq, sku, origin, target, qty, code, at, source, _, _, _, from_now, to_now, on_hand = posting
    row = StockRow(seq, f"{stream}/{seq}", at, sku, origin, target, qty, code, source, from_now, to_now, on_hand)
    return encode_row(row)


def readable(path: Path, after: int) -> tuple[list[tuple[object, ...]], int]:
    """The postings beyond `after` that can be read in damaged books, up to the first that cannot; how many follow it.

    Read a row at a time. -1: not even that can be said.
    """
    rows: list[tuple[object, ...]] = []
    beyond = 0
    db = snapshots.reader(path)
    sql = f"SELECT {_COLUMNS} FROM posting WHERE seq"  # noqa: S608 - names of our own
    try:
        seq = after
        while row := db.execute(f"{sql} > ? ORDER BY seq LIMIT 1", (seq,)).fetchone():
            rows.append(row)
            seq = row[0]
    except sqlite3.DatabaseError:
        try:
            (beyond,) = db.execute("SELECT count(*) FROM posting WHERE seq > ?", (seq,)).fetchone()
        except sqlite3.DatabaseError:
            beyond = -1
    finally:
        db.close()
    return rows, beyond
