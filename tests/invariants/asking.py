"""A shop and the same shop on paper: how both are asked, and what is written down of it."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from agent.core.asks import Answer, Ask, Refused, Short, Want
from agent.core.commands import FromHq, Obeyed
from agent.core.count_asks import Counted
from hq_bridge.books import StoreBooks
from tests.core.shop import SHIRT, epc_of
from tests.invariants.plain import SKUS, Claim, Plain, Wants
from tests.invariants.shop import Shop
from tests.torture.power_cuts import a_folder

EPCS = [epc_of(SHIRT, serial) for serial in range(6)]
STRANGER = epc_of(SHIRT, 999)
PEOPLE = ("badge-1", "badge-2", "badge-3")

skus = st.sampled_from(SKUS)
few = st.integers(1, 3)
which = st.integers(0, 40)
people = st.sampled_from(PEOPLE)
wants = st.lists(st.tuples(skus, few), min_size=1, max_size=3).map(tuple)

Things = list[Callable[[], None]]


class Asking(RuleBasedStateMachine):
    """What all parts of a history share."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = a_folder()
        self.folder = Path(self._folder.name)
        self.shop = self.opened()
        self.plain = Plain()
        self.chance = Random(0)
        self.names = 0
        self.asked: list[tuple[Ask | FromHq, Answer | Obeyed]] = []
        #: Orders that were placed, and what they wanted.
        self.orders: dict[str, Wants] = {}
        #: What the judges keep: the postings each source has made, and what HQ has heard.
        self.made: dict[str, list[Any]] = {}
        self.hq = StoreBooks("SH-1", whole=True)

    def opened(self) -> Shop:
        return Shop(self.folder / "books.db")

    def things(self, chance: Random) -> Things:
        """Things that may happen, each as likely as the others; chance chose what is in them."""
        return []

    def teardown(self) -> None:
        self.shop.close()
        self._folder.cleanup()

    def ask(self, *asks: Ask | FromHq) -> list[Any]:
        answers = list(self.shop.ask(*asks))
        self.asked += zip(asks, answers, strict=True)
        return answers

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def some_claim(self, nth: int) -> tuple[str, Claim]:
        """One of those that were made last; of each three two that are open, if there are any."""
        claims = list(self.plain.claims.items())
        still = [(name, claim) for name, claim in claims if not claim.over]
        some = still if still and nth % 3 else claims
        return some[-1 - nth % min(6, len(some))]

    def state_of(self, order: str) -> str:
        return str(self.shop.rows(f"SELECT state FROM customer_order WHERE id = '{order}'")[0][0])

    def follow(self) -> None:
        """An order whose goods are handed over, or that is cancelled, claims nothing any more."""
        for name in self.orders:
            claim = f"order:{name}"
            if self.plain.promises(claim):
                state = self.state_of(name)
                if state in ("handed_over", "closed"):
                    assert self.plain.hand_over(claim)
                elif state == "cancelled":
                    self.plain.end(claim, "release")


def is_entered(answer: Answer | Obeyed) -> bool:
    """Is what was asked in the books now, so that it changes nothing a second time?"""
    if isinstance(answer, Counted):
        return answer.lines[0].outcome in ("posted", "already_posted")
    return not isinstance(answer, Refused | Short)


def lines_of(asked: Wants) -> tuple[Want, ...]:
    return tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(asked, 1))
