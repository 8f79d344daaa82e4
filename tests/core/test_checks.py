"""The invariants that every turn is held to: right turns pass, and each kind of wrong one is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from agent.core.asks import (
    Delivery,
    DeliveryLine,
    MoveOrder,
    PlaceOrder,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    TagsHeard,
    Want,
)
from agent.core.atp import Policy
from agent.core.cases import MOST_OPEN_OF_A_KIND
from agent.core.catalogue import Catalogue, Sku
from agent.core.checks import check
from agent.core.decisions import decide
from agent.core.ledger import Books, ImpossiblePostingError, Turn
from tests.core import shop

EPC = shop.epc_of(shop.SHIRT, 1)


def a_turn() -> Turn:
    """Some of everything."""
    books = shop.books()
    before = shop.turn(books)
    decide(before, Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", (EPC,)),)))
    decide(before, TagsHeard(((EPC, "BACKROOM"),), ()))
    decide(before, Reserve("H0", "web", (Want(1, "SHIRT", 1),), 900))
    decide(before, ReleaseHold("H0"))
    books.remember(before)
    turn = Turn(books, 1000, {}, {}, dict(before.holds))
    for _ in range(4):
        decide(turn, Scan("dock", "receive", shop.gtin_14(shop.MILK), None))
    decide(turn, PlaceOrder("O1", "web", (Want(1, "MILK", 1),)))
    decide(turn, MoveOrder("O1", "m1", "start"))
    decide(turn, TagsHeard(((EPC, "FLOOR"),), ()))
    decide(turn, Reserve("H1", "web", (Want(1, "MILK", 2),), 900))
    decide(turn, Sale("R1", (SaleLine(1, "sku", "MILK", 2), SaleLine(2, "sku", "EGGS", 1))))
    return turn


def test_a_right_turn_passes() -> None:
    check(a_turn())


def hole(turn: Turn) -> None:
    turn.head += 1


def other_balance(turn: Turn) -> None:
    turn.balances["MILK", "FLOOR"] += 1


def posting_twice(turn: Turn) -> None:
    last = turn.postings[-1]
    turn.postings.append(last._replace(seq=turn.head + 1))
    turn.head += 1
    turn.balances[last.sku, last.origin] -= last.qty
    turn.balances[last.sku, last.target] += last.qty


def no_negative_case(turn: Turn) -> None:
    turn._cases._now["negative_stock", "EGGS at FLOOR"] = None


def no_breach_case(turn: Turn) -> None:
    turn._cases._now["breach", "MILK"] = None


def forgotten_claim(turn: Turn) -> None:
    turn._spoken_for.of_sku["MILK"] -= 1


def resolved_twice(turn: Turn) -> None:
    before = turn.hold_before("H0")
    assert before is not None
    turn.holds["H0"] = structs.replace(before, state="consumed")


def stale_lease(turn: Turn) -> None:
    turn.books.conditions.lease_stale = True


def unit_from_elsewhere(turn: Turn) -> None:
    turn.books.tags[EPC].place = "DISPLAY"


def unit_elsewhere(turn: Turn) -> None:
    turn.tags[EPC] = turn.tags[EPC]._replace(place="BACKROOM")


def bind(turn: Turn, *tags: bytes) -> None:
    """As if they had been picked for H1."""
    hold = turn.holds["H1"]
    line = structs.replace(hold.lines[0], tags=tuple(tag.hex().upper() for tag in tags))
    turn.holds["H1"] = structs.replace(hold, lines=(line,), works=(("w", "picked"),))


def tag_bound_twice(turn: Turn) -> None:
    bind(turn, EPC, EPC)


def tag_of_another_claim(turn: Turn) -> None:
    turn.books.tags[EPC].state = "picked"
    bind(turn, EPC)


def case_without_time(turn: Turn) -> None:
    change = turn.cases[0]
    turn.cases[0] = change._replace(case=replace(change.case, due_at=change.case.opened_at))


def order_in_silence(turn: Turn) -> None:
    turn.orders["O1"] = replace(turn.orders["O1"], late=True)


def order_that_skips(turn: Turn) -> None:
    order = turn.orders["O1"]
    turn.orders["O1"] = replace(order, steps=(order.steps[0], order.steps[-1]))


def order_back_in_time(turn: Turn) -> None:
    order = turn.orders["O1"]
    turn.orders["O1"] = replace(order, steps=(*order.steps[:-1], replace(order.steps[-1], since_ms=-1)))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (hole, "do not follow"),
        (other_balance, "balances are not"),
        (posting_twice, "twice"),
        (no_negative_case, "EGGS at FLOOR without a case"),
        (no_breach_case, "promised and not there"),
        (forgotten_claim, "claims do not say"),
        (resolved_twice, "hold H0 was released and is consumed"),
        (stale_lease, "given while its channel is stopped"),
        (unit_from_elsewhere, "is at DISPLAY and leaves BACKROOM"),
        (unit_elsewhere, "its tag is elsewhere"),
        (tag_bound_twice, "is bound twice"),
        (tag_of_another_claim, "is bound to another claim already"),
        (case_without_time, "nobody looks after the case"),
        (order_in_silence, "nobody looks after order O1"),
        (order_that_skips, "went from received to picking by start"),
        (order_back_in_time, "went from accepted to picking by start"),
    ],
)
def test_a_wrong_turn_is_refused(spoil: Callable[[Turn], None], why: str) -> None:
    turn = a_turn()
    spoil(turn)
    with pytest.raises(ImpossiblePostingError, match=why):
        check(turn)


def test_a_channel_that_hq_does_not_route_promises_while_hq_is_silent() -> None:
    turn = a_turn()
    conditions = turn.books.conditions
    conditions.lease_stale = True
    conditions.policy_of = lambda sku, channel: Policy(local=channel == "web")
    check(turn)
    conditions.paused = True
    with pytest.raises(ImpossiblePostingError, match="given while its channel is stopped"):
        check(turn)


def test_a_flood_of_negative_stock_is_sold_all_the_same() -> None:
    """Beyond the most open cases of a kind, the case that gathers the others says it."""
    names = [f"S{nth}" for nth in range(MOST_OPEN_OF_A_KIND + 5)]
    books = Books("SH-1", 7, Catalogue([Sku(name, (), name, name) for name in names]))
    for name in names:
        turn = shop.turn(books)
        decide(turn, Sale(name, (SaleLine(1, "sku", name, 1),)))
        check(turn)
        books.remember(turn)
    assert books.balance(names[-1], "FLOOR") == -1


def test_a_claim_below_zero_is_refused() -> None:
    turn = a_turn()
    nth, last = next((nth, p) for nth, p in enumerate(turn.postings) if p.target == "HOLD:H1")
    turn.postings[nth] = last._replace(origin="HOLD:H1", target="FREE")
    turn.balances["MILK", "FREE"], turn.balances["MILK", "HOLD:H1"] = 2, -2
    with pytest.raises(ImpossiblePostingError, match="-2 of MILK at HOLD:H1"):
        check(turn)
