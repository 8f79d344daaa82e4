"""The tour: nothing shorter exists, cold goods come last, and it says as many metres as it walks."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from agent.core.picking.column import JOINED, ONWARD, PLAIN, STATES, Column, over_even, over_odd, plain_ways
from agent.core.picking.store_map import Point, StoreMap
from agent.core.picking.tour import Stop, tour
from tests.core.stores import Floor, check, errand, held_and_karp, of_all_orders

SEEDS = st.integers(0, 2**32)


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_scenario_10_the_tour_equals_brute_force_and_chilled_and_frozen_keep_their_order(seed: int) -> None:
    asked = errand(seed, 5)
    check(asked, tour(asked.store, asked.stops, asked.start), of_all_orders(Floor(asked)))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_of_more_stops_too_no_tour_is_shorter(seed: int) -> None:
    asked = errand(seed, 9)
    check(asked, tour(asked.store, asked.stops, asked.start), held_and_karp(Floor(asked)))


def test_both_oracles_say_the_same() -> None:
    for seed in range(30):
        floor = Floor(errand(seed, 4))
        assert abs(of_all_orders(floor) - held_and_karp(floor)) < 1e-6


METRES = st.one_of(st.just(math.inf), st.integers(0, 50).map(float))


@given(st.lists(METRES, min_size=14, max_size=14), st.sets(st.integers(0, 8)), st.booleans(), st.booleans())
def test_what_is_written_out_of_a_column_is_what_the_tables_say(
    metres: list[float], bays: set[int], through: bool, odd: bool
) -> None:
    bays = bays if through else bays & {0, 8}
    before = [math.inf] * 8 + metres[8:] if odd else metres[:8]
    plain = plain_ways(Column(0.0, through, sorted(map(float, bays))), 8.0)
    at_ends, beyond = over_odd(before, plain, 3.0) if odd else over_even(before, plain, 3.0)
    expected, onward = [math.inf] * len(STATES), [math.inf] * len(STATES)
    for way_m, way in zip(plain, PLAIN, strict=True):
        for left, state in JOINED[odd][way]:
            expected[state] = min(expected[state], before[left] + way_m)
    for state, after, lengths in ONWARD[odd]:
        onward[after] = min(onward[after], expected[state] + lengths * 3.0)
    assert (at_ends, beyond) == (expected[: len(at_ends)], onward[: len(beyond)])


STORE = StoreMap.of_codes(
    [f"A{aisle:02}-{side}-{bay:02}" for aisle in range(1, 7) for side in "LR" for bay in range(1, 9)]
)


def test_nothing_to_fetch_is_the_way_to_the_packing_table() -> None:
    assert tour(STORE, []).metres == 0
    assert tour(STORE, [], Point(STORE.aisles[1], 3.0)).metres == 3.0


def test_both_sides_of_a_bay_are_one_place() -> None:
    found = tour(STORE, [Stop("a", ("A02-L-03",)), Stop("b", ("A02-R-03",)), Stop("c", ("A02-R-03",))])
    assert sorted(stop.id for stop, _ in found.stops) == ["a", "b", "c"]
    assert found.metres == tour(STORE, [Stop("a", ("A02-L-03",))]).metres


def test_of_several_spots_the_first_is_walked_to_unless_another_makes_the_tour_shorter() -> None:
    near, far = "A01-L-01", "A06-L-08"
    (only,) = tour(STORE, [Stop("a", (far, near))]).stops
    assert only[1] == near
    with_far = tour(STORE, [Stop("a", (far, near)), Stop("b", ("A06-R-08",))])
    assert {stop.id: code for stop, code in with_far.stops}["a"] == far


def test_what_the_map_does_not_know_comes_last_of_its_kind_in_the_order_given() -> None:
    asked = [
        Stop("lost", ("CELLAR",)),
        Stop("far", ("A06-L-08",)),
        Stop("ice", ("A01-L-01",), "frozen"),
        Stop("lost too", ()),
        Stop("near", ("?", "A01-L-01")),
    ]
    assert [stop.id for stop, _ in tour(STORE, asked).stops] == ["far", "near", "lost", "lost too", "ice"]
    assert [code for _, code in tour(STORE, asked).stops] == ["A06-L-08", "A01-L-01", "", "", "A01-L-01"]


def test_a_store_without_a_map_fetches_in_the_order_given() -> None:
    nowhere = StoreMap.of_codes(["CELLAR"])
    found = tour(nowhere, [Stop("b", ("CELLAR",)), Stop("a", ())])
    assert [stop.id for stop, _ in found.stops] == ["b", "a"]
    assert found.metres == 0


def test_a_place_where_nobody_can_stand_is_refused() -> None:
    with pytest.raises(ValueError, match="packing at"):
        StoreMap(STORE.spots, STORE.entrance, Point(3.1, 2.0))


def test_who_stands_in_no_aisle_is_refused() -> None:
    with pytest.raises(ValueError, match="neither in an aisle"):
        tour(STORE, [Stop("a", ("A02-L-03",))], Point(3.1, 2.0))
