"""Batching: who goes along, who does not and why; and nobody is late because of it."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from agent.core.picking.batching import WALK_M_S, Batch, Cart, Left, batch
from agent.core.picking.release import Waiting, release
from agent.core.picking.store_map import StoreMap
from agent.core.picking.tour import Stop, tour

NOW = 10_000_000
CODES = [f"A{aisle:02}-{side}-{bay:02}" for aisle in range(1, 7) for side in "LR" for bay in range(1, 9)]
STORE = StoreMap.of_codes(CODES)


def waiting(name: str, slack: float, *codes: str, totes: int = 1, alone: bool = False) -> Waiting:
    stops = tuple(Stop(str(nth), (code,)) for nth, code in enumerate(codes))
    due_ms = NOW + round(1000 * (slack + 72 + 30 + 30))
    return Waiting(name, due_ms, NOW - 1000, 72, 30, 30, stops, None, alone, totes)


def made(*orders: Waiting, totes: int = 4) -> Batch:
    return batch(release(NOW, orders), STORE, Cart(totes))


FAR = "A06-L-08"


def test_orders_that_walk_the_same_way_are_picked_together() -> None:
    found = made(waiting("A", 600, FAR), waiting("B", 900, FAR), waiting("C", 1200, "A05-L-01"))
    assert found.orders == ("A", "B", "C")
    assert found.totes == (("A", 1), ("B", 1), ("C", 1))
    assert {stop.id for stop, _ in found.tour.stops} == {"A\n0", "B\n0", "C\n0"}
    alone = [tour(STORE, [Stop("", (code,))]).metres for code in (FAR, FAR, "A05-L-01")]
    assert found.reason.saved_m == pytest.approx(sum(alone) - found.tour.metres)


def test_who_does_not_go_along_is_told_why() -> None:
    found = made(
        waiting("A", 50, FAR),
        waiting("WINE", 900, FAR, alone=True),
        waiting("HUGE", 901, FAR, totes=4),
        waiting("B", 902, FAR),
        waiting("C", 903, FAR),
    )
    assert found.orders == ("A", "B")
    late = next(left for left in found.reason.left if left.order == "C")
    assert found.reason.left == (Left("WINE", "alone"), Left("HUGE", "totes", 4), late)
    assert (late.code, late.by) == ("late", "A")
    assert late.number <= 0


def test_age_checked_goods_are_picked_alone() -> None:
    found = made(waiting("WINE", 100, FAR, alone=True), waiting("B", 900, FAR))
    assert found.orders == ("WINE",)
    assert found.reason.left == (Left("B", "alone"),)


def test_an_order_that_is_late_already_is_held_up_by_nobody() -> None:
    assert made(waiting("A", -10, FAR), waiting("B", 900, FAR)).orders == ("A",)


def test_a_batch_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody waits"):
        made()


ORDERS = st.lists(
    st.tuples(
        st.integers(-100, 900),
        st.lists(st.sampled_from(CODES), min_size=1, max_size=5),
        st.integers(1, 3),
        st.booleans(),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(ORDERS, st.integers(1, 8))
def test_none_joins_that_would_be_late_by_joining(orders: list[tuple[int, list[str], int, bool]], totes: int) -> None:
    asked = {
        f"O{n}": waiting(f"O{n}", slack, *codes, totes=size, alone=alone and size == 1)
        for n, (slack, codes, size, alone) in enumerate(orders)
    }
    ranked = release(NOW, asked.values())
    found = batch(ranked, STORE, Cart(totes))
    members = [asked[name] for name in found.orders]
    assert found.orders[0] == ranked[0].order
    assert {*found.orders, *(left.order for left in found.reason.left)} == set(asked)
    assert len(found.tour.stops) == sum(len(one.stops) for one in members)
    if len(members) == 1:
        return
    assert sum(one.totes for one in members) <= totes
    assert not any(one.alone for one in members)
    walked_alone = sum(tour(STORE, one.stops).metres for one in members)
    ready_ms = NOW + 1000 * (sum(one.pick_s for one in members) - (walked_alone - found.tour.metres) / WALK_M_S)
    for one in members:
        ready_ms += 1000 * one.pack_s
        assert ready_ms + 1000 * one.hand_over_s < one.due_ms
