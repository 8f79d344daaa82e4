"""Recomputes the books from their postings: chain, balances, and what each posting says is true after it."""

import sqlite3
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from agent.core.places import is_inside
from agent.store import chain
from agent.store.snapshots import Balances

#: How many findings are told; the first is what matters.
MOST_FINDINGS: Final = 20
_AT_ONCE: Final = 10_000

Row = tuple[Any, ...]


class Finding(NamedTuple):
    """Something in the books that is not as it was entered. `seq` is the posting, if it is one."""

    seq: int | None
    problem: str

    def __str__(self) -> str:
        return self.problem if self.seq is None else f"posting {self.seq}: {self.problem}"


class _Inside(dict[str, int]):
    """1 for places inside the store, 0 for others; each is looked at once."""

    def __missing__(self, place: str) -> int:
        self[place] = inside = int(is_inside(place))
        return inside


class Replay:
    """Where the postings have led so far. Begin with a snapshot's balances and chain value, or with nothing."""

    def __init__(self, link: bytes = chain.START, balances: Balances | None = None, seq: int = 0) -> None:
        self.link = link
        self.balances: Balances = dict(balances or {})
        self.seq = seq
        self.rows = 0
        self.findings: list[Finding] = []
        self._inside = _Inside()
        self._on_hand: dict[str, int] = {}
        self._other_link: bytes | None = None
        for (sku, place), qty in self.balances.items():
            self._on_hand[sku] = self._on_hand.get(sku, 0) + qty * self._inside[place]

    def follow(self, rows: Iterable[Row]) -> None:
        """Follow postings, each `chain.COLUMNS` and the chain value after it. About 3 µs each."""
        link, balances, on_hand, inside, encode = self.link, self.balances, self._on_hand, self._inside, chain.canonical
        seq, size = self.seq, chain.SIZE
        for row in rows:
            before = seq
            seq, sku, origin, target, qty, _, _, _, _, _, _, from_now, to_now, now, told = row
            try:
                value = blake2b(link + encode(row[:-1]), digest_size=size).digest()
            except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, ValueError):
                value = b""  # a text that is no UTF-8: no posting was ever written so
            if value != told or seq <= before:
                link = self._broken(before, row, value)
                if not _is_sound(row):
                    continue
            else:
                link = value
            left = balances.get((sku, origin), 0) - qty
            come = balances.get((sku, target), 0) + qty
            balances[sku, origin] = left
            balances[sku, target] = come
            total = on_hand.get(sku, 0) + qty * (inside[target] - inside[origin])
            on_hand[sku] = total
            if left != from_now or come != to_now or total != now:
                self.find(
                    seq, f"says {from_now}, {to_now}, {now} are left, come, on hand; it is {left}, {come}, {total}"
                )
            self.rows += 1
        self.link, self.seq = link, seq

    def find(self, seq: int | None, problem: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(seq, problem))

    def _broken(self, before: int, row: Row, value: bytes) -> bytes:
        """The chain does not hold at this row; the value to go on with."""
        seq, told = row[0], row[-1]
        if self._other_link is not None:  # was it only the chain value of the row before?
            other, self._other_link = self._other_link, None
            try:
                if chain.after(other, row[:-1]) == told and seq > before:
                    return bytes(told)
            except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, ValueError):
                pass
        self.find(seq if isinstance(seq, int) else before + 1, f"is changed, or one before it is gone (after {before})")
        self._other_link = value
        return told if isinstance(told, bytes) else value


def _is_sound(row: Row) -> bool:
    """Can this row be counted with at all?"""
    _, sku, origin, target, qty = row[:5]
    return isinstance(sku, str) and isinstance(origin, str) and isinstance(target, str) and isinstance(qty, int)


def postings(db: sqlite3.Connection, replay: Replay, tick: Callable[[int], None] = lambda rows: None) -> bool:
    """Follow the ledger in order; False when it cannot be read to its end.

    Text that is no UTF-8 and pages that cannot be read become findings. `tick` hears how many rows were followed since
    it was last called.
    """
    sql = f"SELECT {chain.NAMES}, chain FROM posting WHERE seq > ? ORDER BY seq"  # noqa: S608 - names of our own
    while True:
        try:
            cursor = db.execute(sql, (replay.seq,))
            while some := cursor.fetchmany(_AT_ONCE):
                replay.follow(some)
                tick(len(some))
            return True
        except sqlite3.DatabaseError:
            db.text_factory = _leniently  # and slowly, to name the very row
            for _ in range(_AT_ONCE):
                try:
                    one = db.execute(f"{sql} LIMIT 1", (replay.seq,)).fetchall()
                except sqlite3.DatabaseError as error:
                    replay.find(_next(db, replay.seq), f"cannot be read, nor what follows: {error}")
                    return False
                replay.follow(one)
                tick(len(one))


def _next(db: sqlite3.Connection, seq: int) -> int:
    """The number that follows, if at least that can be read."""
    try:
        (number,) = db.execute("SELECT min(seq) FROM posting WHERE seq > ?", (seq,)).fetchone()
    except sqlite3.DatabaseError:
        number = None
    return seq + 1 if number is None else number


def _leniently(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
