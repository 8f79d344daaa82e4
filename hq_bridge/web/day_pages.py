"""Days that are over as sheets."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hq_bridge.web import replies
from hq_bridge.web.api import DAYS_QUERY, read_query
from hq_bridge.web.board import Board


def routes(board: Board) -> list[Route]:
    """Days of the chain, of a store, and of each store, as CSV."""

    async def of_chain(request: Request) -> Response:
        return _sheet(await board.days.sheet(None, **_asked(request)), "days.csv")

    async def of_store(request: Request) -> Response:
        asked, store = _asked(request), request.path_params["store"]
        board.books(store)
        return _sheet(await board.days.sheet(store, **asked), f"days-{store}.csv")

    async def of_stores(request: Request) -> Response:
        lines = board.days.sheets(**_asked(request))
        return StreamingResponse(lines, media_type="text/csv", headers=_named("days-of-stores.csv"))

    return [
        Route("/v1/days.csv", of_chain),
        Route("/v1/stores/days.csv", of_stores),
        Route("/v1/stores/{store}/days.csv", of_store),
    ]


def _asked(request: Request) -> dict[str, Any]:
    """Raises BadQuery."""
    asked = read_query(replies.query(request), DAYS_QUERY)
    return {"until": asked["until"], "many": asked["days"]}


def _sheet(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv", headers=_named(name))


def _named(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
