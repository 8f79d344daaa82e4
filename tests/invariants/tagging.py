"""Tagged goods: announced, heard, sold read and unread, silent, gone through the door, and heard again."""

from random import Random

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from agent.core.asks import (
    CommitHold,
    Delivery,
    DeliveryLine,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    TagsHeard,
    TagsSilent,
    Want,
    Work,
    WorkName,
)
from agent.core.tags import Stranger
from tests.invariants.asking import EPCS, STRANGER, Asking, Things, which
from tests.invariants.plain import BACKROOM, FLOOR

EXIT = "EXIT"
PLACES = (FLOOR, BACKROOM, EXIT)

#: What people do with goods that have tags, as often.
WORK: tuple[WorkName, ...] = (
    "picked", "picked", "picked", "staged", "staged", "handed_over", "cancelled_after_pull", "not_collected",
    "put_back", "damaged", "short",
)  # fmt: skip

some_tags = st.sets(st.sampled_from(EPCS))


class Tagging(Asking):
    """What readers hear, what tills read, and which tagged units are picked for whom."""

    def __init__(self) -> None:
        super().__init__()
        self.claims_on_shirts: list[str] = []

    def things(self, chance: Random) -> Things:
        nth, place = chance.randrange(7), chance.choice((FLOOR, BACKROOM, FLOOR, BACKROOM, EXIT))
        silent = {chance.choice(EPCS), chance.choice(EPCS)}
        gone = set(silent) if chance.random() < 0.7 else set()
        working = [lambda: self.work_at_shirts(nth, chance.choice(WORK), silent, chance.random() < 0.2)] * 4
        return [
            *super().things(chance),
            lambda: self.sell_tagged(nth, chance.random() < 0.5),
            lambda: self.hear([(EPCS[nth % 6], place)]),
            lambda: self.fall_silent(silent, gone, gone if nth == 0 else set()),
            lambda: self.deliver({EPCS[nth % 6]}),
            lambda: self.claim_shirts(1 + nth % 2),
            *(working if self.claims_on_shirts else []),
        ]

    @rule(some=st.sets(st.sampled_from(EPCS), min_size=1))
    def deliver(self, some: set[bytes]) -> None:
        self.ask(Delivery(self.name("D"), (DeliveryLine(1, "sku", "SHIRT", tuple(sorted(some)) or (EPCS[0],)),)))

    @rule(nth=st.integers(0, 6), read=st.booleans())
    def sell_tagged(self, nth: int, read: bool) -> None:
        epc = (*EPCS, STRANGER)[nth] if read else None
        self.ask(Sale(self.name("R"), (SaleLine(1, "sku", "SHIRT", 1, epc),)))

    @rule(heard=st.lists(st.tuples(st.sampled_from(EPCS), st.sampled_from(PLACES)), max_size=4))
    def hear(self, heard: list[tuple[bytes, str]]) -> None:
        """A tag that memory does not know, or that was sold, is heard as a stranger."""
        tags = self.shop.books.tags
        strangers = [Stranger(STRANGER, "alien_tag", "of no delivery", FLOOR)] if not heard else []
        for epc, place in heard:
            if place != EXIT and (epc not in tags or tags[epc].state == "sold"):
                strangers.append(Stranger(epc, "sold_tag_seen" if epc in tags else "alien_tag", "heard", place))
        known = {stranger.epc for stranger in strangers}
        self.ask(TagsHeard(tuple((epc, place) for epc, place in heard if epc not in known), tuple(strangers)))

    @rule(suspects=some_tags, given_up=some_tags, left=some_tags)
    def fall_silent(self, suspects: set[bytes], given_up: set[bytes], left: set[bytes]) -> None:
        """First doubted, then given up; sold ones had the time to leave."""
        leaving = tuple(sorted(epc for epc in left if epc in self.shop.books.leaving))
        self.ask(TagsSilent(tuple(sorted(suspects)), tuple(sorted(given_up)), leaving))

    @rule(qty=st.integers(1, 2))
    def claim_shirts(self, qty: int) -> None:
        name = self.name("S")
        self.ask(Reserve(name, "web", (Want(1, "SHIRT", qty),), 900), CommitHold(name, f"O-{name}"))
        self.claims_on_shirts.append(name)

    @precondition(lambda self: self.claims_on_shirts)
    @rule(nth=which, outcome=st.sampled_from(WORK), tags=some_tags, over=st.booleans())
    def work_at_shirts(self, nth: int, outcome: WorkName, tags: set[bytes], over: bool) -> None:
        """With tags or without, those of others too: where a unit then is, and whose, is for the judges."""
        hold = self.claims_on_shirts[-1 - nth % min(3, len(self.claims_on_shirts))]
        tote, slot = ("7", "A") if outcome != "put_back" or nth % 2 else ("", "A")
        if outcome == "put_back" and tote:
            slot = ""
        place = FLOOR if nth % 4 else BACKROOM
        epcs = tuple(sorted(tags)[: nth % 3])
        self.ask(Work(self.name("W"), hold, outcome, 1, 0, tote, slot, place=place, epcs=epcs))  # type: ignore[arg-type]
        if over:
            self.ask(ReleaseHold(hold))
