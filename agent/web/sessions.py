"""`/v1/session` and `/v1/people`: badge and PIN, who is in, and whom a lead adds or gives another PIN."""

import contextlib
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import AskFailedError, Clerk
from agent.core.asks import Mistake, Notice
from agent.core.people import (
    Lang,
    Role,
    Worker,
    badge_of,
    badge_problem,
    id_problem,
    may_change,
    name_problem,
    pin_problem,
)
from agent.people.door import Door, Session, Wait, Wrong, csrf_of
from agent.people.file import PeopleError, PeopleFile
from agent.people.proofs import BrowserKey
from agent.store.errors import BooksClosedError, BooksFullError
from agent.web import answers
from agent.web.gate import COOKIE, SESSION
from agent.web.limits import address_of
from agent.web.promises import post

log = structlog.get_logger()

_Text = Annotated[str, Meta(max_length=200)]
_AGAIN: Final = "Correct what is named, then send it again; nothing was changed."


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/session`: a badge as it was scanned, and its PIN; the browser's own key, if it has one."""

    badge: _Text
    pin: _Text
    lang: Lang | None = None
    key: BrowserKey | None = None


class Speak(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/session/lang`"""

    lang: Lang


class NewWorker(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/people`"""

    id: _Text
    name: _Text
    badge: _Text
    pin: _Text
    role: Role = "picker"
    lang: Lang = "zh"


class NewPin(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/people/{worker}/pin`: another PIN, and another badge if the old one is lost."""

    pin: _Text
    badge: _Text | None = None


class Person(msgspec.Struct, frozen=True):
    """A worker, as everybody may know them."""

    id: str
    name: str
    role: Role
    lang: Lang


class In(msgspec.Struct, frozen=True):
    """Who is signed in; `csrf` goes into the header `X-CSRF` of whatever is not GET."""

    worker: Person
    csrf: str


class People(msgspec.Struct, frozen=True):
    """Everybody who works here."""

    people: list[Person]


def session_of(request: Request) -> Session:
    """The session of a request; only of a route whose rule in access.py names a role."""
    session = request.scope[SESSION]
    assert isinstance(session, Session)
    return session


def worker_of(request: Request) -> Worker:
    """Who asks; only of a route whose rule in access.py names a role."""
    return session_of(request).worker


def routes(door: Door, clerk: Clerk) -> list[Route]:
    """Everything about who is in and who works here."""
    return [
        post("/v1/session", SignIn, _Sessions(door, clerk).sign_in),
        Route("/v1/session", _Sessions(door, clerk).look, methods=["GET", "DELETE"]),
        post("/v1/session/lang", Speak, _Sessions(door, clerk).speak),
        Route("/v1/people", _Workers(door).everybody),
        post("/v1/people", NewWorker, _Workers(door).add),
        post("/v1/people/{worker}/pin", NewPin, _Workers(door).set_pin),
    ]


class _Sessions:
    def __init__(self, door: Door, clerk: Clerk) -> None:
        self._door = door
        self._clerk = clerk

    async def sign_in(self, request: Request, body: SignIn) -> Response:
        wrong = body.key.problem() if body.key is not None else ""
        if wrong:
            return answers.mistakes(422, "the key cannot be used", [Mistake("key", wrong)], _AGAIN)
        address = address_of(request.scope["client"])
        came = await self._door.sign_in(badge_of(body.badge), body.pin, address, body.key)
        if isinstance(came, Wrong):
            if came.guessed:
                await self._tell_the_lead(came.guessed, address)
            return _wrong(came)
        if isinstance(came, Wait):
            return _wait(came.wait_s)
        session = came.session
        if body.lang is not None and body.lang != session.worker.lang:
            session.worker = await self._door.speak(session.worker, body.lang)
        answer = answers.json(_in(session, came.cookie))
        _give(answer, request, came.cookie)
        return answer

    async def look(self, request: Request) -> Response:
        session = session_of(request)
        if request.method != "DELETE":
            return answers.json(_in(session, request.cookies[COOKIE]))
        await self._door.sign_out(session)
        answer = answers.json({})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_is_tls(request))
        return answer

    async def speak(self, request: Request, body: Speak) -> Response:
        session = session_of(request)
        session.worker = await self._door.speak(session.worker, body.lang)
        return answers.json(_in(session, request.cookies[COOKIE]))

    async def _tell_the_lead(self, about: str, address: str) -> None:
        said = Notice("pin_guessing", about, f"wrong PINs again and again, from {address}")
        with contextlib.suppress(
            AskFailedError, BooksFullError, BooksClosedError
        ):  # whoever guesses is paused all the same
            await self._clerk.enter(said)


class _Workers:
    def __init__(self, door: Door) -> None:
        self._door = door

    async def everybody(self, _: Request) -> Response:
        return answers.json(People([_person(worker) for worker in self._door.workers]))

    async def add(self, request: Request, body: NewWorker) -> Response:
        by = session_of(request).worker
        badge = badge_of(body.badge)
        problems = (
            ("id", id_problem(body.id)),
            ("name", name_problem(body.name)),
            ("badge", badge_problem(badge)),
            ("pin", pin_problem(body.pin)),
        )
        found = [Mistake(path, problem) for path, problem in problems if problem]
        if found:
            return answers.mistakes(422, "nobody was added", found, _AGAIN)
        if not may_change(by, body.role):
            return answers.problem(403, f"a {by.role} adds no {body.role}", "A manager may.")
        worker = Worker(body.id, body.name, body.role, body.lang)
        secret, known = await self._door.secret_of(body.pin), self._door.known_as(badge)

        def add(file: PeopleFile) -> Worker:
            file.add(worker, known, secret)
            return worker

        return await self._changed(add, by)

    async def set_pin(self, request: Request, body: NewPin) -> Response:
        by, worker = session_of(request).worker, request.path_params["worker"]
        badge = None if body.badge is None else badge_of(body.badge)
        problems = (("pin", pin_problem(body.pin)), ("badge", "" if badge is None else badge_problem(badge)))
        found = [Mistake(path, problem) for path, problem in problems if problem]
        if found:
            return answers.mistakes(422, "nothing was changed", found, _AGAIN)
        whose = next((one for one in self._door.workers if one.id == worker), None)
        if whose is None:
            return answers.problem(404, "nobody has this id", "GET /v1/people names everybody.")
        if by.id != whose.id and not may_change(by, whose.role):
            return answers.problem(403, f"a {by.role} gives no {whose.role} another PIN", "A manager may.")
        secret, known = await self._door.secret_of(body.pin), None if badge is None else self._door.known_as(badge)
        return await self._changed(lambda file: file.change(worker, lambda now: now, known, secret), by)

    async def _changed(self, work: Callable[[PeopleFile], Worker], by: Worker) -> Response:
        try:
            now = await self._door.write(work)
        except PeopleError as error:
            return answers.problem(409, str(error), _AGAIN)
        log.info("people_changed", worker=now.id, by=by.id)
        return answers.json(_person(now))


def _in(session: Session, cookie: str) -> In:
    return In(_person(session.worker), csrf_of(cookie))


def _person(worker: Worker) -> Person:
    return Person(worker.id, worker.name, worker.role, worker.lang)


def _give(answer: Response, request: Request, cookie: str) -> None:
    """For this store's own pages only, out of every script's reach, and never in the clear once it came by TLS."""
    answer.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="strict", secure=_is_tls(request))


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _wrong(wrong: Wrong) -> Response:
    hint = "Scan your badge again and enter its PIN. If it is forgotten, a lead can give you another."
    return answers.json({"error": "badge or PIN is wrong", "hint": hint, "retry_after_s": wrong.wait_s}, 401)


def _wait(wait_s: int) -> Response:
    hint = f"Wait {wait_s} s, then try again; or a lead gives you another PIN."
    answer = answers.json({"error": "too many tries", "hint": hint, "retry_after_s": wait_s}, 429)
    answer.headers["retry-after"] = str(wait_s)
    return answer
