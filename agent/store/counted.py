"""What moved since goods were counted, read from the ledger for the turn that enters the count."""

import json
import sqlite3
from collections.abc import Sequence

from agent.core.asks import Count
from agent.core.counts import MOST_BEHIND
from agent.core.ledger import Posting, Turn

_SINCE = (
    f"SELECT {', '.join(Posting._fields)} FROM posting"  # noqa: S608 - the columns are this program's own
    " WHERE seq > ? AND sku IN (SELECT value FROM json_each(?)) ORDER BY seq"
)


def look_back(tx: sqlite3.Connection, turn: Turn, counts: Sequence[Count]) -> None:
    """Give the turn the postings since these counts began, as far back as the ledger goes and nobody waits too long."""
    lines = [line for count in counts for line in count.lines]
    if not lines:
        return
    catalogue = turn.books.catalogue
    skus = sorted({sku.sku for line in lines if (sku := catalogue.item(line.item_is, line.item)) is not None})
    (begin,) = tx.execute("SELECT coalesce(max(seq), 0) FROM ledger_start").fetchone()
    turn.moved_after = max(begin, turn.books.head - MOST_BEHIND, min(line.from_seq for line in lines))
    turn.moved = [Posting._make(row) for row in tx.execute(_SINCE, (turn.moved_after, json.dumps(skus)))]
