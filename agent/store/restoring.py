"""Books that go on from an older copy: a new epoch, in which what is true is told to HQ from the first number on.

HQ takes a new epoch from row 1 and forgets the balances of the old one. So the balances become opening rows, open
cases are opened anew, and the postings of the old epoch stay as `former_posting`: what was entered then is never
entered again.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from agent.core.cases import ESCALATED_TO, KINDS
from agent.core.catalogue import Catalogue
from agent.core.ledger import Books, Posting, Turn
from agent.core.reopening import ask_for_cases, opening_postings
from agent.order_rows import row_now
from agent.store import books as rows
from agent.store import chain, claims, orders, untold
from agent.store.archives import forget_zeros
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
    """Make the books at `db` go on in a new epoch, greater than theirs and than `above`.

    Within a transaction of the caller's.
    """
    meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
    former = int(meta["epoch"])
    epoch = max(at, former + 1, above + 1)
    forget_zeros(db)
    balances = {(sku, place): qty for sku, place, qty in db.execute("SELECT sku, place, qty FROM balance")}
    db.execute(f"INSERT INTO former_posting (epoch, {_COLUMNS}) SELECT ?, {_COLUMNS} FROM posting", (former,))  # noqa: S608
    for table in ("posting", "announcement", "heard", "snapshot"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
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
    told += _orders_anew(db, stream, at, len(told) + 1)
    db.executemany("INSERT INTO announcement VALUES (?, ?, ?)", told)
    untold.note_all(db)
    return Begun(epoch, len(told))


def open_cases(db: sqlite3.Connection, at: int, aside: str, detail: str) -> None:
    """Open the case of restored books, and every case that what they say now asks for and that is not open."""
    books = Books("", 0, Catalogue())
    for sku, place, qty in db.execute("SELECT sku, place, qty FROM balance"):
        books.balances[sku, place] = qty
    for case in rows.open_cases(db):
        books.keep_case(case)
    claims.load(db, books, dict[Any, Any]().setdefault)
    (books.head,) = db.execute(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM posting), (SELECT coalesce(max(id), 0) FROM case_file))"
    ).fetchone()
    turn = Turn(books, at, {}, {})
    turn.open_case("books_restored", aside, detail)
    ask_for_cases(turn)
    rows.enter(db, turn, ())


def _cases_anew(db: sqlite3.Connection, stream: str, at: int) -> list[tuple[int, int, bytes]]:
    """Number the open cases from 1 and say them again; those that are resolved keep a number nobody else will get."""
    low, high = db.execute("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM case_file").fetchone()
    db.execute("UPDATE case_file SET id = id - ?", (high - min(low, 0) + 1,))
    told: list[tuple[int, int, bytes]] = []
    open_cases = "SELECT id, kind, about, due_at, late FROM case_file WHERE resolved_at IS NULL ORDER BY id"
    for seq, (old, kind, about, due, late) in enumerate(db.execute(open_cases).fetchall(), 1):
        db.execute("UPDATE case_file SET id = ? WHERE id = ?", (seq, old))
        row = CaseRow(seq, f"{stream}/{seq}", at, kind, about, "open", ESCALATED_TO if late else KINDS[kind].owner, due)
        told.append((seq, at, encode_row(row)))
    return told


def _orders_anew(db: sqlite3.Connection, stream: str, at: int, first: int) -> list[tuple[int, int, bytes]]:
    """Say the open orders again, numbered from `first`."""
    books, stamp = Books("", 0, Catalogue()), claims.time_of(db)
    claims.load(db, books, dict[Any, Any]().setdefault)
    orders.load(db, books)
    now_ms = 0 if stamp is None else stamp.books_ms
    told: list[tuple[int, int, bytes]] = []
    for seq, order in enumerate(books.orders.values(), first):
        row = structs.replace(row_now(books, order, at, now_ms), seq=seq, id=f"{stream}/{seq}")
        told.append((seq, at, encode_row(row)))
    return told


def _told(stream: str, posting: Posting) -> bytes:
    seq, sku, origin, target, qty, code, at, source, _, _, _, from_now, to_now, on_hand = posting
    row = StockRow(seq, f"{stream}/{seq}", at, sku, origin, target, qty, code, source, from_now, to_now, on_hand)
    return encode_row(row)
