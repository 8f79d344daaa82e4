"""The store's board in one answer: orders by stage with their clocks, pickers, cases, figures; see docs/board.md."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core import kpis
from agent.core.claims import units_in
from agent.core.ledger import Turn
from agent.core.life import OrderState
from agent.core.orders import Order
from agent.core.tasks import board, claiming
from agent.core.tasks.task import Task
from agent.days import Days
from agent.people.door import Door, Session
from agent.web import answers, showing_figures, showing_pickers, showing_tasks
from agent.web.picking import looked_at

log = structlog.get_logger()

#: Nobody must do anything about orders in these states: the clock closes them.
_LEFT_TO_THE_CLOCK: Final[tuple[OrderState, ...]] = ("handed_over", "restocked", "wasted")


def routes(clerk: Clerk, clock: Clock, door: Door, days: Days) -> list[Route]:
    """What the board shows."""
    looks = _Looks(days)

    async def look(_: Request) -> Response:
        today = await looks.today()
        shown_today = showing_figures.of_day(today, clerk.books.catalogue)
        return answers.json(shown(looked_at(clerk, clock), door.sessions) | {"today": shown_today})

    return [Route("/v1/board", look)]


class _Looks:
    """Today's figures as they are, while they are reckoned anew beside it."""

    def __init__(self, days: Days) -> None:
        self._days = days
        self._reckoning: asyncio.Task[object] | None = None

    async def today(self) -> Any:
        found = self._days.last_today
        if found is None:
            return await self._days.today()
        if self._days.is_stale and (self._reckoning is None or self._reckoning.done()):
            self._reckoning = asyncio.create_task(self._days.today(), name="figures")
            self._reckoning.add_done_callback(_say_why)
        return found


def _say_why(reckoning: "asyncio.Task[object]") -> None:
    if not reckoning.cancelled() and (error := reckoning.exception()) is not None:
        log.error("figures_failed", why=str(error))


def shown(turn: Turn, sessions: Collection[Session]) -> dict[str, Any]:
    """Everything that is open, what is due first in front."""
    orders = [order for order in turn.books.orders.values() if order.state not in _LEFT_TO_THE_CLOCK]
    things = board.open_things(turn, _LEFT_TO_THE_CLOCK)
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
        "pickers": showing_pickers.pickers(turn, sessions),
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
             "due": case.due_at, "due_in_s": -(-(case.due_at - turn.at) // 1000), "opened_at": case.opened_at}
            for case in sorted(turn.books.cases.values(), key=lambda case: case.due_at)
        ],
    }  # fmt: skip


def _order(turn: Turn, order: Order) -> dict[str, Any]:
    """An order on the board: how long it has been in its step, and how far its picking is."""
    hold, task = claiming.hold_of_order(turn, order.id), turn.tasks.of_order("pick", order.id)
    lines = hold.lines if hold is not None else ()
    worker = task.worker if task is not None and task.state == "claimed" else None
    return {
        **showing_tasks.outline(turn, order, hold),
        "step": kpis.STEPS[order.state],
        "owner": worker if worker is not None and order.owner == "picker" else order.owner,
        "channel": order.channel,
        "since_s": board.ago_s(turn, order.steps[-1].since_ms),
        "age_s": board.ago_s(turn, order.steps[0].since_ms),
        "promised_in_s": board.left_s(turn, order.due_ms) if order.due_ms else None,
        "courier_s": None if order.courier_at_ms is None else board.ago_s(turn, order.courier_at_ms),
        "late": order.late,
        "task": task.id if task is not None else None,
        "worker": worker,
        "units": sum(line.qty for line in lines if not line.instead_of),
        "picked": sum(units_in(line.pulled) + line.consumed for line in lines if line.pulled or line.consumed),
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
        "since_s": board.ago_s(turn, task.since_ms),
        "heard_s": board.ago_s(turn, task.heard_ms),
        "silent_in_s": board.left_s(turn, task.heard_ms) + rules.silent_s if task.state == "claimed" else None,
        "orders": [showing_tasks.short_of(turn, name) for name in task.orders],
        "totes": [tote.tote for tote in task.totes],
    }
