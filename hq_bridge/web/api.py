"""HQ's HTTP API as a table: each route, what may be asked, what is answered. `openapi` tells the world of it."""

import difflib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from hq_bridge.web import shapes
from hq_bridge.web.board import Board
from wire.figures import NAMES
from wire.messages import Event, HqAsk

_NUMBER_MAX = 2**53 - 1


class BadQuery(Exception):
    """Raised when what was asked makes no sense; says what would."""


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number in the query."""

    name: str
    what: str
    least: int
    most: int
    default: int | None

    def read(self, text: str | None) -> int | None:
        """Raises BadQuery."""
        if text is None:
            return self.default
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and self.least <= int(text) <= self.most):
            raise BadQuery(f"{self.name} must be a number from {self.least} to {self.most}")
        return int(text)

    def schema(self) -> dict[str, Any]:
        default = {} if self.default is None else {"default": self.default}
        return {"type": "integer", "minimum": self.least, "maximum": self.most, **default}

    @property
    def required(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the query."""

    name: str
    what: str
    required: bool = False
    pattern: str = r"^[^\u0000]{1,256}$"
    example: str = ""

    def read(self, text: str | None) -> str | None:
        """Raises BadQuery."""
        if text is None:
            if self.required:
                raise BadQuery(f"{self.name} is missing: {self.what}")
            return None
        if re.fullmatch(self.pattern, text) is None or text.endswith("\n"):
            raise BadQuery(f"{self.name} cannot be {text[:64]!r}: {self.what}")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern, **({"examples": [self.example]} if self.example else {})}


Answer = msgspec.Struct | Awaitable[msgspec.Struct]


@dataclass(frozen=True, slots=True)
class Question:
    """One route: `ask` gets the values of path and query by name."""

    path: str
    what: str
    answer: type[msgspec.Struct]
    query: tuple[Number | Text, ...]
    ask: Callable[[Board, Mapping[str, Any]], Answer]

    def read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The query's values by name. Raises BadQuery."""
        return read_query(query, self.query)


def read_query(query: Mapping[str, str], known: tuple[Number | Text, ...]) -> dict[str, Any]:
    """Each known value, checked. Raises BadQuery, also for a name that is not known."""
    names = [each.name for each in known]
    for name in query:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            may = f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(names) or 'nothing'}"
            raise BadQuery(f"{name[:64]} is not known here{may}")
    return {each.name: each.read(query.get(each.name)) for each in known}


_LIMIT = Number("limit", "at most so many", 1, 1000, 100)

#: What `/v1/events` may be asked; it is a stream, so its route is in `app.py`.
EVENTS_QUERY: Final = (
    Text("store", "one store; without it all, from now on", pattern=r"^[A-Za-z0-9-]{1,32}$", example="SH-0001"),
    Text("after", "epoch/seq of the last row you have", pattern=r"^[0-9]{1,16}/[0-9]{1,16}$", example="3/17"),
)

#: What days may be asked for.
DAYS_QUERY: Final = (
    Number("days", "so many days", 1, 400, 14),
    Text(
        "until",
        "the last of them; the newest there is when left out",
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        example="2026-11-22",
    ),
)
_STORE = Text("store", "one store", pattern=r"^[A-Za-z0-9-]{1,32}$", example="SH-0001")

#: What `/v1/orders` and an order's events may be asked; their routes are in `order_pages.py`.
ORDERS_QUERY: Final = (
    _STORE,
    Text("state", "a state of orders; `open` when left out", pattern=r"^[a-z_]{1,32}$", example="staged"),
    Text("after", "the `next` of the page before", example="W-7781"),
    _LIMIT,
)
ORDER_EVENTS_QUERY: Final = (
    Text("after", "epoch/seq of the last row you have", pattern=r"^[0-9]{1,16}/[0-9]{1,16}$", example="3/17"),
)

QUESTIONS: Final = (
    Question(
        "/v1/stores", "Every store: is it here, how far has it been heard, what is wrong.", shapes.Stores, (),
        lambda board, _: board.stores(),
    ),
    Question(
        "/v1/stores/{store}/stock", "What one store has, by SKU and place.", shapes.StoreStock, (),
        lambda board, asked: board.stock(asked["store"]),
    ),
    Question(
        "/v1/stores/{store}/days", "Days of a store that are over: sums, and the figures they make.", shapes.StoreDays,
        DAYS_QUERY, lambda board, asked: board.days_of(asked["store"], asked["until"], asked["days"]),
    ),
    Question(
        "/v1/days", "The same of all stores together.", shapes.ChainDays,
        DAYS_QUERY, lambda board, asked: board.days.of_chain(asked["until"], asked["days"]),
    ),
    Question(
        "/v1/days/{day}", "One figure of a day, of each store.", shapes.DayOfStores,
        (Text("figure", "which", required=True, pattern="^(" + "|".join(NAMES) + ")$", example="on_time_rate"),),
        lambda board, asked: board.days.ranked(asked["day"], asked["figure"]),
    ),
    Question(
        "/v1/stores/{store}/log", "A store's rows as they landed, beyond one you have.", shapes.Log,
        (
            Number("epoch", "of these books; the present ones when left out", 0, _NUMBER_MAX, None),
            Number("after", "the last row you have", 0, _NUMBER_MAX + 1, 0),
            _LIMIT,
        ),
        lambda board, asked: board.log(asked["store"], asked["epoch"], asked["after"], asked["limit"]),
    ),
    Question(
        "/v1/stock", "One SKU over all stores, with the total and how old its oldest part is.", shapes.SkuStock,
        (Text("sku", "a SKU, written exactly", required=True, example="TEA-100"),),
        lambda board, asked: board.stock_of(asked["sku"]),
    ),
    Question(
        "/v1/skus", "SKUs that begin so, by name, a page at a time.", shapes.Skus,
        (
            Text("prefix", "the first characters of SKUs, in capitals as they are", required=True, example="TEA"),
            Text("after", "the `next` of the page before", example="TEA-100"),
            _LIMIT,
        ),
        lambda board, asked: board.skus(asked["prefix"], asked["after"] or "", asked["limit"]),
    ),
    Question(
        "/v1/lag", "How far behind its stores HQ was in the last half hour.", shapes.LagTrend,
        (Text("store", "one store; without it the chain", pattern=r"^[A-Za-z0-9-]{1,32}$", example="SH-0001"),),
        lambda board, asked: board.lag(asked["store"]),
    ),
    Question(
        "/v1/quarantine", "Messages nobody could read.", shapes.Quarantine, (),
        lambda board, _: board.quarantine(),
    ),
)  # fmt: skip


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of all this."""
    types: list[Any] = [question.answer for question in QUESTIONS]
    more = [shapes.Problem, shapes.Command, HqAsk, shapes.PlacedOrder, shapes.PlacedOrders, Event]
    tops, shared = msgspec.json.schema_components([*types, *more], ref_template=_REF)
    problem, command, ask, order, orders = tops[len(types) : len(types) + 5]
    paths = {
        question.path: {"get": _operation(question.path, question.what, question.query, _json(top), problem)}
        for question, top in zip(QUESTIONS, tops, strict=False)
    }
    stream = {"text/event-stream": {"schema": {"type": "string", "description": _STREAM}}}
    paths["/v1/events"] = {"get": _operation("/v1/events", _EVENTS, EVENTS_QUERY, stream, problem)}
    paths["/v1/events"]["get"]["parameters"].append(
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}, "description": "goes before `after`"}
    )
    board = {"text/event-stream": {"schema": {"type": "string", "description": _BOARD_STREAM}}}
    paths["/v1/board"] = {"get": _operation("/v1/board", _BOARD, (), board, problem)}
    document = _json({"type": "object"})
    paths["/v1/openapi.json"] = {"get": _operation("/v1/openapi.json", "This document.", (), document, problem)}
    # msgspec lets anything stand where raw bytes are kept.
    shared["Command"]["properties"]["ask"] = ask
    paths["/v1/commands/{id}"] = {"get": _operation("/v1/commands/{id}", _COMMAND, (), _json(command), problem)}
    paths["/v1/stores/{store}/commands"] = {"post": _asking(command, problem, shared)}
    for path, what in _SHEETS.items():
        sheet = {"text/csv": {"schema": {"type": "string"}}}
        paths[path] = {"get": _operation(path, what, DAYS_QUERY, sheet, problem)}
    paths |= _of_orders(order, orders, command, problem, shared)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nearshelf HQ", "version": "1.0.0", "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": shared,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "`[web] token` of HQ"}},
        },
    }


def _asking(command: dict[str, Any], problem: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """How a store is asked to do something. What is asked is added to `shared`: counter and lease are HQ's business."""
    kinds = []
    for name in ("Pause", "Grant", "Order", "Paid", "Amend", "Cancel", "Courier", "Decision"):
        of = shared[f"{name}Ask"]
        properties = {key: schema for key, schema in of["properties"].items() if key not in _HQS_OWN}
        required = [key for key in of["required"] if key not in _HQS_OWN]
        shared[name] = of | {"title": name, "properties": properties, "required": required}
        kinds.append({"$ref": _REF.format(name=name)})
    return _posting("/v1/stores/{store}/commands", _ASK, {"oneOf": kinds}, command, problem)


def _posting(
    path: str, what: str, body: dict[str, Any], answer: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    """Something that a store is to do: taken, and told again what became of it."""
    operation = _operation(path, what, (), _json(answer), problem)
    operation["responses"] = {
        "200": {"description": "asked before, and this is what the store answered", "content": _json(answer)},
        "202": {"description": "taken; it waits for the store's answer", "content": _json(answer)},
        "409": {"description": "it was something else before, or cannot be asked now", "content": _json(problem)},
        "default": operation["responses"]["default"],
    }
    return operation | {"security": [{"token": []}], "requestBody": {"required": True, "content": _json(body)}}


def _of_orders(
    order: dict[str, Any],
    orders: dict[str, Any],
    command: dict[str, Any],
    problem: dict[str, Any],
    shared: dict[str, Any],
) -> dict[str, Any]:
    """The paths of orders. What is posted is the command of the same name, less what HQ knows."""
    stream = {"text/event-stream": {"schema": {"type": "string", "description": _ORDER_STREAM}}}
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
    placing = shared["Order"]
    new = {
        "type": "object",
        "properties": {"store": {"type": "string"}, **_without(placing["properties"], ("id", "kind"))},
        "required": ["store", *(name for name in placing["required"] if name not in ("id", "kind", "order"))],
    }
    one = "/v1/orders/{id}"
    paths = {
        "/v1/orders": {
            "get": _operation("/v1/orders", _ORDERS, ORDERS_QUERY, _json(orders), problem),
            "post": _posting("/v1/orders", _PLACE, new, order, problem),
        },
        one: {"get": _operation(one, "How an order stands.", (), _json(order), problem)},
        f"{one}/events": {"get": _operation(f"{one}/events", _ORDER_EVENTS, ORDER_EVENTS_QUERY, stream, problem)},
    }
    paths["/v1/orders"]["post"]["parameters"].append(key | {"description": "the order's name when the body has none"})
    for what, summary in _FOLLOW_UPS.items():
        asked, path = shared[what.capitalize()], f"{one}/{what}"
        body = {
            "type": "object",
            "properties": _without(asked["properties"], ("id", "kind", "order")),
            "required": [name for name in asked["required"] if name not in ("id", "kind", "order")],
        }
        paths[path] = {"post": _posting(path, summary, body, command, problem)}
        if what in ("amend", "decision"):
            named = {"required": True, "description": "names it; again it is the same"}
            paths[path]["post"]["parameters"].append(key | named)
    return paths


def _without(properties: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: schema for name, schema in properties.items() if name not in names}


_SHEETS = {
    "/v1/days.csv": "Days of the chain as CSV: a line for each.",
    "/v1/stores/{store}/days.csv": "Days of a store as CSV: a line for each.",
    "/v1/stores/days.csv": "Days of all stores as CSV: a line for each day of each store.",
}
_REF = "#/components/schemas/{name}"
_HQS_OWN = ("counter", "lease")
_ASK = "Ask a store to do something: pause, grant or order; the same id again is the same command."
_COMMAND = "What became of a command; it is known by its id."
_BOARD = "What `/v1/stores` answers, again whenever it would be another answer."
_BOARD_STREAM = "Server-sent events named `stores`: each is a Stores as JSON (see components)."
_PLACE = "Ask a store for an order; the same again is the same order."
_ORDERS = "Orders that stores have told of, by name."
_ORDER_EVENTS = "An order's rows, each when HQ has committed it; ends when the order is over."
_ORDER_STREAM = "Server-sent events without a name: an Event (see components) each, with epoch/seq as its id."
_FOLLOW_UPS = {
    "paid": "Say that an order is paid: its frozen goods are its own.",
    "amend": "Ask for other quantities: all of them, or nothing is changed.",
    "cancel": "Say that an order is not wanted any more.",
    "courier": "Say that the courier for an order is at the door.",
    "decision": "Say what the customer answered.",
}
_EVENTS = "What HQ has committed, row by row, as CloudEvents."
_STREAM = (
    "Server-sent events. Without a name: an Event (see components) with its id as the id. `from`: where the stream of"
    " one store begins. `gone`: rows that cannot be told any more. `cut_off`: why the stream ends."
)


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _operation(
    path: str, what: str, query: tuple[Number | Text, ...], content: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": what_it_is}
        for name, what_it_is in (("store", "its name"), ("id", "as it was asked with"), ("day", "as in 2026-11-22"))
        if f"{{{name}}}" in path
    ]
    parameters += [
        {"name": each.name, "in": "query", "required": each.required, "schema": each.schema(), "description": each.what}
        for each in query
    ]
    return {
        "summary": what,
        "parameters": parameters,
        "responses": {
            "200": {"description": "the answer", "content": content},
            "default": {"description": "why there is none", "content": _json(problem)},
        },
    }
