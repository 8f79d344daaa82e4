"""The store's map: where each spot is, in metres, on one block of parallel aisles.

```
  y = depth_m   ═══════════════════════  back cross aisle
                 ║     ║     ║     ║     aisles: a spot is `side` L or R of one, at a bay, on a level
  y = 0         ═══════════════════════  front cross aisle; entrance and packing table stand at a cross aisle
                 x ──►
```

An aisle is walked along its middle line: both sides of a bay are one place to stand, and a level is no way at all.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from types import MappingProxyType
from typing import Final, Literal

from agent.core.catalogue import Temperature

Side = Literal["L", "R"]

#: What a map drawn from codes alone supposes: metres from aisle to aisle and from bay to bay.
AISLE_M: Final = 2.4
BAY_M: Final = 1.0
#: Aisle, side, bay and level of codes such as `A03-L-12-2`, `A03-12` and `3-12-2`.
_CODE: Final = re.compile(r"[A-Za-z]?0*(\d{1,3})(?:-([LRlr]))?-0*(\d{1,3})(?:-0*(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Point:
    """A place to stand, in metres from the front end of the leftmost aisle."""

    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for goods. `aisle` 0: it stands at a cross aisle, in no aisle at all."""

    code: str
    aisle: int
    side: Side
    bay: int
    level: int
    temperature: Temperature
    x_m: float
    y_m: float


@dataclass(frozen=True)
class StoreMap:
    """One block: aisles between the front cross aisle (y = 0) and the back one (y = `depth_m`)."""

    spots: Mapping[str, Spot]
    entrance: Point
    packing: Point
    depth_m: float = field(default=0.0)

    def __post_init__(self) -> None:
        """Raises ValueError for a place where nobody can stand."""
        if self.depth_m <= 0.0:
            deepest = max((spot.y_m for spot in self.spots.values()), default=0.0)
            object.__setattr__(self, "depth_m", deepest + BAY_M)
        places: dict[str, Point | Spot] = {"entrance": self.entrance, "packing": self.packing, **self.spots}
        for name, place in places.items():
            if not self.is_walkable(place):
                raise ValueError(
                    f"{name} at ({place.x_m:g}, {place.y_m:g}) is neither in an aisle nor at a cross aisle"
                )

    @cached_property
    def aisles(self) -> Mapping[int, float]:
        """Each aisle's x, in metres."""
        return MappingProxyType({spot.aisle: spot.x_m for spot in self.spots.values() if spot.aisle})

    @cached_property
    def aisle_xs(self) -> tuple[float, ...]:
        """Where the aisles are, from left to right."""
        return tuple(sorted(self._xs))

    @cached_property
    def _xs(self) -> frozenset[float]:
        return frozenset(self.aisles.values())

    def is_walkable(self, place: Point | Spot) -> bool:
        """Is it in an aisle, or at a cross aisle? Where there is no aisle, at that of the entrance."""
        if not self._xs:
            return place.y_m == self.entrance.y_m
        return place.y_m in (0.0, self.depth_m) or (place.x_m in self._xs and 0 <= place.y_m <= self.depth_m)

    def metres(self, a: Point | Spot, b: Point | Spot) -> float:
        """The shortest way between two places where one can stand."""
        across = abs(a.x_m - b.x_m)
        if not self._xs or (a.x_m == b.x_m and a.x_m in self._xs):
            return across + abs(a.y_m - b.y_m)
        by_cross_aisle = min(self._to_cross(a, y) + across + self._to_cross(b, y) for y in (0.0, self.depth_m))
        if by_cross_aisle < inf:
            return by_cross_aisle
        return self.depth_m + min(abs(a.x_m - x) + abs(x - b.x_m) for x in self._xs)

    def _to_cross(self, place: Point | Spot, y: float) -> float:
        """How far it is along the place's own aisle to a cross aisle."""
        return abs(place.y_m - y) if place.x_m in self._xs or place.y_m == y else inf

    @classmethod
    def of_codes(cls, codes: Iterable[str]) -> "StoreMap":
        """What codes alone tell of a store: their first number is the aisle, their next one the bay.

        Entrance and packing table are at the front of the first aisle. A code that tells nothing is left out: who looks
        for it is sent there last.
        """
        found = {code: spot for code in codes if (spot := spot_of(code)) is not None}
        first = min((spot.x_m for spot in found.values()), default=0.0)
        return cls(MappingProxyType(found), Point(first, 0.0), Point(first, 0.0))


def spot_of(code: str) -> Spot | None:
    """Where a code says that it is; None when it does not."""
    match = _CODE.fullmatch(code)
    if match is None:
        return None
    aisle, bay, level = int(match[1]), int(match[3]), int(match[4] or 0)
    side: Side = "R" if (match[2] or "L").upper() == "R" else "L"
    return Spot(code, aisle, side, bay, level, "ambient", aisle * AISLE_M, bay * BAY_M) if aisle else None
