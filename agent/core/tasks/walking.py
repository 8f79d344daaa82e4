"""What the picking engine is told of the store's orders: where their goods are, how long they take, and who is next."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from agent.core.catalogue import Catalogue, Sku
from agent.core.claims import HoldLine
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.picking.batching import Batch, Cart, batch
from agent.core.picking.estimates import Estimates
from agent.core.picking.release import Chosen, Waiting, release
from agent.core.picking.store_map import StoreMap
from agent.core.picking.tour import Stop, tour

#: With so few of it on hand a shopper may take the last one while the picker walks.
_SCARCE: Final = 2


@lru_cache(maxsize=2)
def map_of(catalogue: Catalogue) -> StoreMap:
    """The store's map as the codes of its spots tell it."""
    return StoreMap.of_codes(dict.fromkeys(code for sku in catalogue.skus.values() for code in sku.spots))


def ranked(turn: Turn, orders: Iterable[Order]) -> list[Chosen]:
    """These orders in the order of their turn."""
    return release(turn.books_ms, [_waiting(turn, order) for order in orders])


def batched(turn: Turn, chosen: Sequence[Chosen]) -> Batch:
    """The first of them, and those that go along with it."""
    return batch(chosen, map_of(turn.books.catalogue), Cart(turn.books.tasks.rules.totes))


def in_walking_order(turn: Turn, lines: Sequence[tuple[str, HoldLine]]) -> list[tuple[str, HoldLine]]:
    """Lines of orders, each with what its caller calls it, in the order of the exact tour."""
    by_name = dict(lines)
    stops = [stop_of(turn, name, line) for name, line in lines]
    return [(stop.id, by_name[stop.id]) for stop, _ in tour(map_of(turn.books.catalogue), stops).stops]


def stop_of(turn: Turn, name: str, line: HoldLine) -> Stop:
    """Where a line's goods are, and how soon they should be fetched."""
    sku = turn.books.catalogue.skus.get(line.sku) or Sku(line.sku, (), "", "")
    scarce = sku.traits.unit == "each" and turn.sellable(line.sku) <= _SCARCE
    return Stop(name, sku.spots, sku.traits.temperature, scarce)


def _waiting(turn: Turn, order: Order) -> Waiting:
    hold, skus, usual = turn.hold(order.hold), turn.books.catalogue.skus, Estimates()
    lines = hold.lines if hold is not None else ()
    to_pick = [line for line in lines if line.open]
    pick_s = usual.seconds("pick", len(to_pick)) if to_pick else 0.0
    alone = any((sku := skus.get(line.sku)) is not None and sku.traits.min_age for line in lines)
    return Waiting(
        order.id,
        order.due_ms,
        order.steps[0].since_ms,
        pick_s,
        usual.seconds("pack", len(lines)),
        usual.seconds("hand_over", len(lines)),
        tuple(stop_of(turn, str(line.line), line) for line in to_pick),
        order.courier_at_ms,
        alone,
    )
