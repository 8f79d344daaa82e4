"""Tagged goods: announced, heard, sold read and unread, silent, gone through the door, and heard again."""

from random import Random

import hypothesis.strategies as st
from hypothesis.stateful import rule

from agent.core.asks import Delivery, DeliveryLine, Sale, SaleLine, TagsHeard, TagsSilent
from agent.core.tags import Stranger
from tests.invariants.asking import EPCS, STRANGER, Asking, Things
from tests.invariants.plain import BACKROOM, FLOOR

EXIT = "EXIT"
PLACES = (FLOOR, BACKROOM, EXIT)

some_tags = st.sets(st.sampled_from(EPCS))


class Tagging(Asking):
    """What readers hear, and what tills read."""

    def things(self, chance: Random) -> Things:
        nth, place = chance.randrange(7), chance.choice((FLOOR, BACKROOM, FLOOR, BACKROOM, EXIT))
        silent = {chance.choice(EPCS), chance.choice(EPCS)}
        gone = set(silent) if chance.random() < 0.7 else set()
        return [
            *super().things(chance),
            lambda: self.sell_tagged(nth, chance.random() < 0.5),
            lambda: self.hear([(EPCS[nth % 6], place)]),
            lambda: self.fall_silent(silent, gone, gone if nth == 0 else set()),
            lambda: self.deliver({EPCS[nth % 6]}),
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
