"""Turns of the ledger: postings and cases. What always holds of them is judged in tests/invariants."""

import pytest

from agent.core import places
from agent.core.cases import MOST_OPEN_OF_A_KIND, OTHERS
from agent.core.ledger import ImpossiblePostingError, Turn
from tests.core import shop


def test_a_turn_changes_nothing_until_it_is_remembered() -> None:
    books = shop.books()
    turn = shop.turn(books)
    turn.post("MILK", places.SUPPLIER, places.FLOOR, 3, "receive", "a", "test")
    turn.open_case("unknown_barcode", "x", "y")
    turn.note_scan("dock", "x", "y")
    assert (books.head, books.balances, books.cases, books.scans) == (0, {}, {}, {})
    books.remember(turn)
    assert (books.head, books.on_hand, books.scans) == (2, {"MILK": 3}, {"dock": 1})


@pytest.mark.parametrize(
    ("origin", "target", "qty"),
    [("FLOOR", "FLOOR", 1), ("FLOOR", "CUSTOMER", 0), ("FLOOR", "CUSTOMER", -1), ("QUARANTINE", "WASTE", 1)],
)
def test_impossible_postings_are_our_mistake(origin: str, target: str, qty: int) -> None:
    turn = shop.turn(shop.books())
    with pytest.raises(ImpossiblePostingError):
        turn.post("MILK", origin, target, qty, "move", "a", "test")
    assert turn.is_empty()


def test_a_case_that_comes_up_again_is_one_case_and_is_announced_once() -> None:
    books = shop.books()
    for at in (1, 2, 3):
        turn = Turn(books, at, {}, {})
        turn.open_case("unknown_barcode", "123", f"time {at}")
        turn.open_case("unknown_barcode", "123", f"time {at} again")
        books.remember(turn)
    (case,) = books.cases.values()
    assert (case.times, case.opened_at, case.last_at, case.id, books.head) == (6, 1, 3, 1, 1)
    assert case.due_at > case.opened_at
    assert case.owner == "store_lead"


def test_a_flood_of_cases_becomes_one() -> None:
    books = shop.books()
    turn = shop.turn(books)
    for nth in range(MOST_OPEN_OF_A_KIND + 50):
        turn.open_case("alien_tag", str(nth), "")
    turn.open_case("unknown_barcode", "another kind is not drowned", "")
    books.remember(turn)
    assert len(books.cases) == MOST_OPEN_OF_A_KIND + 2
    assert books.cases["alien_tag", OTHERS].times == 50
