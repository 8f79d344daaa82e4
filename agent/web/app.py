"""The routes of the store's pages and API. Reads answer from memory; whatever is entered goes through the clerk."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from agent.clerk import AskFailedError, Clerk
from agent.core.asks import Expected, Mistake, Refused, Sold, Unreadable
from agent.core.cases import KINDS
from agent.store.errors import BooksClosedError, BooksLostError
from agent.web.bodies import NotJsonError, read_delivery, read_sale
from agent.web.live import Live
from agent.web.reports import Reports

#: A receipt of 500 lines is about 40 KB.
MOST_BODY_BYTES = 256 * 1024
#: A till on the store's own network needs a blink.
_BODY_WITHIN_S = 10

_CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
_AGAIN = "Correct what is named, then send it again under the same name; nothing of it was entered."


def make_app(clerk: Clerk, reports: Reports, live: Live) -> "Secured":
    """The store's web application."""
    pages = _Pages(clerk, reports, live)
    static = files("agent.web") / "static"
    return Secured(
        Starlette(
            routes=[
                Route("/", lambda _: FileResponse(str(static / "index.html"))),
                Route("/v1/stock", pages.stock),
                Route("/v1/health", pages.health),
                Route("/v1/events", pages.events),
                Route("/v1/sales", pages.sales, methods=["POST"]),
                Route("/v1/deliveries", pages.deliveries, methods=["POST"]),
                Mount("/static", StaticFiles(directory=str(static))),
            ],
            exception_handlers={
                NotJsonError: _not_json,
                AskFailedError: _failed,
                BooksLostError: _lost,
                BooksClosedError: _closed,
                ClientDisconnect: _left,
            },
        )
    )


class _Pages:
    def __init__(self, clerk: Clerk, reports: Reports, live: Live) -> None:
        self._clerk = clerk
        self._reports = reports
        self._live = live

    async def stock(self, _: Request) -> Response:
        return _json(self._reports.whole_stock())

    async def health(self, _: Request) -> Response:
        return _json(self._reports.health())

    async def events(self, _: Request) -> Response:
        if self._live.is_full():
            return _problem(503, "too many pages are open", "Close some, or reload /v1/health now and then.")
        return StreamingResponse(self._live.events(), media_type="text/event-stream")

    async def sales(self, request: Request) -> Response:
        body = await _body(request)
        if isinstance(body, Response):
            return body
        sale = read_sale(body)
        if isinstance(sale, list):
            return _mistakes(422, "the sale cannot be read", sale, _AGAIN)
        if isinstance(sale, Unreadable):
            refused = await self._clerk.enter(sale)
            return _mistakes(422, "the sale cannot be read", list(refused.mistakes), _AGAIN)
        return _answer(await self._clerk.enter(sale), KINDS["refused_sale"].hint)

    async def deliveries(self, request: Request) -> Response:
        body = await _body(request)
        if isinstance(body, Response):
            return body
        delivery = read_delivery(body)
        if isinstance(delivery, list):
            return _mistakes(422, "the delivery cannot be read", delivery, _AGAIN)
        return _answer(await self._clerk.enter(delivery), _AGAIN)


class Secured:
    """Puts the security headers on every answer."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        async def send_secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_secured)


async def _not_json(_: Request, error: Exception) -> Response:
    hint = 'Send one JSON object, such as {"receipt": "T1-17", "lines": [{"line": 1, "gtin": "…", "qty": 1}]}.'
    return _problem(400, f"the body is not JSON: {error}", hint)


async def _failed(_: Request, error: Exception) -> Response:
    hint = "Nothing was entered. Tell whoever runs this store's software; its log has the details."
    return _problem(500, "the agent made a mistake", hint)


async def _lost(_: Request, error: Exception) -> Response:
    hint = "Send it again in a few seconds, under the same name: the agent is starting anew and knows what it has."
    return _problem(503, "the books could not be written", hint)


async def _closed(_: Request, error: Exception) -> Response:
    return _problem(503, "nothing can be entered in these books", f"{error} Keep it, and send it again afterwards.")


async def _left(_: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


async def _body(request: Request) -> bytes | Response:
    """The body, if it is not too large; never more of it than that in memory."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BODY_BYTES:
                    return _problem(413, f"the body is over {MOST_BODY_BYTES} bytes", "Send it in smaller parts.")
    except TimeoutError:
        return _problem(408, f"the body did not come within {_BODY_WITHIN_S} s", "Send it again.")
    return bytes(body)


def _answer(answer: Sold | Expected | Refused, hint: str) -> Response:
    if not isinstance(answer, Refused):
        return _json(answer)
    if answer.conflict:
        again = "The same receipt and line was sent before with other content. Give a new sale a new receipt number."
        return _mistakes(409, "this contradicts what was posted before", list(answer.mistakes), again)
    return _mistakes(422, "some items cannot be entered", list(answer.mistakes), hint)


def _mistakes(status: int, error: str, mistakes: list[Mistake], hint: str) -> Response:
    return _json({"error": error, "hint": hint, "mistakes": mistakes}, status)


def _problem(status: int, error: str, hint: str) -> Response:
    return _json({"error": error, "hint": hint}, status)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
