"""The API of the handheld: what is next, claim, report, pack, ask, leave. docs/handheld.md is its published form."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core import atp
from agent.core.asks import Mistake, Refused
from agent.core.barcodes import LONGEST_BARCODE
from agent.core.catalogue import Catalogue, Temperature
from agent.core.ledger import Turn
from agent.core.people import may
from agent.core.tasks import claiming, scanned, walking
from agent.core.tasks.asks import (
    AskCustomer,
    ClaimTask,
    LeaveTask,
    Lost,
    NoWork,
    Pack,
    PickReport,
    ReportName,
    Reports,
    Tasked,
)
from agent.core.tasks.task import Bag, Kind
from agent.web import answers, showing_tasks
from agent.web.ordering import CHANNEL
from agent.web.promises import post
from agent.web.sessions import worker_of

#: Reports of one call: what a handheld keeps while Wi-Fi is gone it sends in several.
MOST_REPORTS: Final = 200
_MOST_BAGS: Final = 50
#: A question that cancels the order by itself leaves its customer so long: who may not cancel must not do it so.
_LEAST_TO_CANCEL_S: Final = 60

_Id = Annotated[str, Meta(min_length=1, max_length=56, pattern=r"^[A-Za-z0-9._-]+\Z")]
_Name = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
_Order = Annotated[str, Meta(min_length=1, max_length=64)]
_Text = Annotated[str, Meta(max_length=LONGEST_BARCODE)]
_Aim = Annotated[str, Meta(max_length=8)]
_Number = Annotated[int, Meta(ge=0, le=1_000_000)]
_Token = Annotated[int, Meta(ge=1, lt=2**53)]


class _Claim(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/claim`"""

    take_over: _Name = ""
    kind: Kind = "pick"


class _Scan(msgspec.Struct, forbid_unknown_fields=True):
    text: _Text
    aim: _Aim | None = None


class _Report(msgspec.Struct, forbid_unknown_fields=True):
    id: _Id
    outcome: ReportName
    order: _Order
    at_ms: Annotated[int, Meta(ge=0, lt=2**53)] = 0
    line: _Number = 0
    qty: _Number = 0
    tote: _Name = ""
    slot: _Name = ""
    substitute: _Name = ""
    spoiled: bool = False
    place: Literal["FLOOR", "BACKROOM"] = "FLOOR"
    scan: _Scan | None = None
    undoes: _Name = ""

    def said(self) -> PickReport:
        scan = self.scan or _Scan("")
        where = (self.line, self.qty, self.tote, self.slot, self.substitute, self.spoiled, self.place)
        return PickReport(self.id, self.outcome, self.order, *where, scan.text, scan.aim, self.undoes, self.at_ms)


class _Reports(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/tasks/{task}/reports`"""

    token: _Token
    reports: Annotated[list[_Report], Meta(max_length=MOST_REPORTS)]


class _Bag(msgspec.Struct, forbid_unknown_fields=True):
    k: Annotated[int, Meta(ge=1, le=_MOST_BAGS)]
    n: Annotated[int, Meta(ge=1, le=_MOST_BAGS)]
    temperature: Temperature = "ambient"


class _Pack(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/tasks/{task}/pack`"""

    token: _Token
    order: _Order
    bags: Annotated[list[_Bag], Meta(min_length=1, max_length=_MOST_BAGS)]


class _Leave(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/tasks/{task}/leave`"""

    token: _Token


class _Ask(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/pick/ask`; without a task it is the one that the order is in."""

    token: _Token
    order: _Order
    line: _Number
    candidates: Annotated[list[_Order], Meta(max_length=20)] = []
    within_s: Annotated[int, Meta(ge=0, le=3600)] = 0
    default: Literal["decide", "cancel"] = "decide"
    task: _Name = ""


def routes(clerk: Clerk, clock: Clock, name_of: Callable[[str], str]) -> list[Route]:
    """Everything a picker's handheld asks and tells; `name_of` says what people call a worker."""
    pages = _Picking(clerk, clock, name_of)
    return [
        Route("/v1/pick/next", pages.next),
        post("/v1/pick/claim", _Claim, pages.claim),
        post("/v1/pick/tasks/{task}/reports", _Reports, pages.report),
        post("/v1/pick/tasks/{task}/pack", _Pack, pages.pack),
        post("/v1/pick/tasks/{task}/leave", _Leave, pages.leave),
        post("/v1/pick/find", _Scan, pages.find),
        post("/v1/pick/ask", _Ask, pages.ask),
        Route("/v1/pick/substitutes", pages.substitutes),
    ]


def looked_at(clerk: Clerk, clock: Clock) -> Turn:
    """The books as they are now, to be looked at."""
    return Turn(clerk.books, clock.now_ms(), {}, {}, {}, clerk.time.stamp().books_ms)


class _Next:
    """What is next, which is the same for all who ask: made once while the books and their second stay the same.

    Handhelds ask all the time, and several ways of batching, each with its tour, are weighed for every answer.
    """

    def __init__(self) -> None:
        self._of: tuple[int, Catalogue, int] | None = None
        self._said: dict[str, Any] = {}

    def of(self, turn: Turn) -> dict[str, Any]:
        books = turn.books
        now = (books.turns, books.catalogue, turn.books_ms // 1000)
        if self._of != now:
            found = claiming.next_offer(turn, "pick") or claiming.next_offer(turn, "put_back")
            self._said = {
                "offer": None if found is None else showing_tasks.offer(turn, found),
                "waiting": len(claiming.waiting_orders(turn)),
                "put_back": len(claiming.waiting_to_be_put_back(turn)),
                "counts": len(books.counts.sessions),
            }
            self._of = now
        return self._said


class _Picking:
    def __init__(self, clerk: Clerk, clock: Clock, name_of: Callable[[str], str]) -> None:
        self._clerk = clerk
        self._clock = clock
        self._name_of = name_of
        self._next = _Next()

    async def next(self, request: Request) -> Response:
        turn, worker = self._look(), worker_of(request)
        mine = claiming.of_worker(turn, worker.id)
        return answers.json(self._next.of(turn) | {"mine": None if mine is None else showing_tasks.task(turn, mine)})

    async def claim(self, request: Request, body: _Claim) -> Response:
        me, wanted = worker_of(request), self._clerk.books.tasks.tasks.get(body.take_over)
        if wanted is not None and wanted.owner not in (me.id, "picker") and not may(me, "lead"):
            hint = (
                "Take the next one. This one is offered when its picker leaves it or falls silent; a lead may take it."
            )
            return answers.problem(409, f"{self._name_of(wanted.owner)} is at this task", hint)
        return self._said(await self._clerk.enter(ClaimTask(me.id, body.take_over, body.kind)))

    async def leave(self, request: Request, body: _Leave) -> Response:
        return self._said(
            await self._clerk.enter(LeaveTask(request.path_params["task"], body.token, worker_of(request).id))
        )

    async def report(self, request: Request, body: _Reports) -> Response:
        reports = tuple(one.said() for one in body.reports)
        said = await self._clerk.enter(Reports(request.path_params["task"], body.token, worker_of(request).id, reports))
        if isinstance(said, Refused):
            return _refused(said)
        shown = showing_tasks.task(self._look(), said.task)
        if said.lost:
            return answers.json(self._lost(said.task.worker) | {"results": said.results, "task": shown}, 409)
        return answers.json({"results": said.results, "task": shown})

    async def pack(self, request: Request, body: _Pack) -> Response:
        bags = tuple(Bag(bag.k, bag.n, bag.temperature) for bag in body.bags)
        ask = Pack(request.path_params["task"], body.token, worker_of(request).id, body.order, bags)
        return self._said(await self._clerk.enter(ask))

    async def ask(self, request: Request, body: _Ask) -> Response:
        if body.default == "cancel" and 0 < body.within_s < _LEAST_TO_CANCEL_S:
            why = Mistake("within_s", f"before an order is cancelled its customer has {_LEAST_TO_CANCEL_S} s at least")
            return _refused(Refused((why,)))
        task = body.task or self._clerk.books.tasks.of_order.get(("pick", body.order), "")
        return self._said(
            await self._clerk.enter(
                AskCustomer(
                    task,
                    body.token,
                    worker_of(request).id,
                    body.order,
                    body.line,
                    tuple(body.candidates),
                    body.within_s,
                    body.default,
                )
            )
        )

    async def find(self, request: Request, body: _Scan) -> Response:
        turn = self._look()
        found = scanned.read(body.text, body.aim, turn.books.catalogue, turn.books.instore)
        if isinstance(found, str):
            return answers.json({"sku": None, "why": found, "lines": []})
        mine = claiming.of_worker(turn, worker_of(request).id)
        stops = showing_tasks.task(turn, mine)["stops"] if mine is not None else []
        wanting = [
            {key: stop[key] for key in ("stop", "order", "short", "line", "tote", "qty", "done")}
            for stop in stops
            if stop["sku"] == found.sku.sku and stop["done"] < stop["qty"]
        ]
        sku = found.sku
        named = {"sku": sku.sku, "name_en": sku.name_en, "name_zh": sku.name_zh, "spots": sku.spots}
        traits = {"gtins": sku.gtins, "unit": sku.traits.unit, "min_age": sku.traits.min_age}
        free = {"free": atp.terms(turn, turn.conditions, sku.sku, CHANNEL).atp}
        said = {"grams": found.grams, "expires": found.expires, "lines": wanting}
        return answers.json(named | traits | free | said)

    async def substitutes(self, request: Request) -> Response:
        turn, number = self._look(), request.query_params.get("line", "")
        found = claiming.hold_of_order(turn, request.query_params.get("order", ""))
        line = next((one for one in (found.lines if found else ()) if str(one.line) == number), None)
        if found is None or line is None:
            return answers.problem(404, "there is no such line", "Name an open order and one of its lines.")
        skus = turn.books.catalogue.skus
        shown = [
            {"sku": one.sku, "name_en": skus[one.sku].name_en, "name_zh": skus[one.sku].name_zh, "why": one.why,
             "spot": (skus[one.sku].spots or ("",))[0], "gtins": skus[one.sku].gtins}
            for one in walking.substitutes(turn, found.order, line)
        ]  # fmt: skip
        return answers.json({"candidates": shown})

    def _look(self) -> Turn:
        return looked_at(self._clerk, self._clock)

    def _said(self, answer: Tasked | Lost | NoWork | Refused) -> Response:
        if isinstance(answer, Refused):
            return _refused(answer)
        if isinstance(answer, NoWork):
            return answers.problem(404, "there is no such work", "GET /v1/pick/next says what there is.")
        shown = showing_tasks.task(self._look(), answer.task)
        if isinstance(answer, Lost):
            return answers.json(self._lost(answer.task.worker) | {"task": shown}, 409)
        return answers.json(shown)

    def _lost(self, worker: str) -> dict[str, Any]:
        hint = "Somebody else goes on with this task. Put down what you have beside them, and take the next one."
        who = {"worker": worker, "name": self._name_of(worker)}
        return {"error": "the task is another's now", "hint": hint, "lost": True, **who}


def _refused(said: Refused) -> Response:
    status = 409 if said.conflict else 422
    return answers.mistakes(status, "it cannot be entered", list(said.mistakes), answers.AGAIN)
