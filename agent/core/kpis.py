"""The numbers a store is judged by, from what became of its orders: values in, values out.

Each second of an order is in exactly one step. A figure says of how many it is, so that days can be added up; one that
is of nothing is not there.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from agent.core.claims import HoldLine, units_in
from agent.core.life import OrderEvent, OrderState
from agent.core.orders import Order, seconds_by_step

Step = Literal["accept", "wait", "pick", "decide", "pack", "counter", "undo", "after"]
#: `wait`: until somebody begins to pick; `decide`: for the customer; `counter`: packed, until it is fetched; `undo`:
#: what was cancelled or brought back.
STEPS: Final[Mapping[OrderState, Step]] = MappingProxyType(
    {
        "received": "accept",
        "rejected": "accept",  # paid too late and held anew: until then it was not accepted
        "accepted": "wait",
        "picking": "pick",
        "awaiting_decision": "decide",
        "picked": "pack",
        "packed": "counter",
        "staged": "counter",
        "cancel_requested": "undo",
        "return_pending": "undo",
        "handed_over": "after",
        "restocked": "after",
        "wasted": "after",
    }
)

#: From paid to packed, by what the customer was promised (minutes): the best chains' own standard.
IN_STORE_S: Final = MappingProxyType({30: 300, 45: 600, 60: 900})
SEVERELY_LATE_MS: Final = 30 * 60_000
_STANDARD_S: Final = 72
_STANDARD_SKUS: Final = 8
_STANDARD_SKU_S: Final = 15


def standard_pick_s(skus: int) -> int:
    """How long picking so many SKUs may take: 72 s for up to 8, and 15 s for each more."""
    return _STANDARD_S + _STANDARD_SKU_S * max(0, skus - _STANDARD_SKUS)


@dataclass(frozen=True, slots=True)
class Fate:
    """One order and what became of its lines, with what was reported of them (see `claims.Hold`).

    `worked_s` and `metres` are people's seconds and the way walked for it, where they are known: of a tour for several
    orders, its share.
    """

    order: Order
    lines: tuple[HoldLine, ...] = ()
    works: tuple[tuple[str, str], ...] = ()
    worked_s: float | None = None
    metres: float | None = None

    def had(self, event: OrderEvent) -> bool:
        return self.at_ms(event) is not None

    def at_ms(self, event: OrderEvent) -> int | None:
        """When it first happened, in the books' time."""
        return next((step.since_ms for step in self.order.steps if step.event == event), None)

    @property
    def in_store_s(self) -> int | None:
        """From accepted (paid, that is) to packed; None when it did not get there."""
        accepted, packed = self.at_ms("accept"), self.at_ms("pack")
        return None if accepted is None or packed is None else packed // 1000 - accepted // 1000

    @property
    def late_ms(self) -> int | None:
        """How long after it was due it was handed over, below zero before; None when it was not, or had no time."""
        handed = self.at_ms("hand_over")
        return None if handed is None or not self.order.due_ms else handed - self.order.due_ms

    @property
    def is_perfect(self) -> bool:
        """All of it, as ordered, in time, and nothing came back."""
        return not self.had("take_back") and (self.late_ms or 0) <= 0 and all(map(self._as_ordered, self.ordered()))

    def ordered(self) -> list[HoldLine]:
        """Its lines as the customer wanted them: substitutes are none."""
        return [line for line in self.lines if not line.instead_of]

    @staticmethod
    def _as_ordered(line: HoldLine) -> bool:
        return line.state == "picked" and line.consumed >= line.qty


def seconds_in(order: Order, now_ms: int) -> dict[Step, int]:
    """Its whole seconds by step, up to `now_ms` of the books' time or its end; they add up to its life."""
    found: dict[Step, int] = {}
    for state, seconds in seconds_by_step(order, now_ms):
        step = STEPS[state]
        found[step] = found.get(step, 0) + seconds
    return found


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`, of so many: orders, lines, hours, whatever the name says."""

    name: str
    value: float
    unit: str
    of: int


def figures(fates: Sequence[Fate], now_ms: int, *, breaches: int = 0, wage: float = 0.0) -> list[Figure]:
    """All figures of these orders. `breaches`: claims that could not be kept; `wage`: an hour; 0: no cost is said."""
    accepted = [fate for fate in fates if fate.had("accept")]
    handed = [fate for fate in fates if fate.had("hand_over")]
    found = [
        Figure("orders", len(fates), "orders", len(fates)),
        *_rates("orders", fates, {"rejected": lambda fate: fate.order.state == "rejected"}),
        *_rates("accepted", accepted, {"cancelled": lambda fate: fate.had("cancel")}),
        *_share("oversell_rate", breaches, len(accepted)),
        *_rates(
            "handed_over",
            handed,
            {
                "perfect": lambda fate: fate.is_perfect,
                "on_time": lambda fate: (fate.late_ms or 0) <= 0,
                "severely_late": lambda fate: (fate.late_ms or 0) > SEVERELY_LATE_MS,
            },
        ),
        *_times(fates, now_ms),
        *_in_store(accepted),
        *_lines([fate for fate in accepted if fate.had("finish")], now_ms),
        *_mean("walking_m", [fate.metres for fate in handed if fate.metres is not None], "m"),
        *_mean("labour_s", worked := [fate.worked_s for fate in handed if fate.worked_s is not None], "s"),
    ]
    if wage:
        found += _mean("labour_cost", [seconds * wage / 3600 for seconds in worked], "money")
    return found


def _times(fates: Iterable[Fate], now_ms: int) -> list[Figure]:
    took: dict[Step, list[int]] = {}
    for fate in fates:
        for step, seconds in seconds_in(fate.order, now_ms).items():
            took.setdefault(step, []).append(seconds)
    found = []
    for step in dict.fromkeys(STEPS.values()):
        if some := sorted(took.get(step, ())):
            found += [
                Figure(f"{step}_p{share}_s", some[(len(some) - 1) * share // 100], "s", len(some)) for share in (50, 90)
            ]
    return found


def _in_store(accepted: Sequence[Fate]) -> list[Figure]:
    took = [(fate.order.promise_min, seconds) for fate in accepted if (seconds := fate.in_store_s) is not None]
    found = _mean("in_store_s", [seconds for _, seconds in took], "s")
    for promise, within_s in IN_STORE_S.items():
        of_these = [seconds for told, seconds in took if told == promise]
        found += _share(f"within_{within_s // 60}_of_{promise}", sum(s <= within_s for s in of_these), len(of_these))
    return found


def _lines(picked: Sequence[Fate], now_ms: int) -> list[Figure]:
    """Of orders that have been picked: how well, and how fast."""
    lines = [(fate, line) for fate in picked for line in fate.ordered()]
    done = [line for _, line in lines if line.state == "picked"]
    replaced = [line for fate in picked for line in fate.lines if line.instead_of]
    seconds = sum(seconds_in(fate.order, now_ms).get("pick", 0) for fate in picked)
    in_time = sum(
        seconds_in(fate.order, now_ms).get("pick", 0) <= standard_pick_s(len({line.sku for line in fate.ordered()}))
        for fate in picked
    )
    units = sum(line.consumed + units_in(line.pulled) for line in done)
    found = [
        *_share("within_pick_standard", in_time, len(picked)),
        *_share("first_time_pick_rate", sum(_at_first(fate, line) for fate, line in lines), len(lines)),
        *_share("not_found_rate", sum(line.state == "short" for _, line in lines), len(lines)),
        *_share("substitution_rate", sum(line.state == "substituted" for _, line in lines), len(lines)),
        *_share("substitution_kept_rate", sum(line.consumed > 0 for line in replaced), len(replaced)),
    ]
    if seconds and done:
        found += [
            Figure("pick_s_per_line", seconds / len(done), "s", len(done)),
            Figure("lines_per_hour", 3600 * len(done) / seconds, "lines/h", len(done)),
            Figure("units_per_hour", 3600 * units / seconds, "units/h", units),
        ]
    return found


def _at_first(fate: Fate, line: HoldLine) -> bool:
    """Was it there, all of it and whole, when somebody came for it?"""
    reports = (json.loads(said) for _, said in fate.works)
    troubled = any(outcome in ("damaged", "short") and of in (0, line.line) for outcome, of, *_ in reports)
    return line.state == "picked" and not troubled


def _rates(of: str, fates: Sequence[Fate], what: Mapping[str, Callable[[Fate], bool]]) -> list[Figure]:
    found = [Figure(of, len(fates), "orders", len(fates))] if of != "orders" else []
    for name, is_so in what.items():
        found += _share(f"{name}_rate", sum(map(is_so, fates)), len(fates))
    return found


def _share(name: str, some: int, of: int) -> list[Figure]:
    return [Figure(name, some / of, "share", of)] if of else []


def _mean(name: str, values: Sequence[float], unit: str) -> list[Figure]:
    return [Figure(name, sum(values) / len(values), unit, len(values))] if values else []
