"""The OpenAPI document of the store's API, made from its routes: what they take, what they answer, who may."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.routing import BaseRoute, Route

from agent.core import asks
from agent.core.explain import Explanation
from agent.web import scanning, sessions
from agent.web.access import Rule, rules_of
from agent.web.bodies import MOST_EPCS, MOST_LINES

_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Number = Annotated[int, Meta(ge=1, le=1_000_000)]
_Counted = Annotated[int, Meta(ge=0, le=100_000_000)]
_Seq = Annotated[int, Meta(ge=0, le=2**53)]
_Epc = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}){1,62}$")]


class _Item(msgspec.Struct, forbid_unknown_fields=True):
    """An item: either `sku` or `gtin`."""

    sku: _Name | msgspec.UnsetType = msgspec.UNSET
    gtin: _Name | msgspec.UnsetType = msgspec.UNSET


class _SaleLine(_Item, kw_only=True, forbid_unknown_fields=True):
    line: _Number
    qty: _Number
    epc: _Epc | None = None


class Sale(msgspec.Struct, forbid_unknown_fields=True):
    """A till's receipt."""

    receipt: _Name
    lines: Annotated[list[_SaleLine], Meta(min_length=1, max_length=MOST_LINES)]
    at: _Seq | None = None


class _DeliveryLine(_Item, kw_only=True, forbid_unknown_fields=True):
    line: _Number
    epcs: Annotated[list[_Epc], Meta(min_length=1, max_length=MOST_EPCS)]


class Delivery(msgspec.Struct, forbid_unknown_fields=True):
    """A delivery note."""

    delivery: _Name
    lines: Annotated[list[_DeliveryLine], Meta(min_length=1, max_length=MOST_LINES)]


class _CountLine(_Item, kw_only=True, forbid_unknown_fields=True):
    line: _Number
    counted: _Counted
    from_seq: _Seq
    to_seq: _Seq


class RequestCount(msgspec.Struct, forbid_unknown_fields=True):
    """A count that is to be made; or, with `lines` and `epoch`, one that was made elsewhere."""

    count: _Name
    place: _Name
    by: _Name
    why: str | msgspec.UnsetType = msgspec.UNSET
    items: Annotated[list[_Item], Meta(min_length=1, max_length=MOST_LINES)] | None = None
    assigned_to: _Name | None = None
    due_s: Annotated[int, Meta(ge=60, le=30 * 24 * 3600)] | None = None
    epoch: _Seq | msgspec.UnsetType = msgspec.UNSET
    approved_by: _Name | None = None
    lines: Annotated[list[_CountLine], Meta(min_length=1, max_length=MOST_LINES)] | None = None


class StartCount(msgspec.Struct, forbid_unknown_fields=True):
    """Who counts."""

    by: _Name
    take_over: bool = False


class _FoundLine(_Item, kw_only=True, forbid_unknown_fields=True):
    counted: _Counted


class FoundCount(msgspec.Struct, forbid_unknown_fields=True):
    """What was found."""

    by: _Name
    lines: Annotated[list[_FoundLine], Meta(min_length=1, max_length=MOST_LINES)]


class _Verdict(_Item, kw_only=True, forbid_unknown_fields=True):
    approve: Annotated[int, Meta(ge=0)]


class ReviewCount(msgspec.Struct, forbid_unknown_fields=True):
    """A manager's word."""

    by: _Name
    lines: Annotated[list[_Verdict], Meta(min_length=1, max_length=MOST_LINES)]


class CancelCount(msgspec.Struct, forbid_unknown_fields=True):
    """Who says so."""

    by: _Name


class StockOfSku(msgspec.Struct):
    """Units inside the store, and by place what is not zero."""

    sku: str
    name_en: str
    name_zh: str
    gtins: list[str]
    tagged: Any
    on_hand: int
    places: dict[str, int]


class Stock(msgspec.Struct):
    """What the store has, as row `head` of `epoch` left it."""

    store: str
    at: int
    epoch: int
    head: int
    books: str
    skus: list[StockOfSku]
    digest: Any = None


class Problem(msgspec.Struct):
    """Why not, and what to do; some answers tell more beside it."""

    error: str
    hint: str
    mistakes: list[asks.Mistake] | msgspec.UnsetType = msgspec.UNSET
    retry_after_s: int | msgspec.UnsetType = msgspec.UNSET


#: Bodies that are read by hand, to name every mistake at once; other routes say themselves what they take.
_TAKES: Final[Mapping[tuple[str, str], type]] = MappingProxyType(
    {
        ("POST", "/v1/sales"): Sale,
        ("POST", "/v1/deliveries"): Delivery,
        ("POST", "/v1/counts"): RequestCount,
        ("POST", "/v1/counts/{count:path}/start"): StartCount,
        ("POST", "/v1/counts/{count:path}/lines"): FoundCount,
        ("POST", "/v1/counts/{count:path}/review"): ReviewCount,
        ("POST", "/v1/counts/{count:path}/cancel"): CancelCount,
    }
)

#: What 200 answers; a route that is not here answers an object that its own page describes.
_ANSWERS: Final[Mapping[tuple[str, str], Any]] = MappingProxyType(
    {
        ("GET", "/v1/stock"): Stock,
        ("GET", "/v1/explain/{sku:path}"): Explanation,
        ("POST", "/v1/sales"): asks.Sold,
        ("POST", "/v1/deliveries"): asks.Expected,
        ("POST", "/v1/scans"): scanning.Answer,
        ("POST", "/v1/holds"): asks.Claimed,
        ("POST", "/v1/holds/{hold}/commit"): asks.Claimed,
        ("POST", "/v1/holds/{hold}/consume"): asks.Claimed,
        ("POST", "/v1/holds/{hold}/release"): asks.Claimed,
        ("POST", "/v1/holds/{hold}/breach"): asks.Claimed,
        ("POST", "/v1/grants"): asks.Granted,
        ("POST", "/v1/pause"): asks.Paused,
        ("POST", "/v1/cases/{case:int}/resolve"): asks.CaseResolved,
        ("POST", "/v1/board/cases/{case:int}/resolve"): asks.CaseResolved,
        ("POST", "/v1/session"): sessions.In,
        ("GET", "/v1/session"): sessions.In,
        ("POST", "/v1/session/lang"): sessions.In,
        ("GET", "/v1/people"): sessions.People,
        ("POST", "/v1/people"): sessions.Person,
        ("POST", "/v1/people/{worker}/pin"): sessions.Person,
    }
)
#: Of routes that answer a file; its name's end says which.
_FILES: Final = MappingProxyType({"csv": "text/csv", "pdf": "application/pdf"})

_REF: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")


def openapi(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of those routes that are the API's."""
    operations = [
        (route, method, rule)
        for route in routes
        if isinstance(route, Route) and route.path.startswith("/v1/")
        for method, rule in rules_of(route).items()
    ]
    types: list[Any] = [Problem]
    for route, method, _ in operations:
        types += [found for found in (_taken(route, method), _ANSWERS.get((method, route.path))) if found is not None]
    schemas, shared = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route, method, rule in operations:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[method.lower()] = _operation(route, method, rule, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nearshelf store", "version": "1.0.0", "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": shared, "securitySchemes": _SCHEMES},
    }


_SCHEMES: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "`[web] token`, where one is set"},
    "session": {"type": "apiKey", "in": "cookie", "name": "nearshelf_session", "description": "from POST /v1/session"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF", "description": "as GET /v1/session tells"},
}


def _taken(route: Route, method: str) -> Any:
    """The type of what a route takes; None when it has no body."""
    if method != "POST":
        return None
    return _TAKES.get((method, route.path)) or getattr(route.endpoint, "takes", None)


def _operation(route: Route, method: str, rule: Rule, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    taken, answer = _taken(route, method), _ANSWERS.get((method, route.path))
    told = {"type": "object"} if answer is None else schema_of[answer]
    media = "text/event-stream" if rule.stream else _FILES.get(route.path.rpartition(".")[2])
    content = _json(told) if media is None else {media: {"schema": {"type": "string"}}}
    operation: dict[str, Any] = {
        "summary": f"{_first_line(taken) or route.path.rpartition('/')[2]} ({rule.who})",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "integer" if kind == "int" else "string"}}
            for name, kind in _PARAMETER.findall(route.path)
        ],
        "responses": {
            "200": {"description": "done", "content": content},
            "default": {"description": "why not", "content": _json(schema_of[Problem])},
        },
    }
    if taken is not None:
        operation["requestBody"] = {"required": True, "content": _json(schema_of[taken])}
    if rule.who == "machine":
        operation["security"] = [{}, {"token": []}]
    elif rule.role is not None:
        operation["security"] = [{"session": []} if method == "GET" else {"session": [], "csrf": []}]
    return operation


def _first_line(of: Any) -> str:
    return ((getattr(of, "__doc__", "") or "").splitlines() or [""])[0]


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
