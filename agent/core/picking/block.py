"""The shortest walk through one block: from a start to an end, by way of every stop.

Dynamic programming over the columns from left to right (H. D. Ratliff and A. S. Rosenthal, "Order-picking in a
rectangular warehouse: a solvable case of the traveling salesman problem", Operations Research 31(3), 1983). A walk
leaves behind which stretches of floor were walked how often; what of that matters to the rest are 14 states
(`column.py`), however many stops there are. The time grows with aisles plus stops.

Added to it here: the walk may start and end anywhere, also inside an aisle (both ends are where an odd number of
stretches meet); start and end may be one of several places, each at a price, which is how walks are strung together.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple

from agent.core.picking.column import (
    DONE,
    JOINED,
    ONWARD,
    PLAIN,
    STATES,
    Column,
    Metres,
    Plain,
    Way,
    over_even,
    over_odd,
    plain_ways,
    ways,
)
from agent.core.picking.trail import Place, Trail

_BLANK: Final = ([inf] * 8, [inf] * len(STATES))
_NOTHING_YET: Final = [0.0, *_BLANK[0][1:]]
#: What is behind, start (1) and end (2): is one of the two ends open?
_OPEN: Final = (0, 1, 1, 0)
_OVER: Final = (over_even, over_odd, over_odd, over_even)
#: The tables read backwards. For each way of a column, of each state at its ends: those on its left.
_BEFORE: Final = tuple(
    tuple(tuple(tuple(left for left, after in pairs if after == state) for state in range(len(STATES))) for pairs in of)
    for of in JOINED
)
#: Of each state at the ends of a column without an end: what is on its left, by which of the `PLAIN` ways.
_PLAINLY: Final = tuple(
    tuple(
        tuple((left, nth) for nth, way in enumerate(PLAIN) for left in of[way][state]) for state in range(len(STATES))
    )
    for of in _BEFORE
)
#: Of each state right of a gap: those left of it, and how many cross aisles' lengths are walked.
_CAME: Final = tuple(
    tuple(
        tuple((state, lengths) for state, after, lengths in pairs if after == wanted) for wanted in range(len(STATES))
    )
    for pairs in ONWARD
)

#: The ways of a column by which ends of the walk are in it: 1 the start, 2 the end, 3 both. None is `Plain`.
_Ways = dict[int, list[Way]]
#: Metres to each state, by which ends are behind.
_Layer = dict[int, Metres]


class Walk(NamedTuple):
    """Metres, the start chosen, and every stop in the order it is first come by."""

    metres: float
    start: Place
    stops: list[Place]


class Block:
    """Columns from left to right, `depth_m` from one cross aisle to the other."""

    def __init__(self, columns: Sequence[Column], depth_m: float) -> None:
        self._columns = columns
        self._depth_m = depth_m
        self._plain = [plain_ways(column, depth_m) for column in columns]
        self._gaps = [*(b.x_m - a.x_m for a, b in pairwise(columns)), 0.0]

    def walk(self, starts: Mapping[Place, float], end: Place) -> Walk:
        """The shortest walk from one of the starts, each at the metres that it costs beforehand."""
        held = self._held(starts, (end,))
        layers, at_ends = self._forward(held, starts, (end,))
        chosen, states = self._chosen(held, layers, at_ends)
        start = next((nth, y) for nth, (_, _, y, _) in enumerate(chosen) if y is not None)
        return Walk(layers[-1][3][DONE], start, self._laid(chosen, states, start))

    def prices(self, starts: Mapping[Place, float], ends: Collection[Place]) -> dict[Place, float]:
        """Of each of these ends: how long the shortest walk to it is."""
        held = self._held(starts, ends)
        layers, _ = self._forward(held, starts, ends)
        found = dict.fromkeys(ends, inf)
        last = _BLANK[0].copy()
        last[DONE] = 0.0
        to_go: _Layer = {3: last}
        for nth in range(len(held) - 1, -1, -1):
            to_go = _before_gap(to_go, self._gaps[nth])
            to_go = _before_column(to_go, layers[nth], self._plain[nth], held[nth], nth, found)
        return found

    def _held(self, starts: Mapping[Place, float], ends: Collection[Place]) -> list[_Ways]:
        """The ways of each column in which the walk starts or ends."""
        depth_m, columns = self._depth_m, self._columns
        found: list[_Ways] = [{} for _ in columns]
        start_columns, end_columns = ({column for column, _ in places} for places in (starts, ends))
        for (nth, y), price in starts.items():
            if end_columns != {nth}:
                of_start = found[nth].setdefault(1, [])
                of_start += [(price + m, way, y, None) for m, way, _, _ in ways(columns[nth], depth_m, y, None)]
        for nth, z in ends:
            if start_columns != {nth}:
                found[nth].setdefault(2, []).extend(ways(columns[nth], depth_m, None, z))
            for y in [y for column, y in starts if column == nth]:
                of_both, price = found[nth].setdefault(3, []), starts[nth, y]
                of_both += [(price + m, way, y, z) for m, way, _, _ in ways(columns[nth], depth_m, y, z)]
        return found

    def _forward(
        self, held: Sequence[_Ways], starts: Collection[Place], ends: Collection[Place]
    ) -> tuple[list[_Layer], list[_Layer]]:
        """Metres to each state: left of each column and right of the last one; and at the ends of each column."""
        last_start, last_end = (max(column for column, _ in places) for places in (starts, ends))
        before: _Layer = {0: _NOTHING_YET}
        layers, at_ends = [before], []
        must = 0
        for nth, (plain, of_ends, gap_m) in enumerate(zip(self._plain, held, self._gaps, strict=True)):
            at: _Layer = {}
            after: _Layer = {}
            if of_ends:
                must = (nth >= last_start) + 2 * (nth >= last_end)
            for behind, metres in before.items():
                if behind & must == must:
                    at[behind], after[behind] = _OVER[behind](metres, plain, gap_m)
            if of_ends:
                _over_ends(before, at, of_ends, must)
                after = {behind: _over_gap(metres, gap_m, _OPEN[behind]) for behind, metres in at.items()}
            at_ends.append(at)
            layers.append(after)
            before = after
        return layers, at_ends

    def _chosen(
        self, held: Sequence[_Ways], layers: Sequence[_Layer], at_ends: Sequence[_Layer]
    ) -> tuple[list[Way], list[int]]:
        """The way each column is walked on the shortest walk, and the state to the right of each."""
        behind, state = 3, DONE
        metres = layers[-1][behind][state]
        chosen: list[Way] = []
        states: list[int] = []
        for before, at, plain, of_ends, gap_m in zip(
            layers[-2::-1], at_ends[::-1], self._plain[::-1], held[::-1], self._gaps[::-1], strict=True
        ):
            states.append(state)
            metres_to = at[behind]
            for at_end, lengths in _CAME[_OPEN[behind]][state]:
                if metres_to[at_end] + lengths * gap_m == metres:
                    state, metres = at_end, metres_to[at_end]
                    break
            way: Way | None = None
            if behind in before:
                metres_to = before[behind]
                for left, nth in _PLAINLY[_OPEN[behind]][state]:
                    if metres_to[left] + plain[nth] == metres:
                        state, metres, way = left, metres_to[left], (plain[nth], PLAIN[nth], None, None)
                        break
            if way is None:
                behind, state, way = _came(before, of_ends, behind, state, metres)
                metres = before[behind][state]
            chosen.append(way)
        return chosen[::-1], states[::-1]

    def _laid(self, chosen: Sequence[Way], states: Sequence[int], start: Place) -> list[Place]:
        """Every stop, in the order in which one walk over the chosen stretches comes by it first."""
        trail = Trail()
        first = front = back = 0
        for nth, (column, (_, way, y, z)) in enumerate(zip(self._columns, chosen, strict=True)):
            stops = [(nth, stop) for stop in column.ys]
            if y is None is z:
                at_front, at_back = trail.column(STATES[way], stops)
            else:
                odd = sorted(end for end in (y, z) if end is not None)
                at_front, *at_odd, at_back = trail.cut_column(STATES[way], stops, odd)
                first = at_odd[odd.index(y)] if y is not None else first
            if nth:
                ahead, behind, _ = STATES[states[nth - 1]]
                if ahead:
                    trail.link(front, at_front, ahead)
                if behind:
                    trail.link(back, at_back, behind)
            front, back = at_front, at_back
        return trail.walked(first)


def _over_ends(before: _Layer, after: _Layer, held: _Ways, must: int) -> None:
    """Lowers the metres at a column's ends to those by way of an end of the walk in it. `must`: what is behind then."""
    for ends, of_kind in held.items():
        for behind, metres_to in before.items():
            now = behind | ends
            if ends & behind or now & must != must:
                continue
            joined = JOINED[_OPEN[behind]]
            reached = after.setdefault(now, _BLANK[_OPEN[now]].copy())
            for way_m, way, _, _ in of_kind:
                for left, state in joined[way]:
                    metres = metres_to[left] + way_m
                    if metres < reached[state]:
                        reached[state] = metres


def _over_gap(before: Metres, gap_m: float, odd: int) -> Metres:
    after = _BLANK[odd].copy()
    for state, onward, lengths in ONWARD[odd]:
        metres = before[state] + lengths * gap_m
        if metres < after[onward]:
            after[onward] = metres
    return after


def _came(before: _Layer, held: _Ways, behind: int, state: int, metres: float) -> tuple[int, int, Way]:
    """What was left of a column with an end of the walk, and how it was walked, if it is so far to this state."""
    for ends, of_kind in held.items():
        was = behind ^ ends
        if was & ends or was not in before:
            continue
        lefts, metres_to = _BEFORE[_OPEN[was]], before[was]
        for chosen in of_kind:
            for left in lefts[chosen[1]][state]:
                if metres_to[left] + chosen[0] == metres:
                    return was, left, chosen
    raise AssertionError(f"no way makes {metres} m")


def _before_gap(after: _Layer, gap_m: float) -> _Layer:
    """Metres to go from a column's ends, given those from the right of them."""
    before: _Layer = {}
    for behind, to_go in after.items():
        found = before[behind] = _BLANK[_OPEN[behind]].copy()
        for state, onward, lengths in ONWARD[_OPEN[behind]]:
            metres = to_go[onward] + lengths * gap_m
            if metres < found[state]:
                found[state] = metres
    return before


def _before_column(
    after: _Layer, before: _Layer, plain: Plain, held: _Ways, nth: int, prices: dict[Place, float]
) -> _Layer:
    """Metres to go from left of a column; lowers the prices of the ends that are in it."""
    found: _Layer = {}
    all_ways: _Ways = {
        0: [(way_m, way, None, None) for way, way_m in zip(PLAIN, plain, strict=True) if way_m < inf],
        **held,
    }
    for behind, metres_to in before.items():
        to_go_here = found[behind] = _BLANK[_OPEN[behind]].copy()
        joined = JOINED[_OPEN[behind]]
        for ends, of_kind in all_ways.items():
            to_go = after.get(behind | ends)
            if ends & behind or to_go is None:
                continue
            for way_m, way, _, z in of_kind:
                best = inf
                for left, state in joined[way]:
                    metres = way_m + to_go[state]
                    if metres < to_go_here[left]:
                        to_go_here[left] = metres
                    if metres_to[left] + metres < best:
                        best = metres_to[left] + metres
                if z is not None and best < prices[nth, z]:
                    prices[nth, z] = best
    return found
