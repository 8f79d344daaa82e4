"""What the platforms that sell for a store ask of how an order is picked."""

from collections.abc import Sequence
from dataclasses import dataclass
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
