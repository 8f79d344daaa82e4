"""What people spend on orders: every second and metre of a task is some order's."""

from dataclasses import replace
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from agent.core import orders
from agent.core.catalogue import Catalogue
from agent.core.ledger import Books, Turn
from agent.core.life import OrderEvent
from agent.core.orders import OrderLine
from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.picking.tour import Stop, tour
from agent.core.tasks import effort
from agent.core.tasks.effort import PACKING, Done
from agent.core.tasks.task import Rules, Task, Tote

MAP = StoreMap.of_codes(["A01-L-4-1", "A01-R-9-1", "A03-L-2-1"])

_UP_TO_STAGED: tuple[OrderEvent, ...] = ("accept", "start", "finish", "pack", "stage")


def _books(now_ms: int = 0) -> Books:
    books = Books("SH-1", 1, Catalogue([]), books_ms=now_ms)
    books.tasks.rules = Rules(store_map=MAP)
    return books


def _task(*orders: str) -> Task:
    totes = tuple(Tote(str(nth), order) for nth, order in enumerate(orders, 1))
    return Task("1-1", "pick", totes, "w1", 1, "claimed", "least_slack", 0, 0)


def _after(task: Task, at_s: int, *done: Done) -> Task:
    found = effort.after(Turn(_books(at_s * 1000), 0, {}, {}), task, done)
    return replace(found, heard_ms=at_s * 1000)


def _spent(task: Task) -> dict[str, tuple[float, float]]:
    return {one.order: (one.ms / 1000, one.dm / 10) for one in task.spent}


def test_time_and_way_are_those_of_the_stops_as_they_were_taken() -> None:
    task = _after(_task("A", "B"), 20, Done("A", ("A01-L-4-1",)))
    task = _after(task, 50, Done("B", ("A03-L-2-1",)))
    assert _spent(task) == {"A": (20, 4), "B": (30, 4 + 4.8 + 2)}
    task = _after(task, 60, Done("A", (PACKING,)))  # the way back is both orders'
    assert _spent(task) == {"A": (30, 7.4), "B": (30, 14.2)}
    again = _after(task, 70, Done("B", (PACKING,)))
    assert _spent(again) == {"A": (30, 7.4), "B": (40, 14.2)}


def test_reports_that_come_together_share_the_time_before_them() -> None:
    task = _after(_task("A", "B"), 30, Done("A"), Done("B"), Done("B"))
    assert _spent(task) == {"A": (10, 0), "B": (20, 0)}


def test_of_several_spots_the_first_that_is_known_was_gone_to_and_an_unknown_one_is_no_way() -> None:
    task = _after(_task("A"), 1, Done("A", ("nowhere", "A01-L-4-1", "A01-R-9-1")), Done("A", ("nowhere",)))
    assert _spent(task) == {"A": (1, 4)}


def test_nobody_works_while_nothing_is_heard_of_them_for_too_long() -> None:
    assert _spent(_after(_task("A"), 3600, Done("A"))) == {"A": (600, 0)}


@given(st.lists(st.tuples(st.integers(0, 500_000), st.integers(1, 4)), max_size=8))
def test_every_millisecond_of_a_task_is_one_order_s(turns: list[tuple[int, int]]) -> None:
    task, now_ms = _task("A", "B", "C"), 0
    for waited_ms, done in turns:
        now_ms += waited_ms
        some = [Done("ABC"[nth % 3]) for nth in range(done)]
        task = replace(effort.after(Turn(_books(now_ms), 0, {}, {}), task, some), heard_ms=now_ms)
    assert sum(one.ms for one in task.spent) == now_ms


@st.composite
def _places(draw: st.DrawFn) -> tuple[StoreMap, Point | Spot, Point | Spot]:
    aisles = draw(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True))
    spots = [
        Spot(f"{aisle}-{bay}", aisle + 1, "L", bay, 1, "ambient", aisle * 3.0, float(bay))
        for aisle in aisles
        for bay in draw(st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
    ]
    at_front = st.integers(0, 30).map(lambda x: Point(float(x), 0.0))
    at_back = st.integers(0, 30).map(lambda x: Point(float(x), 10.0))
    where = st.sampled_from(spots) | at_front | at_back
    packing = draw(where)
    stands = Point(packing.x_m, packing.y_m)
    return StoreMap(MappingProxyType({spot.code: spot for spot in spots}), stands, stands, 10.0), draw(where), stands


@given(_places())
def test_the_way_between_two_places_is_the_shortest_tour(places: tuple[StoreMap, Point | Spot, Point | Spot]) -> None:
    store, here, packing = places
    start = Point(here.x_m, here.y_m)
    assert store.metres(start, packing) == tour(store, [], start).metres
    for spot in store.spots.values():
        there = tour(store, [Stop("one", (spot.code,))], start).metres
        assert store.metres(start, spot) + store.metres(spot, packing) == there


def test_handing_over_takes_what_was_measured_and_no_second_twice() -> None:
    order = orders.received("A", "web", (OrderLine(1, "MILK", 1),), due_at=0, now_at=0, now_ms=0)
    for nth, event in enumerate(_UP_TO_STAGED):
        order = orders.advanced(order, event, str(nth), 10_000)
    turn = Turn(_books(100_000), 0, {}, {})
    effort.handed_over(turn, order, "w1", 30_000)
    assert turn.tasks.handing == {"A": 30_000}
    effort.handed_over(turn, order, "w1", 5_000_000)  # it is staged for 90 s
    assert turn.tasks.handing == {"A": 90_000}
    turn.tasks.tasks["1-1"] = replace(_task("B"), heard_ms=60_000)
    effort.handed_over(turn, order, "w1", 30_000)
    task = turn.tasks.tasks["1-1"]
    assert turn.tasks.handing == {"A": 30_000}
    assert task.heard_ms == 90_000  # so that 10 s are left for what they do next
    assert _spent(_after(task, 100, Done("B"))) == {"B": (10, 0)}
    effort.handed_over(turn, order, "w1", 30_000)
    assert turn.tasks.handing == {"A": 10_000}
