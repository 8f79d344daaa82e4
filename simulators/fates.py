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
    """`end` is one of `ENDS`, or the state in which the order is still.

    `got` is what the customer has, sorted: (line, SKU, units or grams). What stands in for goods that were not there
    counts to the line that wanted those.
    """

    end: str
    got: tuple[tuple[int, str, int], ...] = ()

    def __str__(self) -> str:
        goods = ", ".join(f"{qty} {sku}" for _, sku, qty in self.got)
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


def fate(state: str, got: Mapping[tuple[int, str], int]) -> Fate:
    """The fate of an order in this state; of one that was not handed over nobody has anything."""
    end = _KEPT.get(state, state)
    units = tuple(sorted((*what, qty) for what, qty in got.items() if qty)) if end == "handed_over" else ()
    return Fate(end, units)


def told(row: Mapping[str, Any]) -> Fate:
    """What an `order` row of the store's stream says."""
    got: Counter[tuple[int, str]] = Counter()
    for line in row["lines"]:
        got[line["instead_of"] or line["line"], line["sku"]] += line["picked"]
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
    """How one order went: its lines, those of which something was lacking and those with something else instead.

    `in_store_s`: seconds of the shop until it was packed, None when it never was; `allowed_s`: what the promise allows.
    """

    order: str
    end: str
    lines: int
    short: int
    substituted: int
    in_store_s: float | None
    allowed_s: float

    @property
    def late(self) -> bool:
        return self.in_store_s is not None and self.in_store_s > self.allowed_s


@dataclass(frozen=True, slots=True)
class RushFigures:
    """How the lunch rush went, order by order, and how far pickers walked."""

    served: Sequence[Served]
    metres: float

    @property
    def packed_s(self) -> list[float]:
        return [one.in_store_s for one in self.served if one.in_store_s is not None]

    def within(self, minutes: int) -> int | None:
        """The share of packed orders that took no longer, in percent; None when nothing was packed."""
        took = self.packed_s
        return round(100 * sum(one <= 60 * minutes for one in took) / len(took)) if took else None

    def counts(self) -> dict[str, int]:
        """Orders by what can be said of them, in the order in which it happens; then lines."""
        ends = Counter(one.end for one in self.served)
        return {
            "ordered": len(self.served),
            "accepted": len(self.served) - ends["rejected"],
            "picked": len(self.packed_s),
            "late": sum(one.late for one in self.served),
            "handed over": ends["handed_over"],
            "cancelled": ends["cancelled"],
            "lines": sum(one.lines for one in self.served),
            "short": sum(one.short for one in self.served),
            "substituted": sum(one.substituted for one in self.served),
        }

    def __str__(self) -> str:
        shares = ", ".join(f"{self.within(minutes)} % within {minutes}" for minutes in (5, 10, 15))
        each_m = round(self.metres / len(self.packed_s)) if self.packed_s else 0
        return f"lunch rush: {len(self.served)} orders; packed: {shares} minutes; {each_m} m walked per order"


def together(many: Sequence[RushFigures]) -> RushFigures:
    """All stores as one."""
    return RushFigures([served for one in many for served in one.served], sum(one.metres for one in many))
