"""What a lead does on the board: look at an order's history, say that its courier came, cancel it, give a task to
others, mark a case as done. Whoever is signed in answers for it.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core import kpis
from agent.core.asks import CaseResolved, MoveOrder, Ordered, Refused, ResolveCase
from agent.core.claims import units_in
from agent.core.kpis import Fate
from agent.core.ledger import Books
from agent.core.order_asks import CourierCame
from agent.core.tasks.asks import LeaveTask, Tasked
from agent.store import fates
from agent.web import answers
from agent.web.promises import post
from agent.web.sessions import worker_of


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/board/orders/{order}/cancel` and `/courier`, `POST /v1/board/tasks/{task}/leave`"""


class _Word(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/board/cases/{case}/resolve`: what was done, in a word or two."""

    word: Annotated[str, Meta(min_length=1, max_length=200)]


def routes(clerk: Clerk, name_of: Callable[[str], str]) -> list[Route]:
    """Of orders, tasks and cases; `name_of` says what people call a worker."""

    async def look(request: Request) -> Response:
        name = request.path_params["order"]
        found = fates.fates_of(await fates.named(clerk.store, name), ())
        if not found:
            return _no_order(name)
        return answers.json(history(clerk.books, found[0], clerk.time.stamp().books_ms, name_of))

    async def cancel(request: Request, body: _Nothing) -> Response:
        by = worker_of(request).id
        return await _moved(MoveOrder(request.path_params["order"], f"cancel by {by}", "cancel"))

    async def courier(request: Request, body: _Nothing) -> Response:
        return await _moved(CourierCame(request.path_params["order"]))

    async def _moved(ask: MoveOrder | CourierCame) -> Response:
        answer = await clerk.enter(ask)
        if isinstance(answer, Ordered):
            return answers.json({"order": answer.order, "state": answer.state})
        hint = "Look at the board again: it may be further than that by now."
        mistakes = list(answer.mistakes) if isinstance(answer, Refused) else []
        return answers.mistakes(409, "this cannot be done with the order", mistakes, hint)

    async def leave(request: Request, body: _Nothing) -> Response:
        task = clerk.books.tasks.tasks.get(request.path_params["task"])
        answer = None if task is None else await clerk.enter(LeaveTask(task.id, task.token, worker_of(request).id))
        if isinstance(answer, Tasked):
            return answers.json({"task": answer.task.id, "state": answer.task.state})
        return answers.problem(409, "nobody has this task", "Look at the board again: it may be done by now.")

    async def resolve(request: Request, body: _Word) -> Response:
        if not body.word.isprintable():
            return answers.problem(422, "the word must be printable", answers.AGAIN)
        answer = await clerk.enter(ResolveCase(request.path_params["case"], worker_of(request).id, body.word))
        if isinstance(answer, CaseResolved):
            return answers.json(answer)
        hint = "It may be closed already, or close itself once its cause is gone."
        return answers.mistakes(409, "the case cannot be resolved", list(answer.mistakes), hint)

    return [
        Route("/v1/board/orders/{order:path}/history", look),
        post("/v1/board/orders/{order:path}/cancel", _Nothing, cancel),
        post("/v1/board/orders/{order:path}/courier", _Nothing, courier),
        post("/v1/board/tasks/{task:path}/leave", _Nothing, leave),
        post("/v1/board/cases/{case:int}/resolve", _Word, resolve),
    ]


def history(books: Books, fate: Fate, now_ms: int, name_of: Callable[[str], str]) -> dict[str, Any]:
    """An order's whole life up to now: each state with its seconds and the step they belong to, and its lines."""
    order = fate.order
    ends = [after.since_ms for after in order.steps[1:]] + [now_ms if order.is_open else order.steps[-1].since_ms]
    named = books.catalogue.skus
    return {
        "order": order.id,
        "short": order.called,
        "channel": order.channel,
        "fulfil": order.fulfil,
        "state": order.state,
        "is_open": order.is_open,
        "promise_min": order.promise_min or None,
        "promised_in_s": -(-(order.due_ms - now_ms) // 1000) if order.due_ms else None,
        "courier_s": None if order.courier_at_ms is None else max(0, now_ms - order.courier_at_ms) // 1000,
        "why": order.why,
        "steps": [
            {
                "state": step.state,
                "event": step.event,
                "source": step.source.removeprefix(f"move:{order.id}:"),
                "by": step.by or None,
                "name": name_of(step.by) if step.by else None,
                "step": kpis.STEPS.get(step.state),
                "since_s": max(0, now_ms - step.since_ms) // 1000,
                "took_s": max(0, end // 1000 - step.since_ms // 1000),
            }
            for step, end in zip(order.steps, ends, strict=True)
        ],
        "lines": [
            {
                "line": line.line,
                "sku": line.sku,
                "name_en": named[line.sku].name_en if line.sku in named else line.sku,
                "name_zh": named[line.sku].name_zh if line.sku in named else line.sku,
                "unit": named[line.sku].traits.unit if line.sku in named else "each",
                "qty": line.qty,
                "done": units_in(line.pulled) + line.consumed,
                "state": line.state,
                "instead_of": line.instead_of or None,
            }
            for line in fate.lines
        ],
    }


def _no_order(name: str) -> Response:
    return answers.problem(404, f"{name[:64]!r} is no order of this store", "The board has those that are open.")
