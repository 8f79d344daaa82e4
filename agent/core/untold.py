"""What HQ has not been told: SKUs whose held units or ATP are other than their last row says, with no posting since."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.core.days import Day


@dataclass(slots=True)
class Untold:
    """SKUs of which HQ must be told again; the disk knows them too.

    What grew doubtful by age up to `aged_ms`, in the books' time, has been told or is among them.
    """

    skus: dict[str, None] = field(default_factory=dict)
    aged_ms: int = 0
    #: The days that HQ was told of (`2026-11-22`).
    days: set[str] = field(default_factory=set)

    def note(self, skus: Iterable[str]) -> None:
        self.skus.update(dict.fromkeys(skus))

    def remember(self, told: "Tellings") -> None:
        """What a turn told is on disk."""
        for sku in told.settled:
            self.skus.pop(sku, None)
        self.note(told.noted)
        self.aged_ms = max(self.aged_ms, told.aged_ms)
        self.days.update(day.day for day in told.days.values())


@dataclass(slots=True)
class Tellings:
    """What a turn tells HQ of SKUs of which it posts nothing, and of `days` that are over, by number.

    `rows`: by number; `settled`: no longer untold; `noted`: untold from now on. `aged_ms`: how far age was looked at.
    """

    rows: dict[int, str] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    aged_ms: int = 0
    days: dict[int, Day] = field(default_factory=dict)

    def are_nothing(self) -> bool:
        return not (self.rows or self.settled or self.noted or self.days)
