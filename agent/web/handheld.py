"""The pickers' page at `/handheld`: its files, what a browser keeps of them, and how the store's own codes are made.

Counts are those of `counting`, made by whoever is signed in.
"""

import hashlib
from collections.abc import Callable, Mapping
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
from agent.web.promises import post
from agent.web.sessions import worker_of

STATIC: Final = Path(str(files("agent.web") / "static"))
PAGE: Final = "/handheld"
#: What the page shares with others.
_SHARED: Final = (
    "document.js", "icon.svg", "keeping.js", "language.js", "layouts.js", "line.js", "proof.js", "settings.js",
    "signing.js", "wedge.js",
)  # fmt: skip


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
    """The page, its service worker, and the store's own codes."""
    kept = kept_files()
    page = (STATIC / "handheld" / "index.html").read_text(encoding="utf-8")
    preloads = "\n  ".join(f'<link rel="modulepreload" href="{name}">' for name in kept if name.endswith(".js"))
    whole = page.replace("<!-- preloads -->", preloads)
    version = hashlib.sha256("".join([whole, *kept.values()]).encode()).hexdigest()[:16]
    known = f"const VERSION = {version!r};\nconst FILES = {msgspec.json.encode([PAGE, *kept]).decode()};\n"
    worker = known + (STATIC / "handheld" / "worker.js").read_text(encoding="utf-8")

    async def show(_: Request) -> Response:
        return Response(whole, media_type="text/html")

    async def keep(_: Request) -> Response:
        return Response(worker, media_type="text/javascript", headers={"Service-Worker-Allowed": PAGE})

    async def codes(_: Request) -> Response:
        return answers.json(own_codes(rules()))

    return [Route(PAGE, show), Route(f"{PAGE}/worker.js", keep), Route("/v1/pick/codes", codes)]


def kept_files() -> Mapping[str, str]:
    """Every file the page needs, by its address, each with the hash of its content."""
    own = [f"handheld/{path.name}" for path in sorted((STATIC / "handheld").iterdir()) if _is_loaded(path)]
    return {f"/static/{name}": hashlib.sha256((STATIC / name).read_bytes()).hexdigest() for name in [*own, *_SHARED]}


def own_codes(rules: InStore) -> dict[str, Any]:
    """The forms of the store's own codes, so that a handheld reads a weight without asking."""
    return {"forms": [{"pattern": one.pattern, "means": one.means, "step": one.step} for one in rules.forms]}


def _is_loaded(path: Path) -> bool:
    return path.suffix in {".js", ".css", ".webmanifest"} and path.name != "worker.js"
