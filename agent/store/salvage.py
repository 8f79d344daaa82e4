"""What damaged books still say, carried over into the copy that goes on in their place.

Postings are taken as far as the chain proves them. All other tables are taken row by row as they stand, whatever they
are: the damaged file is one moment of the books, and the copy an earlier one. So the only tables named here are those
the ledger accounts for by itself, and holds, which must agree with their claims' accounts.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import msgspec

from agent.core import tag_moves
from agent.core.ledger import Posting
from agent.core.places import is_claim
from agent.store import bygone, chain, claims, settling, snapshots

_COLUMNS: Final = (*chain.COLUMNS, "chain")
_INSERT: Final = f"INSERT INTO posting ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - ours
#: The ledger's own: made anew from its postings and balances, or bound to the file they are in.
LEDGERS_OWN: Final = frozenset(
    {"posting", "balance", "announcement", "heard", "snapshot", "ledger_start", "archive", "former_posting"}
)
#: What the copy says of itself stays.
_OF_THE_COPY: Final = ("store", "epoch", "heard", "old_copy", "starts")

Row = tuple[Any, ...]


class _Told(msgspec.Struct):
    """What is wanted of an announcement; a case's has no source."""

    source: str = ""


@dataclass(slots=True)
class Salvaged:
    """What was carried over; `str` says it to the person who must count what was not."""

    #: Postings made since the copy that the chain proves, and how many others there are (-1: nobody knows).
    postings: int = 0
    unproved: int = 0
    balances_are_theirs: bool = False
    whole: list[str] = field(default_factory=list)
    in_part: dict[str, int] = field(default_factory=dict)
    not_at_all: list[str] = field(default_factory=list)
    #: Claims that their holds' rows and the ledger tell differently, and what was made of it.
    disputed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = [f"{self.postings} postings made since and salvaged"]
        if self.unproved:
            others = "others" if self.unproved < 0 else f"{self.unproved} more"
            said.append(f"{others} could not be proved and are not in the ledger")
            stock = "stock is as the damaged books had it" if self.balances_are_theirs else "count what they moved"
            said.append(stock)
        if self.in_part:
            parts = ", ".join(f"{table} ({rows} rows)" for table, rows in self.in_part.items())
            said.append(f"read in part, the rest is as in the copy: {parts}")
        if self.not_at_all:
            said.append(f"as in the copy, what came after it is lost: {', '.join(self.not_at_all)}")
        if self.disputed:
            said.append(f"claims to look at: {', '.join(self.disputed)}")
        return "; ".join(said)


def carry_over(db: sqlite3.Connection, old: sqlite3.Connection, leave: frozenset[str] = frozenset()) -> Salvaged:
    """Take into `db`, a copy in the caller's transaction, what the damaged books `old` say, save of tables in `leave`.

    Nothing is written to `old`. What cannot be read or is no row of its table stays as the copy has it.
    """
    done = Salvaged()
    entered = _ledger(db, old, done)
    trusted: dict[str, set[Row]] = {}
    for table in tables(db):
        if table in leave:
            done.not_at_all.append(table)
        elif table not in LEDGERS_OWN:
            trusted[table] = _table(db, old, table, done)
    bygone.remember(db, entered)
    certain = None if "hold" in done.whole else {name for (name,) in trusted.get("hold", ())}
    done.disputed = settling.settle(db, certain)
    return done


def tables(db: sqlite3.Connection) -> list[str]:
    """Every table of these books."""
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [name for (name,) in rows.fetchall()]


def readable(old: sqlite3.Connection, table: str, columns: tuple[str, ...], after: int = 0) -> tuple[list[Row], bool]:
    """The rows that can be read, by key, read from both ends inwards if need be; and whether those are all.

    `after` is for tables with a number as their key.
    """
    try:
        key = [name for name, nth in _key(old, table) if nth]
    except sqlite3.DatabaseError:
        return [], False
    where = f" WHERE {key[0]} > {after}" if after else ""

    def walk(order: str) -> Iterator[Row]:
        by = ", ".join(f"{name} {order}" for name in key)
        sql = f"SELECT {', '.join(columns)} FROM {table}{where} ORDER BY {by}"  # noqa: S608 - names of our own
        try:
            yield from old.execute(sql)
        except sqlite3.DatabaseError:
            return
        yield ()  # the end was reached

    up = [*walk("ASC")]
    if up and up[-1] == ():
        return up[:-1], True
    known = set(up)
    return up + [row for row in walk("DESC") if row and row not in known][::-1], False


def _key(db: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """The table's columns, and each one's place in its primary key (0: none)."""
    return [(row[1], row[5]) for row in db.execute(f"PRAGMA table_info('{table}')").fetchall()]


def _ledger(db: sqlite3.Connection, old: sqlite3.Connection, done: Salvaged) -> list[tuple[str, int]]:
    """The postings that continue the copy's chain, and the balances they lead to. Of all others: source and time."""
    seq, link = snapshots.ledger_head(db)
    rows, whole = readable(old, "posting", _COLUMNS, seq)
    for row in rows:
        value = _after(link, row)
        if value != row[-1]:
            break
        seq, link = row[0], value
        db.execute(_INSERT, row)
        _follow(db, Posting._make(row[:-1]))
        done.postings += 1
    rest = rows[done.postings :]
    done.unproved = len(rest) if whole else -1
    if done.unproved:
        done.balances_are_theirs = _take_balances(db, old, rest)
    entered = [(row[7], row[6]) for row in rest if isinstance(row[7], str) and isinstance(row[6], int)]
    return [*entered, *_announced(old, seq)] if done.unproved else []


def _announced(old: sqlite3.Connection, seq: int) -> Iterator[tuple[str, int]]:
    """The sources, and when, of postings after a number as HQ is told of them: their rows may be gone."""
    told, _ = readable(old, "announcement", ("seq", "at", "body"), seq)
    for _, at, body in told:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            source = msgspec.json.decode(body, type=_Told).source
            if source:
                yield source, at


def _after(link: bytes, row: Row) -> bytes:
    try:
        return chain.after(link, row[:-1])
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, ValueError):
        return b""  # no posting was ever written so


def _follow(db: sqlite3.Connection, posting: Posting) -> None:
    """What a posting says of balances, tags and scans; the tables' own rows, if they can be read, come after it."""
    balances = [
        (posting.sku, posting.origin, posting.from_now),
        (posting.sku, posting.target, posting.to_now),
    ]
    db.executemany("INSERT INTO balance VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qty = excluded.qty", balances)
    kind, _, rest = posting.source.partition(":")
    if posting.epc is not None:
        state, place = tag_moves.after(posting)
        moves = int(rest.rpartition(":")[2]) if kind == "tag" else 0
        db.execute(
            "INSERT INTO tag (epc, sku, state, place, moves) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " state = excluded.state, place = excluded.place, moves = max(moves, excluded.moves)",
            (posting.epc, posting.sku, state, place, moves),
        )
    elif kind == "scan":
        device, _, n = rest.rpartition(":")
        note = (device, int(n), posting.at, "", f"{posting.code} {posting.sku}, salvaged")
        db.execute("INSERT OR IGNORE INTO scan VALUES (?, ?, ?, ?, ?)", note)


def _take_balances(db: sqlite3.Connection, old: sqlite3.Connection, rest: list[Row]) -> bool:
    """Where the chain is broken, the balances of the damaged books, if they are all there, sum to 0 and are what the
    postings beyond the break say of them; otherwise those of the copy and the salvaged postings stay."""
    rows, whole = readable(old, "balance", ("sku", "place", "qty"))
    says = {(sku, place): qty for sku, place, qty in rows}
    last: dict[tuple[str, str], int] = {}
    for before, row in pairwise(rest):
        if _after(before[-1], row) == row[-1]:
            posting = Posting._make(row[:-1])
            last[posting.sku, posting.origin] = posting.from_now
            last[posting.sku, posting.target] = posting.to_now
    sums: dict[tuple[str, bool], int] = {}
    for (sku, place), qty in says.items():
        sums[sku, is_claim(place)] = sums.get((sku, is_claim(place)), 0) + qty
    if not whole or any(sums.values()) or any(says.get(key, 0) != qty for key, qty in last.items()):
        return False
    db.execute("DELETE FROM balance")
    db.executemany("INSERT INTO balance VALUES (?, ?, ?)", rows)
    return True


def _table(db: sqlite3.Connection, old: sqlite3.Connection, table: str, done: Salvaged) -> set[Row]:
    """Make a table what the damaged books say; the keys of the rows that were taken."""
    known = _key(db, table)
    columns = tuple(name for name, _ in known)
    key_at = [nth for nth, (_, part) in enumerate(known) if part]
    try:
        if _key(old, table) != known:
            raise sqlite3.DatabaseError("the table is of another version")
        rows, whole = readable(old, table, columns)
        (verdict,) = old.execute(f"PRAGMA quick_check('{table}')").fetchone()
    except sqlite3.DatabaseError:
        done.not_at_all.append(table)
        return set()
    taken: set[Row] = set()
    put = f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of our own
    for row in rows:
        if table == "meta" and row[0] in _OF_THE_COPY:
            continue
        try:
            _READ.get(table, tuple)(row)
            db.execute(put, row)
            taken.add(tuple(row[nth] for nth in key_at))
        except (sqlite3.IntegrityError, ValueError, TypeError):
            whole = False
    if whole and verdict == "ok":
        done.whole.append(table)
        if table != "meta":
            _drop_others(db, table, [columns[nth] for nth in key_at], taken)
    else:
        done.in_part[table] = len(taken)
    return taken


#: Rows that hold more than SQLite can check are read as the agent reads them.
_READ: Final[Mapping[str, Callable[[Row], object]]] = {"hold": claims.hold_of, "meta": claims.look_at_meta}


def _drop_others(db: sqlite3.Connection, table: str, key: list[str], taken: set[Row]) -> None:
    names = ", ".join(key)
    gone = {tuple(row) for row in db.execute(f"SELECT {names} FROM {table}").fetchall()} - taken  # noqa: S608 - ours
    where = " AND ".join(f"{name} = ?" for name in key)
    db.executemany(f"DELETE FROM {table} WHERE {where}", gone)  # noqa: S608 - names of our own
