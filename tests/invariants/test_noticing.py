"""The judges notice: books that are spoilt on purpose, one for each invariant that is judged after each step.

That spoilt code is noticed is tried by `make torture ONLY=books`, in `tests/torture/safeguards.py`.
"""

from collections.abc import Callable
from random import Random

import pytest

from agent.core.cases import Case
from agent.store.connection import SETTINGS
from tests.invariants import judging
from tests.invariants.crashing import CrashingShop
from tests.invariants.history import History
from tests.invariants.plain import FLOOR


def sql(statement: str) -> Callable[[History], None]:
    def spoil(of: History) -> None:
        of.shop.rows(statement)

    return spoil


def breach_of_nothing(of: History) -> None:
    of.shop.books.cases["breach", "MILK"] = Case(1, "breach", "MILK", 0, 1, 0, 1, "1 promised")


def below_zero_without_a_case(of: History) -> None:
    of.sell((("MILK", 100),))
    del of.shop.books.cases["negative_stock", "MILK at FLOOR"]


def another_right(of: History) -> None:
    of.plain.granted["app", "MILK"] += 1


def another_count(of: History) -> None:
    """As if it were posted from what is there now, and not from what was there when it was counted."""
    of.sell((("MILK", 1),))
    of.count("MILK", FLOOR, 0, 1)
    of.shop.rows("UPDATE posting SET qty = qty + 1 WHERE code = 'count'")


_TOLD_OTHERWISE = "UPDATE announcement SET body = CAST(replace(CAST(body AS TEXT), 'BACKROOM', 'DISPLAY') AS BLOB)"
_COPY = (
    "INSERT INTO posting SELECT seq + 1000, sku, origin, target, qty, code, at, source, part + 7, actor, epc, from_now,"
    " to_now, on_hand, chain FROM posting WHERE code = 'receive'"
)


@pytest.mark.parametrize(
    ("judge", "spoil"),
    [
        (judging.sums_and_balances, sql("UPDATE balance SET qty = qty + 1 WHERE place = 'BACKROOM'")),
        (judging.claims_are_covered, breach_of_nothing),
        (judging.once, sql(_COPY)),
        (judging.units_are_in_one_place, sql("UPDATE tag SET place = 'DISPLAY' WHERE place IS NOT NULL")),
        (judging.negative_has_a_case, below_zero_without_a_case),
        (judging.rights_are_their_owners, another_right),
        (judging.counts_say_what_was_there, another_count),
        (judging.hq_is_told_everything, sql(_TOLD_OTHERWISE)),
        (judging.nobody_waits_in_silence, sql("UPDATE customer_order SET late = 1 - late")),
        (judging.rows_form_a_chain, sql("UPDATE posting SET qty = qty + 1 WHERE seq = (SELECT max(seq) FROM posting)")),
    ],
)
def test_books_that_are_spoilt_are_noticed(judge: Callable[[History], None], spoil: Callable[[History], None]) -> None:
    history = History()
    try:
        history.begin(seed=1, things=0)
        history.place_order((("MILK", 1),), 0, -1)
        spoil(history)
        with pytest.raises(AssertionError):
            judge(history)
    finally:
        history.teardown()


class Forgetful(History):
    """Its disk is not told to write before an answer: synchronous is NORMAL."""

    def opened(self) -> CrashingShop:
        return CrashingShop(self.folder / "books.db", SETTINGS | {"synchronous": 1})


def test_what_a_power_cut_takes_is_noticed() -> None:
    history = Forgetful()
    try:
        history.begin(seed=1, things=10)
        shop = history.shop
    finally:
        history.teardown()
    assert isinstance(shop, CrashingShop)
    complaints = shop.complaints_after_cuts(Random(1), cuts=16)
    assert any("was acknowledged" in one for one in complaints)


def test_judges_are_content_with_books_that_are_not() -> None:
    history = History()
    try:
        history.begin(seed=1, things=40)
        for judge in (
            judging.sums_and_balances,
            judging.claims_are_covered,
            judging.once,
            judging.units_are_in_one_place,
            judging.negative_has_a_case,
            judging.rights_are_their_owners,
            judging.counts_say_what_was_there,
            judging.hq_is_told_everything,
            judging.nobody_waits_in_silence,
            judging.rows_form_a_chain,
        ):
            judge(history)
    finally:
        history.teardown()
