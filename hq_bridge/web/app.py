"""The routes of HQ's pages and API."""

from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hq_bridge.web.board import Board, UnknownName

_LOG_ROWS_MAX = 1000
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


def make_app(board: Board) -> ASGIApp:
    """HQ's web application."""
    pages = _Pages(board)
    static = files("hq_bridge.web") / "static"
    app = Starlette(
        routes=[
            Route("/", lambda _: FileResponse(str(static / "index.html"))),
            Route("/v1/stores", pages.stores),
            Route("/v1/stores/{store}/stock", pages.stock),
            Route("/v1/stores/{store}/log", pages.log),
            Route("/v1/stock", pages.stock_of),
            Route("/v1/quarantine", pages.quarantine),
            Route("/v1/events", pages.events),
            Mount("/static", StaticFiles(directory=str(static))),
        ],
        exception_handlers={UnknownName: _unknown, 404: _no_such_page, 405: _wrong_method, _BadQuery: _bad_query},
    )
    return _secured(app)


class _BadQuery(Exception):
    """Raised when a number in the query is none, or out of range."""


class _Pages:
    def __init__(self, board: Board) -> None:
        self._board = board

    async def stores(self, _: Request) -> Response:
        return _json(self._board.stores())

    async def stock(self, request: Request) -> Response:
        return _json(await self._board.stock(request.path_params["store"]))

    async def log(self, request: Request) -> Response:
        after = _number(request, "after", 0, 0, 2**53)
        limit = _number(request, "limit", 100, 1, _LOG_ROWS_MAX)
        return _json(await self._board.log(request.path_params["store"], after, limit))

    async def stock_of(self, request: Request) -> Response:
        sku = request.query_params.get("sku", "")
        if not sku:
            return _problem(400, "no SKU was named", "Ask like /v1/stock?sku=TEA-100.")
        return _json(await self._board.stock_of(sku))

    async def quarantine(self, _: Request) -> Response:
        return _json(await self._board.quarantine())

    async def events(self, _: Request) -> Response:
        if self._board.is_full():
            return _problem(503, "too many pages are open", "Close some, or ask /v1/stores now and then.")
        return StreamingResponse(self._board.events(), media_type="text/event-stream")


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most):
        raise _BadQuery(f"{name} must be a number from {least} to {most}")
    return int(text)


def _secured(app: ASGIApp) -> ASGIApp:
    """Puts the security headers on every answer."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await app(scope, receive, send_secured)

    return call


async def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownName)
    return _problem(404, error.error, error.hint)


async def _no_such_page(_: Request, error: Exception) -> Response:
    return _problem(404, "there is no such page", "/ is the page, /v1/stores the beginning of the API.")


async def _wrong_method(_: Request, error: Exception) -> Response:
    return _problem(405, "HQ's pages only answer questions", "Use GET.")


async def _bad_query(_: Request, error: Exception) -> Response:
    return _problem(400, str(error), "Ask like /v1/stores/SH-0001/log?after=0&limit=100.")


def _problem(status: int, error: str, hint: str) -> Response:
    return _json({"error": error, "hint": hint}, status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
