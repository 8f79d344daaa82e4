"""Orders: promised whole or rejected, moved by their table, never silent, and every second of theirs in one step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import life, naming, orders
from agent.core.asks import (
    Ask,
    Claimed,
    CommitHold,
    ConsumeHold,
    MoveOrder,
    Ordered,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    Scan,
    Tick,
    Want,
)
from agent.core.claims import Hold
from agent.core.decisions import decide, let_time_pass
from agent.core.ledger import Posting, Turn
from agent.core.life import OrderEvent
from agent.core.orders import Order, OrderLine, OrderStep, seconds_by_step
from tests.core import shop

NOW_AT = 1_700_000_000_000
HOUR_MS = 3600 * 1000


class Desk:
    """Enters asks one by one, and keeps what the disk would keep."""

    def __init__(self, milk: int = 0) -> None:
        self.books = shop.books()
        self.now_ms = 0
        self.postings: dict[str, Posting] = {}
        self.holds: dict[str, Hold] = {}
        self.orders: dict[str, Order] = {}
        for _ in range(milk):
            self.enter(Scan("dock", "receive", shop.gtin_14(shop.MILK), None))

    def enter(self, ask: Ask) -> object:
        known = {name: self.orders[name] for name in naming.orders([ask]) if name in self.orders}
        turn = Turn(self.books, NOW_AT + self.now_ms, self.postings, {}, self.holds, self.now_ms, known)
        let_time_pass(turn)
        answer = decide(turn, ask)
        self.books.remember(turn)
        self.postings |= {posting.source: posting for posting in turn.postings if posting.part == 0}
        self.holds |= turn.holds
        self.orders |= turn.orders
        return answer

    def place(self, name: str, *wants: tuple[str, int], due_at: int = 0) -> object:
        lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
        return self.enter(PlaceOrder(name, "web", lines, due_at))

    def move(self, name: str, *events: OrderEvent) -> object:
        answer: object = None
        for event in events:
            answer = self.enter(MoveOrder(name, f"{event} {len(self.orders[name].steps)}", event))
        return answer

    def state(self, name: str) -> str:
        return self.orders[name].state

    def after(self, seconds: int) -> None:
        self.now_ms += seconds * 1000
        self.enter(Tick())


def state_of(answer: object) -> str:
    assert isinstance(answer, Ordered), answer
    return answer.state


def test_an_order_is_promised_whole_or_rejected_with_what_is_missing() -> None:
    desk = Desk(milk=5)
    assert state_of(desk.place("O1", ("MILK", 1), ("MILK", 1))) == "accepted"
    rejected = desk.place("O2", ("MILK", 2), ("MILK", 2))
    assert isinstance(rejected, Ordered)
    assert (rejected.state, rejected.owner, rejected.due_in_s) == ("rejected", "", None)
    (missing,) = rejected.missing
    assert (missing.sku, missing.wanted, missing.available) == ("MILK", 4, 3)
    assert desk.books.promised("MILK") == 2
    assert [line.open for line in desk.holds["order:O1"].lines] == [1, 1]


def test_an_order_asked_again_stands_as_it_is_and_other_content_is_a_conflict() -> None:
    desk = Desk(milk=2)
    accepted, rejected = desk.place("O1", ("MILK", 2)), desk.place("O2", ("MILK", 1))
    head = desk.books.head
    desk.move("O1", "cancel")
    assert state_of(desk.place("O1", ("MILK", 2))) == "cancelled"
    assert desk.place("O2", ("MILK", 1)) == rejected  # also now that there would be enough
    other = desk.place("O1", ("MILK", 1))
    assert isinstance(other, Refused)
    assert other.conflict
    assert state_of(accepted) == "accepted"
    assert desk.books.head == head + 2  # the release, and a row for HQ
    assert not desk.books.orders


def test_an_order_cannot_be_placed_on_a_hold_of_somebody_else() -> None:
    desk = Desk(milk=2)
    assert isinstance(desk.enter(Reserve("order:O1", "web", (Want(1, "MILK", 1),), 900)), Claimed)
    refused = desk.place("O1", ("MILK", 1))
    assert isinstance(refused, Refused)
    assert refused.conflict
    assert not desk.orders


@pytest.mark.parametrize(
    "ask", [CommitHold("order:O1", "O9"), ConsumeHold("order:O1", ((1, 1),)), ReleaseHold("order:O1")]
)
def test_only_moving_an_order_disposes_of_its_claim(ask: Ask) -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    refused = desk.enter(ask)
    assert isinstance(refused, Refused)
    assert refused.conflict
    assert desk.books.promised("MILK") == 1


@pytest.mark.parametrize("wants", [(), (Want(1, "MILK", 1), Want(1, "EGGS", 1)), (Want(1, "MILK", 0),)])
def test_an_order_that_cannot_be_right_is_refused_and_not_kept(wants: tuple[Want, ...]) -> None:
    desk = Desk(milk=1)
    assert isinstance(desk.enter(PlaceOrder("O1", "web", wants)), Refused)
    assert isinstance(desk.place("O1", ("NONE", 1)), Refused)
    assert not desk.orders
    assert state_of(desk.place("O1", ("MILK", 1))) == "accepted"


def test_cancelled_before_anything_is_pulled_it_is_over_at_once_and_later_when_all_is_put_back() -> None:
    desk = Desk(milk=2)
    desk.place("O1", ("MILK", 1))
    desk.place("O2", ("MILK", 1))
    assert state_of(desk.move("O1", "cancel")) == "cancelled"
    assert desk.books.promised("MILK") == 1
    assert state_of(desk.move("O2", "start", "cancel")) == "cancel_requested"
    assert desk.books.promised("MILK") == 1
    assert state_of(desk.move("O2", "settle")) == "cancelled"
    assert desk.books.promised("MILK") == 0


def test_what_is_handed_over_is_consumed_and_closes_itself() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    assert state_of(desk.move("O1", "start", "finish", "pack", "stage", "hand_over")) == "handed_over"
    assert desk.holds["order:O1"].state == "consumed"
    desk.after(24 * 3600 - 1)
    assert desk.state("O1") == "handed_over"
    desk.after(1)
    assert desk.state("O1") == "closed"
    assert not desk.books.cases


def test_a_return_is_closed_by_the_clock_once_the_goods_are_somewhere() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    desk.move("O1", "start", "finish", "pack", "stage", "hand_over", "take_back", "restock")
    assert desk.books.next_alarm_ms() == desk.now_ms
    desk.after(0)
    assert desk.orders["O1"].state == "closed"


def test_a_move_counts_once_and_its_name_stands_for_one_event() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    start = MoveOrder("O1", "m1", "start")
    assert desk.enter(start) == desk.enter(start)
    assert len(desk.orders["O1"].steps) == 3
    for wrong in (
        MoveOrder("O1", "m1", "cancel"),
        MoveOrder("O1", "m2", "stage"),
        MoveOrder("O1", "m3", "accept"),
        MoveOrder("O9", "m1", "start"),
    ):
        assert isinstance(desk.enter(wrong), Refused), wrong
    assert desk.orders["O1"].state == "picking"


@pytest.mark.parametrize(("default", "becomes"), [("decide", "picking"), ("cancel", "cancel_requested")])
def test_a_question_nobody_answers_is_answered_by_its_default(default: orders.Default, becomes: str) -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    desk.move("O1", "start")
    asked = desk.enter(MoveOrder("O1", "q1", "ask", within_s=60, default=default))
    assert isinstance(asked, Ordered)
    assert (asked.state, asked.owner, asked.due_in_s) == ("awaiting_decision", "customer", 60)
    desk.after(59)
    assert desk.orders["O1"].state == "awaiting_decision"
    desk.after(1)
    assert desk.orders["O1"].state == becomes
    answered = desk.enter(MoveOrder("O1", "a1", "decide"))
    assert isinstance(answered, Refused)


def test_an_order_that_waits_too_long_becomes_a_case_once_and_moving_on_closes_it() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    assert desk.books.next_alarm_ms() == HOUR_MS
    desk.after(3600)
    case = desk.books.cases["late_order", "O1"]
    assert (case.owner, case.detail, case.times) == ("store_lead", "accepted, for picker", 1)
    assert desk.books.next_alarm_ms() is None
    desk.after(3600)
    assert desk.books.cases["late_order", "O1"].times == 1
    desk.move("O1", "start")
    assert not desk.books.cases
    assert desk.books.next_alarm_ms() == 3 * HOUR_MS


def test_what_the_customer_was_told_ends_every_step_before_it_is_ready() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1), due_at=NOW_AT + 600_000)
    assert desk.books.next_alarm_ms() == 600_000
    desk.after(601)
    assert ("late_order", "O1") in desk.books.cases
    desk.move("O1", "start")
    assert ("late_order", "O1") in desk.books.cases  # it is late, whoever has it
    desk.move("O1", "finish", "pack", "stage")
    assert not desk.books.cases


def test_what_was_promised_in_minutes_is_due_then_unless_its_time_is_said() -> None:
    desk = Desk(milk=3)
    wants = (Want(1, "MILK", 1),)
    promised = PlaceOrder("O1", "web", wants, promise_min=30)
    accepted = desk.enter(promised)
    told = PlaceOrder("O2", "web", wants, NOW_AT + 600_000, promise_min=30)
    desk.enter(told)
    assert [desk.orders[name].due_ms for name in ("O1", "O2")] == [1_800_000, 600_000]
    desk.after(60)
    again = desk.enter(promised)  # its due time is of when it came first
    assert (state_of(accepted), state_of(again)) == ("accepted", "accepted")
    assert desk.orders["O1"].due_at == NOW_AT + 1_800_000
    other = desk.enter(PlaceOrder("O1", "web", wants, NOW_AT, promise_min=30))
    assert isinstance(other, Refused)


def test_no_state_an_order_can_wait_in_is_without_owner_and_time() -> None:
    waiting = set(life.ORDER.states()) - life.ORDER.ends
    assert set(orders.DUTIES) == waiting
    for state, duty in orders.DUTIES.items():
        assert duty.owner
        assert duty.then is None or duty.then in life.ORDER.possible(state)


events = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 5_000_000)), max_size=12)


@given(events, st.integers(0, 10**7))
def test_every_second_of_an_order_belongs_to_one_step(path: list[tuple[int, int]], after_ms: int) -> None:
    now_ms = 1234
    order = orders.received("O", "web", (OrderLine(1, "MILK", 1),), due_at=0, now_at=NOW_AT, now_ms=now_ms)
    for choice, waited_ms in path:
        if order.is_open:
            now_ms += waited_ms
            possible = life.ORDER.possible(order.state)
            order = orders.advanced(order, possible[choice % len(possible)], f"s{now_ms}", now_ms)
    until_ms = now_ms + after_ms if order.is_open else now_ms
    spent = seconds_by_step(order, now_ms + after_ms)
    assert sum(seconds for _, seconds in spent) == until_ms // 1000 - 1
    assert all(seconds >= 0 for _, seconds in spent)
    assert [state for state, _ in spent] == [step.state for step in order.steps if step.state not in life.ORDER.ends]


def test_time_before_its_last_step_adds_nothing() -> None:
    order = orders.received("O", "web", (), due_at=0, now_at=NOW_AT, now_ms=5000)
    assert seconds_by_step(order, 4000) == [("received", 0)]
    two = replace(order, steps=(*order.steps, OrderStep("accepted", 7500, "accept", "s")))
    assert seconds_by_step(two, 9999) == [("received", 2), ("accepted", 2)]
