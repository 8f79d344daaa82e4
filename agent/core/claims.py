"""Claims: who may count on which part of the stock.

A hold is pending for an interval, then committed to an order or released or expired; a committed claim is consumed, up
to its amount, and the rest returns. It resolves exactly once. Time is the books' own (`ledger.Books.books_ms`), which
runs while the agent runs and does not jump: a hold outlives a restart and a wrong clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agent.core import life
from agent.core.places import COMMIT, FREE, GRANT, HOLD, PULLED

HoldState = life.HoldState

#: States in which units are still spoken for.
OPEN: Final = ("pending", "committed")

#: How long a hold lives unless its channel says otherwise.
USUAL_TTL_S: Final = 15 * 60
LONGEST_TTL_S: Final = 24 * 3600


#: Units in totes and slots: (place, units), each place once, none of them 0.
Places = tuple[tuple[str, int], ...]


def changed(places: Places, place: str, by: int) -> Places:
    """These places with more or fewer units in one of them."""
    units = dict(places)
    units[place] = units.get(place, 0) + by
    return tuple(sorted((name, qty) for name, qty in units.items() if qty))


def units_in(places: Places, of: str = "") -> int:
    """How many units there are in all of them, or in those of a kind (`TOTE`, `STAGED`)."""
    return sum(qty for place, qty in places if place.startswith(of))


def so_many(places: Places, qty: int) -> Places:
    """So many of these units, from the first places on."""
    some = []
    for place, there in places:
        if taken := min(there, qty):
            some.append((place, taken))
            qty -= taken
    return tuple(some)


class HoldLine(Struct, frozen=True, gc=False):
    """`qty` units of one SKU, and what became of them.

    `open` are claimed and still where they are sold; `pulled` are claimed and in totes and slots; `consumed` is what
    the claim was used for. `back` are in totes and slots too, claimed by nobody, until they are scanned back. `lost`
    were found damaged when there was no other to hold. `state` is that of a line to pick; a line that was put in for
    another is `instead_of` it. `tags` are bound to it (EPCs in hex): units of its that are in totes and slots.
    """

    line: int
    sku: str
    qty: int
    open: int
    consumed: int = 0
    pulled: Places = ()
    back: Places = ()
    lost: int = 0
    state: life.PickLineState = "todo"
    instead_of: int = 0
    tags: tuple[str, ...] = ()

    def units_at(self, place: str) -> int:
        """Units in a tote or slot, claimed or to be put back."""
        return dict(self.pulled).get(place, 0) + dict(self.back).get(place, 0)


class Hold(Struct, frozen=True, gc=False):
    """One hold, of one line or of a group that is held whole or not at all.

    `expires_ms` is in the books' time; a committed hold does not expire. `order` is who it was committed to.
    `due_ms` orders breaches: of claims that cannot be kept, the one due last gives way first. `works` are the reports
    of its work that were entered, by name, with what they said.
    """

    id: str
    channel: str
    state: HoldState
    expires_ms: int
    lines: tuple[HoldLine, ...]
    order: str = ""
    grant: str = ""
    due_ms: int = 0
    works: tuple[tuple[str, str], ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def source(self, line: HoldLine) -> str:
        """Where the line's claim came from, and whatever of it is not used returns: a grant's rights stay its holder's.

        A substitute is not what was granted.
        """
        return GRANT + self.grant if self.grant and not line.instead_of else FREE

    def account(self, line: HoldLine) -> str:
        """Where the line's open units stand in the books."""
        return f"{HOLD}{self.id}" if self.state == "pending" else f"{COMMIT}{self.order}/{line.line}"

    def pulled_account(self, line: HoldLine) -> str:
        """Where the line's pulled units stand in the books."""
        return f"{PULLED}{self.order}/{line.line}"

    def claims(self) -> Iterator[tuple[HoldLine, str, int]]:
        """Everything it still claims: (line, account, units)."""
        for line in self.lines:
            if line.open:
                yield line, self.account(line), line.open
            if line.pulled:
                yield line, self.pulled_account(line), units_in(line.pulled)

    def resolved(self, event: life.HoldEvent) -> "Hold":
        """The same hold after what ends it, with nothing claimed; what was pulled is to be put back.

        Raises life.ImpossibleMoveError.
        """
        return replace(
            self,
            state=life.advance(life.HOLD, self.state, event),
            lines=tuple(given_up(line) for line in self.lines),
        )

    def same_as(self, channel: str, wanted: Iterable[tuple[int, str, int]]) -> bool:
        """Was this hold asked with these lines `(line, sku, qty)`?"""
        asked = [(line.line, line.sku, line.qty) for line in self.lines if not line.instead_of]
        return self.channel == channel and asked == list(wanted)


def giving_way(holds: Iterable[Hold], sku: str, excess: int) -> list[tuple[str, int]]:
    """Which holds of a SKU cannot be kept, with how many units: the one due last gives way first."""
    weak: list[tuple[str, int]] = []
    for hold in sorted((hold for hold in holds if hold.is_open), key=lambda hold: (-hold.due_ms, hold.id)):
        qty = min(excess, sum(line.open for line in hold.lines if line.sku == sku))
        if qty:
            weak.append((hold.id, qty))
            excess -= qty
    return weak


def given_up(line: HoldLine) -> HoldLine:
    """A line that claims nothing any more; what was pulled for it is to be put back."""
    back = line.back
    for place, qty in line.pulled:
        back = changed(back, place, qty)
    return replace(line, open=0, pulled=(), back=back)


@dataclass(slots=True)
class Promised:
    """What is spoken for and not yet pulled, summed up so that nobody has to go through the holds."""

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
        """Count a hold's open units in (1) or out (-1); pulled ones are no longer among what is sellable."""
        if not hold.is_open:
            return
        for line in hold.lines:
            if line.open:
                key = (line.sku, hold.channel)
                self.of_sku[line.sku] = self.of_sku.get(line.sku, 0) + sign * line.open
                self.of_channel[key] = self.of_channel.get(key, 0) + sign * line.open
