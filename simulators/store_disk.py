"""What a store's books say on disk about its orders: read beside the agent, and only read."""

import json
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

from simulators.fates import Fate, fate

#: Where in a hold's line its number and SKU stand, what the customer has of it, and which line it stands in for.
_LINE, _SKU, _CONSUMED, _INSTEAD_OF = 0, 1, 4, 9

#: Cases about goods and orders, which the people of the rush see to until none is left.
_THEIR_CASES = ("recount", "negative_stock", "breach", "put_back", "price_rule", "price_difference")


def open_cases(books: Path) -> list[tuple[str, str]]:
    """What the store still waits for somebody to do about goods and orders: kind, and about what."""
    marks = ", ".join("?" for _ in _THEIR_CASES)
    disk = sqlite3.connect(f"file:{books}?mode=ro", uri=True)
    try:
        found = disk.execute(
            f"SELECT kind, about FROM case_file WHERE resolved_at IS NULL AND kind IN ({marks})",  # noqa: S608 - marks
            _THEIR_CASES,
        )
        return sorted(found)
    finally:
        disk.close()


def fates_on_disk(books: Path) -> dict[str, Fate]:
    """The fate of every order the store has ever known."""
    disk = sqlite3.connect(f"file:{books}?mode=ro", uri=True)
    try:
        states = dict(disk.execute("SELECT id, state FROM customer_order"))
        holds = list(disk.execute("SELECT customer_order, lines FROM hold WHERE customer_order <> ''"))
    finally:
        disk.close()
    got: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    for order, lines in holds:
        for line in json.loads(lines):
            wanted = line[_INSTEAD_OF] if len(line) > _INSTEAD_OF else 0
            got[order][wanted or line[_LINE], line[_SKU]] += line[_CONSUMED]
    return {order: fate(state, got[order]) for order, state in states.items()}
