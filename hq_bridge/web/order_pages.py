"""The routes of orders: place one, say more of it, see how it stands, follow it."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hq_bridge.books import Mark
from hq_bridge.commands import CannotAsk
from hq_bridge.store import CommandRow
from hq_bridge.web import replies, shapes
from hq_bridge.web.api import ORDER_EVENTS_QUERY, ORDERS_QUERY, BadQuery, read_query
from hq_bridge.web.orders import FOLLOW_UPS, Orders
from hq_bridge.web.streams import Streams

_body = msgspec.json.Decoder(dict[str, Any])


def command_of(row: CommandRow) -> shapes.Command:
    """A command as the API tells it: to anybody, so without the hash of a pickup code, of which there are few."""
    ask = _body.decode(row.ask)
    ask.pop("code", None)
    return shapes.Command(**row._asdict() | {"ask": msgspec.Raw(msgspec.json.encode(ask))})


def routes(orders: Orders, streams: Streams, token: str) -> list[Route]:
    """Whoever wants something done must know `token`."""
    pages = _OrderPages(orders, streams, token)
    return [
        Route("/v1/orders", pages.several),
        Route("/v1/orders", pages.place, methods=["POST"]),
        Route("/v1/orders/{id}", pages.one),
        Route("/v1/orders/{id}/events", pages.events),
        *(Route(f"/v1/orders/{{id}}/{what}", pages.following(what), methods=["POST"]) for what in FOLLOW_UPS),
    ]


class _OrderPages:
    def __init__(self, orders: Orders, streams: Streams, token: str) -> None:
        self._orders = orders
        self._streams = streams
        self._token = token

    async def several(self, request: Request) -> Response:
        asked = read_query(replies.query(request), ORDERS_QUERY)
        return replies.json(
            await self._orders.several(asked["store"], asked["state"] or "open", asked["after"] or "", asked["limit"])
        )

    async def one(self, request: Request) -> Response:
        read_query(replies.query(request), ())
        return replies.json(await self._orders.one(request.path_params["id"]))

    async def place(self, request: Request) -> Response:
        """202: it waits for the store's answer; 200: here is that."""
        wanted, key = await self._wanted(request)
        if isinstance(wanted, Response):
            return wanted
        try:
            order, answered = await self._orders.place(wanted, key)
        except CannotAsk as error:
            return _refusal(error)
        return replies.json(order, 200 if answered else 202)

    def following(self, what: str) -> Callable[[Request], Awaitable[Response]]:
        """The page on which this is said of an order."""

        async def page(request: Request) -> Response:
            wanted, key = await self._wanted(request)
            if isinstance(wanted, Response):
                return wanted
            try:
                row = await self._orders.follow(request.path_params["id"], what, wanted, key)
            except CannotAsk as error:
                return _refusal(error)
            return replies.json(command_of(row), 202 if row.state == "asked" else 200)

        return page

    async def events(self, request: Request) -> ASGIApp:
        after = read_query(replies.query(request), ORDER_EVENTS_QUERY)["after"]
        last = request.headers.get("last-event-id", after or "0/0")
        found = re.fullmatch(r"([0-9]{1,16})/([0-9]{1,16})", last)
        if found is None:
            raise BadQuery(f"{last[:64]!r} is no epoch/seq")
        chunks = await self._orders.events(request.path_params["id"], Mark(int(found[1]), int(found[2])))
        return self._streams.of_order(chunks) or replies.problem(
            503, "too many listen already", "Ask /v1/orders/{id} now and then."
        )

    async def _wanted(self, request: Request) -> tuple[dict[str, Any] | Response, str]:
        """What is wanted, and the key under which it is wanted once."""
        read_query(replies.query(request), ())
        body = await replies.asked(request, self._token)
        if isinstance(body, Response):
            return body, ""
        try:
            wanted = _body.decode(body or b"{}")
        except (msgspec.DecodeError, RecursionError) as error:
            return replies.problem(400, f"the body is no JSON object: {error}", "/v1/openapi.json says what it is."), ""
        return wanted, request.headers.get("idempotency-key", "")


def _refusal(error: CannotAsk) -> Response:
    return replies.problem(409 if error.conflict else 400, str(error), "/v1/openapi.json says what can be asked.")
