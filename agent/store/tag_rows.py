"""Rows of tags: those in the store are in memory; those that were sold are looked up when they are named again."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from agent.core.ledger import Books, Turn
from agent.core.tags import Tag, TagChange

#: What the last so many postings sold may still be on its way out, and is loaded too.
_LATELY: Final = 1000


def load(tx: sqlite3.Connection, books: Books, same: Callable[[Any, Any], Any]) -> None:
    """Bring the tags that are not gone into memory; `same` gives one object for equal texts."""
    found = tx.execute(
        "SELECT epc, sku, state, place, moves FROM tag WHERE state NOT IN ('sold', 'destroyed') OR epc IN"
        " (SELECT epc FROM posting WHERE seq > (SELECT max(seq) FROM posting) - ? AND epc IS NOT NULL)",
        (_LATELY,),
    )
    for epc, sku, state, place, moves in found:
        tag = books.tags[epc] = Tag(epc, same(sku, sku), same(state, state), same(place, place), moves)
        if state == "sold":
            books.leaving[epc] = tag


def look_up(tx: sqlite3.Connection, turn: Turn, epcs: Sequence[bytes]) -> None:
    """Give the turn the tags of these that are not in memory."""
    absent = [epc for epc in epcs if epc not in turn.books.tags]
    if not absent:
        return
    known: dict[bytes, TagChange] = {}
    for epc in absent:
        for row in tx.execute("SELECT sku, state, place, moves FROM tag WHERE epc = ?", (epc,)):
            known[epc] = TagChange._make(row)
    turn.known_tags = known


def enter(tx: sqlite3.Connection, tags: Mapping[bytes, TagChange]) -> None:
    """Write what a turn makes of tags."""
    rows: Iterable[tuple[object, ...]] = [(epc, *change) for epc, change in tags.items()]
    tx.executemany(
        "INSERT INTO tag VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " sku = excluded.sku, state = excluded.state, place = excluded.place, moves = excluded.moves",
        rows,
    )
