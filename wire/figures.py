"""What stores are judged by: figures from sums that can be added up, over orders, days and stores.

A store tells sums, never ratios: the ratio of a chain is that of its stores' sums.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

#: Numbers by name, all of them whole: see `RATES`.
Sums = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`, of so many: orders, lines, hours, whatever the name says."""

    name: str
    value: float
    unit: str
    of: int


class Rate(NamedTuple):
    """`times * some / (per * of)`, where `some` and `of` are names of sums."""

    some: str
    of: str
    unit: str = "share"
    times: int = 1
    per: int = 1


#: What is told as it is.
COUNTS: Final = ("orders", "accepted", "handed_over")
#: The steps of an order until it is over for the customer: each of its seconds is in exactly one.
STEPS: Final = ("accept", "wait", "pick", "decide", "pack", "counter", "undo")
#: From paid to packed, in minutes, by what the customer was promised: the best chains' own standard.
WITHIN: Final = MappingProxyType({30: 5, 45: 10, 60: 15})

RATES: Final[Mapping[str, Rate]] = MappingProxyType(
    {
        "rejected_rate": Rate("rejected", "orders"),
        "cancelled_rate": Rate("cancelled", "accepted"),
        "out_of_stock_rate": Rate("out_of_stock", "orders"),
        "oversell_rate": Rate("breaches", "accepted"),
        "perfect_rate": Rate("perfect", "handed_over"),
        "returned_rate": Rate("returned", "handed_over"),
        "on_time_rate": Rate("on_time", "timed"),
        "severely_late_rate": Rate("severely_late", "timed"),
        "handed_over_in_30_rate": Rate("handed_over_in_30", "handed_over"),
        **{f"{step}_mean_s": Rate(f"{step}_s", f"{step}_orders", "s") for step in STEPS},
        "in_store_s": Rate("in_store_s", "packed", "s"),
        "within_5": Rate("within_5", "packed"),
        **{f"within_{most}_of_{told}": Rate(f"within_{most}_of_{told}", f"packed_of_{told}")
           for told, most in WITHIN.items()},
        "within_pick_standard": Rate("within_pick_standard", "picked"),
        "first_time_pick_rate": Rate("hits", "lines"),
        "not_found_rate": Rate("not_found", "lines"),
        "hidden_stock_rate": Rate("hidden", "lines"),
        "substitution_rate": Rate("substituted", "lines"),
        "substitution_kept_rate": Rate("substitutes_kept", "substitutes"),
        "record_accuracy": Rate("counted_right", "counted"),
        "pick_s_per_line": Rate("picking_s", "lines_picked", "s"),
        "lines_per_hour": Rate("lines_picked", "picking_s", "lines/h", 3600),
        "units_per_hour": Rate("units_picked", "picking_s", "units/h", 3600),
        "walking_m": Rate("walked_dm", "worked", "m", per=10),
        "labour_s": Rate("labour_ms", "worked", "s", per=1000),
        "labour_cost": Rate("cost_cents", "costed", "money", per=100),
    }
)  # fmt: skip


def figures(sums: Sums) -> list[Figure]:
    """All figures that these sums make; one that would be of nothing is not there."""
    found = [Figure(name, sums.get(name, 0), "orders", sums.get(name, 0)) for name in COUNTS]
    for name, rate in RATES.items():
        if of := sums.get(rate.of, 0):
            found.append(Figure(name, rate.times * sums.get(rate.some, 0) / (rate.per * of), rate.unit, of))
    return found


def added(many: Iterable[Sums]) -> dict[str, int]:
    """The sums of several days, or of several stores."""
    found: dict[str, int] = {}
    for sums in many:
        for name, number in sums.items():
            found[name] = found.get(name, 0) + number
    return found
