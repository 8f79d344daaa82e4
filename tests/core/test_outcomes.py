"""The effect table: a test for each row, and what it says of ATP follows from what it says of units and claims."""

from typing import get_args

import pytest
from msgspec.structs import replace

from agent.core import atp, places
from agent.core.cases import KINDS
from agent.core.claims import Hold, HoldLine
from agent.core.ledger import Turn
from agent.core.outcomes import (
    OUTCOMES,
    AtpEffect,
    Outcome,
    OutcomeName,
    change_of_atp,
    change_of_atp_later,
    change_of_substitute,
)
from tests.core import shop

#: design: outcome → physical, claim, ATP now, case; one row each, as the shop would say it.
ROWS: dict[OutcomeName, tuple[str, str, str, str]] = {
    "picked": ("FLOOR → TOTE", "bind", "same", ""),
    "short": ("FLOOR → SUSPECT", "void", "falls", "recount"),
    "damaged": ("FLOOR → QUARANTINE", "hold_another", "falls", "waste_or_markdown"),
    "substituted": ("substitute FLOOR → TOTE", "replace", "both", "price_rule"),
    "weighed": ("FLOOR → TOTE", "part", "rises", "price_difference"),
    "cancelled_before_pull": ("", "void", "rises", ""),
    "cancelled_after_pull": ("then TOTE → FLOOR, spoiled TOTE → WASTE", "void", "rises_later", "put_back"),
    "handed_over": ("STAGED → CUSTOMER", "consume", "same", ""),
    "not_collected": ("then STAGED → FLOOR, spoiled STAGED → WASTE", "void", "rises_later", "put_back"),
    "sold_though_claimed": ("FLOOR → CUSTOMER", "breach", "falls", "breach"),
    "impossible_sale": ("FLOOR → CUSTOMER", "none", "zero", "negative_stock"),
}


def said(outcome: Outcome) -> str:
    parts = [
        ("", outcome.now),
        ("substitute ", outcome.of_substitute),
        ("then ", outcome.then),
        ("spoiled ", outcome.spoiled),
    ]
    return ", ".join(f"{word}{move[0].rstrip(':')} → {move[1].rstrip(':')}" for word, move in parts if move)


@pytest.mark.parametrize("name", get_args(OutcomeName))
def test_each_row_says_what_was_agreed(name: OutcomeName) -> None:
    outcome = OUTCOMES[name]
    assert (said(outcome), outcome.claim, outcome.atp, outcome.case or "") == ROWS[name]


@pytest.mark.parametrize("name", get_args(OutcomeName))
def test_what_a_row_says_of_atp_follows_from_its_units_and_claims(name: OutcomeName) -> None:
    outcome = OUTCOMES[name]
    now, later, substitute = change_of_atp(outcome), change_of_atp_later(outcome), change_of_substitute(outcome)
    follows: dict[AtpEffect, bool] = {
        "same": (now, later, substitute) == (0, 0, 0),
        "falls": now < 0 and later == 0,
        "rises": now > 0 and later == 0,
        "rises_later": now == 0 and later > 0,
        "both": now > 0 and substitute < 0,
        "zero": now < 0,
    }
    assert follows[outcome.atp]


@pytest.mark.parametrize("name", [name for name in get_args(OutcomeName) if OUTCOMES[name].now or OUTCOMES[name].then])
def test_each_row_can_be_entered_and_the_books_agree_about_atp(name: OutcomeName) -> None:
    """Its units are moved and its claim is changed in real books: ATP does what the table says."""
    outcome = OUTCOMES[name]
    books = shop.books()
    turn = shop.turn(books)
    on_floor = 0 if name == "impossible_sale" else 10
    if on_floor:
        turn.post("MILK", places.SUPPLIER, places.FLOOR, on_floor, "receive", "d", "test")
    claimed = Hold("h", "web", "committed", 0, (HoldLine(1, "MILK", 2, 2),), order="o")
    if outcome.claim != "none":
        if outcome.pulled:
            (origin, _) = outcome.now or outcome.then or ("", "")
            turn.post("MILK", places.FLOOR, f"{origin}1", 2, "move", "pull", "test")
        else:
            turn.post("MILK", places.FREE, claimed.account(claimed.lines[0]), 2, "hold", "h", "test")
            turn.keep_hold(claimed)
    before = promise(turn)
    if outcome.now:
        move(turn, outcome.now, name)
    if outcome.claim in ("bind", "void", "part") and not outcome.pulled:
        turn.keep_hold(replace(claimed, lines=(replace(claimed.lines[0], open=0),)))
    now = promise(turn) - before
    if outcome.then:
        move(turn, outcome.then, "back")
    later = promise(turn) - before - now
    follows: dict[AtpEffect, bool] = {
        "same": (now, later) == (0, 0),
        "falls": now < 0 and later == 0,
        "rises": now > 0 and later == 0,
        "rises_later": now == 0 and later > 0,
        "both": True,
        "zero": promise(turn) == 0,
    }
    assert follows[outcome.atp], (now, later)


def move(turn: Turn, way: tuple[str, str], source: str) -> None:
    """Two units, one when they are weighed."""
    origin, target = (f"{place}1" if place.endswith(":") else place for place in way)
    qty = 1 if source == "weighed" else 2
    turn.post("MILK", origin, target, qty, "move", source, "test")


def promise(turn: Turn) -> int:
    return atp.terms(turn, atp.Conditions(), "MILK", "web").atp


def test_cases_the_store_knows_are_of_a_kind() -> None:
    known = {outcome.case for outcome in OUTCOMES.values()} & set(KINDS)
    assert known == {"breach", "negative_stock", "recount"}
