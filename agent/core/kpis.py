"""The numbers a store is judged by, from what became of its orders: values in, values out.

Each second of an order is in exactly one step. What is reckoned here are sums, which can be added up over hours, days
and stores; `wire.figures` says which figures they make.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from agent.core.claims import HoldLine, units_in
from agent.core.costs import NO_COSTS, Costs
from agent.core.funnel import OF_STOCK, why_out
from agent.core.life import OrderEvent, OrderState
from agent.core.orders import Order, seconds_by_step
from agent.core.places import BACKROOM, FLOOR
from wire.figures import STEPS as COUNTED_STEPS
from wire.figures import WITHIN, Figure

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

SEVERELY_LATE_MS: Final = 30 * 60_000
_SOON_MS: Final = 30 * 60_000
_STANDARD_S: Final = 72
_STANDARD_SKUS: Final = 8
_STANDARD_SKU_S: Final = 15


def standard_pick_s(skus: int) -> int:
    """How long picking so many SKUs may take: 72 s for up to 8, and 15 s for each more."""
    return _STANDARD_S + _STANDARD_SKU_S * max(0, skus - _STANDARD_SKUS)


@dataclass(frozen=True, slots=True)
class Fate:
    """One order and what became of its lines, with what was reported of them (see `claims.Hold`).

    `worked_ms` and `walked_dm` are people's milliseconds and the decimetres walked for it, where they are known: of a
    tour for several orders, its share. `weighed` are its SKUs whose units are grams.
    """

    order: Order
    lines: tuple[HoldLine, ...] = ()
    works: tuple[tuple[str, str], ...] = ()
    worked_ms: int | None = None
    walked_dm: int = 0
    bags: int = 0
    weighed: frozenset[str] = frozenset()

    def had(self, event: OrderEvent) -> bool:
        return self.at_ms(event) is not None

    def at_ms(self, event: OrderEvent) -> int | None:
        """When it first happened, in the books' time."""
        return next((step.since_ms for step in self.order.steps if step.event == event), None)

    @property
    def was_picked(self) -> bool:
        return self.had("accept") and self.had("finish")

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
        """Its lines as the customer wants them: neither substitutes nor what was taken off the order."""
        return [line for line in self.lines if line.qty and not line.instead_of]

    def _as_ordered(self, line: HoldLine) -> bool:
        return line.state == "picked" and line.consumed >= self._least(line)

    def _least(self, line: HoldLine) -> int:
        """So little will do: of what is weighed as much less as its customer takes."""
        said = next((one.tolerance_pct for one in self.order.lines if one.line == line.line), 0)
        return line.qty - line.qty * said // 100 if line.sku in self.weighed else line.qty

    def cents(self, costs: Costs) -> int | None:
        """What it cost, in hundredths; None when that is not known."""
        if self.worked_ms is None or not costs.are_known:
            return None
        questions = sum(step.event == "ask" for step in self.order.steps)
        return costs.cents(self.worked_ms, self.bags, questions)

    def reports(self) -> list[tuple[str, int, str]]:
        """What was reported of its lines, in order: (outcome, line or 0 of all, place)."""
        told = [json.loads(said) for _, said in self.works]
        return [(outcome, line, rest[5] if len(rest) > 5 else FLOOR) for outcome, line, *rest in told]


def seconds_in(order: Order, now_ms: int) -> dict[Step, int]:
    """Its whole seconds by step, up to `now_ms` of the books' time or its end; they add up to its life."""
    found: dict[Step, int] = {}
    for state, seconds in seconds_by_step(order, now_ms):
        step = STEPS[state]
        found[step] = found.get(step, 0) + seconds
    return found


@dataclass(slots=True)
class OfSku:
    """What became of the lines of one SKU: asked for, there at once, nowhere, only in the backroom, replaced."""

    lines: int = 0
    hits: int = 0
    not_found: int = 0
    in_backroom: int = 0
    substituted: int = 0

    @property
    def badness(self) -> tuple[float, int]:
        """The worst is the one that most often was not there."""
        return (self.lines - self.hits) / self.lines, self.lines


def by_sku(fates: Iterable[Fate]) -> dict[str, OfSku]:
    """Of orders that have been picked: hits and misses by SKU."""
    found: dict[str, OfSku] = {}
    for fate in fates:
        if not fate.was_picked:
            continue
        reports = fate.reports()
        for line in fate.ordered():
            of = found.setdefault(line.sku, OfSku())
            of.lines += 1
            of.hits += _is_hit(line, reports)
            of.not_found += line.state == "short"
            of.in_backroom += _was_in_backroom(line, reports)
            of.substituted += line.state == "substituted"
    return found


def sums(fates: Sequence[Fate], now_ms: int, costs: Costs = NO_COSTS) -> dict[str, int]:
    """What these orders come to; `wire.figures.RATES` says what for."""
    found: dict[str, int] = {}
    for fate in fates:
        for part in (_of_order(fate, now_ms), _of_store(fate), _of_picking(fate, now_ms), _of_hand_over(fate)):
            _add(found, part)
        _add(found, _of_labour(fate, costs))
    skus = by_sku(fates).values()
    of_lines = {name: sum(getattr(of, name) for of in skus) for name in OfSku.__slots__}
    return found | {name: number for name, number in of_lines.items() if number}


def _of_order(fate: Fate, now_ms: int) -> dict[str, int]:
    found = {
        "orders": 1,
        "rejected": fate.order.state == "rejected",
        "out_of_stock": why_out(fate.order) in OF_STOCK,
        "accepted": fate.had("accept"),
        "cancelled": fate.had("accept") and fate.had("cancel"),
    }
    for step, seconds in seconds_in(fate.order, now_ms).items():
        if step in COUNTED_STEPS:  # what comes after the hand-over goes on when the day is told
            found |= {f"{step}_s": seconds, f"{step}_orders": 1}
    return found


def _of_store(fate: Fate) -> dict[str, int]:
    """From paid to packed."""
    took, told = fate.in_store_s, fate.order.promise_min
    if took is None:
        return {}
    found = {"packed": 1, "in_store_s": took, "within_5": took <= 5 * 60}
    if told in WITHIN:
        found |= {f"packed_of_{told}": 1, f"within_{WITHIN[told]}_of_{told}": took <= WITHIN[told] * 60}
    return found


def _of_picking(fate: Fate, now_ms: int) -> dict[str, int]:
    if not fate.was_picked:
        return {}
    lines, seconds = fate.ordered(), seconds_in(fate.order, now_ms).get("pick", 0)
    done = [line for line in fate.lines if line.state == "picked"]
    replaced = [line for line in fate.lines if line.instead_of]
    return {
        "picked": 1,
        "within_pick_standard": seconds <= standard_pick_s(len({line.sku for line in lines})),
        "substitutes": len(replaced),
        "substitutes_kept": sum(line.consumed > 0 for line in replaced),
        "picking_s": seconds,
        "lines_picked": len(done),
        "units_picked": sum(1 if line.sku in fate.weighed else line.consumed + units_in(line.pulled) for line in done),
    }


def _of_hand_over(fate: Fate) -> dict[str, int]:
    handed_ms, accepted_ms, late_ms = fate.at_ms("hand_over"), fate.at_ms("accept"), fate.late_ms
    if handed_ms is None:
        return {}
    found = {
        "handed_over": 1,
        "perfect": fate.is_perfect,
        "returned": fate.had("take_back"),
        "handed_over_in_30": accepted_ms is not None and handed_ms - accepted_ms <= _SOON_MS,
    }
    if late_ms is not None:
        found |= {"timed": 1, "on_time": late_ms <= 0, "severely_late": late_ms > SEVERELY_LATE_MS}
    return found


def _of_labour(fate: Fate, costs: Costs) -> dict[str, int]:
    """What people did for it; `worked` and `costed` are orders handed over, which pay for the others too."""
    if fate.worked_ms is None:
        return {}
    handed = fate.had("hand_over")
    found = {"labour_ms": fate.worked_ms, "walked_dm": fate.walked_dm, "worked": handed}
    cents = fate.cents(costs)
    return found if cents is None else found | {"cost_cents": cents, "costed": handed}


def _add(to: dict[str, int], more: Mapping[str, int]) -> None:
    for name, number in more.items():
        if number:
            to[name] = to.get(name, 0) + number


def _is_hit(line: HoldLine, reports: Iterable[tuple[str, int, str]]) -> bool:
    """Was it there, all of it and whole, when somebody came for it?"""
    return line.state == "picked" and not any(
        outcome in ("damaged", "short") and of in (0, line.line) for outcome, of, _ in reports
    )


def _was_in_backroom(line: HoldLine, reports: Iterable[tuple[str, int, str]]) -> bool:
    """Was it not on the floor, and then in the backroom?"""
    of_line = [(outcome, place) for outcome, of, place in reports if of == line.line]
    return line.state == "picked" and ("short", FLOOR) in of_line and ("picked", BACKROOM) in of_line


def percentiles(fates: Iterable[Fate], now_ms: int) -> list[Figure]:
    """The half and nine tenths of these orders took so long in each step, at most. These cannot be added up."""
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
