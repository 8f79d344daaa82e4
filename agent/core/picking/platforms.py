"""What the platforms that sell for a store ask of how an order is picked.

Some refuse a pick that is complete too soon after the order was accepted: a minute on one of the largest.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PlatformRules:
    """`finish_after_s`: no pick may be complete sooner after it was accepted."""

    finish_after_s: int = 0


NO_RULES: Final = PlatformRules()


def may_finish_at_ms(accepted_ms: int, rules: PlatformRules = NO_RULES) -> int:
    """From when on the order's picking may be said to be complete."""
    return accepted_ms + 1000 * rules.finish_after_s
