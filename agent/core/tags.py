"""When is a tag here, and where: from what readers hear to moves the books can post.

Read rates in the field are 60 to 70 %, and fields overlap, so one read moves nothing. A tag has settled at a new place
when it was heard there at least `min_reads` times and nothing was heard at its old place for `settle_s`. A read alone
never changes quantity: an unknown, a blank or a sold tag becomes a case; that of a crate, asset, place or load is no
stock, and none of the books' business. When a tag is gone: departures.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from agent.core import epc as epc_of
from agent.core.life import EpcState
from agent.core.places import EXIT

#: Somebody has the unit in hand, or knows where it is: where its tag is heard says nothing.
ACCOUNTED_FOR: Final[frozenset[EpcState]] = frozenset(("picked", "in_transit", "returned_pending", "destroyed"))


@dataclass(frozen=True, slots=True)
class TagRules:
    """How much evidence a move needs, and how much silence a departure.

    `watched` places are in the field of readers that hear every tag there again and again; only there absence is
    evidence. A round is `round_s` in which such a place was read.
    """

    settle_s: float = 1.0
    min_reads: int = 2
    #: A sold tag may be heard this long while its buyer leaves.
    leave_s: float = 120.0
    watched: frozenset[str] = frozenset()
    round_s: float = 30.0
    missing_after_s: float = 600.0
    missed_rounds: int = 10
    give_up_after_s: float = 14_400.0


class TagChange(NamedTuple):
    """What a turn makes of a tag. `moves` counts its postings, so that each has a name of its own.

    `place` is the account that its unit is in: the tote of a picked one, SHRINK for a missing one that was written off,
    UNATTRIBUTED_OUT for one taken to be what was sold unread; None before it came and when it was read at the till.
    """

    sku: str
    state: EpcState
    place: str | None
    moves: int


@dataclass(slots=True)
class Tag:
    """One known tag. The first five fields are in the books; the others are what was heard since, and may be lost."""

    epc: bytes
    sku: str
    state: EpcState
    place: str | None
    moves: int
    #: When it was last heard at home; for a sold tag, when it was first noticed after its sale. Monotonic seconds.
    heard_s: float | None = None
    rival: str | None = None
    rival_reads: int = 0
    #: The last round of its place (departures.py) in which it was heard there; None: not yet waited for.
    heard_in: int | None = None

    def follow(self, change: TagChange) -> None:
        """Be what the books now say."""
        if change.place != self.place:
            self.heard_in = None
        self.sku, self.state, self.place, self.moves = change
        self.rival, self.rival_reads = None, 0
        if self.state == "sold":
            self.heard_s = None


def keep(tags: dict[bytes, Tag], leaving: dict[bytes, Tag], epc: bytes, change: TagChange) -> None:
    """Make a tag in memory what it is now; a sold one is among those that are leaving, a destroyed one is gone."""
    if change.state == "destroyed":
        tags.pop(epc, None)
        leaving.pop(epc, None)
        return
    tag = tags.get(epc)
    if tag is None:
        tag = tags[epc] = Tag(epc, *change)
    else:
        tag.follow(change)
    if tag.state == "sold":
        leaving[epc] = tag
    else:
        leaving.pop(epc, None)


class Evidence(NamedTuple):
    """How often a tag was heard at a place since the last look, and when last (monotonic seconds).

    `afi`: the tag says that it holds no EPC but an ISO 15961 number of this application family.
    """

    epc: bytes
    place: str
    reads: int
    at_s: float
    afi: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A tag is at a place now; whether that is a move is decided by the books in their turn."""

    epc: bytes
    place: str


class Stranger(NamedTuple):
    """A tag that must not change stock was heard: `kind` is the case it becomes, `place` where it was."""

    epc: bytes
    kind: Literal["alien_tag", "unencoded_tag", "sold_tag_seen"]
    detail: str
    place: str


class Bystander(NamedTuple):
    """A tag that is known and never counted was heard at a place."""

    what: epc_of.NotStock
    place: str


@dataclass(slots=True)
class Heard:
    """What a batch of evidence proves."""

    settled: list[Settled] = field(default_factory=list)
    strangers: list[Stranger] = field(default_factory=list)
    bystanders: list[Bystander] = field(default_factory=list)


def hear(tags: Mapping[bytes, Tag], evidence: Iterable[Evidence], rules: TagRules, rounds: Mapping[str, int]) -> Heard:
    """Weigh evidence. Changes only what the tags remember of their hearing, never what the books say of them.

    `rounds` has the number of the present round of each watched place.
    """
    heard = Heard()
    elsewhere: list[tuple[Tag, Evidence]] = []
    for item in evidence:
        tag = tags.get(item.epc) if item.afi is None else None
        if item.place == EXIT:  # people come and go with tags that are no business of ours
            if tag is not None and tag.state in ("in_stock", "suspect"):
                elsewhere.append((tag, item))
        elif tag is None:
            _meet_unknown(heard, item)
        elif tag.state == "sold":
            if tag.heard_s is None:
                tag.heard_s = item.at_s
            elif item.at_s - tag.heard_s > rules.leave_s:
                heard.strangers.append(Stranger(item.epc, "sold_tag_seen", f"heard at {item.place}", item.place))
        elif tag.state in ACCOUNTED_FOR:
            continue
        elif tag.place == item.place:
            tag.heard_s, tag.heard_in = item.at_s, rounds.get(item.place)
            tag.rival, tag.rival_reads = None, 0
            if tag.state != "in_stock":
                heard.settled.append(Settled(item.epc, item.place))  # it was in doubt, and is there
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


def _meet_unknown(heard: Heard, item: Evidence) -> None:
    match epc_of.decode(item.epc) if item.afi is None else epc_of.of_iso(item.afi):
        case epc_of.Item(gtin, serial):
            heard.strangers.append(Stranger(item.epc, "alien_tag", f"GTIN {gtin}, serial {serial}", item.place))
        case epc_of.NotAnItem(why):
            heard.strangers.append(Stranger(item.epc, "unencoded_tag", why, item.place))
        case epc_of.NotStock() as what:
            heard.bystanders.append(Bystander(what, item.place))
