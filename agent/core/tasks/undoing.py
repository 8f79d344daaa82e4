"""Undoing a report: its postings are posted the other way round, and its line is again what it was before.

Only what was not followed by another step of the line can be undone: later steps stand on it.
"""

import json

from msgspec.structs import replace

from agent.core import counts, fulfilment, tag_moves, work
from agent.core.claims import Hold
from agent.core.ledger import Posting, Turn
from agent.core.places import TOTE, is_inside
from agent.core.tasks.asks import PickReport
from agent.core.tasks.task import ReportNote

_UNDO = "undo"


def undo(turn: Turn, hold: Hold, one: PickReport, by: str) -> str:
    """Undo a report of the hold's line; in words why that cannot be, empty when it is done."""
    name = one.undoes or _newest(hold, one.line)
    note = turn.tasks.note(name)
    if note is None or note.order != one.order or not note.entered or note.before is None:
        return f"there is no report {name!r} that could be undone" if name else "nothing was reported of the line"
    if name in undone(hold):
        return "it was undone before"
    lines = {line.line: line for line in hold.lines}
    left = {line.line: line for line in (note.before, *note.after)}  # `after` has only what the report made other
    if not hold.is_open or any(lines.get(number) != line for number, line in left.items()):
        return "another step followed"
    order = turn.order(one.order)
    if order is None or order.state not in ("picking", "awaiting_decision", "picked"):
        return f"the order is {order.state if order is not None else 'over'} already"
    made_by = f"work:{hold.id}/{name}"
    moves = [move for move in turn.postings if move.source == made_by] or [*turn.tasks.known_postings.get(made_by, ())]
    why = _in_the_way(turn, moves)
    if why:
        return why
    _counter_post(turn, hold, note, moves, f"work:{hold.id}/{one.id}", by)
    works = (*hold.works, (one.id, json.dumps([_UNDO, one.line, name])))
    taken_back = {line.line for line in note.after} - {note.before.line}
    kept = [note.before if line.line == note.before.line else line for line in hold.lines]
    work.keep(turn, replace(hold, works=works, lines=tuple(line for line in kept if line.line not in taken_back)))
    fulfilment.undone(turn, order, f"work:{hold.id}/{one.id}")
    return ""


def undone(hold: Hold) -> set[str]:
    """The reports of a hold that were undone."""
    return {said[2] for _, text in hold.works if (said := json.loads(text))[0] == _UNDO}


def _newest(hold: Hold, line: int) -> str:
    """The line's last report that was not undone."""
    gone = undone(hold)
    for name, text in reversed(hold.works):
        said = json.loads(text)
        if said[0] != _UNDO and said[1] == line and name not in gone:
            return name
    return ""


def _in_the_way(turn: Turn, moves: list[Posting]) -> str:
    """Why these cannot be posted the other way round; empty when they can."""
    if any(move.epc is not None and not move.target.startswith(TOTE) for move in moves):
        return "its tag was moved"
    needed: dict[tuple[str, str], int] = {}
    for move in moves:
        needed[move.sku, move.target] = needed.get((move.sku, move.target), 0) + move.qty
        needed[move.sku, move.origin] = needed.get((move.sku, move.origin), 0) - move.qty
    for (sku, account), qty in needed.items():
        if qty > 0 and is_inside(account) and turn.balance(sku, account) < qty:
            return f"{qty} {sku} are not at {account} any more"
    return ""


def _counter_post(turn: Turn, hold: Hold, note: ReportNote, moves: list[Posting], source: str, by: str) -> None:
    """Everything the other way round, the last first: units are where they were before anybody claims them again."""
    for part, move in enumerate(reversed(moves)):
        if move.epc is not None:
            tag_moves.take(turn, move.epc, move.target, move.origin, by)
        turn.post(move.sku, move.target, move.origin, move.qty, "undo", source, by, part, move.epc)
    for line in note.after:
        for kind in ("price_rule", "price_difference"):
            turn.resolve_case(kind, f"{hold.id}/{line.line}", "undone")
    missed = {(move.sku, move.origin) for move in moves if move.code == "miss"}
    outcome, place = (said := json.loads(note.said))[0], said[8]
    if note.before is not None and outcome in ("short", "held_by_customer"):  # also where the books had none
        missed.add((note.before.sku, place))
    for sku, where in sorted(missed):
        counts.found_after_all(turn, sku, where)
