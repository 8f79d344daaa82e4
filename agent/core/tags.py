"""When is a tag here, and where: from what readers hear to moves the books can post.

Read rates in the field are 60 to 70 %, and fields overlap, so one read moves nothing. A tag has settled at a new place
when it was heard there at least `min_reads` times and nothing was heard at its old place for `settle_s`. A read alone
never changes quantity: an unknown, a blank or a sold tag becomes a case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from agent.core import epc as epc_of

TagState = Literal["expected", "in_stock", "sold"]


@dataclass(frozen=True, slots=True)
class TagRules:
    """How much evidence a move needs."""

    settle_s: float = 1.0
    min_reads: int = 2
    #: A sold tag may be heard this long while its buyer leaves.
    leave_s: float = 120.0


class TagChange(NamedTuple):
    """What a turn makes of a tag. `moves` counts its postings, so that each has a name of its own."""

    sku: str
    state: TagState
    place: str | None
    moves: int


@dataclass(slots=True)
class Tag:
    """One known tag. The first five fields are in the books; the others are what was heard since, and may be lost."""

    epc: bytes
    sku: str
    state: TagState
    place: str | None
    moves: int
    #: When it was last heard at home; for a sold tag, when it was first heard after its sale. Monotonic seconds.
    heard_s: float | None = None
    rival: str | None = None
    rival_reads: int = 0

    def follow(self, change: TagChange) -> None:
        """Be what the books now say."""
        self.sku, self.state, self.place, self.moves = change
        self.rival, self.rival_reads = None, 0
        if self.state == "sold":
            self.heard_s = None


class Evidence(NamedTuple):
    """How often a tag was heard at a place since the last look, and when last (monotonic seconds)."""

    epc: bytes
    place: str
    reads: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A tag is at a place now; whether that is a move is decided by the books in their turn."""

    epc: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """A tag that must not change stock was heard: `kind` is the case it becomes."""

    epc: bytes
    kind: Literal["alien_tag", "unencoded_tag", "sold_tag_seen"]
    detail: str


@dataclass(slots=True)
class Heard:
    """What a batch of evidence proves."""

    settled: list[Settled] = field(default_factory=list)
    strangers: list[Stranger] = field(default_factory=list)


def hear(tags: Mapping[bytes, Tag], evidence: Iterable[Evidence], rules: TagRules) -> Heard:
    """Weigh evidence. Changes only what the tags remember of their hearing, never what the books say of them."""
    heard = Heard()
    elsewhere: list[tuple[Tag, Evidence]] = []
    for item in evidence:
        tag = tags.get(item.epc)
        if tag is None:
            heard.strangers.append(_stranger(item.epc))
        elif tag.state == "sold":
            if tag.heard_s is None:
                tag.heard_s = item.at_s
            elif item.at_s - tag.heard_s > rules.leave_s:
                heard.strangers.append(Stranger(item.epc, "sold_tag_seen", f"heard at {item.place}"))
        elif tag.place == item.place:
            tag.heard_s = item.at_s
            tag.rival, tag.rival_reads = None, 0
        else:
            elsewhere.append((tag, item))
    # Home is weighed first: a tag heard at both places within one batch is still at home.
    for tag, item in elsewhere:
        if tag.rival != item.place:
            tag.rival, tag.rival_reads = item.place, 0
        tag.rival_reads += item.reads
        if tag.heard_s is None:
            tag.heard_s = item.at_s
        waited = tag.place is None or item.at_s - tag.heard_s >= rules.settle_s
        if waited and tag.rival_reads >= rules.min_reads:
            heard.settled.append(Settled(item.epc, item.place))
            tag.heard_s = item.at_s  # it is at home there now; what was its home must be silent for as long again
    return heard


def _stranger(epc: bytes) -> Stranger:
    item = epc_of.decode(epc)
    if isinstance(item, epc_of.NotAnItem):
        return Stranger(epc, "unencoded_tag", item.why)
    return Stranger(epc, "alien_tag", f"GTIN {item.gtin}, serial {item.serial}")
