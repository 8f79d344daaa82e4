"""The API of the counter: an order is handed over to whoever has the right to it."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core.asks import Refused
from agent.core.tasks.asks import HandOver
from agent.core.tasks.handing_over import digest
from agent.web import answers
from agent.web.promises import post
from agent.web.sessions import worker_of


class _HandOver(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/orders/{order}/hand_over`"""

    bags: Annotated[int, Meta(ge=0, le=1000)]
    code: Annotated[str, Meta(max_length=32)] = ""
    courier: Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""
    age_checked: bool | None = None
    took_s: Annotated[int, Meta(ge=0, le=86_400)] = 0


def routes(clerk: Clerk) -> list[Route]:
    """What is asked at the counter."""

    async def hand_over(request: Request, body: _HandOver) -> Response:
        order, worker = request.path_params["order"], worker_of(request)
        known = clerk.books.orders.get(order)
        made = ""
        if body.code:  # a code is hashed here, so that the books' own thread need not
            kept = known.code if known is not None else ""
            made = (await asyncio.to_thread(digest, body.code.strip(), kept) if kept else "") or "-"
        said = await clerk.enter(
            HandOver(order, worker.id, worker.role, body.bags, made, body.courier, body.age_checked, body.took_s)
        )
        if isinstance(said, Refused):
            status = 409 if said.conflict else 422
            return answers.mistakes(status, "it cannot be handed over", list(said.mistakes), answers.AGAIN)
        if not said.done:
            hint = "Ask for the code again." if said.tries_left else "Fetch a lead."
            told = {"error": said.why, "hint": hint, "tries_left": said.tries_left}
            return answers.json(told, 403)
        return answers.json({"order": said.order, "tries_left": said.tries_left})

    return [post("/v1/orders/{order}/hand_over", _HandOver, hand_over)]
