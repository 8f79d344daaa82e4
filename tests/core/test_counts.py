"""Counts: what is posted does not depend on when it is posted, and what cannot be told is counted again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import places
from agent.core.asks import Refused
from agent.core.count_asks import Count, Counted, CountedLine, CountLine
from agent.core.count_proofs import MOST_BEHIND, Again, Variance, changes, variance
from agent.core.count_sessions import Tolerance
from agent.core.counts import count
from tests.core import shop
from tests.core.counting import MOVES, Ledger, Movements, movements


def counted(found: int, from_seq: int, to_seq: int, name: str = "C-1", **others: str) -> Count:
    line = CountLine(1, "sku", others.pop("sku", "MILK"), found, from_seq, to_seq)
    return Count(name, 7, others.pop("place", places.FLOOR), "badge-1", (line,), **others)


def line_of(answer: Counted | Refused) -> CountedLine:
    assert isinstance(answer, Counted)
    (line,) = answer.lines
    return line


@given(before=movements, during=movements.filter(bool), found=st.integers(0, 60), after=movements)
def test_a_move_while_it_was_counted_asks_for_another_count(
    before: Movements, during: Movements, found: int, after: Movements
) -> None:
    ledger = Ledger()
    ledger.move(before)
    began = ledger.books.head
    ledger.move(during)
    ended = ledger.books.head
    ledger.move(after)
    was, postings = ledger.on_floor(), len(ledger.postings)
    line = line_of(ledger.count(counted(found, began, ended)))
    moved = any(sku == "MILK" for sku, _, _ in during)  # each of the moves is from or to the floor
    assert (line.outcome == "recount") == moved
    if moved:
        assert (ledger.on_floor(), len(ledger.postings)) == (was, postings)
        assert ("recount", "MILK at FLOOR") in ledger.books.cases


@given(before=movements, between=movements, found=st.integers(0, 60))
def test_two_counts_of_the_same_goods_correct_them_once(before: Movements, between: Movements, found: int) -> None:
    ledger = Ledger()
    ledger.move(before)
    at = ledger.books.head
    ledger.count(counted(found, at, at, "C-1"))
    ledger.move(between)
    is_now = ledger.on_floor()
    again = line_of(ledger.count(counted(found, at, at, "C-2")))
    assert again.outcome == "agrees"
    other = line_of(ledger.count(counted(found + 1, at, at, "C-3")))
    assert other.outcome == ("recount" if corrected(ledger) else "posted")
    if other.outcome == "recount":
        assert ledger.on_floor() == is_now


def corrected(ledger: Ledger) -> bool:
    return any(posting.code == "count" and posting.source.startswith("count:C-1/") for posting in ledger.postings)


def test_a_count_sent_again_changes_nothing() -> None:
    ledger = Ledger()
    ledger.move([("MILK", MOVES[0], 5)])
    first = line_of(ledger.count(counted(3, 1, 1)))
    ledger.move([("MILK", MOVES[3], 1)])
    second = line_of(ledger.count(counted(3, 1, 1)))
    assert (first.outcome, first.variance, first.seq) == ("posted", -2, 2)
    assert (second.outcome, second.variance, second.seq) == ("already_posted", -2, 2)
    assert ledger.on_floor() == 2
    assert ledger.books.balance("MILK", places.SHRINK) == 2


def test_a_line_of_a_count_never_becomes_another_one() -> None:
    ledger = Ledger()
    ledger.move([("MILK", MOVES[0], 5), ("EGGS", MOVES[0], 5)])
    ledger.count(counted(3, 2, 2))
    for other in (counted(3, 2, 2, sku="EGGS"), counted(3, 2, 2, place=places.BACKROOM)):
        answer = ledger.count(other)
        assert isinstance(answer, Refused)
        assert "was posted before as a count of MILK" in answer.mistakes[0].problem


def test_what_is_too_many_comes_from_found_and_covers_a_negative_balance() -> None:
    ledger = Ledger()
    ledger.move([("MILK", MOVES[3], 2)])
    assert ("negative_stock", "MILK at FLOOR") in ledger.books.cases
    assert line_of(ledger.count(counted(4, 2, 2))).variance == 6
    assert ledger.books.balance("MILK", places.FOUND) == -6
    assert not ledger.books.cases


def test_a_large_difference_waits_for_somebody_else_to_approve_it() -> None:
    ledger = Ledger()
    ledger.move([("MILK", MOVES[0], 100)])
    waits = line_of(ledger.count(counted(90, 1, 1), Tolerance(2, 5)))
    assert (waits.outcome, waits.why) == ("recount", "the difference is large")
    assert line_of(ledger.count(counted(95, 1, 1, "C-2"), Tolerance(2, 5))).outcome == "posted"
    assert not ledger.books.cases
    again = Ledger()
    again.move([("MILK", MOVES[0], 100)])
    again.count(counted(90, 1, 1), Tolerance(2, 5))
    approved = line_of(again.count(counted(90, 1, 1, approved_by="badge-2"), Tolerance(2, 5)))
    assert (approved.outcome, approved.variance) == ("posted", -10)
    assert again.postings[-1].actor == "badge-2"
    assert not again.books.cases


def test_a_place_that_cannot_be_below_zero_is_counted_again_rather_than_that() -> None:
    ledger = Ledger()
    quarantine = [("MILK", (places.FLOOR, places.QUARANTINE), 5), ("MILK", (places.QUARANTINE, places.WASTE), 4)]
    ledger.move([("MILK", MOVES[0], 5), quarantine[0]])
    at = ledger.books.head
    ledger.move([quarantine[1]])
    line = line_of(ledger.count(counted(2, at, at, place=places.QUARANTINE)))
    assert (line.outcome, line.why) == ("recount", "more was taken from there since than was counted")


@pytest.mark.parametrize(
    ("ask", "path", "says"),
    [
        (counted(1, 0, 0, place="TOTE:1"), "place", "'TOTE:1' is none of BACKROOM"),
        (counted(1, 0, 0, sku="CAR"), "lines[0].sku", "not in the catalogue"),
        (counted(1, 0, 0, sku="SHIRT"), "lines[0].sku", "its tags are its count"),
        (counted(1, 1, 0), "lines[0].to_seq", "from from_seq to 0"),
        (counted(1, 0, 1), "lines[0].to_seq", "from from_seq to 0"),
        (
            Count(
                "C", 7, "FLOOR", "badge-1", (CountLine(1, "sku", "MILK", 1, 0, 0), CountLine(2, "sku", "MILK", 1, 0, 0))
            ),
            "lines[1]",
            "an earlier line counts",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_whole(ask: Count, path: str, says: str) -> None:
    answer = Ledger().count(ask)
    assert isinstance(answer, Refused)
    assert [mistake.path for mistake in answer.mistakes] == [path]
    assert says in answer.mistakes[0].problem


def test_a_count_of_another_epoch_or_of_long_ago_is_refused() -> None:
    ledger = Ledger()
    other = ledger.count(Count("C", 6, "FLOOR", "badge-1", ()))
    assert isinstance(other, Refused)
    assert other.conflict
    ledger.books.head = MOST_BEHIND
    turn = shop.turn(ledger.books)
    late = count(turn, counted(1, 5, 5))
    assert isinstance(late, Refused)
    assert "too long ago" in late.mistakes[0].problem


def test_only_moves_of_the_item_at_the_place_count() -> None:
    ledger = Ledger()
    ledger.move([("MILK", MOVES[0], 5), ("EGGS", MOVES[0], 5), ("MILK", (places.SUPPLIER, places.BACKROOM), 5)])
    assert changes(ledger.postings, "MILK", places.FLOOR, 0) == [(1, 5, "move")]
    assert variance(5, 1, 3, 5, changes(ledger.postings, "MILK", places.FLOOR, 1)) == Variance(0, 5)
    assert isinstance(variance(5, 0, 3, 5, changes(ledger.postings, "MILK", places.FLOOR, 0)), Again)
