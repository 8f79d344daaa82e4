"""Slots: of the right temperature, free, and what is due first nearest to the counter."""

import hypothesis.strategies as st
from hypothesis import given

from agent.core.catalogue import Temperature
from agent.core.picking.staging import Slot, Staging, suggest_slot

SLOTS = [*(Slot(f"S{n}", "ambient") for n in range(5)), Slot("C0", "chilled"), Slot("C1", "chilled")]


def test_a_slot_is_of_the_bags_temperature() -> None:
    assert suggest_slot(Staging("A", "chilled", 100), SLOTS, {}) == "C0"
    assert suggest_slot(Staging("A", "frozen", 100), SLOTS, {}) is None


def test_the_bags_of_an_order_stay_together() -> None:
    taken = {"S3": Staging("A", "ambient", 100), "S0": Staging("B", "ambient", 50)}
    assert suggest_slot(Staging("A", "ambient", 100), SLOTS, taken) == "S3"


def test_what_is_due_first_stands_nearest() -> None:
    taken = {"S1": Staging("B", "ambient", 50), "S2": Staging("C", "ambient", 60)}
    assert suggest_slot(Staging("A", "ambient", 10), SLOTS, taken) == "S0"
    assert suggest_slot(Staging("A", "ambient", 100), SLOTS, taken) == "S3"
    assert suggest_slot(Staging("A", "ambient", 0), SLOTS, taken) == "S3"


KEPT: st.SearchStrategy[Temperature] = st.sampled_from(["ambient", "chilled", "frozen"])
BAGS = st.builds(Staging, st.sampled_from("ABCDEFGH"), KEPT, st.integers(0, 100))


@given(st.lists(BAGS, max_size=12))
def test_no_slot_is_given_twice_and_none_stays_empty_while_bags_wait(bags: list[Staging]) -> None:
    taken: dict[str, Staging] = {}
    for one in bags:
        of_class = [slot.code for slot in SLOTS if slot.temperature == one.temperature]
        code = suggest_slot(one, SLOTS, taken)
        if code is None:
            assert all(name in taken and taken[name].order != one.order for name in of_class)
        else:
            assert code in of_class
            assert code not in taken or taken[code].order == one.order
            taken[code] = one
