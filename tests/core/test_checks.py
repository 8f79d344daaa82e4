"""The invariants that every turn is held to: right turns pass, and each kind of wrong one is refused."""

from collections.abc import Callable

import pytest

from agent.core.asks import Reserve, Sale, SaleLine, Scan, Want
from agent.core.checks import check
from agent.core.decisions import decide
from agent.core.ledger import ImpossiblePostingError, Turn
from tests.core import shop


def a_turn() -> Turn:
    """Some of everything."""
    turn = shop.turn(shop.books())
    for _ in range(3):
        decide(turn, Scan("dock", "receive", shop.gtin_14(shop.MILK), None))
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
    turn._open_cases["negative_stock", "EGGS at FLOOR"] = None


def no_breach_case(turn: Turn) -> None:
    turn._open_cases["breach", "MILK"] = None


def forgotten_claim(turn: Turn) -> None:
    turn._spoken_for.of_sku["MILK"] -= 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (hole, "do not follow"),
        (other_balance, "balances are not"),
        (posting_twice, "twice"),
        (no_negative_case, "EGGS at FLOOR without a case"),
        (no_breach_case, "promised and not there"),
        (forgotten_claim, "claims do not say"),
    ],
)
def test_a_wrong_turn_is_refused(spoil: Callable[[Turn], None], why: str) -> None:
    turn = a_turn()
    spoil(turn)
    with pytest.raises(ImpossiblePostingError, match=why):
        check(turn)


def test_a_claim_below_zero_is_refused() -> None:
    turn = a_turn()
    nth, last = next((nth, p) for nth, p in enumerate(turn.postings) if p.target == "HOLD:H1")
    turn.postings[nth] = last._replace(origin="HOLD:H1", target="FREE")
    turn.balances["MILK", "FREE"], turn.balances["MILK", "HOLD:H1"] = 2, -2
    with pytest.raises(ImpossiblePostingError, match="-2 of MILK at HOLD:H1"):
        check(turn)
