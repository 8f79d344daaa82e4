"""Tasks, offers and orders as the handheld is told of them: names, spots and codes come from the catalogue."""

from collections.abc import Mapping
from typing import Any, Final

from agent.core import life
from agent.core.catalogue import Sku, Temperature
from agent.core.claims import Hold, HoldLine, units_in
from agent.core.ledger import Turn
from agent.core.life import OrderState
from agent.core.orders import Order, OrderLine, ending_of
from agent.core.picking.staging import Staging, suggest_slot
from agent.core.places import STAGED, TOTE
from agent.core.tasks import claiming, staging, walking
from agent.core.tasks.claiming import Offer
from agent.core.tasks.task import Task

#: What is to be done next with an order in a state.
_NEXT: Final[Mapping[OrderState, str]] = {
    "received": "pay", "accepted": "pick", "picking": "pick", "awaiting_decision": "wait", "picked": "pack",
    "packed": "stage", "staged": "hand_over", "cancel_requested": "put_back",
}  # fmt: skip


def offer(turn: Turn, found: Offer) -> dict[str, Any]:
    """What would be claimed."""
    if found.kind == "put_back":
        lines = [(line.sku, qty) for name in found.orders for line, _, qty in claiming.to_put_back(turn, name)]
    else:
        holds = [claiming.hold_of_order(turn, name) for name in found.orders]
        lines = [(line.sku, line.open) for hold in holds for line in (hold.lines if hold else ()) if line.open]
    return {
        "kind": found.kind,
        "orders": [short_of(turn, name) for name in found.orders],
        "lines": len(lines),
        "units": sum(qty if _unit(turn, sku) == "each" else 1 for sku, qty in lines),
        "due_in_s": _left_s(turn, claiming.due_ms(turn, found.orders)),
        "reason": {"code": found.reason},
        "task": found.task or None,
    }


def task(turn: Turn, of: Task) -> dict[str, Any]:
    """A task with its stops in walking order; what is done is among them."""
    totes = {tote.order: tote.tote for tote in reversed(of.totes)}
    return {
        "id": of.id,
        "token": of.token,
        "kind": of.kind,
        "state": of.state,
        "worker": of.worker,
        "due_in_s": _left_s(turn, claiming.due_ms(turn, of.orders)),
        "reason": {"code": of.reason},
        "totes": [
            {"tote": tote.tote, "order": tote.order, "short": short_of(turn, tote.order), "label": tote.tote}
            for tote in of.totes
        ],
        "stops": _to_pick(turn, of, totes) if of.kind == "pick" else _to_put_back(turn, of),
        "orders": [shown for name in of.orders if (shown := order(turn, name)) is not None],
    }


def order(turn: Turn, name: str) -> dict[str, Any] | None:
    """An order as people at work see it."""
    found, hold = turn.order(name), claiming.hold_of_order(turn, name)
    if found is None:
        return None
    return {
        **outline(turn, found, hold),
        "suggested_slots": suggested(turn, found, hold),
        "lines": [_line(turn, line) for line in (hold.lines if hold is not None else ())],
    }


def outline(turn: Turn, found: Order, hold: Hold | None) -> dict[str, Any]:
    """An order without its lines."""
    lines = hold.lines if hold is not None else ()
    return {
        "order": found.id,
        "short": found.called,
        "state": found.state,
        "fulfil": found.fulfil,
        "owner": found.owner,
        "due_in_s": _left_s(turn, found.deadline_ms) if found.is_open else None,
        "bags": turn.tasks.parcel(found.id).bags,
        "slots": sorted({at.removeprefix(STAGED) for line in lines for at, _ in line.pulled if at.startswith(STAGED)}),
        "min_age": max((_sku(turn, line.sku).traits.min_age for line in lines if units_in(line.pulled)), default=0),
        "has_code": bool(found.code),
        "next": _NEXT.get(found.state, "nothing"),
    }


def suggested(turn: Turn, order: Order, hold: Hold | None) -> dict[str, str]:
    """For each temperature of the goods that are in no slot yet the one where they should wait; "": none is free."""
    if hold is None or order.state not in ("picking", "picked", "packed"):
        return {}
    slots = tuple(turn.books.tasks.rules.slots.values())
    taken = {
        at.removeprefix(STAGED): Staging(other.order, _sku(turn, line.sku).traits.temperature, other.due_ms)
        for other in turn.books.holds.values()
        for line in other.lines
        for at, _ in line.pulled
        if at.startswith(STAGED)
    }
    kept: set[Temperature] = {
        _sku(turn, line.sku).traits.temperature
        for line in hold.lines
        if any(not at.startswith(STAGED) for at, _ in line.pulled)
    }
    return {one: suggest_slot(Staging(order.id, one, order.due_ms), slots, taken) or "" for one in sorted(kept)}


def short_of(turn: Turn, name: str) -> str:
    """What people call an order."""
    found = turn.order(name)
    return ending_of(name) if found is None else found.called


def _to_pick(turn: Turn, of: Task, totes: Mapping[str, str]) -> list[dict[str, Any]]:
    lines = []
    for name in of.orders:
        found, hold = turn.order(name), claiming.hold_of_order(turn, name)
        if found is not None and hold is not None and found.state not in ("cancel_requested", "cancelled", "rejected"):
            lines += [(f"{name}/{line.line}", line) for line in hold.lines]
    shown = []
    for stop, line in walking.in_walking_order(turn, lines):
        name = stop.rpartition("/")[0]
        shown.append(_stop(turn, stop, name, line, totes[name], line.qty, _done(line)) | _left(line))
    return shown


def _to_put_back(turn: Turn, of: Task) -> list[dict[str, Any]]:
    shown = []
    for name in of.orders:
        left = [(line, place, qty) for line, place, qty in claiming.to_put_back(turn, name)]
        for line, place, qty in left:
            stop = f"{name}/{line.line}/{place}"
            tote = place.removeprefix(TOTE) if place.startswith(TOTE) else ""
            slot = place.removeprefix(STAGED) if place.startswith(STAGED) else ""
            waste = staging.is_spoiled(turn, turn.order(name), _sku(turn, line.sku), place)
            one = _stop(turn, stop, name, line, tote, qty, 0)
            shown.append(one | {"slot": slot, "waste": waste, "state": "todo"})
    return sorted(shown, key=lambda one: (one["aisle"] or 0, one["bay"] or 0, one["stop"]))


def _stop(turn: Turn, stop: str, name: str, line: HoldLine, tote: str, qty: int, done: int) -> dict[str, Any]:
    sku, spots = _sku(turn, line.sku), walking.map_of(turn.books).spots
    spot = spots.get(sku.spots[0]) if sku.spots else None
    said = _said(turn, name, line.line)
    return {
        "stop": stop,
        "order": name,
        "short": short_of(turn, name),
        "line": line.line,
        "tote": tote,
        "sku": sku.sku,
        "name_en": sku.name_en,
        "name_zh": sku.name_zh,
        "spot": sku.spots[0] if sku.spots else "",
        "aisle": spot.aisle if spot else None,
        "side": spot.side if spot else None,
        "bay": spot.bay if spot else None,
        "level": spot.level if spot else None,
        "other_spots": sku.spots[1:],
        "backroom": max(0, turn.balance(sku.sku, "BACKROOM")),
        "qty": qty,
        "done": done,
        "unit": sku.traits.unit,
        "tolerance_pct": said.tolerance_pct,
        "temperature": sku.traits.temperature,
        "min_age": sku.traits.min_age,
        "unavailable": said.unavailable,
        "wishes": [_named(turn, sku) for sku in said.substitutes],
        "answer": said.answer or None,
        **_asked(turn, name, line.line),
        "scarce": walking.stop_of(turn, stop, line).scarce,
        "gtins": sku.gtins,
        "instead_of": line.instead_of or None,
        "state": line.state,
    }


def _asked(turn: Turn, name: str, line: int) -> dict[str, Any]:
    """How long the customer may still answer what is asked about the line, and what is done without an answer."""
    order = turn.order(name)
    if order is None or order.question is None or order.question.line != line:
        return {"answer_in_s": None, "default": None}
    return {"answer_in_s": _left_s(turn, order.deadline_ms), "default": order.default}


def _named(turn: Turn, name: str) -> dict[str, Any]:
    """Something else that the customer takes."""
    sku = _sku(turn, name)
    spot = sku.spots[0] if sku.spots else ""
    return {"sku": name, "name_en": sku.name_en, "name_zh": sku.name_zh, "spot": spot, "gtins": sku.gtins}


def _left(line: HoldLine) -> dict[str, Any]:
    """Of a line of which the customer wants less now than was ordered: what is wanted, and how far it is."""
    if line.open or line.lost or line.state in life.PICK_LINE.ends:
        return {}
    done = _done(line)
    return {"qty": done, "state": "picked" if done else "removed"}


def _line(turn: Turn, line: HoldLine) -> dict[str, Any]:
    sku = _sku(turn, line.sku)
    return {
        "line": line.line,
        "sku": line.sku,
        "name_en": sku.name_en,
        "name_zh": sku.name_zh,
        "qty": line.qty,
        "open": line.open,
        "done": _done(line),
        "unit": sku.traits.unit,
        "temperature": sku.traits.temperature,
        "state": line.state,
        "instead_of": line.instead_of or None,
    }


def _done(line: HoldLine) -> int:
    return units_in(line.pulled) + line.consumed


def _said(turn: Turn, name: str, line: int) -> OrderLine:
    """What the customer said of a line; of a substitute nothing."""
    found = turn.order(name)
    return next((one for one in (found.lines if found else ()) if one.line == line), OrderLine(line, "", 0))


def _sku(turn: Turn, sku: str) -> Sku:
    return turn.books.catalogue.skus.get(sku) or Sku(sku, (), sku, sku)


def _unit(turn: Turn, sku: str) -> str:
    return _sku(turn, sku).traits.unit


def _left_s(turn: Turn, at_ms: int) -> int:
    return -(-(at_ms - turn.books_ms) // 1000)
