"""What a store's books say on disk about its orders: read beside the agent, and only read."""

import json
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path

from simulators.fates import Fate, fate

#: Where in a hold's line its SKU stands, and the units the customer has.
_SKU, _CONSUMED = 1, 4


def fates_on_disk(books: Path) -> dict[str, Fate]:
    """The fate of every order the store has ever known."""
    disk = sqlite3.connect(f"file:{books}?mode=ro", uri=True)
    try:
        states = dict(disk.execute("SELECT id, state FROM customer_order"))
        holds = list(disk.execute("SELECT customer_order, lines FROM hold WHERE customer_order <> ''"))
    finally:
        disk.close()
    got: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for order, lines in holds:
        for line in json.loads(lines):
            got[order][line[_SKU]] += line[_CONSUMED]
    return {order: fate(state, got[order]) for order, state in states.items()}
