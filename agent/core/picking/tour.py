"""The tour: in which order to walk to the stops of a cart, and how far that is. Nothing shorter exists.

Ambient goods first, then chilled, then frozen ones, and among goods of one temperature the scarce ones first: one walk
(`block.py`) after another, each starting where the one before it ends. Where that is, is chosen so that all of them
together are shortest.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.core.catalogue import Temperature
from agent.core.picking.block import Block
from agent.core.picking.column import Column
from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.picking.trail import Place

#: What is picked first: goods that must stay cold are to be on the cart for the shortest time.
_ORDER: Final[tuple[Temperature, ...]] = ("ambient", "chilled", "frozen")
_KINDS: Final = {(kept, scarce): 2 * nth + (not scarce) for nth, kept in enumerate(_ORDER) for scarce in (True, False)}
#: So many tours are made at most to choose among several spots of the same goods.
_MOST_TRIED: Final = 60


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


#: The stops of one kind by where one stands for them; None: the map knows no spot.
_Group = defaultdict[Place | None, list[tuple[Stop, str]]]


def tour(store: StoreMap, stops: Sequence[Stop], start: Point | None = None, *, choose: bool = True) -> Tour:
    """The shortest tour from `start` (the entrance, if not said) by way of all stops to the packing table.

    Of several spots the first one that the map knows is walked to, unless another makes the tour shorter; they are
    tried stop by stop, in the order given. A stop of which the map knows no spot comes last of its kind, in the order
    given. With `choose` off no other spots are tried. Raises ValueError when `start` is neither in an aisle nor at a
    cross aisle.
    """
    begin = start or store.entrance
    if not store.is_walkable(begin):
        raise ValueError(f"({begin.x_m}, {begin.y_m}) is neither in an aisle nor at a cross aisle")
    chosen: list[Spot | None] = []
    others: list[tuple[int, Spot]] = []
    spot_of = store.spots.get
    for nth, stop in enumerate(stops):
        codes = stop.spots
        first = spot_of(codes[0]) if codes else None
        if len(codes) > 1:
            known = [*filter(None, map(spot_of, codes))]
            first = known[0] if known else None
            others += [(nth, spot) for spot in known[1:] if choose]
        chosen.append(first)
    found = _walk(store, stops, chosen, begin)
    for nth, other in others[:_MOST_TRIED]:
        before, chosen[nth] = chosen[nth], other
        also = _walk(store, stops, chosen, begin)
        if also.metres < found.metres:
            found = also
        else:
            chosen[nth] = before
    return found


def _walk(store: StoreMap, stops: Sequence[Stop], chosen: Sequence[Spot | None], begin: Point) -> Tour:
    """The shortest tour when each stop has its spot, if there is one."""
    floor = _Floor(store, [begin, store.packing, *filter(None, chosen)])
    column = floor.columns
    kinds: dict[tuple[Temperature, bool], _Group] = {}
    for stop, spot in zip(stops, chosen, strict=True):
        kind = stop.temperature, stop.scarce
        group = kinds.get(kind)
        if group is None:
            group = kinds[kind] = defaultdict(list)
        if spot is None:
            group[None].append((stop, ""))
        else:
            group[column[spot.x_m], spot.y_m].append((stop, spot.code))
    groups = [kinds[kind] for kind in sorted(kinds, key=_KINDS.__getitem__)]
    start, end = (column[begin.x_m], begin.y_m), (column[store.packing.x_m], store.packing.y_m)
    metres, orders = floor.walks(start, [{place for place in group if place} for group in groups], end)
    order: list[tuple[Stop, str]] = []
    for group, places in zip(groups, orders, strict=True):
        for place in places:
            order += group.get(place, ())
        order += group.get(None, ())
    return Tour(tuple(order), metres)


class _Floor:
    """The part of the store in which a tour is walked, as columns from left to right."""

    def __init__(self, store: StoreMap, points: Iterable[Point | Spot]) -> None:
        aisles, depth_m = store.aisle_xs, store.depth_m
        xs = {point.x_m for point in points}
        # Beyond all points one aisle may be of use, to change from one cross aisle to the other.
        left, right = bisect_right(aisles, min(xs)) - 1, bisect_left(aisles, max(xs)) + 1
        through = aisles[max(0, left) : right]
        self._xs = sorted(xs.union(through))
        self._through = set(through)
        self.columns = {x: nth for nth, x in enumerate(self._xs)}
        self._depth_m = depth_m

    def walks(self, start: Place, groups: Sequence[set[Place]], end: Place) -> tuple[float, list[list[Place]]]:
        """One walk for each group, together from start to end and shortest: the metres, and the stops of each."""
        walked = [group for group in groups if group] or [set[Place]()]
        blocks = [self._block(group) for group in walked]
        prices: list[dict[Place, float]] = [{start: 0.0}]
        for block, group, following in zip(blocks, walked, walked[1:], strict=False):
            prices.append(block.prices(prices[-1], self._hand_overs(group, following)))
        found: list[list[Place]] = []
        total = 0.0
        for block, starts in zip(blocks[::-1], prices[::-1], strict=True):
            walk = block.walk(starts, end)
            total, end = total or walk.metres, walk.start
            found.append(walk.stops)
        orders = iter(found[::-1])
        return total, [next(orders) if group else [] for group in groups]

    def _block(self, group: Iterable[Place]) -> Block:
        depths: list[list[float]] = [[] for _ in self._xs]
        for column, y in group:
            depths[column].append(y)
        for ys in depths:
            ys.sort()
        through = self._through
        return Block([Column(x, x in through, ys) for x, ys in zip(self._xs, depths, strict=True)], self._depth_m)

    def _hand_overs(self, group: set[Place], following: set[Place]) -> list[Place]:
        """Where a walk may end that another follows: where its last aisle is left, or at its last stop."""
        left = {(column, y) for column, _ in group for y in (0.0, self._depth_m) if self._xs[column] in self._through}
        shared = {column for column, _ in following}
        stay = {place for place in group if place[0] in shared or self._xs[place[0]] not in self._through}
        return sorted(left | stay)
