"""Where goods stand in a simulated shop, and how far it is from one shelf to another, as somebody would pace it out.

Parallel aisles between two cross aisles; the packing table is at the front end of the first aisle.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_AISLE_M = 2.4
_BAY_M = 1.0
_SIDES = "LR"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place in front of which somebody stands to take goods; bay 0 is the front cross aisle."""

    aisle: int
    side: str
    bay: int

    @property
    def code(self) -> str:
        """As the label on it says: `A03-L-12`."""
        return f"A{self.aisle:02}-{self.side}-{self.bay:02}"


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """`aisles` aisles of `bays` bays on each side."""

    aisles: int = 12
    bays: int = 12

    @property
    def table(self) -> Shelf:
        """The packing table."""
        return Shelf(1, "L", 0)

    def shelves(self) -> list[Shelf]:
        """Every shelf, aisle by aisle."""
        return [
            Shelf(aisle, side, bay)
            for aisle in range(1, self.aisles + 1)
            for side in _SIDES
            for bay in range(1, self.bays + 1)
        ]

    def metres(self, here: Shelf, there: Shelf) -> float:
        """The shortest way between two shelves."""
        if here.aisle == there.aisle:
            return abs(here.bay - there.bay) * _BAY_M
        across = abs(here.aisle - there.aisle) * _AISLE_M
        by_front, by_back = here.bay + there.bay, 2 * (self.bays + 1) - here.bay - there.bay
        return across + min(by_front, by_back) * _BAY_M

    def walk_m(self, stops: Iterable[Shelf]) -> float:
        """From the table by way of the stops, as they come, and back."""
        return sum(self.metres(*leg) for leg in pairwise([self.table, *stops, self.table]))


def shelf_of(code: str) -> Shelf:
    """The shelf with this label. Raises ValueError."""
    aisle, side, bay = code.removeprefix("A").split("-")
    return Shelf(int(aisle), side, int(bay))
