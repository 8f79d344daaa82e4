"""How pickers walk without the engine: S-shape, nearest neighbour, and as listed. Spots in an order to go to."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.core.picking.store_map import Point, Spot, StoreMap


def way_m(store: StoreMap, a: Point | Spot, b: Point | Spot) -> float:
    """From one place in an aisle to another."""
    if a.x_m == b.x_m:
        return abs(a.y_m - b.y_m)
    return abs(a.x_m - b.x_m) + min(a.y_m + b.y_m, 2 * store.depth_m - a.y_m - b.y_m)


def metres(store: StoreMap, order: Sequence[Spot]) -> float:
    """The whole way from the entrance to the packing table."""
    places: list[Point | Spot] = [store.entrance, *order, store.packing]
    return sum(way_m(store, a, b) for a, b in pairwise(places))


def s_shape(store: StoreMap, spots: Sequence[Spot]) -> list[Spot]:
    """Every aisle with something in it is walked through, the first up, the next down."""
    return list(_up_and_down(spots))


def _up_and_down(spots: Sequence[Spot]) -> Iterator[Spot]:
    aisles: dict[float, list[Spot]] = {}
    for spot in spots:
        aisles.setdefault(spot.x_m, []).append(spot)
    for nth, x in enumerate(sorted(aisles)):
        yield from sorted(aisles[x], key=lambda spot: spot.y_m, reverse=nth % 2 == 1)


def s_shape_m(store: StoreMap, spots: Sequence[Spot]) -> float:
    """What an S-shape walks: whole aisles, also where the rest of one is empty, but for the last if that is odd."""
    order = s_shape(store, spots)
    xs = sorted({spot.x_m for spot in order})
    if not xs:
        return metres(store, ())
    across = abs(xs[0] - store.entrance.x_m) + xs[-1] - xs[0] + abs(xs[-1] - store.packing.x_m)
    deepest = max(spot.y_m for spot in order if spot.x_m == xs[-1])
    return across + len(xs) // 2 * 2 * store.depth_m + (2 * deepest if len(xs) % 2 else 0)


def nearest(store: StoreMap, spots: Sequence[Spot]) -> list[Spot]:
    """Always to the nearest that is left."""
    here: Point | Spot = store.entrance
    left, order = list(spots), []
    while left:
        at = here
        follows = min(left, key=lambda spot: way_m(store, at, spot))
        left.remove(follows)
        order.append(follows)
        here = follows
    return order


def nearest_m(store: StoreMap, spots: Sequence[Spot]) -> float:
    """What that walks."""
    return metres(store, nearest(store, spots))
