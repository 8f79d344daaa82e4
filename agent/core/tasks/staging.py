"""Where packed orders wait: which slot may hold what, and what was too long out of the cold to be sold again."""

from typing import Final

from agent.core.catalogue import Sku, Temperature
from agent.core.claims import Hold, HoldLine
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.places import STAGED, TOTE
from agent.core.tasks.asks import PickReport

#: In a slot of which temperature goods may stand, the best one first.
FIT: Final[dict[Temperature, tuple[Temperature, ...]]] = {
    "ambient": ("ambient", "chilled"),
    "chilled": ("chilled",),
    "frozen": ("frozen",),
}


def that_may_stand(turn: Turn, hold: Hold, one: PickReport) -> list[HoldLine] | str:
    """The lines that a report stages; in words why none can be. Without slots in the configuration any name is one."""
    there = [line for line in hold.lines if dict(line.pulled).get(TOTE + one.tote, 0) and one.line in (0, line.line)]
    if not there:
        return f"nothing of the order is in tote {one.tote!r}"
    slots = turn.books.tasks.rules.slots
    if not slots:
        return there
    slot = slots.get(one.slot)
    if slot is None:
        return f"{one.slot!r} is no staging slot; there are {', '.join(slots)}"
    fitting = [line for line in there if slot.temperature in FIT[_temperature(turn, line.sku)]]
    if not fitting:
        kept = sorted({_temperature(turn, line.sku) for line in there})
        return f"slot {slot.code} is {slot.temperature}, and these goods are {', '.join(kept)}"
    return fitting


def is_spoiled(turn: Turn, order: Order | None, sku: Sku, at: str) -> bool:
    """Must goods that lie at a tote or slot be thrown away? Yes when out of the cold for longer than the limit: from
    when their picking began, and where the slot is cold until they stood there.
    """
    temperature = sku.traits.temperature
    if temperature == "ambient" or order is None:
        return temperature != "ambient"  # of an order that is over it is not known how long
    slot = turn.books.tasks.rules.slots.get(at.removeprefix(STAGED)) if at.startswith(STAGED) else None
    until_ms = turn.books_ms
    if slot is not None and slot.temperature in FIT[temperature]:  # nothing is staged after either
        ends = (step.since_ms for step in order.steps if step.state in ("staged", "cancel_requested"))
        until_ms = next(ends, until_ms)
    began_ms = next((step.since_ms for step in order.steps if step.state == "picking"), until_ms)
    return until_ms - began_ms > turn.books.tasks.rules.out_of_cold_s * 1000


def _temperature(turn: Turn, sku: str) -> Temperature:
    found = turn.books.catalogue.skus.get(sku)
    return found.traits.temperature if found is not None else "ambient"
