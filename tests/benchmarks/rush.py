"""A simulated lunch rush, picked as the engine says, and as listed: one order by one, first come, first served.

An hour with 120 orders of 1 to 8 lines, six pickers with carts of four totes, a shop of 12 aisles of 12 m; four such
hours of each of five seeds. The same customers, pickers and mishaps both times; only who picks what, with what, and
along which way differs.
`in_store_time` is from the order to its packed bags; due are 5, 10 or 15 minutes after it when 30, 45 or 60 were
promised. Metres are paced out on the simulator's floor plan, not taken from the engine.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from random import Random
from statistics import fmean
from typing import Final, Literal

from agent.core.picking.batching import Cart, batch
from agent.core.picking.estimates import Estimates, Took
from agent.core.picking.release import Waiting, release
from agent.core.picking.store_map import StoreMap
from agent.core.picking.tour import Stop
from simulators.customers import IN_STORE_MIN, Errand, lunch
from simulators.floor_plan import FloorPlan, Shelf, shelf_of
from simulators.pickers import Picker, hire, luck
from tests.benchmarks.figures import Figure, figure

Way = Literal["engine", "listed"]

ORDERS: Final = 120
PICKERS: Final = 6
HOURS: Final = 4
SEEDS: Final = 5
_HOUR_S: Final = 3600.0
_PLAN: Final = FloorPlan()


@dataclass(frozen=True, slots=True)
class Walk:
    """Which orders are picked together, and what is fetched in which order: (order, line)."""

    orders: tuple[Errand, ...]
    fetched: tuple[tuple[Errand, int], ...]


@dataclass(frozen=True, slots=True)
class Picked:
    """One order: its share of the way walked, and the seconds until its bags were packed."""

    errand: Errand
    metres: float
    in_store_s: float

    @property
    def in_time(self) -> bool:
        return self.in_store_s <= self.errand.in_store_s


@dataclass
class Rush:
    """One hour. `spots` is where each SKU stands."""

    way: Way
    errands: Sequence[Errand]
    spots: dict[str, str]
    seed: str
    known: Estimates = field(default_factory=Estimates)

    def __post_init__(self) -> None:
        self.map = StoreMap.of_codes([shelf.code for shelf in _PLAN.shelves()])

    def run(self, pickers: Sequence[Picker]) -> list[Picked]:
        """Until every order is packed."""
        free = [(0.0, nth) for nth in range(len(pickers))]
        coming, waiting, done = list(reversed(self.errands)), list[Errand](), list[Picked]()
        while coming or waiting:
            now_s, nth = heapq.heappop(free)
            while coming and coming[-1].at_s <= now_s:
                waiting.append(coming.pop())
            if not waiting:
                heapq.heappush(free, (coming[-1].at_s, nth))
                continue
            walk = self._next(now_s, waiting)
            for errand in walk.orders:
                waiting.remove(errand)
            picked = list(self._pick(pickers[nth], walk, now_s))
            done += picked
            heapq.heappush(free, (picked[-1].errand.at_s + picked[-1].in_store_s, nth))
        return done

    def _next(self, now_s: float, waiting: Sequence[Errand]) -> Walk:
        if self.way == "listed":
            first = waiting[0]
            return Walk((first,), tuple((first, nth) for nth in range(len(first.lines))))
        by_order = {errand.order: errand for errand in waiting}
        chosen = release(int(1000 * now_s), [self._waiting(errand) for errand in waiting])
        joined = batch(chosen, self.map, Cart())
        fetched = (stop.id.split("\n") for stop, _ in joined.tour.stops)
        return Walk(
            tuple(by_order[order] for order in joined.orders),
            tuple((by_order[order], int(nth)) for order, nth in fetched),
        )

    def _waiting(self, errand: Errand) -> Waiting:
        lines = len(errand.lines)
        return Waiting(
            errand.order,
            due_ms=int(1000 * (errand.at_s + errand.in_store_s)),
            since_ms=int(1000 * errand.at_s),
            pick_s=self.known.seconds("pick", lines),
            pack_s=self.known.seconds("pack", lines),
            hand_over_s=0.0,
            stops=tuple(Stop(str(nth), (self.spots[want.sku],)) for nth, want in enumerate(errand.lines)),
        )

    def _pick(self, picker: Picker, walk: Walk, now_s: float) -> Iterator[Picked]:
        """The orders of a walk, in the order in which they are packed."""
        metres = _PLAN.walk_m(self._shelf(errand, nth) for errand, nth in walk.fetched)
        at_s = now_s + metres / picker.walk_m_s
        for errand, nth in walk.fetched:
            happens = luck(Random(f"{self.seed}/{errand.order}/{nth}"))
            at_s += picker.line_s(errand.lines[nth].qty, happens)
        lines = sum(len(errand.lines) for errand in walk.orders)
        for errand in walk.orders:
            pick_s, pack_s = (at_s - now_s) * len(errand.lines) / lines, picker.pack_order_s(len(errand.lines))
            at_s += pack_s
            self.known = self.known.after(Took("pick", len(errand.lines), pick_s))
            self.known = self.known.after(Took("pack", len(errand.lines), pack_s))
            yield Picked(errand, metres / len(walk.orders), at_s - errand.at_s)

    def _shelf(self, errand: Errand, nth: int) -> Shelf:
        return shelf_of(self.spots[errand.lines[nth].sku])


@cache
def rushes(way: Way, hours: int = HOURS, seed: int = 0) -> tuple[Picked, ...]:
    """Every order of so many hours. The shop, who orders what, who picks and what goes wrong is of the seed alone."""
    done: list[Picked] = []
    for hour in range(hours):
        name = f"rush-{seed}-{hour}"
        shelves = [shelf.code for shelf in _PLAN.shelves()]
        Random(name).shuffle(shelves)
        spots = {f"SKU-{nth:03}": code for nth, code in enumerate(shelves)}
        errands = lunch(name, list(spots), ORDERS, _HOUR_S)
        done += Rush(way, errands, spots, name).run(hire(name, PICKERS))
    return tuple(done)


def figures() -> Iterator[Figure]:
    """Walking and time in the store against picking as listed, and the share of orders in time by promise.

    Of all seeds together; then the least and the most that one of them makes of it.
    """
    both = [(rushes("engine", seed=seed), rushes("listed", seed=seed)) for seed in range(SEEDS)]
    peer = "picking_as_listed"
    for name, unit, of in (
        ("walking_vs_listed", "m_per_order", attrgetter("metres")),
        ("in_store_time_vs_listed", "s_per_order", attrgetter("in_store_s")),
    ):
        means = [tuple(fmean(of(order) for order in one) for one in pair) for pair in both]
        ours, theirs = (fmean(side) for side in zip(*means, strict=True))
        yield figure(name, round(ours, 1), unit, peer, round(ours / theirs, 3))
        ratios = [ours / theirs for ours, theirs in means]
        for end, ratio in (("least", min(ratios)), ("most", max(ratios))):
            yield figure(f"{name}_{end}", round(ratio, 3), f"ratio_of_{SEEDS}_seeds")
    for promise, minutes in IN_STORE_MIN.items():
        shares = [tuple(_in_time(one, promise) for one in pair) for pair in both]
        share, listed = (fmean(side) for side in zip(*shares, strict=True))
        name = f"in_store_within_{minutes}_min_of_{promise}"
        yield figure(name, round(100 * share, 1), "percent", peer, round(share / listed, 3) if listed else None)
        yield figure(f"{name}_least", round(100 * min(ours for ours, _ in shares), 1), f"percent_of_{SEEDS}_seeds")


def _in_time(picked: Sequence[Picked], promise_min: int) -> float:
    of_promise = [order for order in picked if order.errand.promise_min == promise_min]
    return fmean(order.in_time for order in of_promise)
