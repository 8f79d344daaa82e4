"""`POST /v1/cases/{id}/resolve`: a person says that what a case asks for is done."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.core.asks import CaseResolved, ResolveCase
from agent.web import answers
from agent.web.promises import post


class _Done(msgspec.Struct, forbid_unknown_fields=True):
    """Who says so, such as a badge, and what was done, in a word or two."""

    by: Annotated[str, Meta(min_length=1, max_length=64)]
    word: Annotated[str, Meta(min_length=1, max_length=200)]


def routes(clerk: Clerk) -> list[Route]:
    """The one way in which a person closes a case."""

    async def resolve(request: Request, body: _Done) -> Response:
        if not (body.by + body.word).isprintable():
            return answers.problem(422, "by and word must be printable", answers.AGAIN)
        answer = await clerk.enter(ResolveCase(request.path_params["case"], body.by, body.word))
        if isinstance(answer, CaseResolved):
            return answers.json(answer)
        hint = "Look at the cases again: it may be closed already, or close itself once its cause is gone."
        status = 409 if answer.conflict else 404
        return answers.mistakes(status, "the case cannot be resolved", list(answer.mistakes), hint)

    return [post("/v1/cases/{case:int}/resolve", _Done, resolve)]
