"""Random stores and what is to be fetched in them; and the shortest way, found without what the engine knows.

The oracle walks a graph of the floor: distances are Dijkstra's over every stretch of it, the best order is looked for
among all orders, or by Held and Karp's dynamic programming over sets of stops.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise, permutations, product
from math import inf
from types import MappingProxyType

from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.picking.tour import Stop, Tour

_RANK = ("ambient", "chilled", "frozen")


@dataclass(frozen=True, slots=True)
class Errand:
    """A store, and what is to be fetched in it from where."""

    store: StoreMap
    stops: tuple[Stop, ...]
    start: Point


def errand(seed: int, most_stops: int) -> Errand:
    """One of any size: aisles of any distance, places at the cross aisles, somebody who stands anywhere."""
    rng = random.Random(seed)
    depth_m, xs = float(rng.randint(1, 8)), sorted(rng.sample(range(20), rng.randint(1, 6)))
    spots = [
        Spot(f"A{aisle:02}-{side}-{bay}", aisle, side, bay, 1, "ambient", float(x), depth_m * bay / 8)
        for aisle, x in enumerate(xs, 1)
        for side in ("L", "R")
        for bay in range(9)
    ]
    heads = [Point(float(rng.randrange(20)), rng.choice((0.0, depth_m))) for _ in range(8)]
    spots += [Spot(f"END-{nth}", 0, "L", 0, 1, "ambient", at.x_m, at.y_m) for nth, at in enumerate(heads[:4])]
    anywhere = [*heads[4:], *(Point(spot.x_m, spot.y_m) for spot in rng.sample(spots, 4))]
    store = StoreMap(
        MappingProxyType({spot.code: spot for spot in spots}), rng.choice(anywhere), rng.choice(anywhere), depth_m
    )
    cold, scarce = rng.choice((0, 0.5)), rng.choice((0, 0.3))
    stops = tuple(
        Stop(
            str(nth),
            (rng.choice(spots).code,),
            rng.choice(("chilled", "frozen")) if rng.random() < cold else "ambient",
            rng.random() < scarce,
        )
        for nth in range(rng.randint(0, most_stops))
    )
    return Errand(store, stops, rng.choice([store.entrance, *anywhere]))


class Floor:
    """The floor as a graph: every point that matters, and the stretches between neighbours."""

    def __init__(self, asked: Errand) -> None:
        store = asked.store
        self.asked = asked
        aisles = set(store.aisles.values())
        points: list[Point | Spot] = [asked.start, store.packing, *(store.spots[stop.spots[0]] for stop in asked.stops)]
        places = {(point.x_m, point.y_m) for point in points}
        places |= {(x, y) for x in aisles for y in (0.0, store.depth_m)}
        self._links: dict[tuple[float, float], dict[tuple[float, float], float]] = {place: {} for place in places}
        for y in (0.0, store.depth_m):
            self._link_all(sorted(place for place in places if place[1] == y))
        for x in aisles:
            self._link_all(sorted(place for place in places if place[0] == x))
        at = [(point.x_m, point.y_m) for point in points]
        self.metres = [[self._from(here)[there] for there in at] for here in at]

    def _link_all(self, along: list[tuple[float, float]]) -> None:
        for a, b in pairwise(along):
            self._links[a][b] = self._links[b][a] = b[0] - a[0] + b[1] - a[1]

    def _from(self, start: tuple[float, float]) -> dict[tuple[float, float], float]:
        best = dict.fromkeys(self._links, inf)
        ahead = [(0.0, start)]
        while ahead:
            metres, here = heappop(ahead)
            if metres < best[here]:
                best[here] = metres
                for there, more in self._links[here].items():
                    heappush(ahead, (metres + more, there))
        return best

    def along(self, order: Sequence[int]) -> float:
        """How far it is from the start by way of these stops, by number, to the packing table."""
        return sum(self.metres[a][b] for a, b in pairwise([0, *(nth + 2 for nth in order), 1]))

    def groups(self) -> list[list[int]]:
        """The stops in the order in which they may be fetched: cold last, scarce first of its kind."""
        kinds: dict[tuple[int, bool], list[int]] = {}
        for nth, stop in enumerate(self.asked.stops):
            kinds.setdefault((_RANK.index(stop.temperature), not stop.scarce), []).append(nth)
        return [kinds[kind] for kind in sorted(kinds)]


def of_all_orders(floor: Floor) -> float:
    """The shortest of all the orders there are."""
    return min(
        floor.along([nth for group in orders for nth in group])
        for orders in product(*(permutations(group) for group in floor.groups()))
    )


def held_and_karp(floor: Floor) -> float:
    """The same for more stops than all orders of them can be tried."""
    metres = floor.metres
    ends = {0: 0.0}
    for group in floor.groups():
        best: dict[tuple[int, int], float] = {}
        for nth, stop in enumerate(group):
            best[1 << nth, nth] = min(price + metres[at][stop + 2] for at, price in ends.items())
        for seen in range(1, 1 << len(group)):
            for last in [nth for nth in range(len(group)) if seen >> nth & 1]:
                for follows in [nth for nth in range(len(group)) if not seen >> nth & 1]:
                    so_far = best[seen, last] + metres[group[last] + 2][group[follows] + 2]
                    key = seen | 1 << follows, follows
                    best[key] = min(best.get(key, inf), so_far)
        everything = (1 << len(group)) - 1
        ends = {stop + 2: best[everything, nth] for nth, stop in enumerate(group)}
    return min(price + metres[at][1] for at, price in ends.items())


def check(asked: Errand, found: Tour, shortest_m: float) -> None:
    """The tour is as short as can be, is as long as it says, fetches everything once, and keeps the order of kinds."""
    floor = Floor(asked)
    order = [int(stop.id) for stop, _ in found.stops]
    assert sorted(order) == list(range(len(asked.stops)))
    assert abs(found.metres - shortest_m) < 1e-6
    assert abs(floor.along(order) - found.metres) < 1e-6
    kinds = [(_RANK.index(stop.temperature), not stop.scarce) for stop, _ in found.stops]
    assert kinds == sorted(kinds)
