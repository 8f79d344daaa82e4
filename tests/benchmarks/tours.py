"""The tour: how long it takes, against S-shape and nearest neighbour, and whether anything is shorter.

A store of 12 aisles of 12 m, 2.4 m apart, entrance and packing table at the front left; lines anywhere. Times are of
the processor, so that neighbours on the machine do not count; the least of five passes over all lists.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from agent.core.catalogue import Temperature
from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.picking.tour import Stop, tour
from tests.benchmarks.figures import Figure, figure
from tests.benchmarks.walking import nearest, nearest_m, s_shape, s_shape_m
from tests.core.stores import Floor, check, errand, held_and_karp, of_all_orders

_T = TypeVar("_T")
AISLES, BAYS, AISLE_M = 12, 12, 2.4
LISTS, STORES = 200, 1000


def shop() -> StoreMap:
    """The store; its last aisle is frozen, the two before it are chilled."""
    spots = {}
    for aisle in range(1, AISLES + 1):
        kept: Temperature = "frozen" if aisle == AISLES else "chilled" if aisle >= AISLES - 2 else "ambient"
        for side in ("L", "R"):
            for bay in range(1, BAYS + 1):
                code = f"A{aisle:02}-{side}-{bay:02}-1"
                spots[code] = Spot(code, aisle, side, bay, 1, kept, (aisle - 1) * AISLE_M, bay - 0.5)
    return StoreMap(spots, Point(0.0, 0.0), Point(0.0, 0.0), float(BAYS))


def lists(store: StoreMap, lines: int) -> list[list[Spot]]:
    """What orders of so many lines want."""
    chance, spots = random.Random(lines), list(store.spots.values())
    return [[chance.choice(spots) for _ in range(lines)] for _ in range(LISTS)]


def stops(spots: Sequence[Spot], *, cold: bool) -> list[Stop]:
    return [Stop(str(nth), (spot.code,), spot.temperature if cold else "ambient") for nth, spot in enumerate(spots)]


def milliseconds(work: Callable[[_T], object], over: Sequence[_T]) -> float:
    """Processor time for one of them."""
    return min(_once(work, over) for _ in range(5)) / len(over) * 1000


def _once(work: Callable[[_T], object], over: Sequence[_T]) -> float:
    begun = time.process_time()
    for one in over:
        work(one)
    return time.process_time() - begun


def figures() -> Iterator[Figure]:
    store = shop()
    for lines in (5, 10, 30):
        wanted = lists(store, lines)
        asked = [stops(spots, cold=False) for spots in wanted]
        ours_ms = milliseconds(partial(tour, store), asked)
        ours_m = sum(tour(store, one).metres for one in asked) / LISTS
        yield figure(f"tour_{lines}_ms", round(ours_ms, 3), "ms")
        yield figure(f"tour_{lines}_m", round(ours_m, 1), "m")
        for name, walk, walk_m in (("s_shape", s_shape, s_shape_m), ("nearest", nearest, nearest_m)):
            theirs_ms = milliseconds(partial(walk, store), wanted)
            theirs_m = sum(walk_m(store, one) for one in wanted) / LISTS
            yield figure(f"{name}_{lines}_ms", round(theirs_ms, 3), "ms", "tour", round(theirs_ms / ours_ms, 2))
            yield figure(f"{name}_{lines}_m", round(theirs_m, 1), "m", "tour", round(theirs_m / ours_m, 3))
        if lines == 30:
            yield figure("tours_30_per_s", round(1000 / ours_ms), "tours/s")
        cold = [stops(spots, cold=True) for spots in wanted]
        cold_m = sum(tour(store, one).metres for one in cold) / LISTS
        yield figure(f"tour_{lines}_cold_last_ms", round(milliseconds(partial(tour, store), cold), 3), "ms")
        yield figure(f"tour_{lines}_cold_last_m", round(cold_m, 1), "m", "any order", round(cold_m / ours_m, 3))
    yield figure("tour_equals_brute_force", _right(), f"of {STORES} random stores")


def _right() -> int:
    """Of how many stores is the tour right? Whoever is not says so with its seed."""
    right = 0
    for seed in range(STORES):
        asked = errand(seed, 5 if seed % 2 else 9)
        shortest_m = (of_all_orders if seed % 2 else held_and_karp)(Floor(asked))
        try:
            check(asked, tour(asked.store, asked.stops, asked.start), shortest_m)
        except AssertionError as error:
            raise AssertionError(f"the store of seed {seed}") from error
        right += 1
    return right
