"""What is over is forgotten some days after: orders with their claims and parcels, tasks, what was reported, cases.

Nothing is forgotten of which goods lie in totes or slots still. That an order was placed stays known by its first
posting, which is kept as all postings are (archives.py, bygone.py): it is never accepted a second time.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from agent.core.orders import hold_of
from agent.store.connection import Store

#: Forgotten in one turn, of each kind: a few ms of the writer.
AT_ONCE: Final = 500

_ORDERS: Final = (
    "SELECT id FROM customer_order AS one WHERE came_ms < ?1 AND state IN ('closed', 'rejected', 'cancelled')"
    " AND json_extract(steps, '$[#-1][1]') < ?1 AND NOT EXISTS (SELECT 1 FROM case_file WHERE kind = 'put_back'"
    " AND about IN (?3 || one.id, ?4 || one.id || ?5) AND resolved_at IS NULL) LIMIT ?2"
)
_OPEN: Final = "SELECT id FROM customer_order WHERE state NOT IN ('closed', 'rejected', 'cancelled')"
_NUMBER: Final = "CAST(substr(id, instr(id, '-') + 1) AS INTEGER)"
#: The newest task stays: the next one is numbered after it.
_TASKS: Final = (
    f"SELECT id FROM task WHERE state = 'done' AND heard_ms < ? AND {_NUMBER} < (SELECT max({_NUMBER}) FROM task)"  # noqa: S608 - our own words
    " LIMIT ?"
)
_REPORTS: Final = f"SELECT id FROM pick_report WHERE at_ms < ? AND customer_order NOT IN ({_OPEN}) LIMIT ?"  # noqa: S608 - our own words
_CASES: Final = "SELECT id FROM case_file WHERE resolved_at < ? LIMIT ?"


async def forget(store: Store, before_ms: int, before_at: int) -> int:
    """Forget some of what was over by then, in ms of the books' time (of cases: unix ms); how many rows.

    Looked for beside the writer: it may be a long way.
    """
    again, plain = hold_of("", again=True), hold_of("")
    found = await store.read(_ORDERS, (before_ms, AT_ONCE, plain, plain, again.removeprefix(plain)))
    orders = [order for (order,) in found]
    tasks = await store.read(_TASKS, (before_ms, AT_ONCE))
    reports = await store.read(_REPORTS, (before_ms, AT_ONCE))
    cases = await store.read(_CASES, (before_at, AT_ONCE))
    if not (orders or tasks or reports or cases):
        return 0
    holds = [(hold_of(order, again=again),) for order in orders for again in (False, True)]
    names = [(order,) for order in orders]
    rows = [
        ("hold", "id", holds),
        ("parcel", "customer_order", names),
        ("labour", "customer_order", names),
        ("customer_order", "id", names),
        ("task", "id", tasks),
        ("labour", "task", tasks),
        ("pick_report", "id", reports),
        ("case_file", "id", cases),
    ]
    await store.write(partial(_delete, rows))
    return len(names) + len(tasks) + len(reports) + len(cases)


def _delete(rows: Iterable[tuple[str, str, Sequence[Sequence[object]]]], tx: sqlite3.Connection) -> None:
    for table, key, which in rows:
        tx.executemany(f"DELETE FROM {table} WHERE {key} = ?", which)  # noqa: S608 - names of our own
