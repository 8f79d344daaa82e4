"""The gate before each route: how often, from whom, how much; held to the table in `access.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.core.people import Role, may
from agent.people.door import Door, Session, csrf_of
from agent.people.proofs import proved
from agent.web import answers
from agent.web.access import RATES, Rule, rules_of
from agent.web.answers import problem
from agent.web.limits import MOST_AT_ONCE, MOST_STREAMS, Allowances, Turns, address_of, network_of

COOKIE: Final = "nearshelf_session"
#: Where the session of a request is, for its route.
SESSION: Final = "nearshelf.session"
#: Programs on the machine itself are the store's own: they share no allowance but that of signing in.
_OURSELVES: Final = ("127.0.0.1", "::1")


@dataclass(slots=True)
class Desk:
    """What the gates of all routes share: the door, the machines' token, and what each address has left."""

    door: Door
    token: str
    now_s: Callable[[], float]
    allowances: dict[str, Allowances] = field(init=False)
    turns: Turns = field(default_factory=lambda: Turns(MOST_AT_ONCE))
    streams: Turns = field(default_factory=lambda: Turns(MOST_STREAMS))

    def __post_init__(self) -> None:
        self.allowances = {name: Allowances(rate, self.now_s) for name, rate in RATES.items()}


def guarded(routes: list[BaseRoute], desk: Desk) -> list[BaseRoute]:
    """The routes, each behind its gate. Raises NotInTheTable."""
    for route in routes:
        assert isinstance(route, Route | Mount)
        route.app = _Gate(route.app, rules_of(route), desk)
    return routes


class _Gate:
    """Lets a request through to its route, or answers why not: 429, 401, 403, 413 or 408."""

    def __init__(self, app: ASGIApp, rules: dict[str, Rule], desk: Desk) -> None:
        self._app = app
        self._rules = rules
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = self._rules.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if rule is None:  # the route itself says which methods it has
            await self._app(scope, receive, send)
            return
        address = address_of(scope["client"])
        network = network_of(address)
        wait_s = 0.0
        if address not in _OURSELVES or rule.rate == "sign_in":
            wait_s = self._desk.allowances[rule.rate].take(network)
        if wait_s or (rule.stream and not self._desk.streams.is_free(network)):
            await _too_much(wait_s)(scope, receive, send)
            return
        async with (self._desk.streams if rule.stream else self._desk.turns).turn(network):
            await self._let_in(rule, address, scope, receive, send)

    async def _let_in(self, rule: Rule, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        session = None
        refused = self._stranger(rule, request)
        if rule.role is not None:
            session = self._desk.door.who(request.cookies.get(COOKIE, ""), address)
            refused = _not_in(rule.role, session, request)
        body = b""
        if refused is None and _changes(request):
            found = await answers.body_of(request, rule.body)
            body, refused = (found, None) if isinstance(found, bytes) else (b"", found)
            receive = _again(body, receive)
        if refused is None and session is not None:
            refused = None if rule.stream else _not_proved(session, request, body)
        if refused is not None:
            await refused(scope, receive, send)
            return
        if session is not None:
            self._desk.door.seen(session)
            scope[SESSION] = session
        await self._app(scope, receive, send)

    def _stranger(self, rule: Rule, request: Request) -> Response | None:
        """Why a machine may not; None when it may."""
        token = self._desk.token
        if rule.who != "machine" or not token:
            return None
        told = request.headers.get("authorization", "").encode(errors="surrogatepass")
        if compare_digest(told, f"Bearer {token}".encode()):
            return None
        return problem(401, "which program asks is not known", "Send the header `Authorization: Bearer <[web] token>`.")


def _not_in(role: Role, session: Session | None, request: Request) -> Response | None:
    """Why a person may not; None when they may."""
    if session is None:
        return problem(401, "nobody is signed in here", "Scan your badge and enter your PIN.")
    if not may(session.worker, role):
        return problem(403, f"only a {role} may do this", "Ask one to sign in here and do it.")
    if _changes(request):
        told = request.headers.get("x-csrf", "").encode(errors="surrogatepass")
        if not compare_digest(told, csrf_of(request.cookies[COOKIE]).encode()):
            return problem(403, "the header X-CSRF is not this session's", "Send what GET /v1/session tells as `csrf`.")
    return None


def _not_proved(session: Session, request: Request, body: bytes) -> Response | None:
    """Is a proof missing that this very browser asks? Sessions without a key need none."""
    if session.key is None:
        return None
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    target = (raw + (b"?" + query if query else b"")).decode("latin-1")
    proof = request.headers.get("x-proof", "")
    if proved(session.key, session.numbers, proof, request.method, target, body):
        return None
    return problem(401, "the header X-Proof does not prove this request", "Sign in on this device.")


def _changes(request: Request) -> bool:
    return request.method not in ("GET", "HEAD")


def _too_much(wait_s: float) -> Response:
    told = max(1, int(-(-wait_s // 1)))
    answer = answers.json(
        {"error": "this address asks too much", "hint": f"Wait {told} s, then go on.", "retry_after_s": told}, 429
    )
    answer.headers["retry-after"] = str(told)
    return answer


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read already, once more; then whatever comes."""
    told = False

    async def receive_again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
