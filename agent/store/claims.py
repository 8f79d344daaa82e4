"""Rows of holds, of the evidence for stock, and of the books' own time."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import structs

from agent.books_time import Stamp
from agent.core.claims import Hold, HoldLine, Places
from agent.core.ledger import Books, Turn
from agent.core.life import PickLineState
from agent.core.places import GRANT
from agent.store.many import Insert

_COLUMNS = "id, channel, state, expires_ms, lines, customer_order, grant_holder, due_ms, works"
_HOLDS = Insert(
    "hold",
    9,
    " ON CONFLICT DO UPDATE SET state = excluded.state, lines = excluded.lines,"
    " customer_order = excluded.customer_order, works = excluded.works",
)


class _Line(msgspec.Struct, array_like=True, gc=False):
    """A hold's line as it is written; one that nobody has worked at ends after what was consumed."""

    line: int
    sku: str
    qty: int
    open: int
    consumed: int
    pulled: Places = ()
    back: Places = ()
    lost: int = 0
    state: PickLineState = "todo"
    instead_of: int = 0
    tags: tuple[str, ...] = ()


_WRITE = msgspec.json.Encoder()
_READ = msgspec.json.Decoder(list[_Line])
_READ_WORKS = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def load(tx: sqlite3.Connection, books: Books, same: Callable[[Any, Any], Any]) -> None:
    """Take open holds, unused grants, evidence and time into the books. Balances must be there.

    `same` gives one object for equal texts.
    """
    for hold in open_holds(tx):
        books.keep_hold(hold)
    for (sku, account), qty in books.balances.items():
        if qty and account.startswith(GRANT):
            books.spoken_for.granted[sku] = books.spoken_for.granted.get(sku, 0) + qty
    books.evidence = {same(sku, sku): seen_ms for sku, seen_ms in tx.execute("SELECT sku, books_ms FROM evidence")}
    stamp = time_of(tx)
    books.books_ms = stamp.books_ms if stamp else 0


def open_holds(tx: sqlite3.Connection) -> list[Hold]:
    """The holds that are not resolved."""
    found = tx.execute(f"SELECT {_COLUMNS} FROM hold WHERE state IN ('pending', 'committed')")  # noqa: S608 - ours
    return [hold_of(row) for row in found.fetchall()]


def named(tx: sqlite3.Connection, holds: Sequence[str]) -> dict[str, Hold]:
    """These holds, resolved ones too, as the disk has them."""
    if not holds:
        return {}
    found = tx.execute(
        f"SELECT {_COLUMNS} FROM hold WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - no input in it
        (json.dumps(holds),),
    )
    return {hold.id: hold for hold in map(hold_of, found)}


def time_of(tx: sqlite3.Connection) -> Stamp | None:
    """When the books were last written, in their own time."""
    row = tx.execute("SELECT value FROM meta WHERE key = 'time'").fetchone()
    return None if row is None else Stamp(*json.loads(row[0]))


def look_at_meta(row: Sequence[Any]) -> None:
    """Raises ValueError or TypeError when a row of `meta` that is a time says none."""
    if row[0] == "time":
        Stamp(*json.loads(row[1]))


def keep(tx: sqlite3.Connection, holds: Iterable[Hold]) -> None:
    """Write these holds as they are now."""
    _HOLDS.rows(tx, [_row(hold) for hold in holds])


def enter(tx: sqlite3.Connection, turn: Turn, stamp: Stamp) -> None:
    """Write what a turn makes of holds and evidence, and the time it was made at."""
    tx.execute(
        "INSERT INTO meta VALUES ('time', ?) ON CONFLICT DO UPDATE SET value = excluded.value", (json.dumps(stamp),)
    )
    if turn.evidence:
        tx.executemany(
            "INSERT INTO evidence VALUES (?, ?) ON CONFLICT DO UPDATE SET books_ms = excluded.books_ms",
            turn.evidence.items(),
        )
    if turn.holds:
        keep(tx, turn.holds.values())


def hold_of(row: Sequence[Any]) -> Hold:
    """The hold a row of the table says. Raises ValueError or TypeError when it says none."""
    name, channel, state, expires_ms, lines, order, grant, due_ms, works = row
    return Hold(name, channel, state, expires_ms, lines_of(lines), order, grant, due_ms, works_of(works))


def lines_of(text: str) -> tuple[HoldLine, ...]:
    """The lines a row of the table says. Raises ValueError or TypeError when it says none."""
    return tuple([HoldLine(*structs.astuple(line)) for line in _READ.decode(text)])


def works_of(text: str) -> tuple[tuple[str, str], ...]:
    """The reports a row of the table says: their names, and what they said. Raises ValueError."""
    return _READ_WORKS.decode(text)


def text_of(lines: Iterable[HoldLine]) -> str:
    """Lines of a hold as they are to be written."""
    return _text(list(map(structs.astuple, lines)))


def _row(hold: Hold) -> tuple[str, str, str, int, str, str, str, int, str]:
    if hold.works:
        lines, works = _text(list(map(structs.astuple, hold.lines))), _text(hold.works)
    else:
        lines, works = _text([(one.line, one.sku, one.qty, one.open, one.consumed) for one in hold.lines]), "[]"
    return hold.id, hold.channel, hold.state, hold.expires_ms, lines, hold.order, hold.grant, hold.due_ms, works


def _text(what: Sequence[Any]) -> str:
    return _WRITE.encode(what).decode()
