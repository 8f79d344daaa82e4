"""How long goods that nobody was promised were promised to nobody: what is free, and what of it is hidden.

A SKU is free while it is sold at once and some of it is sellable beyond all claims and grants. It is hidden while it is
free and its ATP, as HQ is told it, is 0: doubt or safety stock takes all that is left, or the whole store promises
nothing. Both are counted in SKUs and summed over the books' own time, at the moments at which one becomes another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from agent.core.atp import Opened


class Step(NamedTuple):
    """From `at_ms` on so many SKUs are free, hidden, and hidden because the store is stopped.

    `…_ms` are the SKU-milliseconds up to then, since the books began.
    """

    at_ms: int = 0
    free: int = 0
    hidden: int = 0
    stopped: int = 0
    free_ms: int = 0
    hidden_ms: int = 0
    stopped_ms: int = 0

    def sums_at(self, now_ms: int) -> tuple[int, int, int]:
        """SKU-milliseconds free, hidden and stopped up to a moment of this step."""
        passed_ms = max(0, now_ms - self.at_ms)
        return (
            self.free_ms + self.free * passed_ms,
            self.hidden_ms + self.hidden * passed_ms,
            self.stopped_ms + self.stopped * passed_ms,
        )


_NOTHING: Final = Step()


@dataclass(slots=True)
class FreeStock:
    """The SKUs that are free, those of them whose ATP is 0, and the last step that is on disk."""

    free: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    last: Step = _NOTHING

    def take(self, sku: str, *, free: bool, closed: bool) -> None:
        """This is how a SKU stands now."""
        (self.free.add if free else self.free.discard)(sku)
        (self.closed.add if closed else self.closed.discard)(sku)

    def remember(self, change: "Change") -> None:
        """What a turn changed is on disk."""
        for sku, (free, closed) in change.skus.items():
            self.take(sku, free=free, closed=closed)
        self.last = change.step or self.last

    def change(self, opened: Mapping[str, Opened], now_ms: int, *, is_stopped: bool) -> "Change":
        """What becomes of it now that these SKUs are told so; looks at no others."""
        skus: dict[str, tuple[bool, bool]] = {}
        free, closed = len(self.free), len(self.closed)
        for sku, (_, atp, left) in opened.items():
            before, now = (sku in self.free, sku in self.closed), (left > 0, left > 0 and not atp)
            if before != now:
                skus[sku] = now
                free += now[0] - before[0]
                closed += now[1] - before[1]
        counts = (free, free, free - closed) if is_stopped else (free, closed, 0)
        return Change(skus, None if counts == self.last[1:4] else Step(now_ms, *counts, *self.last.sums_at(now_ms)))


class Change(NamedTuple):
    """The SKUs that are free or closed otherwise than before, as (free, closed), and the step that begins with it."""

    skus: Mapping[str, tuple[bool, bool]] = MappingProxyType({})
    step: Step | None = None
