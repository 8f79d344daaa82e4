"""Claims: who may count on which part of the stock.

A hold is pending for an interval, then committed to an order or released or expired; a committed claim is consumed, up
to its amount, and the rest returns. It resolves exactly once. Time is the books' own (`ledger.Books.books_ms`), which
runs while the agent runs and does not jump: a hold outlives a restart and a wrong clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agent.core import life
from agent.core.places import COMMIT, HOLD

HoldState = life.HoldState

#: States in which units are still spoken for.
OPEN: Final = ("pending", "committed")

#: How long a hold lives unless its channel says otherwise.
USUAL_TTL_S: Final = 15 * 60
LONGEST_TTL_S: Final = 24 * 3600


class HoldLine(Struct, frozen=True, gc=False):
    """`qty` units of one SKU. `open` of them are still claimed; `consumed` is what the claim was used for."""

    line: int
    sku: str
    qty: int
    open: int
    consumed: int = 0


class Hold(Struct, frozen=True, gc=False):
    """One hold, of one line or of a group that is held whole or not at all.

    `expires_ms` is in the books' time; a committed hold does not expire. `order` is who it was committed to.
    `due_ms` orders breaches: of claims that cannot be kept, the one due last gives way first.
    """

    id: str
    channel: str
    state: HoldState
    expires_ms: int
    lines: tuple[HoldLine, ...]
    order: str = ""
    grant: str = ""
    due_ms: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def account(self, line: HoldLine) -> str:
        """Where the line's open units stand in the books."""
        return f"{HOLD}{self.id}" if self.state == "pending" else f"{COMMIT}{self.order}/{line.line}"

    def resolved(self, event: life.HoldEvent) -> "Hold":
        """The same hold after what ends it, with nothing left open. Raises life.ImpossibleMoveError."""
        return replace(
            self,
            state=life.advance(life.HOLD, self.state, event),
            lines=tuple(replace(line, open=0) for line in self.lines),
        )

    def same_as(self, channel: str, wanted: Iterable[tuple[int, str, int]]) -> bool:
        """Was this hold asked with these lines `(line, sku, qty)`?"""
        return self.channel == channel and [(line.line, line.sku, line.qty) for line in self.lines] == list(wanted)


@dataclass(slots=True)
class Promised:
    """What is spoken for, summed up so that nobody has to go through the holds."""

    of_sku: dict[str, int] = field(default_factory=dict)
    of_channel: dict[tuple[str, str], int] = field(default_factory=dict)
    #: What holders of grants may still take, per SKU.
    granted: dict[str, int] = field(default_factory=dict)

    def change(self, before: Hold | None, after: Hold) -> bool:
        """Count a hold in the place of what it was; False when it claims what it claimed."""
        if before is not None:
            if before.lines is after.lines and before.is_open and after.is_open:
                return False
            self._add(before, -1)
        self._add(after, 1)
        return True

    def _add(self, hold: Hold, sign: int) -> None:
        if not hold.is_open:
            return
        for line in hold.lines:
            if line.open:
                key = (line.sku, hold.channel)
                self.of_sku[line.sku] = self.of_sku.get(line.sku, 0) + sign * line.open
                self.of_channel[key] = self.of_channel.get(key, 0) + sign * line.open
