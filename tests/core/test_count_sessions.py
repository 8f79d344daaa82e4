"""Count sessions: each step of a line, who may take it, what it posts, and what nobody is shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import places
from agent.core.asks import Refused
from agent.core.catalogue import Catalogue, Sku, Traits
from agent.core.count_asks import (
    CancelCount,
    CountAsk,
    EnterFound,
    Found,
    LookAtCount,
    RequestCount,
    ReviewCount,
    StartCount,
    Verdict,
)
from agent.core.count_sessions import MOST_LINES, MOST_OPEN, CountRules, CountSession, SessionLine, Tolerance, Why
from agent.core.life import CountState
from tests.core.counting import MOVES, Ledger, Movements, movements

RECEIVE, _, _, SELL = MOVES
FLOOR = places.FLOOR


def stocked(qty: int = 20, rules: CountRules | None = None) -> Ledger:
    """So many units of MILK on the floor, and a count C-1 of them requested."""
    ledger = Ledger(rules)
    ledger.move([("MILK", RECEIVE, qty)])
    ledger.ask(request("C-1", "MILK"))
    return ledger


def request(count: str, *skus: str, place: str = FLOOR, why: Why = "cycle", **others: Any) -> RequestCount:
    return RequestCount(count, place, why, "badge-4", tuple(("sku", sku) for sku in skus), **others)


def found(counted: int, by: str, count: str = "C-1", sku: str = "MILK") -> EnterFound:
    return EnterFound(count, by, (Found(("sku", sku), counted),))


def counted(ledger: Ledger, by: str, counted: int, count: str = "C-1") -> Any:
    """Somebody begins and says what was found, with nothing in between."""
    ledger.ask(StartCount(count, by))
    return ledger.ask(found(counted, by, count))


def verdict(approve: int, by: str = "badge-3") -> ReviewCount:
    return ReviewCount("C-1", by, (Verdict(("sku", "MILK"), approve),))


def line(ledger: Ledger, count: str = "C-1") -> SessionLine:
    session = ledger.ask(LookAtCount(count))
    assert isinstance(session, CountSession)
    return session.lines[0]


def problem(answer: object) -> str:
    assert isinstance(answer, Refused)
    return answer.mistakes[0].problem


def test_a_count_within_tolerance_posts_itself() -> None:
    ledger = stocked(20)
    assert line(ledger).state == "requested"
    ledger.ask(StartCount("C-1", "badge-1"))
    assert (line(ledger).state, line(ledger).counter, line(ledger).from_seq) == ("counting", "badge-1", 1)
    session = ledger.ask(found(18, "badge-1"))
    (one,) = session.lines
    assert (one.state, one.outcome, one.variance, one.decided_by) == ("posted", "posted", -2, "badge-1")
    assert (ledger.on_floor(), ledger.books.balance("MILK", places.SHRINK)) == (18, 2)
    assert ledger.books.counts.sessions == {}


def test_a_count_that_agrees_is_evidence_and_says_who_counted_when() -> None:
    ledger = stocked(20)
    ledger.books.evidence.clear()
    aged = ledger.books.evidence_age_ms("MILK")
    ledger.at = 5000
    counted(ledger, "badge-1", 20)
    one = line(ledger)
    (reading,) = one.readings
    assert (one.state, one.outcome, one.posting) == ("posted", "agrees", None)
    assert (reading.by, reading.at, reading.counted) == ("badge-1", 5000, 20)
    assert aged > 0 == ledger.books.evidence_age_ms("MILK")
    assert len(ledger.postings) == 1


def test_a_large_difference_is_counted_by_another_person_and_posted_when_they_agree() -> None:
    ledger = stocked(20)
    session = counted(ledger, "badge-1", 10)
    assert (session.state, session.lines[0].why) == ("recount", "the difference is large")
    assert ("recount", "MILK at FLOOR") in ledger.books.cases
    assert "badge-1 counted it before" in problem(ledger.ask(StartCount("C-1", "badge-1")))
    assert ledger.on_floor() == 20
    ledger.move([("MILK", SELL, 3)])
    assert counted(ledger, "badge-2", 7).state == "posted"
    assert ledger.on_floor() == 7
    assert not ledger.books.cases


def test_where_two_differ_a_manager_decides_who_has_not_counted_it() -> None:
    ledger = stocked(20)
    counted(ledger, "badge-1", 10)
    session = counted(ledger, "badge-2", 12)
    assert (session.state, session.owner, session.lines[0].why) == ("review", "manager", "two counts differ")
    ledger.move([("MILK", SELL, 3)])
    assert "somebody else must approve" in problem(ledger.ask(verdict(1, "badge-1")))
    assert "no count 3" in problem(ledger.ask(verdict(3)))
    assert "nothing of it is to be counted" in problem(ledger.ask(StartCount("C-1", "dan")))
    one = ledger.ask(verdict(1)).lines[0]
    assert (one.state, one.variance, one.approved, one.decided_by) == ("posted", -10, 1, "badge-3")
    assert (ledger.on_floor(), ledger.postings[-1].actor) == (7, "badge-3")
    assert not ledger.books.cases


def test_what_is_sent_back_is_counted_anew_as_if_nobody_had() -> None:
    ledger = stocked(20)
    counted(ledger, "badge-1", 10)
    counted(ledger, "badge-2", 12)
    assert ledger.ask(verdict(0)).state == "recount"
    assert "badge-2 counted it before" in problem(ledger.ask(StartCount("C-1", "badge-2")))
    assert counted(ledger, "badge-1", 19).state == "posted"
    assert ledger.on_floor() == 19


def test_what_moved_while_it_was_counted_says_nothing() -> None:
    ledger = stocked(20)
    ledger.ask(StartCount("C-1", "badge-1"))
    ledger.move([("MILK", SELL, 1)])
    (one,) = ledger.ask(found(20, "badge-1")).lines
    assert (one.state, one.why, one.standing()) == ("recount", "something moved while it was counted", [])
    assert counted(ledger, "badge-2", 18).lines[0].outcome == "posted"
    assert ledger.on_floor() == 18


@given(
    before=movements, after=movements, first=st.integers(180, 220), second=st.integers(180, 220), nth=st.integers(1, 2)
)
def test_an_approved_count_commutes_with_what_was_sold_since(
    before: Movements, after: Movements, first: int, second: int, nth: int
) -> None:
    """Whenever the manager decides, the balance is what the approved person counted and what happened since."""
    ledger = Ledger(CountRules(Tolerance(0, 0)))
    ledger.move([("MILK", RECEIVE, 200), *before])  # never below zero, which would have it counted by itself
    ledger.ask(request("C-1", "MILK"))
    if counted(ledger, "badge-1", first).state == "posted":
        return
    if counted(ledger, "badge-2", second).state == "posted":
        assert (ledger.on_floor(), first) == (second, second)
        return
    ledger.move(after)
    ledger.ask(verdict(nth))
    sold = sum(qty * ((to == FLOOR) - (origin == FLOOR)) for sku, (origin, to), qty in after if sku == "MILK")
    assert ledger.on_floor() == (first, second)[nth - 1] + sold


def test_a_very_large_difference_is_a_managers_even_when_two_agree() -> None:
    ledger = stocked(20, CountRules(Tolerance(2, 5, review_above=8)))
    counted(ledger, "badge-1", 10)
    assert counted(ledger, "badge-2", 10).lines[0].why == "two agree on a very large difference"
    assert ledger.ask(verdict(2)).state == "posted"


def test_grams_are_weighed_not_counted() -> None:
    ledger = Ledger()
    ledger.books.catalogue = Catalogue([Sku("NUTS", (), "Nuts", "坚果", traits=Traits(unit="gram"))])
    ledger.move([("NUTS", RECEIVE, 500)])
    for count, weighed in (("C-1", (540,)), ("C-2", (300, 330))):
        ledger.ask(request(count, "NUTS"))
        for by, grams in zip(("badge-1", "badge-2"), weighed, strict=False):
            ledger.ask(StartCount(count, by))
            ledger.ask(found(grams, by, count, "NUTS"))
        assert line(ledger, count).state == "posted"
        assert ledger.on_floor("NUTS") == weighed[-1]


def test_everything_at_a_place_is_counted_and_what_the_books_do_not_have_there_too() -> None:
    ledger = Ledger()
    ledger.move([("MILK", RECEIVE, 5), ("SHIRT", RECEIVE, 2)])
    session = ledger.ask(request("C-1"))
    assert [one.sku for one in session.lines] == ["MILK"]  # a shirt's tags are its count
    assert "does not count it" in problem(ledger.ask(found(2, "badge-1", sku="EGGS")))
    ledger.ask(StartCount("C-1", "badge-1"))
    session = ledger.ask(found(2, "badge-1", sku="EGGS"))
    assert [(one.line, one.sku, one.state) for one in session.lines] == [(1, "MILK", "counting"), (2, "EGGS", "posted")]
    assert session.state == "counting"
    assert ledger.ask(found(5, "badge-1")).state == "posted"
    assert (ledger.on_floor("EGGS"), ledger.on_floor()) == (2, 5)


def test_a_line_is_taken_over_only_when_that_is_said() -> None:
    ledger = stocked()
    ledger.ask(StartCount("C-1", "badge-1"))
    assert "is being counted by badge-1" in problem(ledger.ask(StartCount("C-1", "badge-2")))
    ledger.move([("MILK", SELL, 1)])
    ledger.ask(StartCount("C-1", "badge-2", take_over=True))
    assert "badge-1 does not count MILK now" in problem(ledger.ask(found(19, "badge-1")))
    assert ledger.ask(found(19, "badge-2")).lines[0].outcome == "agrees"


def test_what_is_asked_again_changes_nothing_and_what_is_another_ask_is_refused() -> None:
    ledger = stocked()
    asks: list[CountAsk] = [
        request("C-1", "MILK"), StartCount("C-1", "badge-1"), found(10, "badge-1"), StartCount("C-1", "badge-2"),
        found(11, "badge-2"), verdict(0), StartCount("C-1", "badge-1"), found(10, "badge-1"),
        StartCount("C-1", "badge-2"), found(11, "badge-2"), verdict(4),
    ]  # fmt: skip
    for ask in asks:
        first, head = ledger.ask(ask), ledger.books.head
        assert (ledger.ask(ask), ledger.books.head) == (first, head)
    assert (ledger.on_floor(), len(line(ledger).readings)) == (11, 4)
    assert "as something else" in problem(ledger.ask(request("C-1", "EGGS")))
    assert "nothing to decide" in problem(ledger.ask(verdict(1)))
    assert "nothing of it can be cancelled" in problem(ledger.ask(CancelCount("C-1", "badge-4")))
    assert "is not known" in problem(ledger.ask(StartCount("C-9", "badge-1")))


@pytest.mark.parametrize("state", ["requested", "counting", "recount", "review"])
def test_whatever_is_not_posted_can_be_cancelled(state: CountState) -> None:
    ledger = stocked()
    steps: dict[str, list[Any]] = {
        "counting": ["badge-1"],
        "recount": [("badge-1", 10)],
        "review": [("badge-1", 10), ("badge-2", 11)],
    }
    for step in steps.get(state, []):
        if isinstance(step, tuple):
            counted(ledger, *step)
        else:
            ledger.ask(StartCount("C-1", step))
    assert line(ledger).state == state
    cancelled = ledger.ask(CancelCount("C-1", "badge-4"))
    assert (cancelled.state, cancelled.lines[0].decided_by) == ("cancelled", "badge-4")
    assert ledger.ask(CancelCount("C-1", "badge-4")) == cancelled
    assert (ledger.on_floor(), ledger.books.counts.sessions) == (20, {})


def test_a_case_that_needs_counting_requests_it_once_and_counting_resolves_it() -> None:
    ledger = Ledger()
    ledger.move([("MILK", SELL, 2), ("MILK", SELL, 1)])
    (session,) = ledger.books.counts.sessions.values()
    case = ledger.books.cases["negative_stock", "MILK at FLOOR"]
    assert (session.why, session.place, session.lines[0].sku) == ("negative_stock", FLOOR, "MILK")
    assert (session.owner, session.due_at, session.requested_by) == ("store_lead", case.due_at, "agent")
    counted(ledger, "badge-1", 4, session.id)
    assert counted(ledger, "badge-2", 4, session.id).state == "posted"
    assert (ledger.on_floor(), ledger.books.cases, ledger.books.counts.sessions) == (4, {}, {})


def test_a_case_that_comes_up_again_after_its_count_was_cancelled_requests_another() -> None:
    ledger = Ledger()
    ledger.move([("MILK", SELL, 2)])
    (first,) = ledger.books.counts.sessions
    ledger.ask(CancelCount(first, "badge-4"))
    ledger.at += 5 * 3600 * 1000
    ledger.move([("MILK", SELL, 1)])
    (second,) = ledger.books.counts.sessions.values()
    assert second.id != first
    assert second.due_at > ledger.at


def test_nobody_who_may_still_count_learns_from_a_case_what_the_books_have() -> None:
    ledger = stocked(20)
    counted(ledger, "badge-1", 13)
    (case,) = ledger.books.cases.values()
    assert case.detail == "C-1: the difference is large"
    assert line(ledger).is_blind


def test_readings_of_another_epoch_say_nothing_and_the_count_goes_on() -> None:
    ledger = stocked(20)
    counted(ledger, "badge-1", 10)
    ledger.ask(StartCount("C-1", "badge-2"))
    ledger.books.epoch += 1
    assert "does not count MILK now" in problem(ledger.ask(found(10, "badge-2")))
    assert counted(ledger, "badge-2", 10).lines[0].why == "the difference is large"
    assert counted(ledger, "badge-1", 10).state == "posted"
    assert ledger.on_floor() == 10


@pytest.mark.parametrize(
    ("ask", "path", "says"),
    [
        (request("C-2", "MILK", place="TOTE:1"), "place", "is none of"),
        (request("C-2", "CAR"), "items[0].sku", "not in the catalogue"),
        (request("C-2", "SHIRT"), "items[0].sku", "its tags are its count"),
        (request("C-2", "EGGS", "EGGS"), "items[1]", "an earlier line counts"),
        (request("C-2", "MILK"), "items[0]", "an open count is to count MILK there already"),
        (request("C-2", place=places.DISPLAY), "items", "0 items to count there"),
    ],
)
def test_a_request_that_cannot_be_right_is_refused(ask: RequestCount, path: str, says: str) -> None:
    answer = stocked().ask(ask)
    assert says in problem(answer)
    assert answer.mistakes[0].path == path


def test_how_many_counts_are_open_and_how_long_one_is_are_bounded() -> None:
    ledger = stocked()
    for nth in range(MOST_OPEN - 1):
        session = CountSession(
            f"N-{nth}", places.DISPLAY, "cycle", "badge-4", 0, 1, "", False, (SessionLine(1, "MILK"),)
        )
        ledger.books.counts.keep(session)
    assert f"{MOST_OPEN} counts are open" in problem(ledger.ask(request("C-2", "EGGS")))
    crowded = Ledger()
    skus = [Sku(f"S{nth}", (), "Thing", "东西") for nth in range(MOST_LINES + 1)]
    crowded.books.catalogue = Catalogue(skus)
    crowded.move([(sku.sku, RECEIVE, 1) for sku in skus])
    assert f"must be 1 to {MOST_LINES}" in problem(crowded.ask(request("C-1")))
