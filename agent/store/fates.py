"""What became of orders, for the store's figures: read beside the writer, as of the last commit."""

from typing import Final

from agent.core.kpis import Fate
from agent.core.orders import hold_of
from agent.store import claims, orders
from agent.store.connection import Store

_FATES: Final = (
    f"SELECT {', '.join(f'o.{name}' for name in orders.NAMES)}, h.lines, h.works"  # noqa: S608 - our own words
    " FROM customer_order o LEFT JOIN hold h ON h.id = ? || o.id"
    " WHERE o.came_ms >= ? AND o.came_ms < ? ORDER BY o.came_ms, o.id"
)
_BREACHES: Final = "SELECT count(*) FROM case_file WHERE kind = 'breach' AND opened_at >= ? AND opened_at < ?"


async def came(store: Store, since_ms: int, until_ms: int) -> list[Fate]:
    """The orders that came between two moments of the books' own time, in the order in which they came."""
    found = await store.read(_FATES, (hold_of(""), since_ms, until_ms))
    return [
        Fate(orders.order_of(row), claims.lines_of(lines or "[]"), claims.works_of(works or "[]"))
        for *row, lines, works in found
    ]


async def breaches(store: Store, since: int, until: int) -> int:
    """How many claims could not be kept between two moments (unix ms)."""
    ((count,),) = await store.read(_BREACHES, (since, until))
    return int(count)
