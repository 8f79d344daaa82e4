"""The routes of HQ's pages and API."""

import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hq_bridge.books import Mark
from hq_bridge.commands import CannotAsk, Commands
from hq_bridge.web import day_pages, order_pages, replies
from hq_bridge.web.api import EVENTS_QUERY, QUESTIONS, BadQuery, Question, openapi, read_query
from hq_bridge.web.board import Board, UnknownName
from hq_bridge.web.order_pages import command_of
from hq_bridge.web.orders import Orders
from hq_bridge.web.streams import Streams

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


def make_app(board: Board, streams: Streams, commands: Commands, orders: Orders, token: str = "") -> ASGIApp:
    """HQ's web application. Whoever wants something done must know `token`; without one nobody may."""
    static = StaticFiles(directory=str(files("hq_bridge.web") / "static"))
    app = Starlette(
        routes=[*routes_of(board, streams, commands, orders, token), Mount("/static", static)],
        exception_handlers={UnknownName: _unknown, 404: _no_such_page, 405: _wrong_method, BadQuery: _bad_query},
    )
    return _secured(app)


def routes_of(board: Board, streams: Streams, commands: Commands, orders: Orders, token: str = "") -> list[Route]:
    """Everything but files: the page, and the API, of which `openapi` tells."""
    page = str(files("hq_bridge.web") / "static" / "index.html")
    pages, asking = _Pages(board, streams), _CommandPages(commands, token)
    return [
        Route("/", lambda _: FileResponse(page)),
        *(Route(question.path, pages.answering(question)) for question in QUESTIONS),
        Route("/v1/board", pages.board),
        Route("/v1/stores/{store}/commands", asking.ask, methods=["POST"]),
        Route("/v1/commands/{id}", asking.one),
        *day_pages.routes(board),
        *order_pages.routes(orders, streams, token),
        Route("/v1/events", pages.events),
        Route("/v1/openapi.json", pages.document),
    ]


class _Pages:
    def __init__(self, board: Board, streams: Streams) -> None:
        self._board = board
        self._streams = streams
        self._document = openapi()

    def answering(self, question: Question) -> Callable[[Request], Awaitable[Response]]:
        """The page that answers a question of the API."""

        async def page(request: Request) -> Response:
            answer = question.ask(self._board, question.read(replies.query(request)) | request.path_params)
            return replies.json(await answer if isinstance(answer, Awaitable) else answer)

        return page

    async def document(self, request: Request) -> Response:
        read_query(replies.query(request), ())
        return replies.json(self._document)

    async def board(self, request: Request) -> ASGIApp:
        read_query(replies.query(request), ())
        return self._streams.pages() or _too_many()

    async def events(self, request: Request) -> ASGIApp:
        asked = read_query(replies.query(request), EVENTS_QUERY)
        store = asked["store"]
        if store is None and (asked["after"] or "last-event-id" in request.headers):
            raise BadQuery("after means a row of one store: name the store too")
        if store is None:
            return self._streams.followers(None, None) or _too_many()
        self._board.books(store)
        last = request.headers.get("last-event-id", f"{store}/{asked['after']}" if asked["after"] else None)
        return self._streams.followers(store, None if last is None else _mark(store, last)) or _too_many()


class _CommandPages:
    """What HQ asks of stores."""

    def __init__(self, commands: Commands, token: str) -> None:
        self._commands = commands
        self._token = token

    async def ask(self, request: Request) -> Response:
        """Take a command; the same again is the same. 202: it waits for the store's answer; 200: here is that."""
        read_query(replies.query(request), ())
        body = await replies.asked(request, self._token)
        if isinstance(body, Response):
            return body
        try:
            wanted = _command_body.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            hint = 'Send JSON like {"id": "p-1", "kind": "pause", …}.'
            return replies.problem(400, f"this is no command: {error}", hint)
        try:
            row = await self._commands.ask(request.path_params["store"], wanted)
        except CannotAsk as error:
            hint = "wire/README.md names each kind of command."
            return replies.problem(409 if error.conflict else 400, str(error), hint)
        return replies.json(command_of(row), 202 if row.state == "asked" else 200)

    async def one(self, request: Request) -> Response:
        read_query(replies.query(request), ())
        row = await self._commands.find(request.path_params["id"])
        if row is None:
            return replies.problem(404, "there is no such command", "Ask by the id it was given.")
        return replies.json(command_of(row))


def _mark(store: str, last: str) -> Mark:
    found = re.fullmatch(r"([A-Za-z0-9-]+)/([0-9]{1,16})/([0-9]{1,16})", last)
    if found is None or found[1] != store:
        raise BadQuery(f"{last[:64]!r} is no row of {store}")
    return Mark(int(found[2]), int(found[3]))


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
    return replies.problem(404, error.error, error.hint)


async def _no_such_page(_: Request, error: Exception) -> Response:
    return replies.problem(404, "there is no such page", "/ is the page, /v1/stores the beginning of the API.")


async def _wrong_method(_: Request, error: Exception) -> Response:
    return replies.problem(405, "HQ's pages only answer questions", "Use GET.")


async def _bad_query(_: Request, error: Exception) -> Response:
    return replies.problem(400, str(error), "/v1/openapi.json says what can be asked.")


def _too_many() -> Response:
    return replies.problem(503, "too many listen already", "Close some, or ask /v1/stores/{id}/log now and then.")
