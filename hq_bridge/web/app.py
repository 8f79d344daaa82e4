"""The routes of HQ's pages and API."""

import hmac
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hq_bridge.commands import CannotAsk, Commands
from hq_bridge.store import CommandRow
from hq_bridge.web.board import Board, UnknownName

_LOG_ROWS_MAX = 1000
_COMMAND_BYTES_MAX = 64 * 1024
_command_body = msgspec.json.Decoder(dict[str, Any])
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


def make_app(board: Board, commands: Commands, token: str = "") -> ASGIApp:
    """HQ's web application. Whoever wants something done must know `token`; without one nobody may."""
    pages, orders = _Pages(board), _CommandPages(commands, token)
    static = files("hq_bridge.web") / "static"
    app = Starlette(
        routes=[
            Route("/", lambda _: FileResponse(str(static / "index.html"))),
            Route("/v1/stores", pages.stores),
            Route("/v1/stores/{store}/stock", pages.stock),
            Route("/v1/stores/{store}/log", pages.log),
            Route("/v1/stores/{store}/commands", orders.ask, methods=["POST"]),
            Route("/v1/commands/{id}", orders.one),
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


class _CommandPages:
    """What HQ asks of stores."""

    def __init__(self, commands: Commands, token: str) -> None:
        self._commands = commands
        self._token = token

    async def ask(self, request: Request) -> Response:
        """Take a command; the same again is the same. 202: it waits for the store's answer; 200: here is that."""
        if not self._token:
            return _problem(403, "HQ takes no commands here", "Set [web] token in HQ's TOML, and send it as Bearer.")
        told = request.headers.get("authorization", "")
        if not hmac.compare_digest(told.encode(), f"Bearer {self._token}".encode()):
            return _problem(401, "who asks is not known", "Send the header `Authorization: Bearer <[web] token>`.")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _COMMAND_BYTES_MAX:
                return _problem(413, f"a command has at most {_COMMAND_BYTES_MAX} bytes", "Send less.")
        try:
            wanted = _command_body.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            return _problem(400, f"this is no command: {error}", 'Send JSON like {"id": "p-1", "kind": "pause", …}.')
        try:
            row = await self._commands.ask(request.path_params["store"], wanted)
        except CannotAsk as error:
            return _problem(409 if error.conflict else 400, str(error), "wire/README.md names each kind of command.")
        return _json(_command(row), 202 if row.state == "asked" else 200)

    async def one(self, request: Request) -> Response:
        row = await self._commands.find(request.path_params["id"])
        if row is None:
            return _problem(404, "there is no such command", "Ask by the id it was given.")
        return _json(_command(row))


def _command(row: CommandRow) -> dict[str, Any]:
    return {
        "store": row.store,
        "id": row.id,
        "counter": row.counter,
        "asked_at": row.asked_at,
        "state": row.state,
        "why": row.why,
        "answered_at": row.answered_at,
        "epoch": row.epoch,
        "seq": row.seq,
        "ask": msgspec.Raw(row.ask.encode()),
    }


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
