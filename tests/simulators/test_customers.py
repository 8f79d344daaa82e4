"""The people of the lunch rush are the same from the same seed, and every kind of them comes."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulators.customers import IN_STORE_MIN, lunch
from simulators.floor_plan import FloorPlan, Shelf, shelf_of
from simulators.pickers import hire, luck
from tests.benchmarks.rush import rushes

SKUS = [f"SKU-{nth:02}" for nth in range(40)]
PLAN = FloorPlan()
SHELVES = st.sampled_from([PLAN.table, *PLAN.shelves()])


@given(st.integers(0, 10_000), st.integers(0, 60), st.integers(1, 40))
def test_orders_come_within_the_rush_with_one_to_eight_lines_each_of_its_own_sku(
    seed: int, count: int, skus: int
) -> None:
    errands = lunch(str(seed), SKUS[:skus], count, 1800.0)
    assert errands == lunch(str(seed), SKUS[:skus], count, 1800.0)
    assert len({errand.order for errand in errands}) == count
    assert [errand.at_s for errand in errands] == sorted(errand.at_s for errand in errands)
    for errand in errands:
        assert 0 <= errand.at_s <= 1800
        assert 1 <= len({want.sku for want in errand.lines}) == len(errand.lines) <= 8
        assert all(want.qty in (1, 2) for want in errand.lines)
        assert errand.promise_min in IN_STORE_MIN
        assert errand.pickup == bool(errand.code)
        assert errand.change.qty >= 0


def test_more_come_at_noon_than_before_and_after() -> None:
    errands = lunch("noon", SKUS, 900, 900.0)
    early, noon, late = (sum(300 * nth <= errand.at_s < 300 * nth + 300 for errand in errands) for nth in range(3))
    assert noon > early + late


def test_some_pay_late_or_never_and_some_change_their_minds() -> None:
    errands = lunch("minds", SKUS, 500, 1800.0)
    assert any(errand.pays_s is None for errand in errands)
    assert any(errand.pays_s for errand in errands)
    assert any(errand.cancels_s is not None for errand in errands)
    assert any(errand.amends_s is not None for errand in errands)
    assert any(errand.answers_s is None for errand in errands)
    assert {errand.wish for errand in errands} == {"ask", "remove", "substitute", "cancel"}


@given(SHELVES, SHELVES, SHELVES)
def test_ways_are_as_long_there_as_back_and_no_detour_is_shorter(a: Shelf, b: Shelf, c: Shelf) -> None:
    assert shelf_of(a.code) == a
    assert PLAN.metres(a, a) == 0
    assert PLAN.metres(a, b) == PLAN.metres(b, a)
    assert PLAN.metres(a, c) <= PLAN.metres(a, b) + PLAN.metres(b, c) + 1e-9


def test_pickers_differ_and_what_goes_wrong_takes_longer() -> None:
    pickers = hire("team", 20)
    assert pickers == hire("team", 20)
    assert len({picker.walk_m_s for picker in pickers}) == 20
    assert 1.1 < sum(picker.walk_m_s for picker in pickers) / 20 < 1.3
    rng = Random(1)
    assert {luck(rng) for _ in range(1000)} == {"found", "wrong", "overlooked", "elsewhere", "damaged"}
    for happens in ("wrong", "overlooked", "elsewhere", "damaged"):
        assert pickers[0].line_s(1, happens) > pickers[0].line_s(1, "found")


def test_in_a_rush_everybody_is_served_and_the_engine_walks_less_than_as_listed() -> None:
    ours, listed = rushes("engine", 1), rushes("listed", 1)
    assert {order.errand for order in ours} == {order.errand for order in listed}
    assert len(ours) == len(listed) == 120
    assert sum(order.metres for order in ours) < sum(order.metres for order in listed)
    assert sum(order.in_store_s for order in ours) < sum(order.in_store_s for order in listed)
