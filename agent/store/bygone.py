"""What is remembered of postings that left the books: that their source made one, so that it never makes another.

A till may send a receipt again whenever it likes. Once its posting is archived, or was lost with damaged books, a hash
of the receipt's name remains, about 20 bytes, for KEPT_DAYS. Two names have the same hash with a chance of 1 in 10^12
at 10 million names; the later would then count as entered.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

from agent.core.ledger import Turn
from agent.store.connection import Store

DAY_MS: Final = 24 * 3600 * 1000
#: How long after its posting a source is known.
KEPT_DAYS: Final = 3 * 366
#: Names nobody outside can send again: the agent itself counts them.
_OURS: Final = ("tag:", "scan:", "opening:", "expire:")
#: Forgotten in one turn.
_AT_ONCE: Final = 5000


def remember(tx: sqlite3.Connection, sources: Iterable[tuple[str, int]]) -> None:
    """Note that these sources (name, unix ms of the posting) have made their postings.

    No earlier than the ledger's newest posting: a source that was entered under a clock at 1970 is not 50 years old.
    """
    row = tx.execute("SELECT at FROM posting ORDER BY seq DESC LIMIT 1").fetchone()
    today = row[0] // DAY_MS if row else 0
    rows = [(_hash(name), max(at // DAY_MS, today)) for name, at in sources if not name.startswith(_OURS)]
    tx.executemany("INSERT INTO bygone VALUES (?, ?) ON CONFLICT DO NOTHING", rows)


def look_up(tx: sqlite3.Connection, turn: Turn, sources: Sequence[str]) -> None:
    """Tell the turn which of these sources made postings that are no longer here."""
    if sources and tx.execute("SELECT 1 FROM bygone LIMIT 1").fetchone():
        names = {_hash(name): name for name in sources}
        found = tx.execute(
            "SELECT source FROM bygone WHERE source IN (SELECT value FROM json_each(?))", (json.dumps([*names]),)
        )
        turn.bygone = frozenset(names[number] for (number,) in found)


async def forget(store: Store, now: int) -> int:
    """Delete some sources that are older than KEPT_DAYS; how many. Looked for beside the writer: it is a long way.

    Old they are at `now` (unix ms), and beside the newest of them: a clock that is ahead for a day forgets nothing.
    """
    old = await store.read(
        "SELECT source FROM bygone WHERE day < min(?, (SELECT max(day) FROM bygone)) - ? LIMIT ?",
        (now // DAY_MS, KEPT_DAYS, _AT_ONCE),
    )
    if old:
        await store.write(lambda tx: tx.executemany("DELETE FROM bygone WHERE source = ?", old))
    return len(old)


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
