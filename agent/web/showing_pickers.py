"""Pickers as the board shows them: who works on what since when, and who is idle."""

from collections.abc import Collection
from typing import Any

from agent.core.ledger import Turn
from agent.core.tasks import board, claiming
from agent.core.tasks.task import Task
from agent.people.door import Session
from agent.web import showing_tasks


def pickers(turn: Turn, sessions: Collection[Session]) -> list[dict[str, Any]]:
    """Everybody who has a task or is signed in: those at work first, and of both those who are so the longest."""
    at_work = {task.worker: task for task in turn.tasks.open() if task.state == "claimed"}
    lately: dict[str, Session] = {}
    for session in sorted(sessions, key=lambda one: one.seen_ms):
        lately[session.worker.id] = session
    found = [_picker(turn, worker, at_work.get(worker), lately.get(worker)) for worker in {**at_work, **lately}]
    return sorted(found, key=lambda one: (one["task"] is None, -one["since_s"], one["worker"]))


def _picker(turn: Turn, worker: str, task: Task | None, session: Session | None) -> dict[str, Any]:
    who = {
        "worker": worker,
        "name": worker if session is None else session.worker.name,
        "role": "picker" if session is None else session.worker.role,
    }
    if task is None:
        began_ms, seen_ms = (turn.books_ms,) * 2 if session is None else (session.began_ms, session.seen_ms)
        since_ms = max(began_ms, turn.tasks.books.left_ms.get(worker, 0))
        idle: dict[str, Any] = {"task": None, "kind": None, "orders": [], "lines": 0, "done": 0}
        return who | idle | {"since_s": board.ago_s(turn, since_ms), "heard_s": board.ago_s(turn, seen_ms)}
    holds = (claiming.hold_of_order(turn, name) for name in task.orders)
    lines = [line for hold in holds if hold is not None for line in hold.lines]
    to_do = [line for line in lines if (line.back if task.kind == "put_back" else line.open)]
    return who | {
        "task": task.id,
        "kind": task.kind,
        "orders": [showing_tasks.short_of(turn, name) for name in task.orders],
        "lines": len(lines),
        "done": len(lines) - len(to_do),
        "since_s": board.ago_s(turn, task.since_ms),
        "heard_s": board.ago_s(turn, task.heard_ms),
    }
