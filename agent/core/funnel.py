"""The funnel: how far orders got, and why the others fell out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from agent.core.claims import HoldLine
from agent.core.life import OrderEvent
from agent.core.orders import Order
from agent.core.promises import NOT_ENOUGH

FunnelStep = Literal["asked", "accepted", "picked", "handed_over"]
Why = Literal[
    "not_enough", "stopped", "unpaid", "hold_expired", "customer", "unanswered", "not_found", "breach",
    "not_collected",
]  # fmt: skip

_REACHED_BY: Final[tuple[tuple[FunnelStep, OrderEvent], ...]] = (
    ("handed_over", "hand_over"),
    ("picked", "finish"),
    ("accepted", "accept"),
)
_STEPS: Final[tuple[FunnelStep, ...]] = ("asked", "accepted", "picked", "handed_over")
#: The store's own fault: it had not what it, or its books, said.
OF_STOCK: Final[tuple[Why, ...]] = ("not_enough", "hold_expired", "not_found", "breach")
#: What an order says why the store itself cancelled it.
_BY_THE_STORE: Final[Mapping[str, Why]] = MappingProxyType(
    {"breached": "breach", "sold_out": "not_found", "removed": "customer"}
)
_OUT: Final = ("rejected", "cancel_requested", "cancelled")


@dataclass(slots=True)
class FunnelRow:
    """`orders` that got to a step: some are `waiting` there, `out` says why others fell out; the rest got further.

    `complete`: of those picked, with nothing missing.
    """

    step: FunnelStep
    orders: int = 0
    waiting: int = 0
    complete: int | None = None
    out: dict[Why, int] = field(default_factory=dict)


def funnel(orders: Iterable[tuple[Order, Sequence[HoldLine]]]) -> list[FunnelRow]:
    """How far these orders got, each with what became of its lines."""
    rows = {step: FunnelRow(step) for step in _STEPS}
    rows["picked"].complete = 0
    for order, lines in orders:
        reached = furthest(order)
        for step in _STEPS[: _STEPS.index(reached) + 1]:
            rows[step].orders += 1
        if reached in ("picked", "handed_over"):
            rows["picked"].complete += is_complete(lines)
        why = why_out(order)
        if why is not None:
            rows[reached].out[why] = rows[reached].out.get(why, 0) + 1
        elif reached != "handed_over":
            rows[reached].waiting += 1
    return list(rows.values())


def sums_of_funnel(rows: Iterable[FunnelRow]) -> dict[str, int]:
    """The same as numbers that can be added up."""
    found = {"asked" if row.step == "asked" else f"asked_{row.step}": row.orders for row in rows}
    found["asked_complete"] = sum(row.complete or 0 for row in rows)
    return {name: number for name, number in found.items() if number}


def furthest(order: Order) -> FunnelStep:
    """The last step of the funnel that it got to."""
    had = {step.event for step in order.steps}
    return next((step for step, event in _REACHED_BY if event in had), "asked")


def is_complete(lines: Iterable[HoldLine]) -> bool:
    """Is nothing of it missing? A substitute is something."""
    return all(line.state in ("picked", "substituted") for line in lines if line.qty)


def why_out(order: Order) -> Why | None:
    """Why the customer gets nothing of it; None when there is, or was, something to be got."""
    if order.state not in _OUT:
        return None
    if order.state == "rejected":
        if order.why:
            return "hold_expired" if order.why == "hold_expired" else "unpaid"
        return "not_enough" if any(one.why == NOT_ENOUGH for one in order.missing) else "stopped"
    if order.why in _BY_THE_STORE:
        return _BY_THE_STORE[order.why]
    source = next(step.source for step in reversed(order.steps) if step.event == "cancel")
    if source.startswith("clock:"):
        return "unanswered"
    return "not_collected" if source.endswith(":not-collected") else "customer"
