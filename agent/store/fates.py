"""What became of orders, for the store's figures: read beside the writer, as of the last commit."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from agent.core.kpis import Fate
from agent.store import claims, orders
from agent.store.connection import Store

_ORDERS: Final = (
    f"SELECT {', '.join(orders.NAMES)} FROM customer_order"  # noqa: S608 - our own words
    " WHERE {} ORDER BY came_ms, id"
)
_ENDED: Final = "ended_ms >= :since AND ended_ms < :until"
_CAME: Final = "came_ms >= :since AND came_ms < :until"
_HOLDS: Final = "SELECT id, lines, works FROM hold WHERE id IN (SELECT value FROM json_each(?))"
_LABOUR: Final = (
    "SELECT customer_order, sum(ms), sum(dm) FROM labour WHERE customer_order IN (SELECT value FROM json_each(?))"
    " GROUP BY customer_order"
)
_BAGS: Final = (
    "SELECT customer_order, json_array_length(bags) FROM parcel"
    " WHERE customer_order IN (SELECT value FROM json_each(?))"
)
_BREACHES: Final = "SELECT count(*) FROM case_file WHERE kind = 'breach' AND opened_at >= ? AND opened_at < ?"
#: Counts that were asked for because something was wrong say nothing of all the others.
_COUNTED: Final = (
    "SELECT count(*), coalesce(sum(line.variance = 0), 0) FROM count_session AS session"
    " JOIN count_line AS line ON line.session = session.id"
    " WHERE session.why IN ('cycle', 'sent') AND line.outcome <> ''"
    " AND session.closed_at >= ? AND session.closed_at < ?"
)


class Rows(NamedTuple):
    """Rows of orders, of their holds, of the labour they cost, and of their bags."""

    orders: Sequence[Any]
    holds: Sequence[Any]
    labour: Sequence[Any]
    bags: Sequence[Any]


async def of_day(store: Store, since_ms: int, until_ms: int) -> Rows:
    """The orders that came or ended between two moments of the books' own time."""
    return await _read(store, f"({_ENDED}) OR ({_CAME})", since=since_ms, until=until_ms)


async def so_far(store: Store, since_ms: int, until_ms: int) -> Rows:
    """The same, and those that are not over yet."""
    return await _read(store, f"({_ENDED}) OR ({_CAME}) OR ended_ms IS NULL", since=since_ms, until=until_ms)


async def named(store: Store, name: str) -> Rows:
    """One order, also when it is over; no row when there is none of this name."""
    return await _read(store, "id = :name", name=name)


async def _read(store: Store, which: str, **values: int | str) -> Rows:
    found = await store.read(_ORDERS.format(which), values)
    names = json.dumps([row[0] for row in found])
    holds = json.dumps([name for row in found for name in orders.holds_of(row[0])])
    return Rows(
        found,
        await store.read(_HOLDS, (holds,)),
        await store.read(_LABOUR, (names,)),
        await store.read(_BAGS, (names,)),
    )


def fates_of(rows: Rows, weighed: Collection[str]) -> list[Fate]:
    """What they say, in the order in which the orders came; takes its time. `weighed` are SKUs counted in grams."""
    holds = {name: (lines, works) for name, lines, works in rows.holds}
    labour = {name: (ms, dm) for name, ms, dm in rows.labour}
    bags = dict(rows.bags)
    found = []
    for row in rows.orders:
        order = orders.order_of(row)
        lines, works = holds.get(order.hold, ("[]", "[]"))
        held = claims.lines_of(lines)
        ms, dm = labour.get(order.id, (None, 0))
        grams = frozenset(line.sku for line in held if line.sku in weighed)
        found.append(Fate(order, held, claims.works_of(works), ms, dm, bags.get(order.id, 0), grams))
    return found


async def breaches(store: Store, since: int, until: int) -> int:
    """How many claims could not be kept between two moments (unix ms)."""
    ((count,),) = await store.read(_BREACHES, (since, until))
    return int(count)


async def counted(store: Store, since: int, until: int) -> tuple[int, int]:
    """How many SKUs were counted at a place between two moments (unix ms), and of how many the books were right."""
    ((lines, right),) = await store.read(_COUNTED, (since, until))
    return int(lines), int(right)
