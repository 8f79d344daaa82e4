"""What stores are judged by: figures from sums that can be added up, over orders, days and stores.

A store tells sums, never ratios: the ratio of a chain is that of its stores' sums.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
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
#: So many ms may pass from a row's transaction at the store until HQ says that it has it: counted for each of these.
HEARD_WITHIN_MS: Final = (
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000,
    259_200_000,
)  # fmt: skip
#: And in percent: within which bound so many of them were.
HEARD_SHARES: Final = (50, 99)
_HEARD_WITHIN: Final = {most: f"heard_within_{most}_ms" for most in HEARD_WITHIN_MS}
#: Sums of no order, but of the store's goods and of its line.
MEASURED: Final = ("free_s", "hidden_s", "stopped_s", "heard", *_HEARD_WITHIN.values())

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
        "hidden_stock_rate": Rate("hidden_s", "free_s"),
        "stopped_stock_rate": Rate("stopped_s", "free_s"),
        "heard_within_2_s": Rate("heard_within_2000_ms", "heard"),
        "in_backroom_rate": Rate("in_backroom", "lines"),
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

_HEARD: Final = Rate("heard", "heard")
_SHARES: Final = {f"heard_p{share}_ms": share for share in HEARD_SHARES}
#: What can be said of sums, by name, but for `COUNTS`.
NAMES: Final = (*RATES, *_SHARES)


def figures(sums: Sums) -> list[Figure]:
    """All figures that these sums make; one that would be of nothing is not there."""
    found = [Figure(name, sums.get(name, 0), "orders", sums.get(name, 0)) for name in COUNTS]
    return found + [one for name in NAMES if (one := figure(sums, name)) is not None]


def figure(sums: Sums, name: str) -> Figure | None:
    """One of `NAMES`; None when it would be of nothing."""
    rate = RATES.get(name, _HEARD)
    of = sums.get(rate.of, 0)
    if not of:
        return None
    if name in _SHARES:
        return Figure(name, _within(sums, of, _SHARES[name]), "ms", of)
    return Figure(name, rate.times * sums.get(rate.some, 0) / (rate.per * of), rate.unit, of)


def heard_sums(counts: Sequence[int]) -> dict[str, int]:
    """Sums of rows that HQ heard, from how many took no longer than each bound but longer than the one before it."""
    upto = list(accumulate(counts))
    found = {name: many for name, many in zip(_HEARD_WITHIN.values(), upto, strict=False) if many}
    return found | {"heard": upto[-1]} if upto and upto[-1] else {}


def _within(sums: Sums, heard: int, share: int) -> int:
    """The first bound within which `share` percent of the rows were heard; the last one when it took longer."""
    enough = (most for most, name in _HEARD_WITHIN.items() if 100 * sums.get(name, 0) >= share * heard)
    return next(enough, HEARD_WITHIN_MS[-1])


def added(many: Iterable[Sums]) -> dict[str, int]:
    """The sums of several days, or of several stores."""
    found: dict[str, int] = {}
    for sums in many:
        for name, number in sums.items():
            found[name] = found.get(name, 0) + number
    return found
