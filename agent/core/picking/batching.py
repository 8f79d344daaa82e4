"""Batching: which orders are picked in one walk. One joins only if nobody on the cart is late because of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from agent.core.picking.release import Chosen
from agent.core.picking.store_map import StoreMap
from agent.core.picking.tour import Stop, Tour, tour

#: A picker with a cart, in metres a second.
WALK_M_S: Final = 1.0
#: So many orders are looked at for a cart.
_CANDIDATES: Final = 12

#: Why an order is not on the cart.
LeftCode = Literal["alone", "totes", "late", "saves_nothing"]


@dataclass(frozen=True, slots=True)
class Cart:
    """What a picker pushes: so many totes, each of one order."""

    totes: int = 4


@dataclass(frozen=True, slots=True)
class Left:
    """An order that does not go along, and why.

    `number`: the totes it needs, or the seconds that `by`, the order that would be late because of it, would have left.
    """

    order: str
    code: LeftCode
    number: float = 0.0
    by: str = ""


@dataclass(frozen=True, slots=True)
class BatchReason:
    """The numbers of a batch: metres and seconds that walking together saves, and the least slack anyone has in it."""

    saved_m: float
    saved_s: float
    slack_s: float
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders to pick together, totes as `(order, how many)`, the tour over their stops, and why these.

    A stop's id in the tour is `(order, id)` of the order's own stop, joined by a newline.
    """

    orders: tuple[str, ...]
    totes: tuple[tuple[str, int], ...]
    tour: Tour
    reason: BatchReason


def batch(chosen: Sequence[Chosen], store: StoreMap, cart: Cart) -> Batch:
    """The first of the chosen orders, and whoever may join it, in the order of their turn.

    Raises ValueError when nobody waits.
    """
    if not chosen:
        raise ValueError("nobody waits")
    lead, *others = chosen
    on_cart, left, saved_m = [lead], list[Left](), 0.0
    metres = alone_m = _metres(store, on_cart)
    for one in others[:_CANDIDATES]:
        room = cart.totes - sum(each.waiting.totes for each in on_cart)
        if one.waiting.alone or lead.waiting.alone:
            left.append(Left(one.order, "alone"))
            continue
        if one.waiting.totes > room:
            left.append(Left(one.order, "totes", one.waiting.totes))
            continue
        joined, its_m = [*on_cart, one], _metres(store, [one])
        together_m = _metres(store, joined)
        if together_m >= metres + its_m:
            left.append(Left(one.order, "saves_nothing"))
            continue
        slack, by = _least_slack(joined, alone_m + its_m - together_m)
        if slack <= 0:
            left.append(Left(one.order, "late", slack, by))
            continue
        on_cart, metres, alone_m = joined, together_m, alone_m + its_m
        saved_m = alone_m - metres
    slack, _ = _least_slack(on_cart, saved_m)
    return Batch(
        tuple(one.order for one in on_cart),
        tuple((one.order, one.waiting.totes) for one in on_cart),
        tour(store, _stops(on_cart)),
        BatchReason(saved_m, saved_m / WALK_M_S, slack, tuple(left)),
    )


def _metres(store: StoreMap, members: Sequence[Chosen]) -> float:
    return tour(store, _stops(members), choose=False).metres


def _stops(members: Sequence[Chosen]) -> list[Stop]:
    return [_named(one.order, stop) for one in members for stop in one.waiting.stops]


def _named(order: str, stop: Stop) -> Stop:
    return replace(stop, id=f"{order}\n{stop.id}")


def _least_slack(members: Sequence[Chosen], saved_m: float) -> tuple[float, str]:
    """The least slack of anyone on the cart, and whose: all is picked in one walk, then packed in turn."""
    walk_s = sum(one.waiting.pick_s for one in members) - saved_m / WALK_M_S
    before_s, slacks = 0.0, []
    for one in members:
        slacks.append((one.slack_s + one.waiting.pick_s - walk_s - before_s, one.order))
        before_s += one.waiting.pack_s
    return min(slacks)
