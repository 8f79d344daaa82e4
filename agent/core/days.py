"""Days of trade: when each begins and ends is the store's own clock's to say; HQ is told of each once."""

from msgspec import Struct


class Day(Struct, frozen=True, gc=False):
    """A day of the store (`2026-11-22`), from `since` to `until` (unix ms), and what its orders come to.

    Those are the orders that ended from `since_ms` to `until_ms` of the books' own time. Where one day ends the next
    begins, whatever clocks say: no order is counted twice, and none never.
    """

    day: str
    since: int
    until: int
    since_ms: int
    until_ms: int
    sums: dict[str, int]


class CloseDay(Struct, frozen=True, gc=False):
    """A day is over: HQ is to be told of it."""

    day: Day

    def sources(self) -> list[str]:
        return []  # it posts nothing
