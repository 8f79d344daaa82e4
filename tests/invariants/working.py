"""Orders, their moves, and the work at what was promised: totes, slots, outcomes."""

from itertools import product
from random import Random
from typing import Any, get_args

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from agent.core.asks import MoveOrder, Ordered, PlaceOrder, Refused, Work, Worked, WorkName
from agent.core.life import OrderEvent
from tests.invariants.asking import Asking, Things, lines_of, wants, which
from tests.invariants.plain import SKUS, SLOTS, TOTES, Wants
from tests.invariants.shop import EPOCH

#: What people do to an order in each state, most of the time.
NEXT: dict[str, tuple[OrderEvent, ...]] = {
    "accepted": ("start", "start", "cancel"),
    "picking": ("finish", "finish", "ask", "cancel"),
    "awaiting_decision": ("decide", "cancel"),
    "picked": ("pack", "cancel"),
    "packed": ("stage", "stage", "cancel"),
    "staged": ("hand_over", "hand_over", "cancel"),
    "cancel_requested": ("settle", "settle", "hand_over"),
    "handed_over": ("close", "take_back"),
    "return_pending": ("restock", "waste"),
}
OUTCOMES: tuple[WorkName, ...] = get_args(WorkName)
PICKING = ("accepted", "picking", "awaiting_decision")
PULLED = ("picking", "awaiting_decision", "picked", "packed", "staged")
ENDED = ("closed", "cancelled", "rejected")
#: When an outcome other than those of picking can be reported of an order that is not over.
WHEN = {
    "cancelled_before_pull": ("accepted", *PULLED, "cancel_requested"),
    "cancelled_after_pull": (*PULLED, "cancel_requested"),
    "staged": PULLED,
    "handed_over": ("staged", "cancel_requested"),
    "not_collected": ("staged", "cancel_requested"),
}
#: Chance alone would seldom bring goods as far as the customer.
ONWARD = ("picked", "weighed", "staged", "handed_over", "put_back")


class Working(Asking):
    """What people do with orders and their goods."""

    def things(self, chance: Random) -> Things:
        asked = tuple((chance.choice(SKUS), chance.randint(1, 3)) for _ in range(chance.randint(1, 2)))
        nth, default = chance.randrange(40), chance.choice(("decide", "cancel"))
        due_s, lease = chance.choice((0, 600, 20_000)), chance.randint(-1, 1)
        things: Things = [lambda: self.place_order(asked, due_s, lease)]
        if self.orders:
            things += [lambda: self.move_order(nth, chance.randrange(40), default)] * 4
        if self.plain.claims:
            things += [lambda: self.work_that_can_be(chance)] * 5
            things += [lambda: self.work(nth, chance.choice(OUTCOMES), chance.randrange(4), chance)]
        return [*super().things(chance), *things]

    @rule(asked=wants, due_s=st.sampled_from((0, 600, 20_000)), nth=st.integers(-3, 3))
    def place_order(self, asked: Wants, due_s: int, nth: int) -> None:
        """On a lease, if HQ routed it here: a fresh one, an old one, one of a start before, or one that never was."""
        name, can = self.name("O"), self.plain.can(asked)
        lease = None if nth < 0 else list(self.plain.leases)[-1 - nth % len(self.plain.leases)]
        due_at = EPOCH + self.plain.now_ms + due_s * 1000 if due_s else 0
        (answer,) = self.ask(PlaceOrder(name, "web", lines_of(asked), due_at, lease))
        if not self.plain.is_good(lease):
            assert isinstance(answer, Refused), answer
            return
        assert isinstance(answer, Ordered)
        assert answer.state == ("accepted" if can else "rejected")
        self.orders[name] = asked
        if can:
            self.plain.promise(f"order:{name}", asked, 0, order=True)

    @precondition(lambda self: self.orders)
    @rule(nth=which, choice=which, default=st.sampled_from(("decide", "cancel")))
    def move_order(self, nth: int, choice: int, default: Any) -> None:
        still = list(self.shop.books.orders) if nth % 4 else []
        name = (still or list(self.orders))[-1 - nth % min(4, len(still or self.orders))]
        state = self.state_of(name)
        events = NEXT.get(state, ("cancel", "stage", "close"))
        event = events[choice % len(events)]
        (answer,) = self.ask(MoveOrder(name, self.name("M"), event, 300, default))
        if event == "settle" and state == "cancel_requested":
            assert isinstance(answer, Refused if self.plain.is_out(f"order:{name}") else Ordered), answer
        self.follow()

    @precondition(lambda self: self.plain.claims)
    @rule(nth=which, outcome=st.sampled_from(OUTCOMES), qty=st.integers(0, 3), chance=st.randoms())
    def work(self, nth: int, outcome: WorkName, qty: int, chance: Random) -> None:
        """Any report, be it possible or not."""
        hold, claim = self.some_claim(nth)
        ask = self._report(chance, hold, outcome, chance.choice(list(claim.lines)), qty)
        self._told(ask, can=self._fits(ask) and self.plain.happens(ask))

    @precondition(lambda self: self.plain.claims)
    @rule(chance=st.randoms())
    def work_that_can_be(self, chance: Random) -> None:
        """Chance alone would mostly report what cannot be."""
        outcomes = chance.sample(OUTCOMES, len(OUTCOMES))
        if chance.random() < 0.6:
            outcomes.sort(key=lambda outcome: outcome not in ONWARD)
        lines = [(hold, line) for hold in list(self.plain.claims)[-6:] for line in self.plain.claims[hold].lines]
        chance.shuffle(lines)
        for outcome, (hold, line), qty in product(outcomes, lines, chance.sample((0, 1), 2)):
            ask = self._report(chance, hold, outcome, line, qty)
            if self._fits(ask) and self.plain.happens(ask):
                self._told(ask, can=True)
                return

    def _report(self, chance: Random, hold: str, outcome: WorkName, line: int, qty: int) -> Work:
        tote, slot = chance.choice(TOTES), chance.choice(SLOTS)
        if outcome == "put_back":
            tote, slot = chance.choice([(tote, ""), ("", slot)])
        spoiled = outcome == "put_back" and chance.random() < 0.3
        return Work(self.name("W"), hold, outcome, line, qty, tote, slot, chance.choice(SKUS), spoiled)

    def _told(self, ask: Work, *, can: bool) -> None:
        head = self.shop.books.head
        (answer,) = self.ask(ask)
        assert isinstance(answer, Worked if can else Refused), (ask, answer)
        assert can or self.shop.books.head == head
        self.follow()

    def _fits(self, ask: Work) -> bool:
        """Is its order, if it is one's, where this can be reported?"""
        if not self.plain.claims[ask.hold].order:
            return True
        state = self.state_of(ask.hold.removeprefix("order:"))
        return state in WHEN.get(ask.outcome, PICKING) or ask.outcome == "put_back" or state in ENDED
