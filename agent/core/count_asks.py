"""What the store can be asked about counts: to have one made, to begin, to enter what was found, to decide, to stop.

Whoever counts sends no numbers of the books: the store notes them when counting starts and when a line is entered.
`Count` is for those who count elsewhere and send all of it at once; they note the numbers themselves.
"""

from typing import Literal

from msgspec import Struct

from agent.core.count_sessions import USUAL_DUE_S, Why

Item = tuple[Literal["sku", "gtin"], str]


class RequestCount(Struct, frozen=True, gc=False):
    """Have `items` at a place counted, or without any all that the books have there. `due_s` from now on."""

    count: str
    place: str
    why: Why
    by: str
    items: tuple[Item, ...] = ()
    assigned_to: str = ""
    due_s: int = USUAL_DUE_S

    def sources(self) -> list[str]:
        return []


class StartCount(Struct, frozen=True, gc=False):
    """`by` counts from now on: every line that waits to be counted, and by `take_over` those somebody else began."""

    count: str
    by: str
    take_over: bool = False

    def sources(self) -> list[str]:
        return []


class Found(Struct, frozen=True, gc=False):
    """So many of an item were found."""

    item: Item
    counted: int


class EnterFound(Struct, frozen=True, gc=False):
    """What `by` found, now."""

    count: str
    by: str
    lines: tuple[Found, ...]

    def sources(self) -> list[str]:
        return []  # a line posts once because of its state


class Verdict(Struct, frozen=True, gc=False):
    """A manager approves one of an item's readings (from 1), or with 0 has it counted anew."""

    item: Item
    approve: int


class ReviewCount(Struct, frozen=True, gc=False):
    """A manager's verdicts on lines whose counts differ."""

    count: str
    by: str
    lines: tuple[Verdict, ...]

    def sources(self) -> list[str]:
        return []


class CancelCount(Struct, frozen=True, gc=False):
    """What is not posted yet is not counted any more."""

    count: str
    by: str

    def sources(self) -> list[str]:
        return []


class LookAtCount(Struct, frozen=True, gc=False):
    """How a count stands, one that is over too."""

    count: str

    def sources(self) -> list[str]:
        return []


class CountLine(Struct, frozen=True, gc=False):
    """So many of an item were counted while the books went from `from_seq` to `to_seq`."""

    line: int
    item_is: Literal["sku", "gtin"]
    item: str
    counted: int
    from_seq: int
    to_seq: int


class Count(Struct, frozen=True, gc=False):
    """What `by` found at a place, in an epoch of the books; `approved_by`: it counts whatever the difference is."""

    count: str
    epoch: int
    place: str
    by: str
    lines: tuple[CountLine, ...]
    approved_by: str = ""

    def source(self, line: CountLine) -> str:
        return f"count:{self.count}/{line.line}"

    def sources(self) -> list[str]:
        return [self.source(line) for line in self.lines]


class CountedLine(Struct, frozen=True, gc=False):
    """What became of a count's line; `variance` units were posted as `seq`. `recount`: nothing was, and `why`."""

    line: int
    outcome: Literal["posted", "already_posted", "agrees", "recount", "cancelled"]
    sku: str
    variance: int
    seq: int | None = None
    why: str = ""


class Counted(Struct, frozen=True, gc=False):
    """The count is in the books."""

    count: str
    lines: tuple[CountedLine, ...]


#: Asks about a session that is there already.
SessionAsk = StartCount | EnterFound | ReviewCount | CancelCount | LookAtCount
CountAsk = Count | RequestCount | SessionAsk
