"""The board: everything that is open, with whose turn it is and until when. Nothing waits silently."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from agent.core.ledger import Turn
from agent.core.life import OrderState
from agent.core.tasks import claiming

What = Literal["order", "task", "put_back", "case", "count"]


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that is open: `stage` is its state, `due_in_s` seconds from now (below 0: late)."""

    what: What
    id: str
    stage: str
    owner: str
    due_in_s: int


def open_things(turn: Turn, leave_out: Container[OrderState] = ()) -> list[Open]:
    """Everything that somebody must do something about, what is due first in front; no orders in these states."""
    found = [*_orders(turn, leave_out), *_tasks(turn), *_put_backs(turn), *_cases(turn), *_counts(turn)]
    return sorted(found, key=lambda one: (one.due_in_s, one.what, one.id))


def is_changed_by(turn: Turn) -> bool:
    """Is something that people wait for other than it was before the turn?"""
    return bool(turn.orders or turn.cases or turn.counts) or not turn.tasks.are_nothing()


def _orders(turn: Turn, leave_out: Container[OrderState]) -> list[Open]:
    """Orders; one that somebody picks is that person's."""
    found = []
    for order in (turn.books.orders | turn.orders).values():
        if not order.is_open or order.state in leave_out:
            continue
        task = turn.tasks.of_order("pick", order.id)
        owner = task.owner if task is not None and order.owner == "picker" else order.owner
        found.append(Open("order", order.id, order.state, owner, left_s(turn, order.deadline_ms)))
    return found


def _tasks(turn: Turn) -> list[Open]:
    return [
        Open("task", task.id, task.state, task.owner, left_s(turn, claiming.due_ms(turn, task.orders)))
        for task in turn.tasks.open()
    ]


def _put_backs(turn: Turn) -> list[Open]:
    """Goods that nobody has begun to put back: due with their case or their order, whichever is first."""
    found = []
    for name in claiming.waiting_to_be_put_back(turn):
        hold = claiming.hold_of_order(turn, name)
        case = turn.case("put_back", hold.id) if hold is not None else None
        due_s = [left_s(turn, claiming.due_ms(turn, (name,)))]
        due_s += [_unix_left_s(turn, case.due_at)] if case is not None else []
        found.append(Open("put_back", name, "waiting", "picker", min(due_s)))
    return found


def _cases(turn: Turn) -> list[Open]:
    now = [turn.case(kind, about) for kind, about in turn.books.cases]
    cases = [case for case in now if case is not None]
    cases += [change.case for change in turn.cases if turn.case(change.case.kind, change.case.about) is change.case]
    by_number = {case.id: case for case in cases}
    return [
        Open("case", str(case.id), case.kind, case.owner, _unix_left_s(turn, case.due_at))
        for case in by_number.values()
    ]


def _counts(turn: Turn) -> list[Open]:
    return [
        Open("count", session.id, session.state, session.owner_at(turn.at), _unix_left_s(turn, session.due_at))
        for session in turn.books.counts.sessions.values()
    ]


def ago_s(turn: Turn, since_ms: int) -> int:
    """Whole seconds since a moment of the books' time."""
    return max(0, turn.books_ms - since_ms) // 1000


def left_s(turn: Turn, at_ms: int) -> int:
    """Seconds from now to a moment of the books' time."""
    return -(-(at_ms - turn.books_ms) // 1000)


def _unix_left_s(turn: Turn, at: int) -> int:
    return -(-(at - turn.at) // 1000)
