"""The effect table: what its rows say, and that what they say of ATP follows from their units and claims."""

from typing import get_args

import pytest

from agent.core.asks import WorkName
from agent.core.cases import KINDS
from agent.core.outcomes import (
    OUTCOMES,
    AtpEffect,
    Outcome,
    OutcomeName,
    change_of_atp,
    change_of_atp_later,
    change_of_substitute,
)

#: design: outcome → physical, claim, ATP now, case; one row each, as the shop would say it.
ROWS: dict[OutcomeName, tuple[str, str, str, str]] = {
    "picked": ("FLOOR → TOTE", "bind", "same", ""),
    "short": ("FLOOR → SUSPECT", "void", "falls", "recount"),
    "damaged": ("FLOOR → QUARANTINE", "hold_another", "falls", "waste_or_markdown"),
    "substituted": ("FLOOR → SUSPECT, substitute FLOOR → TOTE", "replace", "both", "price_rule, recount"),
    "weighed": ("FLOOR → TOTE", "part", "rises", "price_difference"),
    "cancelled_before_pull": ("", "void", "rises", ""),
    "cancelled_after_pull": ("then TOTE → FLOOR, spoiled TOTE → WASTE", "void", "rises_later", "put_back"),
    "staged": ("TOTE → STAGED", "none", "same", ""),
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
    assert (said(outcome), outcome.claim, outcome.atp, ", ".join(outcome.cases)) == ROWS[name]


@pytest.mark.parametrize("name", get_args(OutcomeName))
def test_what_a_row_says_of_atp_follows_from_its_units_and_claims(name: OutcomeName) -> None:
    outcome = OUTCOMES[name]
    now, later, substitute = change_of_atp(outcome), change_of_atp_later(outcome), change_of_substitute(outcome)
    follows: dict[AtpEffect, bool] = {
        "same": (now, later, substitute) == (0, 0, 0),
        "falls": now < 0 and later == 0,
        "rises": now > 0 and later == 0,
        "rises_later": now == 0 and later > 0,
        "both": now < 0 and substitute < 0,
        "zero": now < 0,
    }
    assert follows[outcome.atp]


def test_every_case_of_the_table_is_of_a_kind_and_every_outcome_but_the_tills_can_be_reported() -> None:
    assert {case for outcome in OUTCOMES.values() for case in outcome.cases} <= set(KINDS)
    reported = set(OUTCOMES) - {"sold_though_claimed", "impossible_sale"}
    assert set(get_args(WorkName)) == reported | {"put_back"}
