"""The API of claims: hold, commit, consume, release, grant, and pause. Each call is safe to repeat."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core import asks
from agent.core.claims import LONGEST_TTL_S
from agent.web import answers

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+\Z")]
SkuName = Annotated[str, Meta(min_length=1, max_length=64)]
Line = Annotated[int, Meta(ge=1, le=1_000_000)]
Qty = Annotated[int, Meta(ge=1, le=1_000_000)]
Time = Annotated[int, Meta(ge=0, lt=2**53)]
_Lease = Annotated[int, Meta(ge=1, lt=2**53)]
_Why = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class _Want(msgspec.Struct, forbid_unknown_fields=True):
    line: Line
    sku: SkuName
    qty: Qty


class _Hold(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/holds`"""

    hold: Name
    channel: Name
    lines: Annotated[list[_Want], Meta(min_length=1, max_length=500)]
    ttl_s: Annotated[int, Meta(ge=1, le=LONGEST_TTL_S)] | None = None
    grant: str = ""
    due: Time = 0
    lease: _Lease | None = None


class _Commit(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/holds/{hold}/commit`"""

    order: Name
    lease: _Lease | None = None


class _Used(msgspec.Struct, forbid_unknown_fields=True):
    line: Line
    qty: Annotated[int, Meta(ge=0, le=1_000_000)]


class _Consume(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/holds/{hold}/consume`"""

    used: Annotated[list[_Used], Meta(max_length=500)]


class _GiveWay(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/holds/{hold}/breach`: who found it other goods."""

    by: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z")]


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/holds/{hold}/release`"""


class _Grant(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/grants`; a negative quantity takes unused rights back."""

    grant: Name
    holder: Name
    sku: SkuName
    qty: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]


class _Pause(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pause`: stop promising, and why; with `paused` false go on."""

    paused: bool
    by: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f][^\x00-\x1f\x7f]*\Z")]
    why: _Why = ""


T = TypeVar("T")


def routes(clerk: Clerk) -> list[Route]:
    """Everything that gives, takes or uses a claim."""

    async def hold(request: Request, body: _Hold) -> Response:
        if len({line.line for line in body.lines}) < len(body.lines):
            return answers.problem(422, "two lines have the same number", answers.AGAIN)
        wants = tuple(asks.Want(line.line, line.sku, line.qty) for line in body.lines)
        ask = asks.Reserve(body.hold, body.channel, wants, body.ttl_s, body.grant, body.due, body.lease)
        return _said(await clerk.enter(ask))

    async def commit(request: Request, body: _Commit) -> Response:
        return _said(await clerk.enter(asks.CommitHold(request.path_params["hold"], body.order, body.lease)))

    async def consume(request: Request, body: _Consume) -> Response:
        used = tuple((one.line, one.qty) for one in body.used)
        return _said(await clerk.enter(asks.ConsumeHold(request.path_params["hold"], used)))

    async def release(request: Request, body: _Nothing) -> Response:
        return _said(await clerk.enter(asks.ReleaseHold(request.path_params["hold"])))

    async def give_way(request: Request, body: _GiveWay) -> Response:
        return _said(await clerk.enter(asks.GiveWay(request.path_params["hold"], body.by)))

    async def grant(request: Request, body: _Grant) -> Response:
        if body.qty == 0:
            return answers.problem(422, "qty 0 grants nothing", answers.AGAIN)
        return _said(await clerk.enter(asks.Grant(body.grant, body.holder, body.sku, body.qty)))

    async def pause(request: Request, body: _Pause) -> Response:
        if body.paused and not body.why.strip():
            return answers.problem(422, "a pause needs a reason", "Say in `why` what stops the store.")
        return answers.json(await clerk.enter(asks.Pause(body.paused, body.why, body.by)))

    return [
        post("/v1/pause", _Pause, pause),
        post("/v1/holds", _Hold, hold),
        post("/v1/holds/{hold}/commit", _Commit, commit),
        post("/v1/holds/{hold}/consume", _Consume, consume),
        post("/v1/holds/{hold}/release", _Nothing, release),
        post("/v1/holds/{hold}/breach", _GiveWay, give_way),
        post("/v1/grants", _Grant, grant),
    ]


def post(path: str, kind: type[T], handle: Callable[[Request, T], Awaitable[Response]]) -> Route:
    """A route that hands its body over once it is what it must be."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)

    async def endpoint(request: Request) -> Response:
        body = await answers.body_of(request)
        if isinstance(body, Response):
            return body
        try:
            value = decoder.decode(body or b"{}")
        except msgspec.ValidationError as error:
            return answers.problem(422, f"the body cannot be read: {error}", answers.AGAIN)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return answers.problem(400, f"the body is not JSON: {error}", "Send one JSON object.")
        return await handle(request, value)

    endpoint.takes = kind  # type: ignore[attr-defined]  # for the document of the API
    return Route(path, endpoint, methods=["POST"])


def _said(answer: asks.Claimed | asks.Short | asks.Granted | asks.Refused) -> Response:
    if isinstance(answer, asks.Short):
        hint = "Nothing was held. Ask for what is available, or another store."
        return answers.json({"error": "not enough can be promised", "hint": hint, **msgspec.to_builtins(answer)}, 409)
    if isinstance(answer, asks.Refused):
        status = 409 if answer.conflict else 422
        return answers.mistakes(status, "the claim cannot be entered", list(answer.mistakes), answers.AGAIN)
    return answers.json(answer)
