"""Rows of the books: loaded into memory at the start, and a turn written in one go."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agent.core.cases import Case
from agent.core.catalogue import Catalogue
from agent.core.ledger import Books, Posting, Turn
from agent.core.places import OPEN_CLAIMS, is_inside
from agent.store import chain, claims, commands, conditions, counts, days, free_stock, orders, tag_rows, tasks, untold
from agent.store.errors import BooksRefusedError
from agent.store.many import Insert

_POSTINGS = Insert(f"posting ({', '.join(Posting._fields)}, chain)", len(Posting._fields) + 1)
_ANNOUNCEMENTS = Insert("announcement", 3)
_BALANCES = Insert("balance", 3, " ON CONFLICT DO UPDATE SET qty = excluded.qty")
_FIRST_POSTING, _FIRST_POSTINGS, _FORMER_POSTINGS = (
    f"SELECT {', '.join(Posting._fields)} FROM {table} WHERE part = 0 AND source {which}"  # noqa: S608 - our own words
    for table, which in (
        ("posting", "= ?"),
        ("posting", "IN (SELECT value FROM json_each(?))"),
        ("former_posting", "IN (SELECT value FROM json_each(?))"),
    )
)

#: How many announcements at the end must be there without a hole when the books are opened.
_TAIL = 1000


def found(tx: sqlite3.Connection, store: str, epoch: int) -> int:
    """The epoch of these books; new books become this store's, in this epoch.

    Raises BooksRefusedError when they are another store's.
    """
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?), ('epoch', ?), ('heard', '0')", (store, str(epoch)))
    meta = dict(tx.execute("SELECT key, value FROM meta").fetchall())
    if meta["store"] != store:
        raise BooksRefusedError(
            f"these are the books of store {meta['store']}, not of {store}", "Correct [store] id or [books] path."
        )
    return int(meta["epoch"])


def heard(tx: sqlite3.Connection) -> int:
    """How far HQ had heard when that was last noted: to be shown until HQ answers, never to be relied upon."""
    ((value,),) = tx.execute("SELECT value FROM meta WHERE key = 'heard'").fetchall()
    return int(value)


def is_old_copy(tx: sqlite3.Connection) -> bool:
    """Has HQ once heard more from these books than they held? Then they are not the newest; HQ must not hear them."""
    return bool(tx.execute("SELECT 1 FROM meta WHERE key = 'old_copy'").fetchone())


def note_old_copy(tx: sqlite3.Connection) -> None:
    """Remember it, so that it is not forgotten once these books have outgrown what HQ heard."""
    tx.execute("INSERT OR IGNORE INTO meta VALUES ('old_copy', '1')")


def take_epoch(tx: sqlite3.Connection, epoch: int) -> None:
    """Go on as another epoch, from the first number."""
    tx.execute("UPDATE meta SET value = ? WHERE key = 'epoch'", (str(epoch),))


def load(tx: sqlite3.Connection, store: str, epoch: int, catalogue: Catalogue) -> Books:
    """What is true, from disk. Raises BooksRefusedError when the books cannot be right."""
    books = Books(store, epoch, catalogue)
    newest = "SELECT coalesce((SELECT max(seq) FROM announcement), 0), coalesce((SELECT min(seq) FROM announcement), 1)"
    head, oldest = tx.execute(newest).fetchone()
    (tail,) = tx.execute("SELECT count(*) FROM announcement WHERE seq > ?", (head - _TAIL,)).fetchone()
    (last_posting,) = tx.execute("SELECT coalesce(max(seq), 0) FROM posting").fetchone()
    if last_posting > head or tail != min(head - oldest + 1, _TAIL):
        raise BooksRefusedError("announcements are missing at the end of the books", "Restore a copy of the books.")
    books.head = head
    # Hundreds of thousands of equal texts would each take room.
    same: Callable[[Any, Any], Any] = {sku: sku for sku in catalogue.skus}.setdefault
    inside: dict[str, bool] = {}
    balances, on_hand = books.balances, books.on_hand
    for sku, place, qty in tx.execute("SELECT sku, place, qty FROM balance"):
        if qty == 0 and place.startswith(OPEN_CLAIMS):
            continue
        if place not in inside:
            inside[place] = is_inside(place)
        sku = same(sku, sku)
        balances[sku, same(place, place)] = qty
        if inside[place]:
            on_hand[sku] = on_hand.get(sku, 0) + qty
    tag_rows.load(tx, books, same)
    for case in open_cases(tx):
        books.keep_case(case)
    books.scans = dict(tx.execute("SELECT device, max(n) FROM scan GROUP BY device").fetchall())
    claims.load(tx, books, same)
    orders.load(tx, books)
    conditions.load(tx, books)
    counts.load(tx, books)
    tasks.load(tx, books)
    commands.load(tx, books)
    untold.load(tx, books, same)
    days.load(tx, books)
    free_stock.load(tx, books)
    return books


def open_cases(tx: sqlite3.Connection) -> list[Case]:
    """The cases that are not resolved."""
    columns = "id, kind, about, opened_at, due_at, last_at, times, detail, late"
    found = tx.execute(f"SELECT {columns} FROM case_file WHERE resolved_at IS NULL")  # noqa: S608 - our own words
    return [replace(Case(*row), late=bool(late)) for *row, late in found]


def made_by(tx: sqlite3.Connection, sources: Sequence[str]) -> tuple[dict[str, Posting], dict[str, int]]:
    """What these sources entered before: their first postings, and the tags of their delivery lines."""
    notes = [name for name in sources if name.startswith("delivery:")]
    others = sources if not notes else [name for name in sources if not name.startswith("delivery:")]
    postings: dict[str, Posting] = {}
    deliveries: dict[str, int] = {}
    if others:
        names = (json.dumps(others),)
        found = tx.execute(_FIRST_POSTING, others) if len(others) == 1 else tx.execute(_FIRST_POSTINGS, names)
        postings = {row[7]: Posting._make(row) for row in found}
        if tx.execute("SELECT 1 FROM former_posting LIMIT 1").fetchone():  # books that were restored
            postings |= {row[7]: Posting._make(row) for row in tx.execute(_FORMER_POSTINGS, names)}
    if notes:
        announced = "SELECT source, tags FROM delivery_line WHERE source IN (SELECT value FROM json_each(?))"
        deliveries = dict(tx.execute(announced, (json.dumps(notes),)).fetchall())
    return postings, deliveries


def enter(tx: sqlite3.Connection, turn: Turn, announcements: Sequence[tuple[int, int, bytes]]) -> None:
    """Write all of a turn. `announcements` are (number, time, body), as many as the turn has numbers."""
    _POSTINGS.rows(tx, chain.chained(chain.head(tx), turn.postings))
    _BALANCES.rows(tx, [(sku, place, qty) for (sku, place), qty in turn.balances.items()])
    _ANNOUNCEMENTS.rows(tx, announcements)
    if turn.tags:
        tag_rows.enter(tx, turn.tags)
    if turn.orders:
        orders.enter(tx, turn.orders.values())
    if turn.deliveries:
        rows = [(source, turn.at, tags) for source, tags in turn.deliveries.items()]
        tx.executemany("INSERT INTO delivery_line VALUES (?, ?, ?)", rows)
    if turn.notes:
        tx.executemany("INSERT INTO scan VALUES (?, ?, ?, ?, ?)", turn.notes)
    for _, case, state, resolution in turn.cases:
        resolved_at = turn.at if state == "resolved" else None
        tx.execute(
            "INSERT INTO case_file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " last_at = excluded.last_at, times = excluded.times, detail = excluded.detail,"
            " resolved_at = excluded.resolved_at, resolution = excluded.resolution, late = excluded.late",
            (
                case.id,
                case.kind,
                case.about,
                case.opened_at,
                case.due_at,
                case.last_at,
                case.times,
                case.detail,
                resolved_at,
                resolution or None,
                case.late,
            ),
        )
