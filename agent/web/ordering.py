"""The API of orders entered in the store: place one, say that it is paid, cancel it. Each call is safe to repeat."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core import asks
from agent.core.order_asks import OrderWant, PayOrder
from agent.core.orders import MOST_FROZEN_S, is_code
from agent.order_rows import MOST_LINES
from agent.web import answers
from agent.web.promises import Line, Name, Qty, SkuName, Time, post


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    line: Line
    sku: SkuName
    qty: Qty
    unavailable: Literal["ask", "substitute", "remove", "cancel"] = "ask"
    substitutes: Annotated[list[SkuName], Meta(max_length=20)] = []
    tolerance_pct: Annotated[int, Meta(ge=0, le=100)] = 10


class _Order(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/orders`: what a customer wants who is in the store, or on the telephone."""

    order: Name
    lines: Annotated[list[_Line], Meta(min_length=1, max_length=MOST_LINES)]
    channel: Name = "store"
    due: Time = 0
    fulfil: Literal["courier", "pickup", "ship"] = "pickup"
    pay_within_s: Annotated[int, Meta(ge=0, le=MOST_FROZEN_S)] = 0
    promise_min: Annotated[int, Meta(ge=0, le=1440)] = 0
    code: Annotated[str, Meta(max_length=128)] = ""
    short: Annotated[str, Meta(max_length=8)] = ""


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/orders/{order}/paid` and `/cancel`"""


def routes(clerk: Clerk) -> list[Route]:
    """What an associate asks of an order."""

    async def place(request: Request, body: _Order) -> Response:
        if body.code and not is_code(body.code):
            return answers.problem(422, "code is no hash of a pickup code", "Send s1$<salt>$<scrypt>, or leave it out.")
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
            code=body.code,
            short=body.short,
        )
        return _said(await clerk.enter(ask))

    async def paid(request: Request, body: _Nothing) -> Response:
        return _said(await clerk.enter(PayOrder(request.path_params["order"])))

    async def cancel(request: Request, body: _Nothing) -> Response:
        return _said(await clerk.enter(asks.MoveOrder(request.path_params["order"], "associate cancel", "cancel")))

    return [
        post("/v1/orders", _Order, place),
        post("/v1/orders/{order}/paid", _Nothing, paid),
        post("/v1/orders/{order}/cancel", _Nothing, cancel),
    ]


def _said(answer: asks.Ordered | asks.Short | asks.Refused) -> Response:
    if isinstance(answer, asks.Refused):
        status = 409 if answer.conflict else 422
        return answers.mistakes(status, "the order cannot be entered", list(answer.mistakes), answers.AGAIN)
    if isinstance(answer, asks.Ordered) and answer.state == "rejected":
        hint = "Nothing is held. Order what is available under another name."
        return answers.json({"error": "the order is rejected", "hint": hint, **msgspec.to_builtins(answer)}, 409)
    return answers.json(answer)
