"""Staging: which slot an order's bags wait in. Slots are of one temperature; what is due first stands nearest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.core.catalogue import Temperature


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for the bags of one order, all of one temperature."""

    code: str
    temperature: Temperature


@dataclass(frozen=True, slots=True)
class Staging:
    """Bags of one order and temperature that look for a slot; `due_ms` 0: nothing was promised."""

    order: str
    temperature: Temperature
    due_ms: int


def suggest_slot(order: Staging, slots: Sequence[Slot], taken: Mapping[str, Staging]) -> str | None:
    """The slot for these bags: the order's own if it has one, else a free one; None: all of the class are taken.

    `slots` are given the nearest to the counter first, `taken` says who is in which.
    """
    of_class = [slot.code for slot in slots if slot.temperature == order.temperature]
    for code in of_class:
        if code in taken and taken[code].order == order.order:
            return code
    before = sum(1 for code in of_class if code in taken and _due(taken[code]) <= _due(order))
    free = [(abs(nth - before), nth, code) for nth, code in enumerate(of_class) if code not in taken]
    return min(free)[2] if free else None


def _due(one: Staging) -> float:
    return one.due_ms or float("inf")
