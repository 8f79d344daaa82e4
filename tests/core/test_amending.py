"""What becomes known of an order after it was placed: payment, changes, its courier, its customer's answer."""

import pytest

from agent.core.asks import GiveWay, MoveOrder, Ordered, PlaceOrder, Refused, Sale, SaleLine, Short, Want, Work
from agent.core.order_asks import AmendOrder, AnswerQuestion, CourierCame, OrderWant, PayOrder
from agent.core.orders import OrderLine, Question, hold_of, is_code, seconds_by_step
from tests.core.test_orders import Desk, state_of

FROZEN_S = 15 * 60


def frozen(desk: Desk, name: str = "O1", qty: int = 1) -> object:
    return desk.enter(PlaceOrder(name, "web", (Want(1, "MILK", qty),), fulfil="pickup", pay_within_s=FROZEN_S))


def test_an_unpaid_order_freezes_its_goods_until_it_is_paid() -> None:
    desk = Desk(milk=1)
    said = frozen(desk)
    assert isinstance(said, Ordered)
    assert (said.state, said.owner, said.due_in_s) == ("received", "customer", FROZEN_S)
    assert desk.books.promised("MILK") == 1
    assert state_of(desk.place("O2", ("MILK", 1))) == "rejected"
    desk.after(FROZEN_S - 1)
    assert state_of(desk.enter(PayOrder("O1"))) == "accepted"
    desk.after(3600)
    assert desk.books.holds[hold_of("O1")].state == "committed"
    assert desk.enter(PayOrder("O1")) == desk.enter(PayOrder("O1"))


def test_at_its_time_it_is_rejected_as_unpaid_and_its_goods_are_free() -> None:
    desk = Desk(milk=1)
    frozen(desk)
    desk.after(FROZEN_S)
    order = desk.orders["O1"]
    assert (order.state, order.why) == ("rejected", "unpaid")
    assert desk.holds[hold_of("O1")].state == "expired"
    assert state_of(desk.place("O2", ("MILK", 1))) == "accepted"


def test_paid_too_late_it_is_held_anew_in_the_same_step_and_every_second_has_its_step() -> None:
    desk = Desk(milk=1)
    frozen(desk)
    desk.after(FROZEN_S + 60)
    assert state_of(desk.enter(PayOrder("O1"))) == "accepted"
    order = desk.orders["O1"]
    assert [step.state for step in order.steps] == ["received", "rejected", "received", "accepted"]
    assert desk.books.holds[order.hold].order == "O1"
    assert desk.books.promised("MILK") == 1
    assert seconds_by_step(order, desk.now_ms)[:2] == [("received", FROZEN_S + 60), ("rejected", 0)]
    assert state_of(desk.enter(PayOrder("O1"))) == "accepted"
    desk.enter(Work("w1", order.hold, "picked", 1, tote="T1"))
    assert desk.state("O1") == "picked"


def test_paid_too_late_and_sold_meanwhile_it_stays_rejected_as_hold_expired() -> None:
    desk = Desk(milk=1)
    frozen(desk)
    desk.after(FROZEN_S + 60)
    desk.place("O2", ("MILK", 1))
    said = desk.enter(PayOrder("O1"))
    assert isinstance(said, Ordered)
    assert (said.state, said.why, said.missing[0].available) == ("rejected", "hold_expired", 0)
    desk.move("O2", "cancel")
    refused = desk.enter(PayOrder("O1"))  # the customer was told: it is over, though there would be goods now
    assert isinstance(refused, Refused)
    assert refused.conflict


def test_a_cancelled_order_cannot_be_paid_and_its_frozen_goods_are_free() -> None:
    desk = Desk(milk=1)
    frozen(desk)
    assert state_of(desk.move("O1", "cancel")) == "cancelled"
    assert desk.books.promised("MILK") == 0
    assert isinstance(desk.enter(PayOrder("O1")), Refused)


def test_a_group_buy_of_five_members_is_held_whole_or_not_at_all() -> None:
    wants = tuple(OrderWant(nth, "MILK", 1, member=f"m-{nth}") for nth in range(1, 6))
    few, enough = Desk(milk=4), Desk(milk=5)
    said = few.enter(PlaceOrder("G1", "group", wants, group="G"))
    assert isinstance(said, Ordered)
    assert (said.state, said.missing[0].wanted, said.missing[0].available) == ("rejected", 5, 4)
    assert few.books.promised("MILK") == 0
    assert state_of(enough.enter(PlaceOrder("G1", "group", wants, group="G"))) == "accepted"
    assert [line.member for line in enough.orders["G1"].lines] == ["m-1", "m-2", "m-3", "m-4", "m-5"]
    assert enough.books.promised("MILK") == 5


def test_an_order_is_changed_to_less_at_once_and_to_more_only_if_all_of_it_can_be_held() -> None:
    desk = Desk(milk=5)
    desk.place("O1", ("MILK", 2), ("MILK", 1))
    assert isinstance(desk.enter(AmendOrder("O1", "a1", (Want(1, "MILK", 1), Want(2, "MILK", 0)))), Ordered)
    assert desk.orders["O1"].lines == (OrderLine(1, "MILK", 1),)
    assert desk.books.promised("MILK") == 1
    more = AmendOrder("O1", "a2", (Want(1, "MILK", 3), Want(3, "MILK", 3)))
    short = desk.enter(more)
    assert isinstance(short, Short)
    assert (short.lacking[0].wanted, short.lacking[0].available) == (5, 4)
    assert desk.books.promised("MILK") == 1
    assert isinstance(desk.enter(AmendOrder("O1", "a3", (Want(1, "MILK", 2), Want(3, "MILK", 3)))), Ordered)
    assert desk.books.promised("MILK") == 5
    head = desk.books.head
    assert isinstance(desk.enter(AmendOrder("O1", "a1", (Want(1, "MILK", 1), Want(2, "MILK", 0)))), Ordered)
    assert desk.books.head == head
    assert isinstance(desk.enter(AmendOrder("O1", "a1", (Want(1, "MILK", 9),))), Refused)
    assert state_of(desk.place("O1", ("MILK", 2), ("MILK", 1))) == "accepted"  # its placing, told again


@pytest.mark.parametrize(
    ("wants", "path"),
    [
        ((Want(1, "MILK", 0),), "lines"),
        ((Want(1, "EGGS", 1),), "lines.1"),
        ((Want(9, "MILK", 0),), "lines.9"),
        ((Want(9, "GOLD", 1),), "lines.9"),
        ((Want(1, "MILK", -1),), "lines.1"),
        ((Want(1, "MILK", 1), Want(1, "MILK", 2)), "lines"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(wants: tuple[Want, ...], path: str) -> None:
    desk = Desk(milk=3)
    desk.place("O1", ("MILK", 2))
    refused = desk.enter(AmendOrder("O1", "a1", wants))
    assert isinstance(refused, Refused)
    assert path in {mistake.path for mistake in refused.mistakes}
    assert desk.books.promised("MILK") == 2


def test_what_is_picked_is_not_changed_away() -> None:
    desk = Desk(milk=5)
    desk.place("O1", ("MILK", 3), ("MILK", 1))
    desk.enter(Work("w1", hold_of("O1"), "picked", 1, 2, tote="T1"))
    assert isinstance(desk.enter(AmendOrder("O1", "a1", (Want(1, "MILK", 1),))), Refused)
    desk.enter(AmendOrder("O1", "a2", (Want(1, "MILK", 2),)))
    assert isinstance(desk.enter(AmendOrder("O1", "a3", (Want(2, "MILK", 0),))), Ordered)
    assert desk.state("O1") == "picked"  # nothing is left to pick
    late = desk.enter(AmendOrder("O1", "a4", (Want(3, "MILK", 1),)))
    assert isinstance(late, Refused)
    assert late.conflict


def test_the_courier_is_at_the_door_once() -> None:
    desk = Desk(milk=1)
    desk.place("O1", ("MILK", 1))
    desk.after(60)
    desk.enter(CourierCame("O1"))
    desk.after(60)
    desk.enter(CourierCame("O1"))
    assert desk.orders["O1"].courier_at_ms == 60_000
    desk.move("O1", "cancel")
    assert isinstance(desk.enter(CourierCame("O1")), Ordered)
    assert isinstance(desk.enter(CourierCame("O9")), Refused)


def asked(desk: Desk, *lines: tuple[str, int]) -> None:
    desk.place("O1", *lines)
    desk.move("O1", "start")
    desk.enter(MoveOrder("O1", "q1", "ask", 300, "decide", 1, ("EGGS",)))
    assert desk.orders["O1"].question == Question(1, ("EGGS",))


def test_the_customer_takes_what_was_offered_and_nothing_else() -> None:
    desk = Desk(milk=2)
    asked(desk, ("MILK", 2))
    assert isinstance(desk.enter(AnswerQuestion("O1", "d0", "substitute", sku="SHIRT")), Refused)
    answer = AnswerQuestion("O1", "d1", "substitute", sku="EGGS")
    assert state_of(desk.enter(answer)) == "picking"
    (line,) = desk.orders["O1"].lines
    assert (line.unavailable, line.substitutes) == ("substitute", ("EGGS",))
    assert desk.orders["O1"].question is None
    head = desk.books.head
    assert state_of(desk.enter(answer)) == "picking"
    assert desk.books.head == head
    assert isinstance(desk.enter(AnswerQuestion("O1", "d2", "remove")), Refused)


def test_the_customer_removes_the_line_or_cancels() -> None:
    desk = Desk(milk=3)
    asked(desk, ("MILK", 2), ("MILK", 1))
    assert state_of(desk.enter(AnswerQuestion("O1", "d1", "remove"))) == "picking"
    assert desk.books.promised("MILK") == 1
    desk.enter(Work("w1", hold_of("O1"), "picked", 2, tote="T1"))
    assert desk.state("O1") == "picked"
    other = Desk(milk=1)
    asked(other, ("MILK", 1))
    assert state_of(other.enter(AnswerQuestion("O1", "d1", "cancel"))) == "cancel_requested"
    alone = Desk(milk=1)
    asked(alone, ("MILK", 1))
    alone.enter(AnswerQuestion("O1", "d1", "remove"))
    assert alone.state("O1") == "cancelled"  # nothing is left of it


def test_an_order_that_is_over_keeps_nothing_that_leads_to_people() -> None:
    desk = Desk(milk=1)
    code = "s1$0011223344556677$00112233445566778899aabbccddeeff"
    assert is_code(code)
    assert not is_code("4711")
    wants = (OrderWant(1, "MILK", 1, member="m-1"),)
    desk.enter(PlaceOrder("O-4711", "web", wants, fulfil="pickup", code=code))
    assert (desk.orders["O-4711"].code, desk.orders["O-4711"].short) == (code, "4711")
    desk.move("O-4711", "cancel")
    over = desk.orders["O-4711"]
    assert (over.code, over.lines[0].member) == ("", "")
    assert state_of(desk.enter(PlaceOrder("O-4711", "web", wants, fulfil="pickup", code=code))) == "cancelled"


def test_frozen_goods_that_are_gone_give_way_and_the_order_is_cancelled() -> None:
    desk = Desk(milk=1)
    frozen(desk)
    desk.enter(Sale("R1", (SaleLine(1, "sku", "MILK", 1),)))
    assert ("breach", "MILK") in desk.books.cases
    desk.enter(GiveWay(hold_of("O1"), "hq"))
    assert desk.state("O1") == "cancelled"
