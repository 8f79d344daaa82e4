"""The tour: in which order to walk to the stops of a cart, and how far that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.core.catalogue import Temperature
from agent.core.picking.store_map import Point, Spot, StoreMap, way_m

#: What is picked first: goods that must stay cold are the shortest time on the cart.
_RANK: Final = {"ambient": 0, "chilled": 1, "frozen": 2}


@dataclass(frozen=True, slots=True)
class Stop:
    """Something to fetch: `id` is the caller's own, `spots` are codes on the map, the first one is preferred.

    `scarce`: shoppers may take the last unit, so it is fetched before the others of its temperature.
    """

    id: str
    spots: tuple[str, ...]
    temperature: Temperature = "ambient"
    scarce: bool = False


@dataclass(frozen=True, slots=True)
class Tour:
    """Stops in the order to walk, each with the spot chosen ("" where the map knows none), and the whole way."""

    stops: tuple[tuple[Stop, str], ...]
    metres: float


def tour(store: StoreMap, stops: Sequence[Stop], start: Point | None = None) -> Tour:
    """The tour from `start` (the entrance, if not said) by way of all stops to the packing table."""
    here: Point | Spot = start or store.entrance
    order: list[tuple[Stop, str]] = []
    metres = 0.0
    for rank in sorted({_rank(stop) for stop in stops}):
        left = [(stop, _chosen(store, stop)) for stop in stops if _rank(stop) == rank]
        lost = [(stop, code) for stop, code in left if not code]
        left = [(stop, code) for stop, code in left if code]
        while left:
            at = here
            nearest = min(left, key=lambda one: way_m(store, at, store.spots[one[1]]))
            left.remove(nearest)
            metres += way_m(store, here, store.spots[nearest[1]])
            here = store.spots[nearest[1]]
            order.append(nearest)
        order.extend(lost)
    return Tour(tuple(order), metres + way_m(store, here, store.packing))


def _rank(stop: Stop) -> tuple[int, bool]:
    return _RANK[stop.temperature], not stop.scarce


def _chosen(store: StoreMap, stop: Stop) -> str:
    return next((code for code in stop.spots if code in store.spots), "")
