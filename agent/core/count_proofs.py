"""What a reading proves: how many more or fewer there are than the books had when it was made, or nothing.

A reading says how many were found between two numbers of the books, `from_seq` and `to_seq`. What is posted is
`counted − balance at to_seq`, so that whatever was sold or moved after the counting stays as it is: a count commutes
with sales. What moved between the two numbers cannot be told from what was counted: that line is counted again.

Units in doubt (`SUSPECT`) are part of what a count settles: those found come back out of doubt, and nowhere else from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.core.count_sessions import Reading
from agent.core.ledger import Code, Posting, Turn
from agent.core.places import MAY_GO_NEGATIVE, SELLABLE, SUSPECT

#: A count that began so many postings ago is too old: going through them would keep everybody waiting.
MOST_BEHIND: Final = 200_000

#: Of a balance: at which number, by how much, and by what.
Change = tuple[int, int, Code]


@dataclass(frozen=True, slots=True)
class Variance:
    """How many more (or, below zero, fewer) there are than the books had when it was counted: `balance`.

    Of that balance `doubted` units are in SUSPECT: they are there again before the rest is corrected.
    """

    units: int
    balance: int
    doubted: int = 0


@dataclass(frozen=True, slots=True)
class Again:
    """The reading says nothing about the stock and it must be counted again: why."""

    why: str


def variance(counted: int, from_seq: int, to_seq: int, now: int, moves: Iterable[Change]) -> Variance | Again:
    """What a reading proves. `now` is the balance; `moves` are its changes after `from_seq`.

    Another count that was posted since is no movement, it is knowledge: it stays in the balance that is compared, so
    that two counts of the same goods correct them once.
    """
    then, recounted = now, False
    for seq, change, code in moves:
        if code == "miss":
            return Again("somebody looked for it since, and did not find it")
        if code == "count":
            recounted = True
        elif from_seq < seq <= to_seq:
            return Again("something moved while it was counted")
        elif seq > to_seq:
            then -= change
    found = counted - then
    if found and recounted:
        return Again("it was counted by somebody else meanwhile, and the two differ")
    return Variance(found, then)


def changes(postings: Sequence[Posting], sku: str, place: str, after: int) -> list[Change]:
    """What postings after a number did to a balance."""
    return [
        (one.seq, one.qty if one.target == place else -one.qty, one.code)
        for one in postings
        if one.seq > after and one.sku == sku and place in (one.origin, one.target)
    ]


def proves(turn: Turn, place: str, sku: str, reading: Reading) -> Variance | Again:
    """What a reading proves as of this turn."""
    if reading.epoch != turn.books.epoch:
        return Again("the books began anew since")
    if reading.from_seq < turn.moved_after:
        return Again("the counting began too long ago")
    now = turn.balance(sku, place)
    moves = changes((*turn.moved.get(sku, ()), *turn.postings), sku, place, reading.from_seq)
    found = variance(reading.counted, reading.from_seq, reading.to_seq, now, moves)
    if isinstance(found, Again):
        return found
    if now + found.units < 0 and place not in MAY_GO_NEGATIVE:
        return Again("more was taken from there since than was counted")
    doubted = _doubted(turn, place, sku, found.units)
    return Variance(found.units - doubted, found.balance + doubted, doubted)


def _doubted(turn: Turn, place: str, sku: str, units: int) -> int:
    """How many units in doubt a count of a place settles: what it found too many, and where they are waited for nowhere
    else, all of them.
    """
    doubted = turn.balance(sku, SUSPECT) if place in SELLABLE else 0
    elsewhere = any(turn.case("recount", f"{sku} at {other}") for other in SELLABLE if other != place)
    return min(doubted, max(0, units)) if elsewhere else doubted
