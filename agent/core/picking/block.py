"""The shortest walk through one block: from a start to an end, by way of every stop.

Dynamic programming over the aisles from left to right (H. D. Ratliff and A. S. Rosenthal, "Order-picking in a
rectangular warehouse: a solvable case of the traveling salesman problem", Operations Research 31(3), 1983). A walk
leaves behind which stretches of floor were walked how often. Of what lies left of a line across the store only this
matters to the rest: how often each cross aisle is walked where the line cuts it (0, 1 or 2 times), and whether the two
are joined on the left. That makes 14 states, however many stops there are; the time grows with aisles plus stops.

Added to it here: the walk may start and end anywhere, also inside an aisle (both ends are where an odd number of
stretches meet); start and end may be one of several places, each at a price, which is how walks are strung together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple

from agent.core.picking.trail import Place, Trail

#: (front, back, joined): how often the front and the back cross aisle are walked, and whether both hang together.
_STATES: Final = (
    (0, 0, False),  # nothing yet
    (0, 0, True),  # all is done
    (2, 0, True),
    (0, 2, True),
    (2, 2, True),
    (2, 2, False),
    (1, 1, True),
    (1, 1, False),
    (1, 0, True),
    (0, 1, True),
    (1, 2, True),
    (1, 2, False),
    (2, 1, True),
    (2, 1, False),
)
_NOTHING: Final = 0
_DONE: Final = 1
(_FRONT, _BACK, _TWICE, _TWO_PARTS, _ONCE, _ONCE_EACH) = range(2, 8)
(_ODD_FRONT, _ODD_BACK, _FRONT_ONCE, _FRONT_ONCE_PARTS, _BACK_ONCE, _BACK_ONCE_PARTS) = range(8, 14)
_BLANK: Final = [inf] * len(_STATES)

#: A way to walk a column: its metres, the state it makes by itself, and how deep the start and the end are in it.
_Way = tuple[float, int, float | None, float | None]
#: The ways of a column by which ends of the walk are in it: 1 the start, 2 the end, 3 both.
_Ways = dict[int, list[_Way]]
#: By which ends are behind: of each state, what was behind before it, the state there, and the way if over a column.
_Origins = list[tuple[int, int, _Way | None] | None]
_Came = dict[int, _Origins]
_UNKNOWN: Final[_Origins] = [None] * len(_STATES)
#: Metres to each state, by which ends are behind.
_Layer = dict[int, list[float]]


@dataclass(frozen=True, slots=True)
class Column:
    """An aisle, or (not `through`) a place at a cross aisle without one. `ys`: its stops, ascending."""

    x_m: float
    through: bool
    ys: tuple[float, ...] = ()


class Walk(NamedTuple):
    """Metres, the start chosen, and every stop in the order it is first come by."""

    metres: float
    start: Place
    stops: list[Place]


def _join(left: int, column: int) -> int | None:
    """The state at a column's two ends, with what comes from the left and the way the column is walked."""
    if column == _NOTHING:
        return left
    if left == _NOTHING:
        return column
    if _DONE in (left, column):
        return None
    (front, back, joined), (more_front, more_back, through) = _STATES[left], _STATES[column]
    front, back = _added(front, more_front), _added(back, more_back)
    linked = (joined and _both(left)) or (through and _both(column))
    return _STATES.index((front, back, linked or not (front and back)))


def _added(one: int, other: int) -> int:
    return one + other if not (one and other) else 2 - (one + other) % 2


def _both(state: int) -> bool:
    return bool(_STATES[state][0] and _STATES[state][1])


def _onward(state: int) -> Iterable[tuple[int, int]]:
    """Where the walk can go on to the right of a column's ends: the state there, and how many cross aisles' lengths."""
    front, back, joined = _STATES[state]
    if state in (_NOTHING, _DONE):
        yield state, 0
        return
    for ahead in (0, 2) if front == 2 else (front,):
        for behind in (0, 2) if back == 2 else (back,):
            left_alone = (front and not ahead) or (back and not behind)
            if left_alone and not joined:
                continue
            after = (ahead, behind, joined or not (ahead and behind))
            yield (_STATES.index(after) if ahead or behind else _DONE), ahead + behind


_ALL: Final = range(len(_STATES))
_ODD: Final = frozenset(state for state in _ALL if (_STATES[state][0] + _STATES[state][1]) % 2)
#: For each way of a column: which state it makes of which, of those before it with (1) and without (0) an odd end open.
_JOINED: Final = tuple(
    tuple(
        tuple((left, after) for left in _ALL if (left in _ODD) == odd and (after := _join(left, column)) is not None)
        for column in _ALL
    )
    for odd in (False, True)
)
_ONWARD: Final = tuple(
    tuple((state, after, lengths) for state in _ALL if (state in _ODD) == odd for after, lengths in _onward(state))
    for odd in (False, True)
)
#: What is behind, start (1) and end (2): is one of the two ends open?
_OPEN: Final = (0, 1, 1, 0)


def _ways(column: Column, depth_m: float, y: float | None, z: float | None) -> list[_Way]:
    """How a column can be walked that holds the start at `y` or the end at `z`, both, or neither."""
    ends = [end for end in (y, z) if end is not None]
    if not column.through:
        return [(0.0, _at_cross_aisles(column, depth_m, ends), y, z)]
    if not ends:
        return _ways_of_none(column.ys, depth_m)
    found = (
        _ways_of_one(column.ys, depth_m, ends[0])
        if len(ends) == 1
        else _ways_of_both(column.ys, depth_m, min(ends), max(ends))
    )
    return [(metres, way, y, z) for metres, way in found]


def _at_cross_aisles(column: Column, depth_m: float, ends: Sequence[float]) -> int:
    degrees = []
    for y in (0.0, depth_m):
        odd = ends.count(y)
        degrees.append(0 if not odd and y not in column.ys else 2 - odd % 2)
    front, back = degrees
    return _STATES.index((front, back, bool(front) != bool(back)))


def _ways_of_none(ys: Sequence[float], depth_m: float) -> list[_Way]:
    once, twice = (depth_m, _ONCE, None, None), (2 * depth_m, _TWICE, None, None)
    if not ys:
        return [(0.0, _NOTHING, None, None), once, twice]
    first, last = ys[0], ys[-1]
    ways: list[_Way] = [once, twice, (2 * last, _FRONT, None, None), (2 * (depth_m - first), _BACK, None, None)]
    if first < last:
        ways.append((2 * (depth_m - _widest(ys)), _TWO_PARTS, None, None))
    return ways


def _ways_of_one(ys: Sequence[float], depth_m: float, end: float) -> list[tuple[float, int]]:
    below, above = [*(y for y in ys if y < end), end], [end, *(y for y in ys if y > end)]
    rest = depth_m - end
    ways = [
        (end + 2 * (above[-1] - end), _ODD_FRONT),
        (end + 2 * rest, _FRONT_ONCE),
        (rest + 2 * (end - below[0]), _ODD_BACK),
        (rest + 2 * end, _BACK_ONCE),
    ]
    if len(above) > 1:
        ways.append((end + 2 * (rest - _widest(above)), _FRONT_ONCE_PARTS))
    if len(below) > 1:
        ways.append((rest + 2 * (end - _widest(below)), _BACK_ONCE_PARTS))
    return ways


def _ways_of_both(ys: Sequence[float], depth_m: float, low: float, high: float) -> list[tuple[float, int]]:
    below, above = [*(y for y in ys if y < low), low], [high, *(y for y in ys if y > high)]
    between, rest = high - low, depth_m - high
    under, over = low - below[0], above[-1] - high
    ways = [
        (low + 2 * between + rest, _ONCE),
        (2 * low + between + 2 * rest, _TWICE),
        (2 * low + between + 2 * over, _FRONT),
        (2 * under + between + 2 * rest, _BACK),
        (2 * under + between + 2 * over, _DONE),
    ]
    if low < high:
        gap = _widest([low, *(y for y in ys if low < y < high), high])
        ways.append((low + 2 * (between - gap) + rest, _ONCE_EACH))
    if len(below) + len(above) > 2:
        gap = max(_widest(below), _widest(above))
        ways.append((2 * low + between + 2 * rest - 2 * gap, _TWO_PARTS))
    return ways


def _widest(ys: Sequence[float]) -> float:
    return max([b - a for a, b in pairwise(ys)], default=0.0)


class Block:
    """Columns from left to right, `depth_m` from one cross aisle to the other."""

    def __init__(self, columns: Sequence[Column], depth_m: float) -> None:
        self._columns = columns
        self._depth_m = depth_m
        self._gaps = [*(b.x_m - a.x_m for a, b in pairwise(columns)), 0.0]

    def walk(self, starts: Mapping[Place, float], end: Place) -> Walk:
        """The shortest walk from one of the starts, each at the metres that it costs beforehand."""
        columns = self._ways(starts, (end,))
        came: list[_Came] = []
        last = self._forward(columns, starts, (end,), came)[-1]
        chosen, states = _chosen(came)
        start = next((nth, y) for nth, (_, _, y, _) in enumerate(chosen) if y is not None)
        return Walk(last[3][_DONE], start, self._laid(chosen, states, start))

    def prices(self, starts: Mapping[Place, float], ends: Collection[Place]) -> dict[Place, float]:
        """Of each of these ends: how long the shortest walk to it is."""
        columns = self._ways(starts, ends)
        layers = self._forward(columns, starts, ends, [])
        found = dict.fromkeys(ends, inf)
        last = _BLANK.copy()
        last[_DONE] = 0.0
        to_go: _Layer = {3: last}
        for nth in range(len(columns) - 1, -1, -1):
            to_go = _before_gap(to_go, self._gaps[nth])
            to_go = _before_column(to_go, layers[nth], columns[nth], nth, found)
        return found

    def _ways(self, starts: Mapping[Place, float], ends: Collection[Place]) -> list[_Ways]:
        depth_m, columns = self._depth_m, self._columns
        found: list[_Ways] = [{0: _ways(column, depth_m, None, None)} for column in columns]
        for (nth, y), price in starts.items():
            ways = found[nth].setdefault(1, [])
            ways += [(price + m, way, y, None) for m, way, _, _ in _ways(columns[nth], depth_m, y, None)]
        for nth, z in ends:
            found[nth].setdefault(2, []).extend(_ways(columns[nth], depth_m, None, z))
            for y in [y for column, y in starts if column == nth]:
                ways, price = found[nth].setdefault(3, []), starts[nth, y]
                ways += [(price + m, way, y, z) for m, way, _, _ in _ways(columns[nth], depth_m, y, z)]
        return found

    def _forward(
        self, columns: Sequence[_Ways], starts: Collection[Place], ends: Collection[Place], came: list[_Came]
    ) -> list[_Layer]:
        """Metres to each state: left of the first column, then to the right of each; `came` is told by what way."""
        last_start, last_end = (max(column for column, _ in places) for places in (starts, ends))
        first = _BLANK.copy()
        first[_NOTHING] = 0.0
        layers: list[_Layer] = [{0: first}]
        for nth, (ways, gap_m) in enumerate(zip(columns, self._gaps, strict=True)):
            must = (nth >= last_start) + 2 * (nth >= last_end)
            at_ends = _over_column(layers[-1], ways, must, came)
            layers.append(_over_gap(at_ends, gap_m, came))
        return layers

    def _laid(self, chosen: Sequence[_Way], states: Sequence[int], start: Place) -> list[Place]:
        """Every stop, in the order in which one walk over the chosen stretches comes by it first."""
        trail = Trail()
        first = front = back = 0
        for nth, (column, (_, way, y, z)) in enumerate(zip(self._columns, chosen, strict=True)):
            stops = [(nth, stop) for stop in column.ys]
            if y is None and z is None:
                at_front, at_back = trail.column(_STATES[way], stops)
            else:
                odd = sorted(end for end in (y, z) if end is not None)
                at_front, *at_odd, at_back = trail.cut_column(_STATES[way], stops, odd)
                first = at_odd[odd.index(y)] if y is not None else first
            if nth:
                ahead, behind, _ = _STATES[states[nth - 1]]
                trail.link(front, at_front, ahead)
                trail.link(back, at_back, behind)
            front, back = at_front, at_back
        return trail.walked(first)


def _over_column(before: _Layer, ways: _Ways, must: int, came: list[_Came]) -> _Layer:
    after: _Layer = {}
    origins: _Came = {}
    for behind, metres_to in before.items():
        joined = _JOINED[_OPEN[behind]]
        for ends, of_kind in ways.items():
            now = behind | ends
            if ends & behind or now & must != must:
                continue
            if now not in after:
                after[now], origins[now] = _BLANK.copy(), _UNKNOWN.copy()
            reached, origin = after[now], origins[now]
            for way in of_kind:
                way_m = way[0]
                for left, state in joined[way[1]]:
                    metres = metres_to[left] + way_m
                    if metres < reached[state]:
                        reached[state], origin[state] = metres, (behind, left, way)
    came.append(origins)
    return after


def _over_gap(before: _Layer, gap_m: float, came: list[_Came]) -> _Layer:
    after: _Layer = {}
    origins: _Came = {}
    for behind, metres_to in before.items():
        reached, origin = after[behind], origins[behind] = _BLANK.copy(), _UNKNOWN.copy()
        for state, onward, lengths in _ONWARD[_OPEN[behind]]:
            metres = metres_to[state] + lengths * gap_m
            if metres < reached[onward]:
                reached[onward], origin[onward] = metres, (behind, state, None)
    came.append(origins)
    return after


def _chosen(came: Sequence[_Came]) -> tuple[list[_Way], list[int]]:
    """The way each column is walked on the shortest walk, and the state to the right of each."""
    behind, state = 3, _DONE
    ways: list[_Way] = []
    states: list[int] = []
    for origins in reversed(came):
        origin = origins[behind][state]
        assert origin is not None
        before, left, way = origin
        if way is None:
            states.append(state)
        else:
            ways.append(way)
        behind, state = before, left
    return ways[::-1], states[::-1]


def _before_gap(after: _Layer, gap_m: float) -> _Layer:
    """Metres to go from a column's ends, given those from the right of them."""
    before: _Layer = {}
    for behind, to_go in after.items():
        found = before[behind] = _BLANK.copy()
        for state, onward, lengths in _ONWARD[_OPEN[behind]]:
            found[state] = min(found[state], to_go[onward] + lengths * gap_m)
    return before


def _before_column(after: _Layer, before: _Layer, ways: _Ways, nth: int, prices: dict[Place, float]) -> _Layer:
    """Metres to go from left of a column; lowers the prices of the ends that are in it."""
    found: _Layer = {}
    for behind, metres_to in before.items():
        to_go_here = found[behind] = _BLANK.copy()
        joined = _JOINED[_OPEN[behind]]
        for ends, of_kind in ways.items():
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
