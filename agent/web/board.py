"""The store's board: orders by stage with their clocks, who has which task, cases, and what is to be put back."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core.claims import units_in
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.tasks import board, claiming
from agent.core.tasks.task import Task
from agent.web import answers, showing_tasks
from agent.web.picking import looked_at


def routes(clerk: Clerk, clock: Clock) -> list[Route]:
    """What the board shows."""

    async def look(_: Request) -> Response:
        return answers.json(shown(looked_at(clerk, clock)))

    return [Route("/v1/board", look)]


def shown(turn: Turn) -> dict[str, Any]:
    """Everything that is open; `open` has each thing with its owner and its time, what is due first in front."""
    things = board.open_things(turn)
    orders = [order for order in turn.books.orders.values() if order.is_open]
    stages: dict[str, int] = {}
    for order in orders:
        stages[order.state] = stages.get(order.state, 0) + 1
    return {
        "store": turn.books.store,
        "at": turn.at,
        "open": things,
        "stages": stages,
        "late": sum(1 for one in things if one.due_in_s < 0),
        "orders": [_order(turn, order) for order in sorted(orders, key=lambda order: (order.deadline_ms, order.id))],
        "tasks": [_task(turn, task) for task in turn.tasks.open()],
        "put_back": [
            {
                "order": name,
                "short": showing_tasks.short_of(turn, name),
                "goods": [
                    {"sku": line.sku, "place": place, "qty": qty}
                    for line, place, qty in claiming.to_put_back(turn, name)
                ],
            }
            for name in claiming.waiting_to_be_put_back(turn)
        ],
        "cases": [
            {"id": case.id, "case": case.kind, "about": case.about, "text": case.detail, "owner": case.owner,
             "due": case.due_at, "opened_at": case.opened_at}
            for case in sorted(turn.books.cases.values(), key=lambda case: case.due_at)
        ],
    }  # fmt: skip


def _order(turn: Turn, order: Order) -> dict[str, Any]:
    """An order on the board: how long it has been in its step, and how far its picking is."""
    hold, task = claiming.hold_of_order(turn, order.id), turn.tasks.of_order("pick", order.id)
    lines = hold.lines if hold is not None else ()
    return {
        **(showing_tasks.order(turn, order.id) or {}),
        "channel": order.channel,
        "since_s": max(0, -board.left_s(turn, order.steps[-1].since_ms)),
        "age_s": max(0, -board.left_s(turn, order.steps[0].since_ms)),
        "promised_in_s": board.left_s(turn, order.due_ms) if order.due_ms else None,
        "late": order.late,
        "task": task.id if task is not None else None,
        "worker": task.worker if task is not None and task.state == "claimed" else None,
        "units": sum(line.qty for line in lines if not line.instead_of),
        "picked": sum(units_in(line.pulled) + line.consumed for line in lines),
    }


def _task(turn: Turn, task: Task) -> dict[str, Any]:
    rules = turn.books.tasks.rules
    return {
        "id": task.id,
        "kind": task.kind,
        "state": task.state,
        "owner": task.owner,
        "worker": task.worker if task.state == "claimed" else None,
        "reason": {"code": task.reason},
        "due_in_s": board.left_s(turn, claiming.due_ms(turn, task.orders)),
        "since_s": max(0, -board.left_s(turn, task.since_ms)),
        "heard_s": max(0, -board.left_s(turn, task.heard_ms)),
        "silent_in_s": board.left_s(turn, task.heard_ms) + rules.silent_s if task.state == "claimed" else None,
        "orders": [showing_tasks.short_of(turn, name) for name in task.orders],
        "totes": [tote.tote for tote in task.totes],
    }
