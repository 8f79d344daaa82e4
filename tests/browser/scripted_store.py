"""A store's HTTP API that says what a test tells it to: the shapes of agent/web, no agent behind it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent.parent.parent / "agent" / "web" / "static"
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"


def now_ms() -> int:
    """Milliseconds since 1970, as the agent's clock would say."""
    return time.time_ns() // 1_000_000


def article(sku: str, name_en: str, name_zh: str, tagged: bool = False, **places: int) -> dict[str, Any]:
    """One SKU as /v1/stock shows it; `places` holds the non-zero balances inside the store."""
    return {
        "sku": sku,
        "name_en": name_en,
        "name_zh": name_zh,
        "gtins": ["04012345678901"],
        "tagged": tagged,
        "on_hand": sum(places.values()),
        "places": {**places, "SUPPLIER": -sum(places.values())},
    }


class ScriptedStore:
    """What the store says now; `tell` sends it to whoever listens."""

    def __init__(self) -> None:
        self.head = 1240
        self.articles = {
            row["sku"]: row
            for row in (
                article("JKT-0101", "Rain jacket, navy, M", "防雨夹克 藏青 M", True, FLOOR=6, BACKROOM=14),
                article("JKT-0102", "Rain jacket, navy, L", "防雨夹克 藏青 L", True, FLOOR=3, BACKROOM=9, QUARANTINE=1),
                article("TEA-0007", "Green tea, loose, 250 g", "散装绿茶 250 克", FLOOR=18, BACKROOM=40),
                article("MLK-0001", "Whole milk, 1 l", "全脂牛奶 1 升", FLOOR=-1, BACKROOM=24),
                article("SHO-2210", "Running shoe, 42", "跑步鞋 42", True, FLOOR=2),
                article("CUP-0031", "Porcelain cup", "瓷杯"),
            )
        }
        self.devices = [self.portal(), self.scanner()]
        self.cases = [self.case("c-1", "negative_stock", "MLK-0001", due_in_s=840)]
        self.counting = [
            self.count("case-1-7", "recount", "negative_stock", -300, ["MLK-0001"], assigned_to="badge-1"),
            self.count("C-17", "counting", "cycle", 5000, ["TEA-0007", "CUP-0031", "SHO-2210"], all=40, settled=12),
        ]
        self.line: dict[str, Any] = {
            "state": "here",
            "broker": "mqtt://127.0.0.1:1883",
            "connected_since": now_ms() - 3_600_000,
            "heard": 1240,
            "waiting": 0,
            "heard_at": now_ms() - 400,
            "oldest_waiting_ms": None,
            "why": None,
        }
        self.promising: dict[str, Any] = {"stopped": False, "paused": None, "lease_stale": None}
        self.streams = True
        #: What was posted.
        self.asked: list[dict[str, Any]] = []
        #: What was scanned at the page, and what the next scans are answered: a status, and the body.
        self.scanned: list[dict[str, Any]] = []
        self.scan_answers: list[tuple[int, dict[str, Any]]] = []
        #: What was marked as done: case, by, word.
        self.done: list[tuple[str, ...]] = []
        self._listeners: set[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = set()

    def portal(self) -> dict[str, Any]:
        """An RFID reader that works."""
        return {
            "name": "portal", "kind": "llrp", "state": "up", "about": "Impinj R420, 5.14",
            "since": now_ms() - 3_600_000, "readings": 48210, "rate_per_s": 31.5,
            "last_reading_at": now_ms() - 200, "sign_of_life_at": now_ms() - 200, "connects": 4, "losses": 3,
            "tries": 0, "retry_at": None, "trouble": "", "why": "", "hint": "", "lost_at": now_ms() - 3_660_000,
            "lost_why": "the reader closed the connection", "dropped": 0, "dropped_why": "", "clock_off_s": 0.4,
            "scans_refused": 0, "refusal": "", "scans_booked": 0,
        }  # fmt: skip

    def scanner(self) -> dict[str, Any]:
        """A barcode scanner that is gone."""
        return {
            "name": "dock-scanner", "kind": "barcode_serial", "state": "down", "about": "", "since": now_ms() - 95_000,
            "readings": 312, "rate_per_s": 0.0, "last_reading_at": now_ms() - 96_000,
            "sign_of_life_at": now_ms() - 96_000, "connects": 2, "losses": 2, "tries": 7, "retry_at": now_ms() + 25_000,
            "trouble": "not_there", "why": "/dev/ttyUSB0 is not there", "hint": "Check the scanner's cable and power.",
            "lost_at": now_ms() - 95_000, "lost_why": "the line was hung up", "dropped": 3,
            "dropped_why": "a line without its prefix", "clock_off_s": None, "scans_refused": 0, "refusal": "",
            "scans_booked": 309,
        }  # fmt: skip

    def case(self, ident: str, kind: str, about: str, due_in_s: int) -> dict[str, Any]:
        """An open case."""
        return {
            "id": ident, "case": kind, "about": about, "text": "-1 after sale:R-17/1",
            "hint": "Count the item; a missed delivery is likely.", "owner": "store_lead",
            "due": now_ms() + due_in_s * 1000, "opened_at": now_ms() - 60_000, "times": 2,
            "by_hand": kind == "books_restored",
        }  # fmt: skip

    def count(self, ident: str, state: str, why: str, due_in_s: int, skus: list[str], **others: Any) -> dict[str, Any]:
        """An open count."""
        return {
            "count": ident, "place": "FLOOR", "why": why, "state": state, "owner": "store_lead",
            "due": now_ms() + due_in_s * 1000, "requested_by": "badge-4", "requested_at": now_ms() - 600_000,
            "assigned_to": "", "counters": ["badge-2"] if state == "counting" else [], "settled": 0, "all": 1,
            "skus": skus, **others,
        }  # fmt: skip

    def stock(self, *skus: str) -> dict[str, Any]:
        """/v1/stock, of some SKUs or of all."""
        rows = [row for sku, row in self.articles.items() if not skus or sku in skus]
        return {"store": "SH-0001", "at": now_ms(), "epoch": 1, "head": self.head, "digest": "00", "skus": rows}

    def health(self) -> dict[str, Any]:
        """/v1/health."""
        return {
            "store": "SH-0001", "chain": "demo", "version": "0.1.0", "boot": "b1", "at": now_ms(),
            "started_at": now_ms() - 3_600_000, "epoch": 1, "head": self.head, "devices": self.devices,
            "line": self.line, "promising": self.promising, "cases": self.cases, "counting": self.counting,
            "bystanders": [{"kind": "crate", "name": "crate 9521141/1", "place": "FLOOR", "heard_at": now_ms()}],
            "counting_all": len(self.counting), "counts": {"turns": 912, "rows": 1240},
        }  # fmt: skip

    def explain(self, sku: str) -> dict[str, Any]:
        """/v1/explain: two of the units on the floor are held for the web."""
        row = self.articles[sku]
        sellable = row["places"].get("FLOOR", 0) + row["places"].get("BACKROOM", 0)

        def terms(channel: str, safety: int, stopped: str) -> dict[str, Any]:
            atp = 0 if stopped else max(0, sellable - 3 - safety)
            return {
                "sku": sku, "channel": channel, "sellable": sellable, "promised": 2, "granted": 0, "uncertain": 1,
                "safety": safety, "quota_left": None, "stopped": stopped, "atp": atp,
            }  # fmt: skip

        claim = {"hold": "h-17", "channel": "web", "state": "pending", "order": "", "left_s": 840}
        return {
            "sku": sku, "name_en": row["name_en"], "name_zh": row["name_zh"], "unit": "each", "eligibility": "instant",
            "retired": False, "seq": self.head, "places": row["places"], "pulled": 0, "evidence_age_ms": 3 * 3_600_000,
            "record": "sure", "paused": self.promising["paused"], "lease": None,
            "channels": [terms("web", 4, ""), terms("*", 1, "the store is paused" if sku == "CUP-0031" else "")],
            "claims": [claim | {"units": 2, "pulled": 0}],
            "claims_more": 0,
        }  # fmt: skip

    def post(self, sku: str, **places: int) -> None:
        """Change an article's balances and tell the listeners."""
        known = self.articles[sku]
        self.head += 1
        self.articles[sku] = article(sku, known["name_en"], known["name_zh"], known["tagged"], **places)
        self.tell("stock", self.stock(sku))

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Send one event to every listener."""
        for listener in self._listeners:
            listener.put_nowait((event, data))

    def hang_up(self) -> None:
        """End every event stream, as a stopping agent does."""
        for listener in self._listeners:
            listener.put_nowait(None)

    async def _events(self) -> AsyncIterator[str]:
        mine: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue(maxsize=1000)
        self._listeners.add(mine)
        try:
            yield ": hello\n\n"
            while (told := await mine.get()) is not None:
                yield f"event: {told[0]}\ndata: {json.dumps(told[1])}\n\n"
        finally:
            self._listeners.discard(mine)

    def app(self) -> Starlette:
        """The API and the page, under the policy the agent's own pages have."""

        async def stock(_: Request) -> Response:
            return JSONResponse(self.stock())

        async def health(_: Request) -> Response:
            return JSONResponse(self.health())

        async def explain(request: Request) -> Response:
            return JSONResponse(self.explain(request.path_params["sku"]))

        async def pause(request: Request) -> Response:
            self.asked.append(await request.json())
            self.promising["paused"] = paused = {"holds": self.asked[-1]["paused"], "at": now_ms(), **self.asked[-1]}
            self.promising["stopped"] = paused["holds"]
            self.tell("health", self.health())
            return JSONResponse(paused)

        async def resolve(request: Request) -> Response:
            self.done.append((request.path_params["case"], *(await request.json()).values()))
            if self.done[-1][1] == "nobody":
                return JSONResponse({"error": "no", "hint": "who is that?"}, 422)
            self.cases = [case for case in self.cases if case["id"] != request.path_params["case"]]
            self.tell("health", self.health())
            return JSONResponse({"case": 1})

        async def scans(request: Request) -> Response:
            self.scanned.append(await request.json())
            usual = 200, {"accepted": True, "sku": "TEA-0007", "message": "TEA-0007"}
            status, body = self.scan_answers.pop(0) if self.scan_answers else usual
            return JSONResponse(body, status)

        async def events(_: Request) -> Response:
            if not self.streams:
                return JSONResponse({"error": "too many pages are open"}, 503)
            return StreamingResponse(self._events(), media_type="text/event-stream")

        async def page(_: Request) -> Response:
            return FileResponse(STATIC / "index.html", headers={"content-security-policy": CSP})

        return Starlette(
            routes=[
                Route("/", page),
                Route("/v1/stock", stock),
                Route("/v1/health", health),
                Route("/v1/events", events),
                Route("/v1/pause", pause, methods=["POST"]),
                Route("/v1/scans", scans, methods=["POST"]),
                Route("/v1/cases/{case}/resolve", resolve, methods=["POST"]),
                Route("/v1/explain/{sku:path}", explain),
                Mount("/static", StaticFiles(directory=STATIC)),
            ]
        )
