"""Random work on several orders while tills sell: the books always say what a plain model of the goods says."""

from collections import Counter
from itertools import product
from random import Random
from typing import get_args

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from agent.core import atp
from agent.core.asks import (
    Ask,
    Claimed,
    CommitHold,
    Refused,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Want,
    Work,
    Worked,
    WorkName,
)
from agent.core.ledger import Books
from agent.core.places import CONSUMED, FREE, PULLED, SELLABLE, is_claim
from tests.core.picking import Picking
from tests.core.test_work import CODES, Floor

SKUS = ("MILK", "EGGS", "HAM")
TOTES, SLOTS = ("7", "8"), ("A", "B")
#: Chance alone would seldom bring goods as far as the customer.
ONWARD = ("picked", "weighed", "staged", "handed_over")


class WorkHistory(RuleBasedStateMachine):
    """`enter` and `restart` are the core's alone here; others run the same histories through more of the agent."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.model = Picking(frozenset({"HAM"}))
        self.done: list[Work] = []
        self.names = 0

    @property
    def books(self) -> Books:
        return self.floor.books

    def enter(self, ask: Ask) -> object:
        return self.floor.enter(ask)

    def restart(self) -> None:
        """The core has nothing to start anew."""

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    @initialize()
    def open_the_shop(self) -> None:
        for sku in SKUS:
            self.deliver(sku, 6)
        self.order([("MILK", 2), ("HAM", 3)])
        self.order([("EGGS", 2), ("MILK", 3)])

    @rule(sku=st.sampled_from(SKUS), units=st.integers(1, 5))
    def deliver(self, sku: str, units: int) -> None:
        for _ in range(units):
            self.enter(Scan("dock", "receive", CODES[sku], None))
            self.enter(Scan("shelf", "shelve", CODES[sku], None))
        self.model.move(sku, "SUPPLIER", "FLOOR", units)

    @rule(sku=st.sampled_from(SKUS), units=st.integers(1, 3))
    def sell(self, sku: str, units: int) -> None:
        self.enter(Sale(self.name(), (SaleLine(1, "sku", sku, units),)))
        self.model.move(sku, "FLOOR", "CUSTOMER", units)

    @rule(wants=st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 4)), min_size=1, max_size=3))
    def order(self, wants: list[tuple[str, int]]) -> None:
        name, total = self.name(), Counter[str]()
        for sku, qty in wants:
            total[sku] += qty
        can = all(qty <= self.model.atp(sku) for sku, qty in total.items())
        lines = tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(wants, 1))
        assert isinstance(self.enter(Reserve(name, "web", lines, 900)), Claimed) == can
        if can:
            assert isinstance(self.enter(CommitHold(name, f"O-{name}")), Claimed)
            self.model.hold(name, wants)

    @precondition(lambda self: self.model.claims)
    @rule(data=st.data(), outcome=st.sampled_from(get_args(WorkName)))
    def work(self, data: st.DataObject, outcome: WorkName) -> None:
        hold = data.draw(st.sampled_from(sorted(self.model.claims)))
        line = data.draw(st.sampled_from(sorted(self.model.claims[hold].lines)))
        qty = data.draw(st.integers(0, 3))
        tote, slot = data.draw(st.sampled_from(TOTES)), data.draw(st.sampled_from(SLOTS))
        if outcome == "put_back":
            tote, slot = data.draw(st.sampled_from([(tote, ""), ("", slot)]))
        other, spoiled = data.draw(st.sampled_from(SKUS)), data.draw(st.booleans())
        ask = Work(self.name(), hold, outcome, line, qty, tote, slot, other, spoiled)
        self.report(ask, can=self.model.happens(ask))

    @precondition(lambda self: self.model.claims)
    @rule(chance=st.randoms(use_true_random=False))
    def work_that_can_be_done(self, chance: Random) -> None:
        """Chance alone would mostly report what cannot happen."""
        for _ in range(chance.randint(1, 4)):
            outcomes = chance.sample(get_args(WorkName), len(get_args(WorkName)))
            if chance.random() < 0.5:
                outcomes.sort(key=lambda outcome: outcome not in ONWARD)
            lines = [(hold, line) for hold, claim in self.model.claims.items() for line in claim.lines]
            chance.shuffle(lines)
            for outcome, (hold, line), qty in product(outcomes, lines, chance.sample((0, 1), 2)):
                tote, slot = chance.choice(TOTES), chance.choice(SLOTS)
                if outcome == "put_back":
                    tote, slot = chance.choice([(tote, ""), ("", slot)])
                ask = Work(f"N{self.names + 1}", hold, outcome, line, qty, tote, slot, chance.choice(SKUS))
                if self.model.happens(ask):
                    self.name()
                    self.report(ask, can=True)
                    break

    def report(self, ask: Work, *, can: bool) -> None:
        head = self.books.head
        answer = self.enter(ask)
        assert isinstance(answer, Worked if can else Refused), answer
        if can:
            self.done.append(ask)
        else:
            assert self.books.head == head

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """What was entered once changes nothing again, and cannot be contradicted."""
        ask = data.draw(st.sampled_from(self.done))
        head, holds = self.books.head, dict(self.books.holds)
        assert isinstance(self.enter(ask), Worked)
        other = self.enter(replace(ask, spoiled=not ask.spoiled))
        assert isinstance(other, Refused)
        assert other.conflict
        assert (self.books.head, self.books.holds) == (head, holds)

    @precondition(lambda self: self.model.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold = data.draw(st.sampled_from(sorted(self.model.claims)))
        assert isinstance(self.enter(ReleaseHold(hold)), Claimed)
        self.model.release(hold)

    @rule()
    def start_anew(self) -> None:
        self.restart()

    @invariant()
    def units_are_where_the_model_has_them(self) -> None:
        units = {key: qty for key, qty in self.books.balances.items() if qty and not is_claim(key[1])}
        assert units == {key: qty for key, qty in self.model.places.items() if qty}
        for sku in SKUS:
            assert sum(qty for (of, _), qty in units.items() if of == sku) == 0

    @invariant()
    def claims_are_what_the_lines_claim_and_none_resolves_twice(self) -> None:
        holds = {name for name, claim in self.model.claims.items() if not claim.over}
        assert set(self.books.holds) == holds
        for sku in SKUS:
            accounts = {place: qty for (of, place), qty in self.books.balances.items() if of == sku and is_claim(place)}
            used = sum(
                line.used for claim in self.model.claims.values() for line in claim.lines.values() if line.sku == sku
            )
            pulled = sum(qty for place, qty in accounts.items() if place.startswith(PULLED))
            assert (pulled, accounts.get(CONSUMED, 0)) == (self.model.pulled(sku), used)
            assert -accounts.get(FREE, 0) == self.model.promised(sku) + pulled + used

    @invariant()
    def atp_is_the_models(self) -> None:
        for sku in SKUS:
            assert atp.terms(self.books, self.books.conditions, sku, "web").atp == self.model.atp(sku)
            assert self.books.promised(sku) == self.model.promised(sku)

    @invariant()
    def what_cannot_be_kept_or_is_to_be_put_back_has_its_case(self) -> None:
        for sku in SKUS:
            sellable = sum(self.books.balance(sku, place) for place in SELLABLE)
            excess = self.model.promised(sku) - max(0, sellable)
            assert (("breach", sku) in self.books.cases) == (excess > 0)
            assert (("negative_stock", f"{sku} at FLOOR") in self.books.cases) == (sellable < 0)
        for name, claim in self.model.claims.items():
            back = sum(line.back.total() for line in claim.lines.values())
            assert (("put_back", name) in self.books.cases) == (back > 0)


TestWorkHistory = WorkHistory.TestCase
TestWorkHistory.settings = settings(max_examples=100, stateful_step_count=40)
