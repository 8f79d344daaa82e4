"""The physical ledger's invariants over random histories."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import places
from agent.core.cases import MOST_OPEN_OF_A_KIND, OTHERS
from agent.core.ledger import Books, ImpossiblePostingError, Posting, Turn
from tests.core import shop

moves = st.lists(
    st.tuples(
        st.sampled_from(["SHIRT", "MILK", "EGGS"]),
        st.sampled_from(
            [
                (places.SUPPLIER, places.BACKROOM),
                (places.SUPPLIER, places.FLOOR),
                (places.BACKROOM, places.FLOOR),
                (places.FLOOR, places.BACKROOM),
                (places.FLOOR, places.CUSTOMER),
            ]
        ),
        st.integers(1, 9),
    ),
    max_size=40,
)
histories = st.lists(moves, max_size=6)
Moves = list[tuple[str, tuple[str, str], int]]


def run(history: list[Moves]) -> tuple[Books, list[Posting]]:
    books = shop.books()
    postings: list[Posting] = []
    for nth, one_turn in enumerate(history):
        turn = shop.turn(books, nth)
        for move, (sku, (origin, target), qty) in enumerate(one_turn):
            turn.post(sku, origin, target, qty, "move", f"{nth}/{move}", "test")
        books.remember(turn)
        postings += turn.postings
    return books, postings


@given(histories)
def test_stock_is_neither_made_nor_lost(history: list[Moves]) -> None:
    books, _ = run(history)
    sums: Counter[str] = Counter()
    for (sku, _), qty in books.balances.items():
        sums[sku] += qty
    assert not any(sums.values())


@given(histories)
def test_balances_equal_replay_from_zero(history: list[Moves]) -> None:
    books, postings = run(history)
    replayed: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        replayed[posting.sku, posting.origin] -= posting.qty
        replayed[posting.sku, posting.target] += posting.qty
        assert posting.from_now == replayed[posting.sku, posting.origin]
        assert posting.to_now == replayed[posting.sku, posting.target]
        inside = sum(qty for (sku, place), qty in replayed.items() if sku == posting.sku and place in places.INSIDE)
        assert posting.on_hand == inside
    assert {key: qty for key, qty in books.balances.items() if qty} == {
        key: qty for key, qty in replayed.items() if qty
    }


@given(histories)
def test_negative_only_on_floor_or_backroom_and_only_with_an_open_case(history: list[Moves]) -> None:
    books, _ = run(history)
    negative = {
        f"{sku} at {place}" for (sku, place), qty in books.balances.items() if qty < 0 and place in places.INSIDE
    }
    assert negative == {about for kind, about in books.cases if kind == "negative_stock"}


@given(histories)
def test_numbers_are_dense_over_postings_and_cases(history: list[Moves]) -> None:
    books = shop.books()
    seen: list[int] = []
    for nth, one_turn in enumerate(history):
        turn = shop.turn(books, nth)
        for move, (sku, (origin, target), qty) in enumerate(one_turn):
            turn.post(sku, origin, target, qty, "move", f"{nth}/{move}", "test")
        seen += sorted(
            [posting.seq for posting in turn.postings] + [case.seq for case in turn.cases if case.seq is not None]
        )
        books.remember(turn)
    assert seen == list(range(1, books.head + 1))


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
