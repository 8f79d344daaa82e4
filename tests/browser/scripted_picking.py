"""The API of the handheld as docs/handheld.md has it, that says what a test tells it to; no agent behind it."""

import asyncio
import copy
from typing import Any

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from agent.core.instore import Form, InStore
from agent.web import handheld
from agent.web.app import Secured

MILK, TEA, PEN, HAM, ICE, OAT = (
    "4006381333931", "4012345678901", "5901234123457", "2012345000001", "4006381333948", "4006381333955",
)  # fmt: skip
#: A store's own code: item 12345, weight in grams.
FORM = Form("20IIIIIVVVVV", "grams")


def stop(number: int, gtin: str, name: tuple[str, str], spot: str, **others: Any) -> dict[str, Any]:
    """A stop of the tour."""
    aisle, side, bay, level = spot.split("-")
    return {
        "stop": f"s{number}", "order": "WEB-7F2A", "short": "7F2A", "line": number, "tote": "T-1",
        "sku": name[0].upper().replace(" ", "-"), "name_en": name[0], "name_zh": name[1], "spot": spot,
        "aisle": int(aisle[1:]), "side": side, "bay": int(bay), "level": int(level), "other_spots": [],
        "backroom": 0, "qty": 1, "done": 0, "unit": "each", "tolerance_pct": 10,
        "temperature": "ambient", "min_age": None, "scarce": False,
        "gtins": [gtin.zfill(14)], "state": "todo", "unavailable": "ask", **others,
    }  # fmt: skip


def two_orders() -> list[dict[str, Any]]:
    """Two orders on one cart: four stops of one, one of the other."""
    return [
        stop(1, TEA, ("Green tea, loose, 250 g", "散装绿茶 250 克"), "A01-L-03-2", qty=2, scarce=True),
        stop(2, PEN, ("Ball pen, blue", "蓝色圆珠笔"), "A03-R-12-4", qty=6, order="WEB-8K31", short="8K31", tote="T-2"),
        stop(3, HAM, ("Cooked ham, sliced", "切片熟火腿"), "A05-L-01-1", qty=500, unit="gram"),
        stop(4, MILK, ("Whole milk, 1 l", "全脂牛奶 1 升"), "A09-L-02-1", temperature="chilled"),
    ]


class ScriptedPicking:
    """What the store says; `reported` is what it was told, in order, each id once."""

    def __init__(self) -> None:
        self.stops = two_orders()
        self.kind = "pick"
        self.offered = True
        self.token = 1
        self.worker: dict[str, Any] | None = None
        self.reported: list[dict[str, Any]] = []
        self.came = 0  # reports that came, repetitions too
        self.packed: list[dict[str, Any]] = []
        self.handed: list[dict[str, Any]] = []
        #: How long each hand-over took, as the handheld measured it.
        self.took_s: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.counted: list[dict[str, Any]] = []
        self.refuse: dict[str, str] = {}  # by outcome: why
        self.taken_by = ""
        self.claimed = False
        self.closed = False
        self.orders: dict[str, dict[str, Any]] = {}
        self.answers_board = asyncio.Event()
        self.answers_board.set()
        self.failing = 0  # so many answers to reports get lost on their way back
        for one in self.stops:
            self.orders.setdefault(one["order"], self._order(one["order"], one["short"]))
        self.names = {one["gtins"][0]: one for one in self.stops}
        self.names[OAT.zfill(14)] = stop(9, OAT, ("Oat drink", "燕麦饮"), "A09-R-02-1")

    def _order(self, order: str, short: str) -> dict[str, Any]:
        return {
            "order": order, "short": short, "state": "picking", "fulfil": "courier", "due_in_s": 900, "bags": [],
            "lines": [], "next": "pick", "slots": [], "min_age": 18,
            "suggested_slots": {"ambient": "S-04"},
        }  # fmt: skip

    def task(self) -> dict[str, Any]:
        """The task as the store has it."""
        done = {"picked", "short", "substituted"}
        for name, order in self.orders.items():
            mine = [one for one in self.stops if one["order"] == name]
            if order["next"] in ("pick", "pack"):
                order["next"] = "pack" if all(one["state"] in done for one in mine) else "pick"
        ended = all(one["state"] in done for one in self.stops) and (
            self.kind == "put_back" or all(order["next"] == "hand_over" for order in self.orders.values())
        )
        return copy.deepcopy({
            "id": "T-17", "token": self.token, "kind": self.kind, "due_in_s": 840,
            "state": "done" if ended else "claimed",
            "reason": {"code": "courier"}, "stops": self.stops, "orders": list(self.orders.values()),
            "totes": [
                {"tote": f"T-{nth}", "order": name, "short": order["short"], "label": f"T-{nth}"}
                for nth, (name, order) in enumerate(self.orders.items(), 1)
            ],
        })  # fmt: skip

    def enter(self, report: dict[str, Any]) -> dict[str, Any]:
        """One report: entered once, or refused."""
        if any(one["id"] == report["id"] for one in self.reported):
            return {"id": report["id"], "outcome": "known", "why": ""}
        why = self.refuse.get(report["outcome"], "")
        if why:
            return {"id": report["id"], "outcome": "refused", "why": why}
        self.reported.append(report)
        if report["outcome"] == "staged":
            self.orders[report["order"]] |= {"next": "hand_over", "state": "staged", "slots": [report["slot"]]}
            return {"id": report["id"], "outcome": "entered", "why": ""}
        found = next(one for one in self.stops if (one["order"], one["line"]) == (report["order"], report["line"]))
        outcome, qty = report["outcome"], report["qty"]
        if outcome == "undo":
            undone = next(one for one in self.reported if one["id"] == report["undoes"])
            outcome, qty = undone["outcome"], -undone["qty"]
        if outcome in ("picked", "put_back", "substituted", "weighed"):
            found["done"] += qty
            least = found["qty"] * 0.9 if found["unit"] == "gram" else found["qty"]
            found["state"] = (
                ("substituted" if outcome == "substituted" else "picked") if found["done"] >= least else "todo"
            )
        elif outcome in ("short", "held_by_customer"):
            elsewhere = found["backroom"] and report["place"] == "FLOOR"
            found["state"] = "todo" if qty < 0 or elsewhere else "short"
        return {"id": report["id"], "outcome": "entered", "why": ""}

    def app(self) -> Secured:
        """The API and the page, under the policy the agent's own pages have."""
        routes = [
            *handheld.routes(lambda: InStore(forms=(FORM,))),
            Route("/v1/session", self._session, methods=["GET", "POST", "DELETE"]),
            Route("/v1/session/lang", self._lang, methods=["POST"]),
            Route("/v1/pick/next", self._next),
            Route("/v1/pick/claim", self._claim, methods=["POST"]),
            Route("/v1/pick/tasks/{task}/reports", self._reports, methods=["POST"]),
            Route("/v1/pick/tasks/{task}/pack", self._pack, methods=["POST"]),
            Route("/v1/pick/tasks/{task}/leave", self._leave, methods=["POST"]),
            Route("/v1/pick/find", self._find, methods=["POST"]),
            Route("/v1/pick/substitutes", self._substitutes),
            Route("/v1/pick/ask", self._ask, methods=["POST"]),
            Route("/v1/orders/{order}/hand_over", self._hand_over, methods=["POST"]),
            Route("/v1/board", self._board),
            Route("/v1/explain/{sku:path}", self._explain),
            Route("/v1/counts", self._counts),
            Route("/v1/pick/counts/{count}/start", self._start, methods=["POST"]),
            Route("/v1/pick/counts/{count}/lines", self._lines, methods=["POST"]),
            Mount("/static", GZipMiddleware(StaticFiles(directory=handheld.STATIC))),
        ]
        return Secured(Starlette(routes=routes))

    async def _session(self, request: Request) -> Response:
        if request.method == "POST":
            said = await request.json()
            if said["pin"] != "2468":
                return JSONResponse({"error": "badge or PIN is wrong", "hint": "Try again."}, 401)
            self.worker = {"id": said["badge"], "name": "Picker 1", "role": "picker", "lang": said.get("lang", "")}
        if request.method == "DELETE":
            self.worker = None
            return Response(status_code=204)
        if self.worker is None:
            return JSONResponse({"error": "nobody is signed in", "hint": "Sign in."}, 401)
        return JSONResponse({"worker": self.worker, "csrf": "c-1"})

    async def _lang(self, request: Request) -> Response:
        assert self.worker is not None
        self.worker["lang"] = (await request.json())["lang"]
        return JSONResponse({})

    async def _next(self, _: Request) -> Response:
        units = sum(one["qty"] if one["unit"] == "each" else 1 for one in self.stops)
        offer = {
            "orders": list(self.orders.values()), "lines": len(self.stops), "units": units, "due_in_s": 840,
            "reason": {"code": "courier"},
        }  # fmt: skip
        task = self.task() if self.claimed and not self.taken_by else None
        mine = task if task is not None and task["state"] != "done" else None
        free = self.offered and not self.claimed
        counts = 0 if self.counted or self.claimed else 1
        return JSONResponse(
            {"offer": offer if free else None, "waiting": 3, "mine": mine, "put_back": 0, "counts": counts}
        )

    async def _claim(self, request: Request) -> Response:
        assert request.headers["x-csrf"] == "c-1"
        self.claimed = True
        if (await request.json()).get("take_over"):
            self.token += 1
        return JSONResponse(self.task())

    async def _reports(self, request: Request) -> Response:
        said = await request.json()
        assert len(said["reports"]) <= 200
        self.came += len(said["reports"])
        lost = said["token"] != self.token
        results = [self.enter(one) for one in said["reports"]]
        if self.failing:
            self.failing -= 1
            return JSONResponse({}, 503)
        body: dict[str, Any] = {"results": results, "task": self.task()}
        if lost:
            body |= {"lost": True, "worker": self.taken_by}
        return JSONResponse(body, 409 if lost else 200)

    async def _pack(self, request: Request) -> Response:
        said = await request.json()
        self.packed.append(said)
        self.orders[said["order"]] |= {"next": "stage", "state": "packed", "bags": said["bags"]}
        return JSONResponse(self.task())

    async def _leave(self, _: Request) -> Response:
        self.claimed = False
        return JSONResponse({})

    async def _find(self, request: Request) -> Response:
        text = (await request.json())["text"]
        found = self.names.get(text.zfill(14)) or next((one for one in self.stops if one["sku"] == text), None)
        if found is None:
            return JSONResponse({"sku": None, "why": "it is not in the catalogue", "lines": []})
        return JSONResponse({key: found[key] for key in ("sku", "name_en", "name_zh")})

    async def _substitutes(self, _: Request) -> Response:
        oat = self.names[OAT.zfill(14)]
        return JSONResponse({"candidates": [{**oat, "why": ["category", "price", "sure"]}]})

    async def _ask(self, request: Request) -> Response:
        self.asked.append(await request.json())
        self.orders[self.asked[-1]["order"]]["next"] = "wait"
        return JSONResponse(self.task())

    async def _board(self, _: Request) -> Response:
        await self.answers_board.wait()
        return JSONResponse({"orders": list(self.orders.values())})

    async def _hand_over(self, request: Request) -> Response:
        said = await request.json()
        if said.get("code", "4711") != "4711":
            return JSONResponse({"error": "wrong code", "hint": "Ask again.", "tries_left": 4}, 403)
        self.took_s.append(said.pop("took_s"))
        self.handed.append(said)
        self.orders[request.path_params["order"]]["state"] = "handed_over"
        return JSONResponse({})

    async def _explain(self, request: Request) -> Response:
        return JSONResponse(next(one for one in self.stops if one["sku"] == request.path_params["sku"]))

    def _count(self) -> dict[str, Any]:
        return {
            "count": "C-1", "place": "FLOOR", "state": "requested", "assigned_to": "", "counters": [], "whole": False,
            "lines": [{"line": 1, "sku": self.stops[0]["sku"], "state": "counting", "counter": "badge-7"}],
        }  # fmt: skip

    async def _counts(self, _: Request) -> Response:
        return JSONResponse({"counts": [self._count()]})

    async def _start(self, _: Request) -> Response:
        return JSONResponse(self._count() | {"state": "counting"})

    async def _lines(self, request: Request) -> Response:
        self.counted.append(await request.json())
        return JSONResponse({})
