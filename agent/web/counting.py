"""The API of counts: have one made, begin, enter what was found, decide, cancel; and how they stand.

Counting is blind: of a line that somebody may still count, no answer says what was found or what the books have.
"""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core.asks import Mistake, Refused
from agent.core.count_asks import Count, Counted, LookAtCount, RequestCount, SessionAsk
from agent.core.count_sessions import CountSession, SessionLine
from agent.web import answers
from agent.web.bodies import read_cancel, read_count, read_found, read_review, read_start

#: Open counts that the store's page is told of: those due first.
MOST_TOLD = 50


def routes(clerk: Clerk) -> list[Route]:
    """Everything about counts."""

    async def look(request: Request) -> Response:
        if request.method == "POST":
            return await request_count(request)
        sessions = sorted(clerk.books.counts.sessions.values(), key=lambda session: session.due_at)
        return answers.json({"counts": [shown(session) for session in sessions]})

    async def request_count(request: Request) -> Response:
        body = await answers.body_of(request)
        return body if isinstance(body, Response) else await enter(read_count(body))

    async def look_at(request: Request) -> Response:
        found = await clerk.enter(LookAtCount(request.path_params["count"]))
        if isinstance(found, Refused):
            return answers.problem(404, "there is no such count", "GET /v1/counts names those that are open.")
        return answers.json(shown(found))

    async def enter(ask: RequestCount | Count | SessionAsk | list[Mistake]) -> Response:
        if isinstance(ask, list):
            return answers.mistakes(422, "the count cannot be read", ask, answers.AGAIN)
        return said(await clerk.enter(ask))

    def step(name: str, read: Callable[[str, bytes], SessionAsk | list[Mistake]]) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await answers.body_of(request)
            return body if isinstance(body, Response) else await enter(read(request.path_params["count"], body))

        return Route(f"/v1/counts/{{count:path}}/{name}", endpoint, methods=["POST"])

    return [
        Route("/v1/counts", look, methods=["GET", "POST"]),
        step("start", read_start),
        step("lines", read_found),
        step("review", read_review),
        step("cancel", read_cancel),
        Route("/v1/counts/{count:path}", look_at),
    ]


def shown(session: CountSession) -> dict[str, Any]:
    """A session, blind where it must be."""
    return {**summary(session), "whole": session.whole, "lines": [_line(line) for line in session.lines]}


def summary(session: CountSession) -> dict[str, Any]:
    """Of a session what the store's page shows; `skus` are the first few that are not settled."""
    waiting = [line for line in session.lines if line.is_open]
    return {
        "count": session.id,
        "place": session.place,
        "why": session.why,
        "state": session.state,
        "owner": session.owner,
        "due": session.due_at,
        "requested_by": session.requested_by,
        "requested_at": session.requested_at,
        "assigned_to": session.assigned_to,
        "counters": sorted({line.counter for line in session.lines if line.counter}),
        "settled": len(session.lines) - len(waiting),
        "all": len(session.lines),
        "skus": [line.sku for line in waiting[:3]],
    }


def _line(line: SessionLine) -> dict[str, Any]:
    counted = [{"by": one.by, "at": one.at, "stands": one.stands} for one in line.readings]
    told: dict[str, Any] = {
        "line": line.line,
        "sku": line.sku,
        "state": line.state,
        "counter": line.counter,
        "why": line.why,
        "counted": counted,
        "decided_by": line.decided_by,
    }
    if not line.is_blind:
        for entry, one in zip(counted, line.readings, strict=True):
            book = None if one.variance is None else one.counted - one.variance
            entry.update(counted=one.counted, variance=one.variance, book=book)
        told |= {"outcome": line.outcome, "variance": line.variance, "posting": line.posting, "approved": line.approved}
    return told


def said(answer: CountSession | Counted | Refused) -> Response:
    """The answer to whoever asked something of a count."""
    if isinstance(answer, Refused):
        status = 409 if answer.conflict else 422
        return answers.mistakes(status, "the count cannot be entered", list(answer.mistakes), answers.AGAIN)
    return answers.json(shown(answer) if isinstance(answer, CountSession) else answer)
