"""Release: the least slack first, ties to whoever waits at the door and to cold goods, and nobody starves."""

import hypothesis.strategies as st
from hypothesis import given

from agent.core.picking.release import RULES, Reason, ReleaseRules, Waiting, release, slack_s
from agent.core.picking.tour import Stop

NOW = 10_000_000
COLD = (Stop("1", (), "chilled"),)


def waiting(name: str, slack: float = 600, waited_s: int = 60, **more: object) -> Waiting:
    """One that has so much slack now."""
    due_ms = NOW + round(1000 * (slack + 72 + 30 + 30))
    return Waiting(name, due_ms, NOW - 1000 * waited_s, 72, 30, 30, **more)  # type: ignore[arg-type]  # the test's words


def turns(*orders: Waiting, rules: ReleaseRules = RULES) -> list[tuple[str, str]]:
    return [(one.order, one.reason.code) for one in release(NOW, orders, rules)]


def test_slack_is_what_is_left_of_the_time_when_all_the_work_is_done() -> None:
    one = Waiting("A", NOW + 600_000, NOW, pick_s=100, pack_s=40, hand_over_s=30)
    assert slack_s(NOW, one) == 600 - 100 - 40 - 30
    assert slack_s(NOW + 500_000, one) == 100 - 170


def test_least_slack_goes_first_and_says_so_in_numbers() -> None:
    assert turns(waiting("B", 900), waiting("A", 300), waiting("C", -5)) == [
        ("C", "late"), ("A", "least_slack"), ("B", "least_slack"),
    ]  # fmt: skip
    (only,) = release(NOW, [waiting("A", 300, courier_at_ms=NOW - 42_000)])
    assert only.reason == Reason("courier", 300, 60, 42)


def test_of_like_slack_the_courier_at_the_door_comes_first_then_cold_goods() -> None:
    plain, cold = waiting("P", 301), waiting("C", 302, stops=COLD)
    courier, urgent = waiting("D", 303, courier_at_ms=NOW), waiting("U", 299)
    assert turns(plain, cold, courier, urgent) == [
        ("U", "least_slack"), ("D", "courier"), ("C", "cold"), ("P", "least_slack"),
    ]  # fmt: skip


def test_an_order_that_nothing_was_promised_of_is_due_an_hour_after_it_came() -> None:
    assert slack_s(NOW, Waiting("A", 0, NOW, 100, 0, 0)) == 3500


ORDERS = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(-600, 7200), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@given(ORDERS, st.integers(20, 200))
def test_no_order_starves(orders: list[tuple[int, int, bool, bool]], takes_s: int) -> None:
    """One picker, one order after another: who has waited too long is overtaken by nobody who came later."""
    arriving = sorted(
        (
            Waiting(
                f"O{n}", 1000 * (at + due), 1000 * at, 72, 30, 30, COLD if cold else (), 1000 * at if door else None
            )
            for n, (at, due, cold, door) in enumerate(orders)
        ),
        key=lambda one: one.since_ms,
    )
    line, now_ms, served = list(arriving), 0, list[str]()
    while line:
        here = [one for one in line if one.since_ms <= now_ms]
        if here:
            first = release(now_ms, here)[0].waiting
            starving = [one for one in here if now_ms - one.since_ms >= 1000 * RULES.longest_wait_s]
            assert not starving or first.since_ms == min(one.since_ms for one in starving)
            line.remove(first)
            served.append(first.order)
        now_ms += 1000 * takes_s
    assert sorted(served) == sorted(one.order for one in arriving)


@given(st.permutations([waiting(name, slack) for name, slack in zip("ABCDEF", (5, 5, 31, 29, 400, -9), strict=True)]))
def test_the_order_in_which_they_are_given_changes_nothing(orders: list[Waiting]) -> None:
    assert turns(*orders) == turns(*sorted(orders, key=lambda one: one.order))
