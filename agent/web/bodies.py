"""What tills and deliveries send, as asks; or every mistake in it at once."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from agent.core.asks import Delivery, DeliveryLine, Mistake, Sale, SaleLine, Unreadable
from agent.core.count_asks import (
    CancelCount,
    Count,
    CountLine,
    EnterFound,
    Found,
    RequestCount,
    ReviewCount,
    StartCount,
    Verdict,
)
from agent.core.count_sessions import MOST_READINGS, USUAL_DUE_S, Why

#: The most a body may hold.
MOST_LINES = 500
MOST_EPCS = 5000
_LONGEST_NAME = 64
_LONGEST_ITEM = 64
_MOST_QTY = 1_000_000
_MOST_COUNTED = 100_000_000  # grams
_LONGEST_DUE_S = 30 * 24 * 3600
_MOST_SEQ = 2**53
_LONGEST_EPC_BYTES = 62  # what the EPC memory bank of a Gen2 tag can hold

Item = Literal["sku", "gtin"]
Word = TypeVar("Word", bound=str)

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")


class NotJsonError(Exception):
    """The body is no JSON object."""


def read_sale(body: bytes) -> Sale | Unreadable | list[Mistake]:
    """A till's receipt: `{"receipt", "at"?, "lines": [{"line", "gtin" or "sku", "qty", "epc"?}]}`.

    Unreadable when it has a name and mistakes, mistakes alone when not even that. Raises NotJsonError.
    """
    form = _Form(body)
    receipt = form.name("receipt")
    lines = [
        SaleLine(form.number(line, path, "line"), *form.item(line, path), form.number(line, path, "qty"), epc)
        for path, line in form.lines()
        for epc in [form.one_epc(line, path)]
    ]
    for nth, line in enumerate(lines):
        if line.epc is not None and line.qty != 1:
            form.mistakes.append(Mistake(f"lines[{nth}].qty", "a line with an epc is one unit"))
    form.unknown({"receipt", "at", "lines"}, {"line", "sku", "gtin", "qty", "epc"})
    form.distinct([line.line for line in lines])
    form.optional_time("at")
    if form.mistakes:
        return Unreadable(receipt, tuple(form.mistakes)) if receipt else form.mistakes
    return Sale(receipt, tuple(lines))


def read_delivery(body: bytes) -> Delivery | list[Mistake]:
    """A delivery note: `{"delivery", "lines": [{"line", "gtin" or "sku", "epcs": [hex …]}]}`. Raises NotJsonError."""
    form = _Form(body)
    name = form.name("delivery")
    lines = [
        DeliveryLine(form.number(line, path, "line"), *form.item(line, path), form.epcs(line, path))
        for path, line in form.lines()
    ]
    form.unknown({"delivery", "lines"}, {"line", "sku", "gtin", "epcs"})
    form.distinct([line.line for line in lines])
    return form.mistakes or Delivery(name, tuple(lines))


def read_count(body: bytes) -> RequestCount | Count | list[Mistake]:
    """A count that is to be made: `{"count", "place", "by", "why"?, "items"?: [{"gtin" or "sku"}], "assigned_to"?,
    "due_s"?}`; or, with `lines`, one that was made elsewhere. Raises NotJsonError.
    """
    form = _Form(body)
    if form.has("lines"):
        return _sent_count(form)
    name, place, by = form.name("count"), form.name("place"), form.name("by")
    why: Why = form.one_of("why", ("cycle", "short_pick", "negative_stock", "case"))
    items = tuple(form.item(item, path) for path, item in form.lines("items")) if form.has("items") else ()
    assigned_to = form.name("assigned_to") if form.has("assigned_to") else ""
    due_s = form.whole("due_s", 60, _LONGEST_DUE_S) if form.has("due_s") else USUAL_DUE_S
    form.unknown({"count", "place", "by", "why", "items", "assigned_to", "due_s"}, {"sku", "gtin"}, "items")
    return form.mistakes or RequestCount(name, place, why, by, items, assigned_to, due_s)


def _sent_count(form: "_Form") -> Count | list[Mistake]:
    """`{"count", "epoch", "place", "by", "approved_by"?, "lines": [{"line", "gtin" or "sku", "counted", "from_seq",
    "to_seq"}]}`
    """
    name, place, by, epoch = form.name("count"), form.name("place"), form.name("by"), form.whole("epoch")
    approved_by = form.name("approved_by") if form.has("approved_by") else ""
    lines = [
        CountLine(
            form.number(line, path, "line"),
            *form.item(line, path),
            form.number(line, path, "counted", least=0),
            form.number(line, path, "from_seq", least=0, most=_MOST_SEQ),
            form.number(line, path, "to_seq", least=0, most=_MOST_SEQ),
        )
        for path, line in form.lines()
    ]
    form.unknown(
        {"count", "epoch", "place", "by", "approved_by", "lines"},
        {"line", "sku", "gtin", "counted", "from_seq", "to_seq"},
    )
    form.distinct([line.line for line in lines])
    if approved_by and approved_by == by:
        form.wrong("approved_by", "must be somebody else than who counted")
    return form.mistakes or Count(name, epoch, place, by, tuple(lines), approved_by)


def read_start(count: str, body: bytes) -> StartCount | list[Mistake]:
    """`{"by", "take_over"?}`. Raises NotJsonError."""
    form = _Form(body)
    by, take_over = form.name("by"), form.yes("take_over")
    form.unknown({"by", "take_over"})
    return form.mistakes or StartCount(count, by, take_over)


def read_found(count: str, body: bytes) -> EnterFound | list[Mistake]:
    """`{"by", "lines": [{"gtin" or "sku", "counted"}]}`. Raises NotJsonError."""
    form = _Form(body)
    by = form.name("by")
    lines = [
        Found(form.item(line, path), form.number(line, path, "counted", least=0, most=_MOST_COUNTED))
        for path, line in form.lines()
    ]
    form.unknown({"by", "lines"}, {"sku", "gtin", "counted"})
    return form.mistakes or EnterFound(count, by, tuple(lines))


def read_review(count: str, body: bytes) -> ReviewCount | list[Mistake]:
    """`{"by", "lines": [{"gtin" or "sku", "approve"}]}`: the number of the count that is true, or 0 to have it counted
    anew. Raises NotJsonError.
    """
    form = _Form(body)
    by = form.name("by")
    lines = [
        Verdict(form.item(line, path), form.number(line, path, "approve", least=0, most=MOST_READINGS))
        for path, line in form.lines()
    ]
    form.unknown({"by", "lines"}, {"sku", "gtin", "approve"})
    return form.mistakes or ReviewCount(count, by, tuple(lines))


def read_cancel(count: str, body: bytes) -> CancelCount | list[Mistake]:
    """`{"by"}`. Raises NotJsonError."""
    form = _Form(body)
    by = form.name("by")
    form.unknown({"by"})
    return form.mistakes or CancelCount(count, by)


class _Form:
    """A JSON object that is read field by field; what is wrong is noted and a stand-in returned."""

    def __init__(self, body: bytes) -> None:
        self.mistakes: list[Mistake] = []
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotJsonError(str(error)) from error
        if not isinstance(document, dict):
            raise NotJsonError("it is no object")
        self._document: Mapping[str, Any] = document

    def wrong(self, path: str, problem: str) -> None:
        self.mistakes.append(Mistake(path, problem))

    def name(self, key: str) -> str:
        value = self._document.get(key)
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_NAME or not value.isprintable():
            self.wrong(key, f"must be a text of 1 to {_LONGEST_NAME} printable characters")
            return ""
        return value

    def optional_time(self, key: str) -> None:
        """The till's own clock: data that may be sent and is not needed."""
        value = self._document.get(key)
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 53):
            self.wrong(key, "must be unix milliseconds, or left out")

    def lines(self, key: str = "lines") -> list[tuple[str, Mapping[str, Any]]]:
        lines = self._document.get(key)
        if not isinstance(lines, list) or not 1 <= len(lines) <= MOST_LINES:
            self.wrong(key, f"must be a list of 1 to {MOST_LINES} {key}")
            return []
        good: list[tuple[str, Mapping[str, Any]]]
        good = [(f"{key}[{nth}]", line) for nth, line in enumerate(lines) if isinstance(line, dict)]
        if len(good) < len(lines):
            self.wrong(key, "must hold objects only")
        return good

    def one_of(self, key: str, choices: tuple[Word, ...]) -> Word:
        """One of these words; the first is what an absent key says."""
        value = self._document.get(key, choices[0])
        found = next((choice for choice in choices if choice == value), None)
        if found is None:
            self.wrong(key, f"must be one of {', '.join(choices)}")
        return choices[0] if found is None else found

    def yes(self, key: str) -> bool:
        """A yes or no; no when it is absent."""
        value = self._document.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
        return value is True

    def has(self, key: str) -> bool:
        return self._document.get(key) is not None

    def whole(self, key: str, least: int = 0, most: int = _MOST_SEQ) -> int:
        """A whole number of the document."""
        return self._number(self._document.get(key), key, least, most)

    def number(self, line: Mapping[str, Any], path: str, key: str, least: int = 1, most: int = _MOST_QTY) -> int:
        return self._number(line.get(key), f"{path}.{key}", least, most)

    def _number(self, value: object, path: str, least: int, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.wrong(path, f"must be a whole number from {least} to {most}")
            return least
        return value

    def item(self, line: Mapping[str, Any], path: str) -> tuple[Item, str]:
        names: tuple[Item, Item] = ("sku", "gtin")
        given = [key for key in names if key in line]
        if len(given) != 1:
            self.wrong(path, "must name its item by either sku or gtin")
            return "sku", ""
        value = line[given[0]]
        if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_ITEM:
            self.wrong(f"{path}.{given[0]}", f"must be a text of 1 to {_LONGEST_ITEM} characters")
            return given[0], ""
        return given[0], value

    def one_epc(self, line: Mapping[str, Any], path: str) -> bytes | None:
        return None if line.get("epc") is None else self._epc(line["epc"], f"{path}.epc")

    def epcs(self, line: Mapping[str, Any], path: str) -> tuple[bytes, ...]:
        values = line.get("epcs")
        if not isinstance(values, list) or not 1 <= len(values) <= MOST_EPCS:
            self.wrong(f"{path}.epcs", f"must be a list of 1 to {MOST_EPCS} EPCs")
            return ()
        return tuple(self._epc(value, f"{path}.epcs[{nth}]") for nth, value in enumerate(values))

    def unknown(self, document: set[str], line: Collection[str] = (), lines_in: str = "lines") -> None:
        """Note every key nobody knows: a misspelt one must not be passed over in silence."""
        for key in self._document.keys() - document:
            self.wrong(key[:_LONGEST_NAME], f"is not known; there are {', '.join(sorted(document))}")
        lines = self._document.get(lines_in) if line else None
        for nth, value in enumerate(lines if isinstance(lines, list) else []):
            for key in value.keys() - line if isinstance(value, dict) else ():
                self.wrong(
                    f"{lines_in}[{nth}].{key[:_LONGEST_NAME]}", f"is not known; there are {', '.join(sorted(line))}"
                )

    def distinct(self, numbers: list[int]) -> None:
        if len(set(numbers)) < len(numbers) and not self.mistakes:
            self.wrong("lines", "two lines have the same number")

    def _epc(self, value: object, path: str) -> bytes:
        digits = value if isinstance(value, str) and _HEX.fullmatch(value) else ""
        epc = bytes.fromhex(digits)
        if not 1 <= len(epc) <= _LONGEST_EPC_BYTES:
            self.wrong(path, f"must be an EPC in hex digits, 1 to {_LONGEST_EPC_BYTES} bytes")
        return epc
