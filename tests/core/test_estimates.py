"""Estimates: the standard while the store has no history, and what its people take once it has."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from agent.core.life import ORDER, OrderEvent, TaskState, advance
from agent.core.orders import Order, OrderLine, OrderStep
from agent.core.picking.estimates import REMEMBERED, Estimates, Step, Took, usual_s
from agent.core.tasks.task import Kind, OpenTasks, Task, TasksNow, Tote


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


def picked(*totes: str, kind: Kind = "pick", state: TaskState = "done", token: int = 1) -> Task:
    totes_of = tuple(Tote(str(nth), order) for nth, order in enumerate(totes, 1))
    return Task("T-1", kind, totes_of, "w1", token, state, "", 0, 0)


def order(name: str, *steps: tuple[int, OrderEvent], lines: int = 2, courier_at_s: int | None = None) -> Order:
    """An order that these events happened to, at so many seconds."""
    kept = [OrderStep("received", 0, "", "")]
    for at_s, event in steps:
        kept.append(OrderStep(advance(ORDER, kept[-1].state, event), at_s * 1000, event, ""))
    courier_at_ms = None if courier_at_s is None else courier_at_s * 1000
    wants = tuple(OrderLine(nth, "MILK", 1) for nth in range(lines))
    return Order(name, "web", wants, tuple(kept), courier_at_ms=courier_at_ms)


ALONE = order(
    "A", (0, "accept"), (10, "start"), (40, "ask"), (100, "decide"), (120, "finish"), (160, "pack"), (170, "stage")
)


def learnt(task: Task, *orders: Order) -> Estimates:
    """What is known after a turn in which the last of the orders came to its end."""
    tasks, by_id = OpenTasks(), {one.id: one for one in orders}
    last = orders[-1]
    tasks.remember(TasksNow(OpenTasks(), tasks={task.id: task}), by_id, {last.id: last}, [])
    return tasks.estimates


def test_an_order_picked_by_itself_says_how_long_picking_and_packing_take_here() -> None:
    said = [Took("pick", 2, 60.0), Took("pack", 2, 40.0)]  # a minute was the customer's
    assert learnt(picked("A"), ALONE) == Estimates.of(said)


def test_orders_picked_together_teach_as_one_walk_and_are_packed_one_after_another() -> None:
    first = order("A", (0, "accept"), (10, "start"), (50, "finish"), (130, "pack"), (140, "stage"), lines=4)
    second = order("B", (5, "accept"), (40, "start"), (90, "finish"), (170, "pack"), (180, "stage"), lines=6)
    said = [Took("pick", 10, 90.0), Took("pack", 4, 40.0), Took("pack", 6, 40.0)]
    assert learnt(picked("A", "B"), first, second) == Estimates.of(said)


def test_what_was_cancelled_before_it_was_picked_teaches_nothing_of_its_own() -> None:
    gone = order("B", (5, "accept"), (20, "start"), (30, "cancel"), (40, "settle"))
    assert learnt(picked("A", "B"), gone, ALONE) == learnt(picked("A"), ALONE)


@pytest.mark.parametrize("task", [picked("A", kind="put_back"), picked("A", state="claimed"), picked("A", token=2)])
def test_what_nobody_did_from_its_beginning_to_its_end_teaches_nothing(task: Task) -> None:
    assert learnt(task, ALONE) == Estimates()


def test_handing_over_is_learnt_from_the_courier_at_the_door_once() -> None:
    events: tuple[OrderEvent, ...] = ("accept", "start", "finish", "pack", "stage")
    steps = [*zip((0, 1, 2, 3, 100), events, strict=True)]
    staged = order("A", *steps, courier_at_s=80)
    handed = order("A", *steps, (145, "hand_over"), courier_at_s=80)
    tasks = OpenTasks()
    tasks.remember(TasksNow(OpenTasks()), {"A": staged}, {"A": handed}, [])
    tasks.remember(TasksNow(OpenTasks()), {"A": handed}, {"A": handed}, [])
    assert tasks.estimates == Estimates.of([Took("hand_over", 2, 45.0)])
