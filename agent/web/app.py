"""The routes of the store's pages and API. Reads answer from memory; whatever is entered goes through the clerk."""

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib.resources import files
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from agent.clerk import AskFailedError, Clerk
from agent.core.asks import Expected, Refused, Sold, Unreadable
from agent.core.cases import KINDS
from agent.days import Days
from agent.people.door import Door
from agent.store.errors import BooksClosedError, BooksFullError, BooksLostError
from agent.web import (
    answers,
    api,
    board,
    counting,
    figures,
    handheld,
    handing_over,
    leading,
    ordering,
    picking,
    printing,
    promises,
    resolving,
    scanning,
    sessions,
)
from agent.web.bodies import NotJsonError, read_delivery, read_sale
from agent.web.gate import Desk, guarded
from agent.web.headers import headers_of
from agent.web.live import Live
from agent.web.reports import Reports

log = structlog.get_logger()


def make_app(clerk: Clerk, reports: Reports, live: Live, door: Door, token: str = "") -> "Secured":
    """The store's web application. Where `token` is set, machines must know it. Raises NotInTheTable."""
    return Secured(
        Starlette(
            routes=guarded(routes_of(clerk, reports, live, door), Desk(door, token, reports.clock.monotonic_s)),
            exception_handlers={
                NotJsonError: _not_json,
                AskFailedError: _failed,
                BooksLostError: _lost,
                BooksFullError: _full,
                BooksClosedError: _closed,
                ClientDisconnect: _left,
                404: _no_such_page,
                405: _wrong_method,
                sqlite3.Error: _people_lost,
            },
        )
    )


def routes_of(clerk: Clerk, reports: Reports, live: Live, door: Door) -> list[BaseRoute]:
    """Everything that is served; each has its rule in access.py."""
    pages, days = _Pages(clerk, reports, live), Days(clerk, reports.clock)
    static = files("agent.web") / "static"
    served: list[BaseRoute] = [
        Route("/", lambda _: FileResponse(str(static / "index.html"))),
        Route("/board", lambda _: FileResponse(str(static / "board" / "index.html"))),
        Route("/v1/stock", pages.stock),
        Route("/v1/health", pages.health),
        Route("/v1/events", pages.events),
        Route("/v1/sales", pages.sales, methods=["POST"]),
        Route("/v1/deliveries", pages.deliveries, methods=["POST"]),
        *counting.routes(clerk),
        Route("/v1/explain/{sku:path}", pages.explain),
        *promises.routes(clerk),
        *ordering.routes(clerk),
        *figures.routes(days, reports.clock, clerk),
        *printing.routes(clerk, reports.clock),
        *picking.routes(clerk, reports.clock, door.name_of),
        *handing_over.routes(clerk),
        *board.routes(clerk, reports.clock, door, days),
        *leading.routes(clerk, door.name_of),
        *resolving.routes(clerk),
        *scanning.routes(reports.intake, clerk),
        *sessions.routes(door, clerk),
        *handheld.routes(lambda: clerk.books.instore),
        Route("/v1/openapi.json", lambda _: answers.json(document)),
        *handheld.count_routes(clerk),
        Mount("/static", GZipMiddleware(StaticFiles(directory=str(static)))),
    ]
    document = api.openapi(served)
    return served


class _Pages:
    def __init__(self, clerk: Clerk, reports: Reports, live: Live) -> None:
        self._clerk = clerk
        self._reports = reports
        self._live = live

    async def stock(self, _: Request) -> Response:
        return answers.json(self._reports.whole_stock())

    async def health(self, _: Request) -> Response:
        return answers.json(self._reports.health())

    async def events(self, _: Request) -> Response:
        if self._live.is_full():
            return answers.problem(503, "too many pages are open", "Close some, or reload /v1/health now and then.")
        return StreamingResponse(self._live.events(), media_type="text/event-stream")

    async def sales(self, request: Request) -> Response:
        body = await answers.body_of(request)
        if isinstance(body, Response):
            return body
        sale = read_sale(body)
        if isinstance(sale, list):
            return answers.mistakes(422, "the sale cannot be read", sale, answers.AGAIN)
        if isinstance(sale, Unreadable):
            refused = await self._clerk.enter(sale)
            return answers.mistakes(422, "the sale cannot be read", list(refused.mistakes), answers.AGAIN)
        return _answer(await self._clerk.enter(sale), KINDS["refused_sale"].hint)

    async def deliveries(self, request: Request) -> Response:
        body = await answers.body_of(request)
        if isinstance(body, Response):
            return body
        delivery = read_delivery(body)
        if isinstance(delivery, list):
            return answers.mistakes(422, "the delivery cannot be read", delivery, answers.AGAIN)
        return _answer(await self._clerk.enter(delivery), answers.AGAIN)

    async def explain(self, request: Request) -> Response:
        sku = request.path_params["sku"]
        found = self._reports.explain(sku)
        if found is None:
            return answers.problem(404, f"{sku[:64]!r} is not in the catalogue", "Give a SKU as the catalogue has it.")
        return answers.json(found)


class Secured:
    """Puts the security headers on every answer, and takes nothing that another site's page sends."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    @property
    def routes(self) -> list[BaseRoute]:
        """All that is served."""
        return self._app.routes

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        async def send_secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers_of(scope["path"])]
            await send(message)

        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD") and _is_foreign(dict(scope["headers"])):
            hint = "Use the store's own page, or a program."
            await answers.problem(403, "another site's page sent this", hint)(scope, receive, send_secured)
            return
        await self._app(scope, receive, send_secured)


def _is_foreign(headers: Mapping[bytes, bytes]) -> bool:
    """Did a browser send this for a page of another origin? Programs name none."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host")


async def _not_json(_: Request, error: Exception) -> Response:
    hint = 'Send one JSON object, such as {"receipt": "T1-17", "lines": [{"line": 1, "gtin": "…", "qty": 1}]}.'
    return answers.problem(400, f"the body is not JSON: {error}", hint)


async def _failed(_: Request, error: Exception) -> Response:
    hint = "Nothing was entered. Tell whoever runs this store's software; its log has the details."
    return answers.problem(500, "the agent made a mistake", hint)


async def _lost(_: Request, error: Exception) -> Response:
    hint = "Send it again in a few seconds, under the same name: the agent is starting anew and knows what it has."
    return answers.problem(503, "the books could not be written", hint)


async def _people_lost(_: Request, error: Exception) -> Response:
    log.error("people_not_written", why=str(error))
    hint = "Nobody was let in or changed. Make room on the disk, or have it looked at; then try again."
    return answers.problem(503, "the file of people could not be written", hint)


async def _full(_: Request, error: Exception) -> Response:
    hint = "Nothing was entered. Make room on the disk; then send it again under the same name."
    return answers.problem(503, "the disk is full", hint)


async def _closed(_: Request, error: Exception) -> Response:
    return answers.problem(
        503, "nothing can be entered in these books", f"{error} Keep it, and send it again afterwards."
    )


async def _no_such_page(_: Request, error: Exception) -> Response:
    return answers.problem(404, "there is no such page", "GET /v1/openapi.json names all there are.")


async def _wrong_method(_: Request, error: Exception) -> Response:
    allowed = getattr(error, "headers", None) or {}
    answer = answers.problem(405, "this page is not asked like that", f"Ask it with {allowed.get('Allow', 'GET')}.")
    answer.headers.update(allowed)
    return answer


async def _left(_: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


def _answer(answer: Sold | Expected | Refused, hint: str) -> Response:
    if not isinstance(answer, Refused):
        return answers.json(answer)
    if answer.conflict:
        again = "The same receipt and line was sent before with other content. Give a new sale a new receipt number."
        return answers.mistakes(409, "this contradicts what was posted before", list(answer.mistakes), again)
    return answers.mistakes(422, "some items cannot be entered", list(answer.mistakes), hint)
