"""Rows of how long HQ took to hear what was committed: counts by how long, noted now and then."""

import json
import sqlite3
from collections.abc import Sequence

from agent.store.connection import Store
from wire.figures import heard_sums


def enter(tx: sqlite3.Connection, at_ms: int, counts: Sequence[int]) -> None:
    """So many rows were heard since the last note, by how long they took."""
    noted = tx.execute("SELECT counts FROM heard_time WHERE at_ms = ?", (at_ms,)).fetchone()
    if noted is not None:
        counts = [one + other for one, other in zip(counts, json.loads(noted[0]), strict=True)]
    tx.execute("INSERT OR REPLACE INTO heard_time VALUES (?, ?)", (at_ms, json.dumps(counts)))


def forget(tx: sqlite3.Connection, before_ms: int) -> None:
    """What was noted before a moment is in the sums of its day."""
    tx.execute("DELETE FROM heard_time WHERE at_ms < ?", (before_ms,))


async def during(store: Store, since_ms: int, until_ms: int) -> dict[str, int]:
    """What was noted between two moments of the books' own time, as sums that can be added up."""
    found = await store.read("SELECT counts FROM heard_time WHERE at_ms >= ? AND at_ms < ?", (since_ms, until_ms))
    return heard_sums([sum(each) for each in zip(*(json.loads(counts) for (counts,) in found), strict=True)])
