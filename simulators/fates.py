"""What became of each order of the rush, as the customer knows it, as the store says it and as HQ says it. Pure.

A fate is how the order ended and what the customer has of it. All three must say the same, and no order may end open.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENDS = ("rejected", "cancelled", "handed_over")
#: What the store calls an order that the customer kept.
_KEPT = {"closed": "handed_over"}


@dataclass(frozen=True, slots=True)
class Fate:
    """`end` is one of `ENDS`, or the state in which the order is still; `got` is (SKU, units), sorted."""

    end: str
    got: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        goods = ", ".join(f"{qty} {sku}" for sku, qty in self.got)
        return f"{self.end}: {goods}" if goods else self.end


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An order of which not all three say the same, or that is open; None: not known there."""

    order: str
    truth: Fate | None
    store: Fate | None
    hq: Fate | None

    def __str__(self) -> str:
        told = (("truth", self.truth), ("store", self.store), ("HQ", self.hq))
        return f"order {self.order}: " + "; ".join(f"{who} {fate or 'knows nothing of it'}" for who, fate in told)


def fate(state: str, got: Mapping[str, int]) -> Fate:
    """The fate of an order in this state; of one that was not handed over nobody has anything."""
    end = _KEPT.get(state, state)
    units = tuple(sorted((sku, qty) for sku, qty in got.items() if qty)) if end == "handed_over" else ()
    return Fate(end, units)


def told(row: Mapping[str, Any]) -> Fate:
    """What an `order` row of the store's stream says."""
    got: Counter[str] = Counter()
    for line in row["lines"]:
        got[line["sku"]] += line["picked"]
    return fate(row["state"], got)


def contradictions(
    truth: Mapping[str, Fate], store: Mapping[str, Fate], hq: Mapping[str, Fate]
) -> tuple[Contradiction, ...]:
    """Every order that not all three know as ended in the same way with the same goods."""
    found = (
        Contradiction(order, truth.get(order), store.get(order), hq.get(order)) for order in _all(truth, store, hq)
    )
    return tuple(one for one in found if not (one.truth == one.store == one.hq and one.truth and one.truth.end in ENDS))


def _all(*told: Mapping[str, Fate]) -> list[str]:
    return sorted({order for one in told for order in one})


def twice(handed: Iterable[tuple[str, int]]) -> list[int]:
    """Units that were handed over more than once: (order, unit) of every unit that crossed the counter."""
    counted = Counter(unit for _, unit in handed)
    return sorted(unit for unit, times in counted.items() if times > 1)


@dataclass(frozen=True, slots=True)
class Served:
    """One order that was packed: seconds of the shop until then, and what was promised."""

    order: str
    in_store_s: float


@dataclass(frozen=True, slots=True)
class RushFigures:
    """How the lunch rush went: orders by their end, short and substituted lines, time and ways."""

    ends: Mapping[str, int]
    short: int
    substituted: int
    served: Sequence[Served]
    metres: float

    def within(self, minutes: int) -> int | None:
        """The share of packed orders that took no longer, in percent; None when nothing was packed."""
        in_time = sum(one.in_store_s <= 60 * minutes for one in self.served)
        return round(100 * in_time / len(self.served)) if self.served else None

    def __str__(self) -> str:
        ends = ", ".join(f"{self.ends.get(end, 0)} {end.replace('_', ' ')}" for end in reversed(ENDS))
        shares = ", ".join(f"{self.within(minutes)} % within {minutes}" for minutes in (5, 10, 15))
        each_m = round(self.metres / len(self.served)) if self.served else 0
        return (
            f"lunch rush: {sum(self.ends.values())} orders, {ends}; {self.short} lines short, "
            f"{self.substituted} substituted; packed: {shares} minutes; {each_m} m walked per order"
        )


def together(many: Sequence[RushFigures]) -> RushFigures:
    """All stores as one."""
    ends: Counter[str] = Counter()
    for one in many:
        ends.update(one.ends)
    return RushFigures(
        ends,
        sum(one.short for one in many),
        sum(one.substituted for one in many),
        [served for one in many for served in one.served],
        sum(one.metres for one in many),
    )
