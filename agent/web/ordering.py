"""The API of orders entered in the store by who is signed in: place one, say that it is paid, cancel it.

Each call is safe to repeat.
"""

import asyncio
import hashlib
from typing import Annotated, Final, Literal

import msgspec
import structlog
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core import asks
from agent.core.order_asks import OrderWant, PayOrder
from agent.core.orders import MOST_FROZEN_S, is_code
from agent.core.tasks.handing_over import digest
from agent.order_rows import MOST_LINES
from agent.web import answers
from agent.web.promises import Line, Name, Qty, SkuName, Time, post
from agent.web.sessions import worker_of

log = structlog.get_logger()

#: What is sold in the store itself is sold by this channel, unless it is said otherwise.
CHANNEL: Final = "store"
#: A pickup code as it is said, or its hash.
_CODE: Final = r"^([0-9]{4,12}|s1\$[0-9a-f]{8,64}\$[0-9a-f]{32})?\Z"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    line: Line
    sku: SkuName
    qty: Qty
    unavailable: Literal["ask", "substitute", "remove", "cancel"] = "ask"
    substitutes: Annotated[list[SkuName], Meta(max_length=20)] = []
    tolerance_pct: Annotated[int, Meta(ge=0, le=100)] = 10


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/orders`: what a customer wants who is in the store, or on the telephone.

    Without a `due` it is due `promise_min` minutes after it was entered.
    """

    order: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-.0-~]+\Z")]  # it stands in addresses: no /
    lines: Annotated[list[_Line], Meta(min_length=1, max_length=MOST_LINES)]
    channel: Name = CHANNEL
    due: Time = 0
    fulfil: Literal["courier", "pickup", "ship"] = "pickup"
    pay_within_s: Annotated[int, Meta(ge=0, le=MOST_FROZEN_S)] = 0
    promise_min: Annotated[int, Meta(ge=0, le=1440)] = 0
    code: Annotated[str, Meta(max_length=128, pattern=_CODE)] = ""
    short: Annotated[str, Meta(max_length=8)] = ""


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/orders/{order}/paid` and `/cancel`"""


def routes(clerk: Clerk) -> list[Route]:
    """What an associate asks of an order."""

    async def place(request: Request, body: _Order) -> Response:
        code = await asyncio.to_thread(_kept, body) if body.code else ""
        wants = tuple(
            OrderWant(one.line, one.sku, one.qty, one.unavailable, tuple(one.substitutes), one.tolerance_pct)
            for one in body.lines
        )
        ask = asks.PlaceOrder(
            body.order,
            body.channel,
            wants,
            body.due,
            fulfil=body.fulfil,
            pay_within_s=body.pay_within_s,
            promise_min=body.promise_min,
            code=code,
            short=body.short,
            by=worker_of(request).id,
        )
        return _said(await clerk.enter(ask), "placed", request)

    async def paid(request: Request, body: _Nothing) -> Response:
        ask = PayOrder(request.path_params["order"], worker_of(request).id)
        return _said(await clerk.enter(ask), "paid", request)

    async def cancel(request: Request, body: _Nothing) -> Response:
        by = worker_of(request).id
        ask = asks.MoveOrder(request.path_params["order"], f"cancel by {by}", "cancel")
        return _said(await clerk.enter(ask), "cancelled", request)

    return [
        post("/v1/orders", _Order, place),
        post("/v1/orders/{order}/paid", _Nothing, paid),
        post("/v1/orders/{order}/cancel", _Nothing, cancel),
    ]


def _kept(body: _Order) -> str:
    """The pickup code as the books keep it; salted with the order's name, so that a repetition says the same."""
    if is_code(body.code):
        return body.code
    return digest(body.code, f"s1${hashlib.sha256(body.order.encode()).hexdigest()[:32]}$")


def _said(answer: asks.Ordered | asks.Short | asks.Refused, did: str, request: Request) -> Response:
    if isinstance(answer, asks.Ordered):
        log.info("order_at_the_counter", order=answer.order, did=did, state=answer.state, by=worker_of(request).id)
    if isinstance(answer, asks.Refused):
        status = 409 if answer.conflict else 422
        return answers.mistakes(status, "the order cannot be entered", list(answer.mistakes), answers.AGAIN)
    if isinstance(answer, asks.Ordered) and answer.state == "rejected":
        hint = "Nothing is held. Order what is available under another name."
        return answers.json({"error": "the order is rejected", "hint": hint, **msgspec.to_builtins(answer)}, 409)
    return answers.json(answer)
