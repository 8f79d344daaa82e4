"""The lives of things, as tables: every move, no way back from an end, nothing unreachable and no dead end."""

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import life
from agent.core.cases import CaseChange
from agent.core.claims import HoldState as ClaimsHoldState
from agent.core.life import ImpossibleMoveError, Life, advance
from agent.core.tags import Tag

LIVES: list[Life[Any, Any]] = [life.HOLD, life.ORDER, life.PICK_LINE, life.COUNT, life.EPC, life.TASK, life.CASE]
every_life = pytest.mark.parametrize("one", LIVES, ids=lambda one: one.thing)


def reached_from(one: Life[Any, Any], states: tuple[str, ...]) -> set[str]:
    """Every state a thing in one of these can come to."""
    seen = set(states)
    while more := {target for (origin, _), target in one.moves.items() if origin in seen} - seen:
        seen |= more
    return seen


@pytest.mark.parametrize(
    ("one", "state", "event", "after"),
    [(one, state, event, after) for one in LIVES for (state, event), after in one.moves.items()],
    ids=lambda value: value.thing if isinstance(value, Life) else value,
)
def test_each_event_leads_where_the_table_says(one: Life[Any, Any], state: str, event: str, after: str) -> None:
    assert advance(one, state, event) == after


@every_life
def test_whatever_is_not_in_the_table_is_refused_with_what_is_possible(one: Life[Any, Any]) -> None:
    events = {event for _, event in one.moves}
    refused = 0
    for state in one.states():
        for event in events - set(one.possible(state)):
            with pytest.raises(ImpossibleMoveError) as caught:
                advance(one, state, event)
            assert caught.value.possible == one.possible(state)
            assert f"{one.thing} is {state}: no {event}" in str(caught.value)
            refused += 1
    assert refused == len(events) * len(one.states()) - len(one.moves)


@every_life
def test_nothing_leaves_an_end(one: Life[Any, Any]) -> None:
    assert one.ends
    assert one.ends <= set(one.states())
    assert not [state for state, _ in one.moves if state in one.ends]


@every_life
def test_every_state_can_be_reached(one: Life[Any, Any]) -> None:
    assert reached_from(one, one.begins) == set(one.states())


@every_life
def test_from_every_state_an_end_can_be_reached(one: Life[Any, Any]) -> None:
    assert [state for state in one.states() if not reached_from(one, (state,)) & one.ends] == []


@every_life
@given(data=st.data())
def test_any_walk_comes_to_an_end_and_stays(one: Life[Any, Any], data: st.DataObject) -> None:
    state = data.draw(st.sampled_from(one.begins))
    for _ in range(30):
        possible = one.possible(state)
        assert bool(possible) != (state in one.ends)
        if not possible:
            break
        state = advance(one, state, data.draw(st.sampled_from(possible)))


def test_an_order_ends_closed_cancelled_or_rejected() -> None:
    assert life.ORDER.ends == {"closed", "cancelled", "rejected"}


def test_the_books_use_states_of_the_tables() -> None:
    """States that the code stores are states of the tables, and a case's are exactly the table's."""
    assert ClaimsHoldState is life.HoldState
    assert get_type_hints(Tag)["state"] is life.EpcState
    assert set(get_args(get_type_hints(CaseChange)["state"])) == set(life.CASE.states())
