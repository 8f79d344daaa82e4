"""How long work took: what the store learns of orders that were picked, and of one that was handed over.

Orders that were picked together count as one: they were one walk, of all their lines. They are packed one after
another. What was waited for (a customer's answer, a courier) is nobody's work.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from agent.core.life import OrderState
from agent.core.orders import Order
from agent.core.picking.estimates import Took

#: Until an order is picked somebody walks for it from the moment on in which it was claimed.
_WALKED_FOR: Final[tuple[OrderState, ...]] = ("accepted", "picking")


def of_walk(since_ms: int, orders: Iterable[Order]) -> list[Took]:
    """What orders teach that somebody picked in one walk, begun at `since_ms`: the walk, and each packing."""
    picked = [order for order in orders if _at(order, "finish") is not None]
    if not picked:
        return []
    walked = [part for order in picked for part in _walked(order, since_ms)]
    found = [Took("pick", sum(len(order.lines) for order in picked), _covered_ms(walked) / 1000)]
    free_ms = max(_at(order, "finish") or 0 for order in picked)
    packed = sorted((at_ms, len(order.lines)) for order in picked if (at_ms := _at(order, "pack")) is not None)
    for at_ms, lines in packed:
        found.append(Took("pack", lines, (at_ms - free_ms) / 1000))
        free_ms = max(free_ms, at_ms)
    return found


def of_hand_over(order: Order) -> list[Took]:
    """What the hand-over to a courier teaches: from the courier at the door, or the bags in their slot, to the end."""
    staged_ms, handed_ms = _at(order, "stage"), _at(order, "hand_over")
    if order.courier_at_ms is None or staged_ms is None or handed_ms is None:
        return []
    return [Took("hand_over", len(order.lines), (handed_ms - max(order.courier_at_ms, staged_ms)) / 1000)]


def _at(order: Order, event: str) -> int | None:
    """When it last happened to the order."""
    return next((step.since_ms for step in reversed(order.steps) if step.event == event), None)


def _walked(order: Order, since_ms: int) -> Iterator[tuple[int, int]]:
    """The times in which somebody walked for the order, from `since_ms` on."""
    for step, after in pairwise(order.steps):
        if step.state in _WALKED_FOR and after.since_ms > since_ms:
            yield max(since_ms, step.since_ms), after.since_ms


def _covered_ms(times: Iterable[tuple[int, int]]) -> int:
    """How long at least one of these times ran."""
    covered, end = 0, 0
    for begin, until in sorted(times):
        covered += max(0, until - max(begin, end))
        end = max(end, until)
    return covered
