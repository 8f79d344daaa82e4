"""What platforms ask: a pick is not complete too soon, and is said once; what nothing is left of is cancelled."""

import hypothesis.strategies as st
from hypothesis import given

from agent.core.picking.platforms import NO_RULES, PickCompletes, PlatformRules, last_short_is_cancel, may_finish_at_ms

MINUTE = PlatformRules(finish_after_s=60)
ORDERS = ("A", "B", "C")
_WHAT = st.one_of(
    st.tuples(st.just("picked"), st.sampled_from(ORDERS)),
    st.tuples(st.just("wait"), st.integers(0, 45_000)),
    st.tuples(st.just("cancelled"), st.sampled_from(ORDERS)),
)


@given(st.lists(_WHAT, max_size=40), st.dictionaries(st.sampled_from(ORDERS), st.integers(0, 90_000)))
def test_scenario_11_a_pick_complete_before_60_s_is_delayed_and_never_sent_twice(
    history: list[tuple[str, str | int]], accepted: dict[str, int]
) -> None:
    completes, now_ms, told = PickCompletes(), 90_000, list[str]()
    owed = dict[str, int]()
    for what, value in history:
        if isinstance(value, int):
            now_ms += value
        elif what == "picked":
            completes = completes.picked(value, accepted.get(value, 90_000), now_ms, MINUTE)
            if value not in told:
                owed.setdefault(value, max(now_ms, accepted.get(value, 90_000) + 60_000))
        else:
            completes = completes.cancelled(value)
            owed.pop(value, None)
        due, completes = completes.due(now_ms)
        told += due
        assert all(now_ms >= accepted.get(order, 90_000) + 60_000 for order in due)
        assert sorted(due) == sorted(order for order in due if owed.pop(order, now_ms + 1) <= now_ms)
        assert all(at_ms > now_ms for at_ms in owed.values())
        assert completes.rings_ms == min(owed.values(), default=None)
    assert len(told) == len(set(told))


def test_scenario_11_the_last_item_short_is_a_cancel_and_not_a_partial_refund() -> None:
    assert last_short_is_cancel([0, 0], MINUTE)
    assert not last_short_is_cancel([0, 1], MINUTE)
    assert not last_short_is_cancel([0, 0], PlatformRules(last_short="refund"))


def test_a_channel_without_rules_waits_for_nothing() -> None:
    assert may_finish_at_ms(5, NO_RULES) == 5
    assert PickCompletes().picked("A", 0, 7).due(7)[0] == ["A"]


def test_an_order_that_has_ended_is_forgotten() -> None:
    _, after = PickCompletes().picked("A", 0, 7).due(7)
    assert after.told == {"A"}
    assert after.over("A") == PickCompletes()
