"""Counts: what a person found at a place becomes the difference to what the books had there when it was counted.

A count line says how many were counted between two numbers of the books, `from_seq` and `to_seq`. Posted is
`counted − balance at to_seq`, so that whatever was sold or moved after the counting stays as it is: a count commutes
with sales. What moved between the two numbers cannot be told from what was counted: that line is counted again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.core.asks import Count, Counted, CountedLine, CountLine, Mistake, Refused
from agent.core.catalogue import Sku
from agent.core.ledger import Posting, Turn
from agent.core.places import FOUND, INSIDE, MAY_GO_NEGATIVE, SHRINK

#: A count that began so many postings ago is too old: going through them would keep everybody waiting.
MOST_BEHIND: Final = 200_000


#: Of a balance: at which number, by how much, and was it a count that changed it?
Change = tuple[int, int, bool]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference of up to so many units, or of up to so much of the balance, posts itself."""

    units: int = 2
    percent: int = 5

    def allows(self, variance: int, balance: int) -> bool:
        return abs(variance) <= max(self.units, abs(balance) * self.percent // 100)


@dataclass(frozen=True, slots=True)
class Variance:
    """How many more (or, below zero, fewer) there are than the books had when it was counted: `balance`."""

    units: int
    balance: int


@dataclass(frozen=True, slots=True)
class Again:
    """The line says nothing about the stock and must be counted again: why."""

    why: str


def variance(counted: int, from_seq: int, to_seq: int, now: int, moves: Iterable[Change]) -> Variance | Again:
    """What a line proves. `now` is the balance; `moves` are its changes after `from_seq`.

    Another count that was posted since is no movement, it is knowledge: it stays in the balance that is compared, so
    that two counts of the same goods correct them once.
    """
    then, recounted = now, False
    for seq, change, by_count in moves:
        if by_count:
            recounted = True
        elif from_seq < seq <= to_seq:
            return Again("something moved while it was counted")
        elif seq > to_seq:
            then -= change
    found = counted - then
    if found and recounted:
        return Again("it was counted by somebody else meanwhile, and the two differ")
    return Variance(found, then)


def count(turn: Turn, ask: Count, tolerance: Tolerance) -> Counted | Refused:
    """Enter a count's lines: each is posted, agrees, or waits for another count with an open case."""
    if ask.epoch != turn.books.epoch:
        problem = f"was counted in epoch {ask.epoch} of the books; it is {turn.books.epoch} now: count again"
        return Refused((Mistake("epoch", problem),), conflict=True)
    skus: list[Sku] = []
    mistakes: list[Mistake] = []
    for nth, line in enumerate(ask.lines):
        sku = turn.books.catalogue.item(line.item_is, line.item)
        wrong = _problem(turn, ask, line, sku)
        if sku is None or wrong is not None:
            key, what = wrong or (line.item_is, "is not known")
            mistakes.append(Mistake(f"lines[{nth}].{key}", what))
        elif sku in skus:
            mistakes.append(Mistake(f"lines[{nth}]", "counts an item that an earlier line counts"))
        else:
            skus.append(sku)
    if ask.place not in INSIDE:
        mistakes.append(Mistake("place", f"{ask.place!r} is none of {', '.join(sorted(INSIDE))}"))
    if mistakes:
        return Refused(tuple(mistakes))
    return Counted(ask.count, tuple(_line(turn, ask, *pair, tolerance) for pair in zip(ask.lines, skus, strict=True)))


def _problem(turn: Turn, ask: Count, line: CountLine, sku: Sku | None) -> tuple[str, str] | None:
    """Which key of a line cannot be right, and why."""
    if sku is None:
        return line.item_is, f"{line.item!r} is not in the catalogue"
    if sku.tagged:
        return line.item_is, f"every unit of {sku.sku} has a tag: its tags are its count"
    if not line.from_seq <= line.to_seq <= turn.books.head:
        return "to_seq", f"must be from from_seq to {turn.books.head}, the newest number of the books"
    earlier = turn.posting_of(ask.source(line))
    if earlier is None:
        return ("from_seq", "is too long ago: count again") if line.from_seq < turn.moved_after else None
    if earlier.sku != sku.sku or ask.place not in (earlier.origin, earlier.target):
        return "line", f"was posted before as a count of {earlier.sku}, elsewhere or of something else"
    return None


def _line(turn: Turn, ask: Count, line: CountLine, sku: Sku, tolerance: Tolerance) -> CountedLine:
    source, about = ask.source(line), f"{sku.sku} at {ask.place}"
    earlier = turn.posting_of(source)
    if earlier is not None:
        change = earlier.qty if earlier.target == ask.place else -earlier.qty
        return CountedLine(line.line, "already_posted", sku.sku, change, earlier.seq)
    now = turn.balance(sku.sku, ask.place)
    moves = changes((*turn.moved, *turn.postings), sku.sku, ask.place, line.from_seq)
    found = variance(line.counted, line.from_seq, line.to_seq, now, moves)
    if isinstance(found, Variance):
        if found.units == 0:
            turn.resolve_case("recount", about, "agrees")
            return CountedLine(line.line, "agrees", sku.sku, 0)
        if not (ask.approved_by or tolerance.allows(found.units, found.balance)):
            found = Again(f"counted {line.counted}, the books had {found.balance}")
        elif now + found.units < 0 and ask.place not in MAY_GO_NEGATIVE:
            found = Again("more was taken from there since than was counted")
    if isinstance(found, Again):
        turn.open_case("recount", about, f"{ask.count}: {found.why}")
        return CountedLine(line.line, "recount", sku.sku, 0, why=found.why)
    turn.resolve_case("recount", about, "counted")
    origin, target = (FOUND, ask.place) if found.units > 0 else (ask.place, SHRINK)
    posting = turn.post(sku.sku, origin, target, abs(found.units), "count", source, ask.approved_by or ask.by)
    return CountedLine(line.line, "posted", sku.sku, found.units, posting.seq)


def changes(postings: Sequence[Posting], sku: str, place: str, after: int) -> list[Change]:
    """What postings after a number did to a balance."""
    return [
        (one.seq, one.qty if one.target == place else -one.qty, one.code == "count")
        for one in postings
        if one.seq > after and one.sku == sku and place in (one.origin, one.target)
    ]
