"""Answers that are the same for everybody as long as the agent runs: compressed once, and not sent to who has them."""

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def fixed(text: str, media_type: str, headers: Mapping[str, str] = _NONE) -> Callable[[Request], Awaitable[Response]]:
    """What answers a request for this text: 304 to a browser that says it has it."""
    plain = text.encode()
    small = gzip.compress(plain, mtime=0)
    tag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    always = {"ETag": tag, "Vary": "Accept-Encoding", **headers}

    async def answer(request: Request) -> Response:
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=always)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(small, media_type=media_type, headers={**always, "Content-Encoding": "gzip"})
        return Response(plain, media_type=media_type, headers=always)

    return answer
