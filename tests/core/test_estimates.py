"""Estimates: the standard while the store has no history, and what its people take once it has."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from agent.core.life import TaskState
from agent.core.orders import Order, OrderLine, OrderStep
from agent.core.picking.estimates import REMEMBERED, Estimates, Step, Took, usual_s
from agent.core.tasks.task import Kind, OpenTasks, Task, TasksNow, Tote, times_of


@pytest.mark.parametrize(("lines", "seconds"), [(1, 72), (8, 72), (9, 87), (20, 252)])
def test_without_a_history_picking_takes_72_s_for_8_skus_and_15_s_for_each_more(lines: int, seconds: int) -> None:
    assert Estimates().seconds("pick", lines) == seconds


def test_a_store_that_is_slower_says_so_after_a_while() -> None:
    slow = [Took("pick", lines, 2 * usual_s("pick", lines)) for lines in range(1, 31)]
    assert Estimates.of(slow[:1]).seconds("pick", 8) == 72
    assert Estimates.of(slow).seconds("pick", 8) == 144
    assert Estimates.of(slow).seconds("pack", 8) == usual_s("pack", 8)


def test_four_of_five_orders_take_no_longer() -> None:
    took = [Took("pack", 1, 30 * (1 + nth % 10 / 10)) for nth in range(100)]
    assert Estimates.of(took).seconds("pack", 1) == pytest.approx(30 * 1.7)


TIMES = st.builds(Took, st.sampled_from(["pick", "pack", "hand_over"]), st.integers(1, 60), st.floats(0, 1e6))


@given(st.lists(TIMES, max_size=300))
def test_a_break_says_nothing_of_the_work_and_no_history_is_without_end(history: list[Took]) -> None:
    found = Estimates.of(history)
    assert max(map(len, (found.pick, found.pack, found.hand_over))) <= REMEMBERED
    steps: tuple[Step, ...] = ("pick", "pack", "hand_over")
    for step in steps:
        assert 0.1 <= found.seconds(step, 5) / usual_s(step, 5) <= 10


def picked(*totes: str, kind: Kind = "pick", state: TaskState = "done") -> Task:
    return Task(
        "T-1", kind, tuple(Tote(str(nth), order) for nth, order in enumerate(totes, 1)), "w1", 1, state, "", 0, 0
    )


STEPS = (
    OrderStep("accepted", 0, "accept", "a"),
    OrderStep("picking", 10_000, "start", "b"),
    OrderStep("awaiting_decision", 40_000, "ask", "c"),
    OrderStep("picking", 100_000, "decide", "d"),
    OrderStep("picked", 120_000, "finish", "e"),
    OrderStep("packed", 160_000, "pack", "f"),
    OrderStep("staged", 170_000, "stage", "g"),
)
ORDER = Order("A", "web", (OrderLine(1, "MILK", 1), OrderLine(2, "EGGS", 6)), STEPS)


def test_an_order_picked_by_itself_says_how_long_picking_and_packing_take_here() -> None:
    assert times_of(picked("A"), {"A": ORDER}) == [Took("pick", 2, 50.0), Took("pack", 2, 40.0)]
    tasks, now = OpenTasks(), TasksNow(OpenTasks(), tasks={"T-1": picked("A")})
    tasks.remember(now, [ORDER], [])
    assert tasks.estimates == Estimates.of([Took("pick", 2, 50.0), Took("pack", 2, 40.0)])


@pytest.mark.parametrize(
    "task", [picked("A", "B"), picked("A", kind="put_back"), picked("A", state="claimed"), picked()]
)
def test_of_orders_picked_together_nobody_knows_whose_the_time_was(task: Task) -> None:
    assert times_of(task, {"A": ORDER}) == []
