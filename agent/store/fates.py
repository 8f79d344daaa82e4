"""What became of orders, for the store's figures: read beside the writer, as of the last commit."""

import json
from typing import Final

from agent.core.kpis import Fate
from agent.core.orders import Order
from agent.store import claims, orders
from agent.store.connection import Store

_ORDERS: Final = (
    f"SELECT {', '.join(orders.NAMES)} FROM customer_order"  # noqa: S608 - our own words
    " WHERE came_ms >= ? AND came_ms < ? ORDER BY came_ms, id"
)
_ORDER: Final = f"SELECT {', '.join(orders.NAMES)} FROM customer_order WHERE id = ?"  # noqa: S608 - our own words
_HOLDS: Final = "SELECT id, lines, works FROM hold WHERE id IN (SELECT value FROM json_each(?))"
_BREACHES: Final = "SELECT count(*) FROM case_file WHERE kind = 'breach' AND opened_at >= ? AND opened_at < ?"


async def came(store: Store, since_ms: int, until_ms: int) -> list[Fate]:
    """The orders that came between two moments of the books' own time, in the order in which they came."""
    found = [orders.order_of(row) for row in await store.read(_ORDERS, (since_ms, until_ms))]
    return await _with_work(store, found)


async def named(store: Store, name: str) -> Fate | None:
    """What became of one order up to now; None when there is none of this name."""
    rows = await store.read(_ORDER, (name,))
    return (await _with_work(store, [orders.order_of(rows[0])]))[0] if rows else None


async def _with_work(store: Store, found: list[Order]) -> list[Fate]:
    holds = await store.read(_HOLDS, (json.dumps([order.hold for order in found]),))
    work = {name: (claims.lines_of(lines), claims.works_of(works)) for name, lines, works in holds}
    return [Fate(order, *work.get(order.hold, ((), ()))) for order in found]


async def breaches(store: Store, since: int, until: int) -> int:
    """How many claims could not be kept between two moments (unix ms)."""
    ((count,),) = await store.read(_BREACHES, (since, until))
    return int(count)
