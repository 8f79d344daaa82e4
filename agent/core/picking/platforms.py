"""What the platforms that sell for a store ask of how an order is picked.

Some refuse a pick that is complete too soon after the order was accepted (a minute on one of the largest), and punish a
second word of it; and an order of which nothing is left must be cancelled, not refunded line by line to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

#: What a platform wants of an order of which nothing is left to deliver.
LastShort = Literal["cancel", "refund"]


@dataclass(frozen=True, slots=True)
class PlatformRules:
    """`finish_after_s`: no pick may be complete sooner after it was accepted. `last_short`: when nothing is left."""

    finish_after_s: int = 0
    last_short: LastShort = "cancel"


NO_RULES: Final = PlatformRules()


def may_finish_at_ms(accepted_ms: int, rules: PlatformRules = NO_RULES) -> int:
    """From when on the order's picking may be said to be complete."""
    return accepted_ms + 1000 * rules.finish_after_s


def last_short_is_cancel(left: Sequence[int], rules: PlatformRules = NO_RULES) -> bool:
    """`left`: units of each line that the customer still gets. Is the order to be cancelled, not refunded in part?"""
    return rules.last_short == "cancel" and not any(left)


@dataclass(frozen=True, slots=True)
class PickCompletes:
    """Orders whose picking is complete and whose platform must not hear it yet, and those it has heard of.

    `waiting`: from when on (ms of the books) each may be told.
    """

    waiting: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    told: frozenset[str] = frozenset()

    def picked(self, order: str, accepted_ms: int, now_ms: int, rules: PlatformRules = NO_RULES) -> "PickCompletes":
        """With one more order picked. One that waits or was told is nothing new."""
        if order in self.waiting or order in self.told:
            return self
        at_ms = max(now_ms, may_finish_at_ms(accepted_ms, rules))
        return replace(self, waiting=MappingProxyType({**self.waiting, order: at_ms}))

    def due(self, now_ms: int) -> tuple[list[str], "PickCompletes"]:
        """Whom to tell now, the longest due first; and what is so afterwards. Each order comes up once."""
        now = sorted((at_ms, order) for order, at_ms in self.waiting.items() if at_ms <= now_ms)
        names = [order for _, order in now]
        waiting = {order: at_ms for order, at_ms in self.waiting.items() if at_ms > now_ms}
        return names, PickCompletes(MappingProxyType(waiting), self.told.union(names))

    def cancelled(self, order: str) -> "PickCompletes":
        """Without an order that was cancelled before its platform heard that it was picked."""
        waiting = {name: at_ms for name, at_ms in self.waiting.items() if name != order}
        return replace(self, waiting=MappingProxyType(waiting))

    def over(self, order: str) -> "PickCompletes":
        """Without an order that has ended: nobody can say anything of it again."""
        return replace(self.cancelled(order), told=self.told - {order})

    @property
    def rings_ms(self) -> int | None:
        """When somebody is to be told next."""
        return min(self.waiting.values(), default=None)
