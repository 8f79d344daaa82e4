"""Answers of the API: JSON, and for whatever went wrong what it is and what to do. And bodies, bounded."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.asks import Mistake

#: A receipt of 500 lines is about 40 KB.
MOST_BODY_BYTES = 256 * 1024
#: A till on the store's own network needs a blink.
_BODY_WITHIN_S = 10

AGAIN = "Correct what is named, then send it again under the same name; nothing of it was entered."


def json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, error: str, hint: str) -> Response:
    return json({"error": error, "hint": hint}, status)


def mistakes(status: int, error: str, found: list[Mistake], hint: str) -> Response:
    return json({"error": error, "hint": hint, "mistakes": found}, status)


async def body_of(request: Request, most: int = MOST_BODY_BYTES) -> bytes | Response:
    """The body, if it is not too large; never more of it than that in memory. Raises ClientDisconnect."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    return problem(413, f"the body is over {most} bytes", "Send it in smaller parts.")
    except TimeoutError:
        return problem(408, f"the body did not come within {_BODY_WITHIN_S} s", "Send it again.")
    return bytes(body)
