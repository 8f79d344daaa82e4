"""A shop with tags, told by readers that hear 60 %, tills that read tags or do not, and thieves: nothing counts twice.

The model is a plain list of where each unit really is. What the books say is held against it and against themselves.
"""

import sqlite3
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.core import naming
from agent.core.asks import Ask, Delivery, DeliveryLine, Sale, SaleLine, TagsHeard, TagsSilent
from agent.core.checks import check
from agent.core.decisions import decide
from agent.core.departures import Rounds, gone_for_good
from agent.core.ledger import Books, Turn
from agent.core.places import BACKROOM, CUSTOMER, FLOOR, SHRINK, SUPPLIER, UNATTRIBUTED_OUT, is_inside
from agent.core.tags import Evidence, TagRules, hear
from agent.store import books as rows
from agent.store import migrations, tag_rows
from tests.core import shop

RULES = TagRules(
    watched=frozenset((FLOOR, BACKROOM)), round_s=30, missing_after_s=150, missed_rounds=5, give_up_after_s=600
)
READ_RATE = 0.6
#: As many units as may be missing at once: more would be a burst, and nobody departs.
MOST_GONE = 8


class TaggedShop(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 2**32))
    def open(self, seed: int) -> None:
        self.rng = Random(seed)
        self.disk = sqlite3.connect(":memory:", isolation_level=None)
        migrations.bring_up_to_date(self.disk)
        self.epoch = rows.found(self.disk, "SH-1", 1_700_000_000_000)
        self.start()
        self.lies: dict[bytes, str] = {}
        self.hidden: set[bytes] = set()
        self.units = self.receipts = self.delivered = self.bought = 0
        self.gone_unread: list[bytes] = []
        self.at_s = 0.0
        self.deliver(6, FLOOR)
        self.deliver(6, BACKROOM)
        self.fixed = set(self.lies)
        self.read(3)

    def start(self) -> None:
        """Begin with what is on disk."""
        self.books: Books = rows.load(self.disk, "SH-1", self.epoch, shop.CATALOGUE)
        self.rounds = Rounds(RULES)

    def enter(self, ask: Ask) -> None:
        postings, deliveries = rows.made_by(self.disk, ask.sources())
        turn = Turn(self.books, 1000, postings, deliveries)
        tag_rows.look_up(self.disk, turn, naming.epcs([ask]))
        decide(turn, ask)
        check(turn)
        told = [(seq, 0, b"") for seq in range(self.books.head + 1, turn.head + 1)]
        self.disk.execute("BEGIN")
        rows.enter(self.disk, turn, told)
        self.disk.execute("COMMIT")
        self.books.remember(turn)

    def read(self, times: int) -> None:
        """So many rounds of all readers, a minute apart."""
        for _ in range(times):
            self.at_s += 60
            there = [(epc, place) for epc, place in self.lies.items() if epc not in self.hidden]
            evidence = [
                Evidence(epc, place, self.rng.randint(1, 4), self.at_s)
                for epc, place in there
                if self.rng.random() < READ_RATE
            ]
            heard = hear(self.books.tags, evidence, RULES, self.rounds.now)
            self.enter(TagsHeard(tuple((one.epc, one.place) for one in heard.settled), tuple(heard.strangers)))
            self.rounds.look(self.books.tags.values())
            found = self.rounds.end(self.at_s)
            left = gone_for_good(self.books.leaving.values(), self.at_s, RULES.leave_s)
            self.enter(TagsSilent(tuple(found.suspects), tuple(found.given_up), tuple(left)))

    def some(self, place: str) -> list[bytes]:
        return [epc for epc, where in self.lies.items() if where == place and epc not in self.fixed]

    @rule(count=st.integers(1, 3), place=st.sampled_from((FLOOR, BACKROOM)))
    def deliver(self, count: int, place: str) -> None:
        epcs = tuple(shop.epc_of(shop.SHIRT, self.units + nth + 1) for nth in range(count))
        self.units += count
        self.enter(Delivery(f"D-{self.units}", (DeliveryLine(1, "sku", "SHIRT", epcs),)))
        self.lies |= dict.fromkeys(epcs, place)
        while any(state == "expected" for state, _ in self.tags()):  # nobody leaves the goods-in door before
            self.read(1)

    @rule(rounds=st.integers(1, 12))
    def time_passes(self, rounds: int) -> None:
        self.read(rounds)

    @rule(data=st.data(), origin=st.sampled_from((FLOOR, BACKROOM)))
    def carry(self, data: st.DataObject, origin: str) -> None:
        if epcs := self.some(origin):
            self.lies[data.draw(st.sampled_from(epcs))] = BACKROOM if origin == FLOOR else FLOOR

    @rule(data=st.data(), again=st.booleans())
    def buy_with_tag(self, data: st.DataObject, again: bool) -> None:
        if epcs := self.some(FLOOR):
            epc = data.draw(st.sampled_from(epcs))
            self.leave(epc)
            self.bought += 1
            self.sell(epc, again=again)

    @precondition(lambda self: len(self.gone_unread) < MOST_GONE)
    @rule(data=st.data(), again=st.booleans())
    def buy_by_barcode(self, data: st.DataObject, again: bool) -> None:
        """A unit that was written off before nobody can tell from one that is still there: those stay hidden."""
        if epcs := [epc for epc in self.some(FLOOR) if epc not in self.hidden]:
            epc = data.draw(st.sampled_from(epcs))
            self.leave(epc)
            self.gone_unread.append(epc)
            self.bought += 1
            self.sell(None, again=again)

    def sell(self, epc: bytes | None, *, again: bool) -> None:
        self.receipts += 1
        sale = Sale(f"R-{self.receipts}", (SaleLine(1, "sku", "SHIRT", 1, epc),))
        for _ in range(1 + again):
            self.enter(sale)

    @precondition(lambda self: len(self.gone_unread) < MOST_GONE)
    @rule(data=st.data(), place=st.sampled_from((FLOOR, BACKROOM)))
    def steal(self, data: st.DataObject, place: str) -> None:
        if epcs := self.some(place):
            epc = data.draw(st.sampled_from(epcs))
            self.leave(epc)
            self.gone_unread.append(epc)

    def leave(self, epc: bytes) -> None:
        del self.lies[epc]
        self.hidden.discard(epc)

    @precondition(lambda self: len(self.hidden) + len(self.gone_unread) < MOST_GONE)
    @rule(data=st.data())
    def hide(self, data: st.DataObject) -> None:
        """A unit lies where no reader hears it, perhaps for long."""
        if epcs := self.some(FLOOR):
            self.hidden.add(data.draw(st.sampled_from(epcs)))

    @rule()
    def reveal(self) -> None:
        self.hidden.clear()
        self.read(8)

    @rule()
    def restart(self) -> None:
        self.start()

    def tags(self) -> list[tuple[str, str | None]]:
        return list(self.disk.execute("SELECT state, place FROM tag WHERE sku = 'SHIRT'"))

    @invariant()
    def quantity_is_tags_in_stock_less_what_was_sold_unread(self) -> None:
        places = [place for _, place in self.tags()]
        unread = self.books.balance("SHIRT", UNATTRIBUTED_OUT)
        for place, less in ((FLOOR, unread), (BACKROOM, 0)):
            assert self.books.balance("SHIRT", place) == places.count(place) - less
        assert self.books.on_hand["SHIRT"] == sum(is_inside(place or "") for place in places) - unread
        assert unread >= 0

    @invariant()
    def every_unit_is_counted_once_from_supplier_to_customer(self) -> None:
        balance = self.books.balance
        assert balance("SHIRT", CUSTOMER) + balance("SHIRT", UNATTRIBUTED_OUT) == self.bought
        states = [state for state, _ in self.tags()]
        assert -balance("SHIRT", SUPPLIER) == len(states) - states.count("expected")
        assert balance("SHIRT", SHRINK) == states.count("missing")
        assert sum(qty for (sku, _), qty in self.books.balances.items() if sku == "SHIRT") == 0

    @invariant()
    def sold_tags_alone_leave_memory(self) -> None:
        on_disk = dict(self.disk.execute("SELECT epc, state FROM tag").fetchall())
        assert all(on_disk[epc] == tag.state for epc, tag in self.books.tags.items())
        assert all(state == "sold" for epc, state in on_disk.items() if epc not in self.books.tags)

    def teardown(self) -> None:
        """When nothing happens any more, the books come to what is really there."""
        if not hasattr(self, "lies"):
            return
        self.hidden.clear()
        self.read(100)
        assert self.books.on_hand["SHIRT"] == len(self.lies)
        for place in (FLOOR, BACKROOM):
            assert self.books.balance("SHIRT", place) == list(self.lies.values()).count(place)
        stolen = self.units - len(self.lies) - self.bought
        assert self.books.balance("SHIRT", SHRINK) == stolen
        assert self.books.balance("SHIRT", UNATTRIBUTED_OUT) == 0
        assert {kind for kind, _ in self.books.cases} <= {"missing_tag", "negative_stock"}
        self.disk.close()


TestTaggedShop = TaggedShop.TestCase
TestTaggedShop.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
