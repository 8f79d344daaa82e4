"""An order's steps follow the work on its goods: by themselves, exactly once, and never against its table."""

from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.core import life
from agent.core.asks import (
    Claimed,
    CommitHold,
    ConsumeHold,
    GiveWay,
    MoveOrder,
    Ordered,
    PlaceOrder,
    Refused,
    Sale,
    SaleLine,
    Want,
    Work,
    Worked,
    WorkName,
)
from agent.core.claims import units_in
from agent.core.life import OrderEvent
from agent.core.orders import seconds_by_step
from tests.core.test_work import Floor, moved

HOLD = "order:O1"


def ordered(**wants: int) -> Floor:
    """A shop with ten of each, of which order O1 wants so many."""
    floor = Floor(MILK=10, EGGS=10)
    lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants.items(), 1))
    floor.enter(PlaceOrder("O1", "web", lines))
    return floor


def steps(floor: Floor) -> list[str]:
    return [step.state for step in floor.orders["O1"].steps]


def test_an_order_goes_from_accepted_to_handed_over_by_its_work_alone() -> None:
    floor = ordered(MILK=2, EGGS=1)
    floor.work("w1", "picked", 1, HOLD, tote="7")
    assert floor.state("O1") == "picking"
    floor.work("w2", "picked", 2, HOLD, tote="8")
    assert floor.state("O1") == "picked"
    floor.work("w3", "staged", 0, HOLD, tote="7", slot="A")
    assert floor.state("O1") == "picked"
    floor.work("w4", "staged", 0, HOLD, tote="8", slot="B")
    assert floor.state("O1") == "staged"
    floor.work("w5", "handed_over", 0, HOLD, slot="A")
    assert floor.state("O1") == "staged"
    floor.work("w6", "handed_over", 0, HOLD, slot="B")
    assert steps(floor) == ["received", "accepted", "picking", "picked", "packed", "staged", "handed_over"]
    assert (floor.books.holds, floor.units()["MILK", "CUSTOMER"]) == ({}, 2)


def test_a_report_that_is_repeated_moves_its_order_once() -> None:
    floor = ordered(MILK=2)
    for _ in range(3):
        assert isinstance(floor.work("w1", "picked", 1, HOLD, tote="7"), Worked)
    assert steps(floor) == ["received", "accepted", "picking", "picked"]
    assert moved(floor, "finish") == "'O1' cannot be moved: order is picked: no finish; possible: pack, cancel, again"


def test_what_does_not_fit_the_orders_step_is_refused_with_what_does() -> None:
    floor = ordered(MILK=2)
    floor.work("w1", "picked", 1, HOLD, qty=1, tote="7")
    moved(floor, "cancel")
    head = floor.books.head
    refused = floor.work("w2", "picked", 1, HOLD, tote="7")
    assert isinstance(refused, Refused)
    assert refused.conflict
    assert refused.mistakes[0].problem == (
        "order 'O1' is cancel_requested: picked is not possible; possible: cancelled_before_pull, cancelled_after_pull"
    )
    assert (floor.books.head, floor.state("O1")) == (head, "cancel_requested")


def test_an_order_of_which_nothing_is_found_is_cancelled() -> None:
    floor = ordered(MILK=2)
    floor.work("w1", "short", 1, HOLD)
    assert steps(floor) == ["received", "accepted", "picking", "cancel_requested", "cancelled"]
    assert floor.books.holds == {}


def test_what_nobody_collects_is_cancelled_when_it_is_back() -> None:
    floor = ordered(MILK=2)
    floor.work("w1", "picked", 1, HOLD, tote="7")
    floor.work("w2", "staged", 0, HOLD, tote="7", slot="A")
    floor.work("w3", "not_collected", 0, HOLD, slot="A")
    assert floor.state("O1") == "cancel_requested"
    floor.work("w4", "put_back", 0, HOLD, slot="A")
    assert (floor.state("O1"), floor.atp("MILK")) == ("cancelled", 10)


def test_a_question_to_the_customer_keeps_a_picked_order_where_it_is_until_it_is_answered() -> None:
    floor = ordered(MILK=2, EGGS=1)
    floor.work("w1", "picked", 1, HOLD, tote="7")
    moved(floor, "ask")
    floor.work("w2", "picked", 2, HOLD, tote="7")
    assert floor.state("O1") == "awaiting_decision"
    assert moved(floor, "decide") == "picked"


def test_an_order_of_which_nothing_is_found_while_its_customer_is_asked_is_cancelled_at_once() -> None:
    floor = ordered(MILK=2)
    floor.work("w1", "picked", 1, HOLD, qty=1, tote="7")
    moved(floor, "ask")
    floor.work("w2", "cancelled_after_pull", 1, HOLD)
    assert floor.state("O1") == "awaiting_decision"
    floor.work("w3", "short", 1, HOLD)
    assert (floor.state("O1"), floor.orders["O1"].why) == ("cancel_requested", "sold_out")
    floor.work("w4", "put_back", 0, HOLD, tote="7")
    assert floor.state("O1") == "cancelled"


def sold(units: int) -> Sale:
    return Sale(f"R{units}", (SaleLine(1, "sku", "MILK", units),))


def test_a_claim_that_cannot_be_kept_ends_as_breached_and_the_others_are_kept() -> None:
    floor = Floor(MILK=4)
    floor.order("soon", ("MILK", 2), due_ms=100)
    floor.order("late", ("MILK", 2), due_ms=900)
    kept = floor.enter(GiveWay("late", "badge-4"))
    assert isinstance(kept, Refused)
    assert "can be kept" in kept.mistakes[0].problem
    floor.enter(sold(1))
    assert ("breach", "MILK") in floor.books.cases
    for _ in range(2):
        ended = floor.enter(GiveWay("late", "badge-4"))
        assert isinstance(ended, Claimed)
        assert ended.state == "breached"
    assert not floor.books.cases
    told = [(one.origin, one.target, one.qty, one.actor) for one in floor.all_postings if one.code == "breach"]
    assert told == [("COMMIT:O-late/1", "FREE", 2, "badge-4")]
    assert (floor.books.promised("MILK"), floor.atp("MILK")) == (2, 1)
    for ask in (CommitHold("late", "O9"), ConsumeHold("late", ((1, 2),)), GiveWay("none", "badge-4")):
        assert isinstance(floor.enter(ask), Refused)


@pytest.mark.parametrize("pulled", [0, 1])
def test_an_order_whose_claim_is_breached_is_cancelled_when_its_goods_are_back(pulled: int) -> None:
    floor = ordered(MILK=3)
    if pulled:
        floor.work("w1", "picked", 1, HOLD, qty=1, tote="7")
    floor.enter(sold(9 - pulled))
    assert isinstance(floor.enter(GiveWay(HOLD, "badge-4")), Claimed)
    assert floor.holds[HOLD].state == "breached"
    if pulled:
        assert (floor.state("O1"), floor.kinds()) == ("cancel_requested", {"put_back"})
        floor.work("w2", "put_back", 1, HOLD, tote="7")
    assert (floor.state("O1"), floor.atp("MILK"), floor.kinds()) == ("cancelled", 1 + pulled, set())


class OrderHistory(RuleBasedStateMachine):
    """Whatever is reported, moved, sold and let pass, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor(MILK=8, EGGS=8)
        self.names = 0

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    @rule(milk=st.integers(1, 3), eggs=st.integers(0, 2))
    def place(self, milk: int, eggs: int) -> None:
        wants = (Want(1, "MILK", milk), *([Want(2, "EGGS", eggs)] if eggs else []))
        assert isinstance(self.floor.enter(PlaceOrder(self.name(), "web", wants)), Ordered)

    @precondition(lambda self: self.floor.orders)
    @rule(data=st.data(), outcome=st.sampled_from([*get_args(WorkName), "picked", "staged", "handed_over"]))
    def work(self, data: st.DataObject, outcome: WorkName) -> None:
        order = data.draw(st.sampled_from(sorted(self.floor.orders)))
        line, qty = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
        tote, slot = ("7", "A") if outcome != "put_back" else data.draw(st.sampled_from([("7", ""), ("", "A")]))
        ask = Work(self.name(), f"order:{order}", outcome, line, qty if line else 0, tote, slot, "EGGS")
        before = self.floor.orders[order]
        if isinstance(self.floor.enter(ask), Worked):
            head, after = self.floor.books.head, self.floor.orders[order]
            assert isinstance(self.floor.enter(ask), Worked)
            assert (self.floor.books.head, self.floor.orders[order]) == (head, after)
        else:
            assert self.floor.orders[order] == before

    @precondition(lambda self: self.floor.orders)
    @rule(data=st.data(), event=st.sampled_from(get_args(OrderEvent)))
    def move(self, data: st.DataObject, event: OrderEvent) -> None:
        order = data.draw(st.sampled_from(sorted(self.floor.orders)))
        self.floor.enter(MoveOrder(order, self.name(), event))

    @rule(units=st.integers(1, 3))
    def sell(self, units: int) -> None:
        self.floor.enter(Sale(self.name(), (SaleLine(1, "sku", "MILK", units),)))

    @precondition(lambda self: self.floor.books.holds)
    @rule(data=st.data())
    def give_way(self, data: st.DataObject) -> None:
        self.floor.enter(GiveWay(data.draw(st.sampled_from(sorted(self.floor.books.holds))), "badge-4"))

    @rule(seconds=st.sampled_from((1, 400, 4000, 90_000)))
    def wait(self, seconds: int) -> None:
        self.floor.books_ms += 1000 * seconds
        self.floor.shelve("MILK", 1)

    @invariant()
    def every_second_of_an_order_belongs_to_one_step(self) -> None:
        for order in self.floor.orders.values():
            began_s, now_ms = order.steps[0].since_ms // 1000, self.floor.books.books_ms
            until_s = (now_ms if order.is_open else order.steps[-1].since_ms) // 1000
            assert sum(seconds for _, seconds in seconds_by_step(order, now_ms)) == until_s - began_s
            sources = [step.source for step in order.steps]
            assert len(set(sources[1:])) == len(sources[1:])

    @invariant()
    def an_order_is_as_far_as_its_goods(self) -> None:
        for order in self.floor.orders.values():
            hold = self.floor.holds.get(order.hold)
            if hold is None or not hold.works:
                continue
            left = units_in(tuple(one for line in hold.lines for one in line.pulled))
            back = units_in(tuple(one for line in hold.lines for one in line.back))
            if not any(line.open or line.lost for line in hold.lines):
                assert order.state not in ("accepted", "picking")
            if order.state in ("staged", "cancel_requested"):
                assert left or back
            if order.state in (*life.ORDER.ends, "handed_over"):
                assert not hold.is_open


TestOrderHistory = OrderHistory.TestCase
TestOrderHistory.settings = settings(max_examples=100, stateful_step_count=40)
