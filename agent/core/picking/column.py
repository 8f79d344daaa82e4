"""One column of the block: the ways to walk it, and what each makes of the walk on its left.

Of what lies left of a line across the store only this matters to the rest: how often each cross aisle is walked where
the line cuts it (0, 1 or 2 times), and whether the two are joined on the left. That makes 14 states. A way to walk a
column is the state that it makes by itself: `JOINED` tells what it makes of each state on its left, `ONWARD` where the
walk can go on from there. For a column that holds no end of the walk, as most do, both are also written out: that is a
third of the work. Which way it was that made a state is found out afterwards, only for those on the shortest walk.
"""

from collections.abc import Iterable, Sequence
from math import inf
from operator import sub
from typing import Final, NamedTuple

#: (front, back, joined): how often the front and the back cross aisle are walked, and whether both hang together.
STATES: Final = (
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
NOTHING: Final = 0
DONE: Final = 1
(_FRONT, _BACK, _TWICE, _TWO_PARTS, _ONCE, _ONCE_EACH) = range(2, 8)
(_ODD_FRONT, _ODD_BACK, _FRONT_ONCE, _FRONT_ONCE_PARTS, _BACK_ONCE, _BACK_ONCE_PARTS) = range(8, 14)

#: Metres to each state.
Metres = list[float]
_NO_EVEN: Final = [inf] * 8
#: The ways of a column that holds no end of the walk, and the metres of each: inf if it cannot be walked so.
PLAIN: Final = (NOTHING, _ONCE, _TWICE, _FRONT, _BACK, _TWO_PARTS)
Plain = tuple[float, float, float, float, float, float]
#: A way to walk a column: its metres, the state it makes by itself, and how deep the start and the end are in it.
Way = tuple[float, int, float | None, float | None]


class Column(NamedTuple):
    """An aisle, or (not `through`) a place at a cross aisle without one. `ys`: its stops, ascending."""

    x_m: float
    through: bool
    ys: list[float]


def _join(left: int, column: int) -> int | None:
    """The state at a column's two ends, with what comes from the left and the way the column is walked."""
    if column == NOTHING:
        return left
    if left == NOTHING:
        return column
    if DONE in (left, column):
        return None
    (front, back, joined), (more_front, more_back, through) = STATES[left], STATES[column]
    front, back = _added(front, more_front), _added(back, more_back)
    linked = (joined and _both(left)) or (through and _both(column))
    return STATES.index((front, back, linked or not (front and back)))


def _added(one: int, other: int) -> int:
    return one + other if not (one and other) else 2 - (one + other) % 2


def _both(state: int) -> bool:
    return bool(STATES[state][0] and STATES[state][1])


def _onward(state: int) -> Iterable[tuple[int, int]]:
    """Where the walk can go on to the right of a column's ends: the state there, and how many cross aisles' lengths."""
    front, back, joined = STATES[state]
    if state in (NOTHING, DONE):
        yield state, 0
        return
    for ahead in (0, 2) if front == 2 else (front,):
        for behind in (0, 2) if back == 2 else (back,):
            left_alone = (front and not ahead) or (back and not behind)
            if left_alone and not joined:
                continue
            after = (ahead, behind, joined or not (ahead and behind))
            yield (STATES.index(after) if ahead or behind else DONE), ahead + behind


_ALL: Final = range(len(STATES))
_ODD: Final = frozenset(state for state in _ALL if (STATES[state][0] + STATES[state][1]) % 2)
_BY_PARITY: Final = tuple(tuple(state for state in _ALL if (state in _ODD) == odd) for odd in (False, True))
#: For each way of a column: which state it makes of which, of those before it with (1) and without (0) an odd end open.
JOINED: Final = tuple(
    tuple(tuple((left, after) for left in states if (after := _join(left, way)) is not None) for way in _ALL)
    for states in _BY_PARITY
)
ONWARD: Final = tuple(
    tuple((state, after, lengths) for state in states for after, lengths in _onward(state)) for states in _BY_PARITY
)


def plain_ways(column: Column, depth_m: float) -> Plain:
    """The metres of each of the `PLAIN` ways. Where nothing is, being there is no way at all."""
    ys = column.ys
    if not column.through:
        return _no_aisle(_at_cross_aisles(column, depth_m, ()))
    if not ys:
        return 0.0, depth_m, 2 * depth_m, 0.0, 0.0, 0.0
    first, last = ys[0], ys[-1]
    parts = 2 * (depth_m - _widest(ys)) if first < last else inf
    return inf, depth_m, 2 * depth_m, 2 * last, 2 * (depth_m - first), parts


def _no_aisle(way: int) -> Plain:
    front, back, parts = (0.0 if way in (NOTHING, one) else inf for one in (_FRONT, _BACK, _TWO_PARTS))
    return 0.0 if way == NOTHING else inf, inf, inf, front, back, parts


def over_even(before: Metres, ways: Plain, gap_m: float) -> tuple[Metres, Metres]:
    """What `JOINED` and then `ONWARD` make of the states without an odd end: at the ends of a column, and beyond.

    The least is taken by comparison: with `min` a whole tour would take a quarter longer.
    """
    none, done, front, back, twice, parts, once, each = before
    nothing_m, once_m, twice_m, front_m, back_m, parts_m = ways
    also_back_m = back_m if back_m < parts_m else parts_m
    also_front_m = front_m if front_m < parts_m else parts_m
    inside_m = also_back_m if also_back_m < front_m else front_m
    at_front = none if none < front else front
    at_back = none if none < back else back
    at_one = at_front if at_front < at_back else at_back
    apart = at_one if at_one < parts else parts
    any_even, any_once = (apart if apart < twice else twice), (once if once < each else each)

    a, b, c, d = parts + inside_m, front + also_back_m, back + also_front_m, none + parts_m
    b, c = (b if b < c else c), (a if a < d else d)
    parts = b if b < c else c
    a, b, c = twice + inside_m, any_once + once_m, apart + twice_m
    twice = a if a < b and a < c else b if b < c else c
    a, b, c = once + inside_m, any_even + once_m, each + twice_m
    once = a if a < b and a < c else b if b < c else c
    front, back = at_front + front_m, at_back + back_m
    none, done, each = none + nothing_m, done + nothing_m, each + inside_m
    at_ends = [none, done, front, back, twice, parts, once, each]

    both_m, all_m = 2 * gap_m, 4 * gap_m
    a, b = (front if front < twice else twice), (back if back < twice else twice)
    c = a if a < b else b
    done = done if done < c else c
    return at_ends, [none, done, a + both_m, b + both_m, twice + all_m, parts + all_m, once + both_m, each + both_m]


def over_odd(before: Metres, ways: Plain, gap_m: float) -> tuple[Metres, Metres]:
    """The same of the states with an odd end."""
    front, back, front_once, front_parts, back_once, back_parts = before[8:]
    _, once_m, twice_m, front_m, back_m, parts_m = ways
    inside_m, at_front, at_back = min(front_m, back_m, parts_m), min(front, front_parts), min(back, back_parts)
    odd = [
        front + front_m,
        back + back_m,
        min(front_once + inside_m, at_back + once_m, back_once + once_m, at_front + twice_m),
        min(front_parts + inside_m, front + back_m, front + parts_m),
        min(back_once + inside_m, at_front + once_m, front_once + once_m, at_back + twice_m),
        min(back_parts + inside_m, back + front_m, back + parts_m),
    ]
    front, back, *others = odd
    front_once, _, back_once, _ = others
    after = [min(front, front_once) + gap_m, min(back, back_once) + gap_m, *(metres + 3 * gap_m for metres in others)]
    return _NO_EVEN + odd, _NO_EVEN + after


def ways(column: Column, depth_m: float, y: float | None, z: float | None) -> list[Way]:
    """How a column can be walked that holds the start at `y` or the end at `z`, or both."""
    ends = [end for end in (y, z) if end is not None]
    if not column.through:
        return [(0.0, _at_cross_aisles(column, depth_m, ends), y, z)]
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
    return STATES.index((front, back, bool(front) != bool(back)))


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
        (2 * under + between + 2 * over, DONE),
    ]
    if low < high:
        gap = _widest([low, *(y for y in ys if low < y < high), high])
        ways.append((low + 2 * (between - gap) + rest, _ONCE_EACH))
    if len(below) + len(above) > 2:
        gap = max(_widest(below), _widest(above))
        ways.append((2 * low + between + 2 * rest - 2 * gap, _TWO_PARTS))
    return ways


def _widest(ys: Sequence[float]) -> float:
    return max(map(sub, ys[1:], ys), default=0.0)
