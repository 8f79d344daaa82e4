"""Answers of HQ's API, and what is asked: JSON, bounded, and of whoever is known."""

import hmac
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hq_bridge.web.api import BadQuery

_BODY_BYTES_MAX: Final = 64 * 1024


def json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, error: str, hint: str) -> Response:
    return json({"error": error, "hint": hint}, status)


def query(request: Request) -> Mapping[str, str]:
    """Raises BadQuery when something is said twice: which of the two was meant?"""
    pairs = request.query_params.multi_items()
    if len(pairs) > len(dict(pairs)):
        raise BadQuery("something is said twice")
    return dict(pairs)


async def asked(request: Request, token: str) -> bytes | Response:
    """The body of somebody who may have something done, or why not."""
    if not token:
        return problem(403, "HQ takes no commands here", "Set [web] token in HQ's TOML, and send it as Bearer.")
    told = request.headers.get("authorization", "")
    if not hmac.compare_digest(told.encode(), f"Bearer {token}".encode()):
        return problem(401, "who asks is not known", "Send the header `Authorization: Bearer <[web] token>`.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_BYTES_MAX:
            return problem(413, f"a command has at most {_BODY_BYTES_MAX} bytes", "Send less.")
    return body
