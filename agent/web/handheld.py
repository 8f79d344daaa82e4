"""The pickers' page at `/handheld`: its files, what a browser keeps of them, and how the store's own codes are made.

Counts are those of `counting`, made by whoever is signed in.
"""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core.count_asks import EnterFound, Found, StartCount
from agent.core.instore import InStore
from agent.web import answers, counting
from agent.web.bundling import bundled
from agent.web.fixed import fixed
from agent.web.promises import post
from agent.web.sessions import worker_of

STATIC: Final = Path(str(files("agent.web") / "static"))
PAGE: Final = "/handheld"
#: All its modules as one.
SCRIPT: Final = f"{PAGE}/page.js"
WORKER: Final = f"{PAGE}/worker.js"
#: What else the page needs of what is served under /static.
_BESIDE: Final = ("handheld/handheld.css", "handheld/app.webmanifest", "icon.svg")


class _Begin(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/counts/{count}/start`"""

    take_over: bool = False


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    counted: Annotated[int, Meta(ge=0, le=100_000_000)]


class _Lines(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/counts/{count}/lines`"""

    lines: Annotated[list[_Line], Meta(min_length=1, max_length=500)]


def count_routes(clerk: Clerk) -> list[Route]:
    """A count by whoever is signed in: begun, and what was found."""

    async def start(request: Request, body: _Begin) -> Response:
        ask = StartCount(request.path_params["count"], worker_of(request).id, body.take_over)
        return counting.said(await clerk.enter(ask))

    async def enter(request: Request, body: _Lines) -> Response:
        found = tuple(Found(("sku", line.sku), line.counted) for line in body.lines)
        return counting.said(await clerk.enter(EnterFound(request.path_params["count"], worker_of(request).id, found)))

    return [
        post("/v1/pick/counts/{count:path}/start", _Begin, start),
        post("/v1/pick/counts/{count:path}/lines", _Lines, enter),
    ]


def routes(rules: Callable[[], InStore]) -> list[Route]:
    """The page, its script, its service worker, and the store's own codes."""
    page = _read("handheld/index.html")
    script = bundled("handheld/page.js", _read)
    beside = [f"/static/{name}" for name in _BESIDE]
    version = hashlib.sha256("".join([page, script, *map(_read, _BESIDE)]).encode()).hexdigest()[:16]
    known = f"const VERSION = {version!r};\nconst FILES = {msgspec.json.encode([PAGE, SCRIPT, *beside]).decode()};\n"

    async def codes(_: Request) -> Response:
        return answers.json(own_codes(rules()))

    return [
        Route(PAGE, fixed(page, "text/html")),
        Route(SCRIPT, fixed(script, "text/javascript")),
        Route(WORKER, fixed(known + _read("handheld/worker.js"), "text/javascript", {"Service-Worker-Allowed": PAGE})),
        Route("/v1/pick/codes", codes),
    ]


def own_codes(rules: InStore) -> dict[str, Any]:
    """The forms of the store's own codes, so that a handheld reads a weight without asking."""
    return {"forms": [{"pattern": one.pattern, "means": one.means, "step": one.step} for one in rules.forms]}


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
