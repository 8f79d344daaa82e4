"""What the picking engine is told of the store's orders: where their goods are, how long they take, and who is next."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from agent.core.catalogue import Catalogue, Sku
from agent.core.channels import confidence
from agent.core.claims import HoldLine
from agent.core.ledger import Books, Turn
from agent.core.orders import Order
from agent.core.picking.batching import Batch, Cart, batch
from agent.core.picking.release import Chosen, Waiting, release
from agent.core.picking.store_map import StoreMap
from agent.core.picking.substitutes import Candidate, Offer, Wanted, rank
from agent.core.picking.tour import Stop, tour
from agent.core.places import SUSPECT

#: With so few of it on hand a shopper may take the last one while the picker walks.
_SCARCE: Final = 2
_MOST_SUBSTITUTES: Final = 10


def map_of(books: Books) -> StoreMap:
    """The store's map, or what the codes of its spots tell of one."""
    return books.tasks.rules.store_map or _told_by_codes(books.catalogue)


@lru_cache(maxsize=2)
def _told_by_codes(catalogue: Catalogue) -> StoreMap:
    return StoreMap.of_codes(dict.fromkeys(code for sku in catalogue.skus.values() for code in sku.spots))


def ranked(turn: Turn, orders: Iterable[Order]) -> list[Chosen]:
    """These orders in the order of their turn."""
    return release(turn.books_ms, [_waiting(turn, order) for order in orders])


def batched(turn: Turn, chosen: Sequence[Chosen]) -> Batch:
    """The first of them, and those that go along with it."""
    return batch(chosen, map_of(turn.books), Cart(turn.books.tasks.rules.totes))


def in_walking_order(turn: Turn, lines: Sequence[tuple[str, HoldLine]]) -> list[tuple[str, HoldLine]]:
    """Lines of orders, each with what its caller calls it, in the order of the exact tour."""
    by_name = dict(lines)
    stops = [stop_of(turn, name, line) for name, line in lines]
    return [(stop.id, by_name[stop.id]) for stop, _ in tour(map_of(turn.books), stops).stops]


def stop_of(turn: Turn, name: str, line: HoldLine) -> Stop:
    """Where a line's goods are, and how soon they should be fetched."""
    sku = turn.books.catalogue.skus.get(line.sku) or Sku(line.sku, (), "", "")
    scarce = sku.traits.unit == "each" and turn.sellable(line.sku) <= _SCARCE
    return Stop(name, sku.spots, sku.traits.temperature, scarce)


def substitutes(turn: Turn, order: str, line: HoldLine) -> list[Candidate]:
    """What may be offered instead of a line, the best first: of the customer's wishes, and of the same category."""
    skus, found = turn.books.catalogue.skus, turn.order(order)
    wanted = skus.get(line.sku)
    if wanted is None:
        return []
    said = next((one for one in (found.lines if found is not None else ()) if one.line == line.line), None)
    wishes = said.substitutes if said is not None else ()
    kind = wanted.likeness.category
    like = {sku.sku: sku for sku in skus.values() if kind and sku.likeness.category == kind}
    like |= {name: skus[name] for name in wishes if name in skus}
    offers = [_offer(turn, sku) for sku in like.values()]
    return rank(Wanted(wanted, line.open or line.lost or line.qty, wishes), offers)[:_MOST_SUBSTITUTES]


def _offer(turn: Turn, sku: Sku) -> Offer:
    """How many of it are promised to nobody, and how sure that is."""
    sure = confidence(sku.traits.tags, turn.evidence_age_ms(sku.sku), turn.balance(sku.sku, SUSPECT))
    return Offer(sku, max(0, turn.sellable(sku.sku) - turn.promised(sku.sku)), sure)


def _waiting(turn: Turn, order: Order) -> Waiting:
    hold, skus, usual = turn.hold(order.hold), turn.books.catalogue.skus, turn.books.tasks.estimates
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
