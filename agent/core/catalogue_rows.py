"""Rows of a catalogue file as SKUs: what each column means, and what is wrong with a line that cannot be right.

columns: sku, gtin, name_en, name_zh, and where they differ from the usual: unit (each, gram), temperature (ambient,
chilled, frozen), min_age (years), tags (full, partial, none; or tagged: yes, no), eligibility (instant, prepare,
order_in, display_only), safety (`2`, or `2 delivery=3`: 2 for every channel, 3 for that one), spots (codes on the
store's map), category (`dairy/milk`), brand, size (what one unit contains: `500 ml`, `6x330 ml`, `12`), price_fen (of
one unit, or of 500 g). A cell holds several GTINs or spots with spaces between; a SKU may also stand on several lines,
each with GTINs of its own and otherwise the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from agent.core import gtin
from agent.core.catalogue import UNLIKE, Catalogue, Eligibility, Likeness, Sku, TagCoverage, Temperature, Traits, Unit

NEEDED: Final = ("sku", "gtin", "name_en", "name_zh")
#: The optional columns with what an empty cell means.
USUAL: Final = {
    "unit": "each",
    "temperature": "ambient",
    "min_age": "0",
    "tags": "none",
    "tagged": "",
    "eligibility": "instant",
    "safety": "0",
    "spots": "",
}
#: Optional too: what a customer compares goods by. A cell that is empty is not known.
LIKENESS: Final = ("category", "brand", "size", "price_fen")
COLUMNS: Final = (*NEEDED, *USUAL, *LIKENESS)

_LONGEST_SKU = 64
_LONGEST_NAME = 200
_MOST_GTINS = 20
_MOST_SPOTS = 20
_MOST_SAFETY = 1_000_000
_OLDEST = 120
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SPOT = re.compile(r"[A-Za-z0-9._-]{1,32}")
_SIZE = re.compile(r"(\d{1,3}x)?\d{1,6}(\.\d{1,3})? ?(g|kg|ml|l)?")
_DEAREST_FEN = 100_000_000
_LONGEST_WORD = 100
_CHANNEL = re.compile(r"([A-Za-z0-9_-]{1,32})=(\d{1,7})")
_CHOICES: Final = {
    "unit": get_args(Unit),
    "temperature": get_args(Temperature),
    "tags": get_args(TagCoverage),
    "eligibility": get_args(Eligibility),
}
_TAGGED: Final = {"yes": "full", "no": "none"}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a catalogue file that cannot be used, with what to do about it; `sku` if it names one."""

    line: int
    problem: str
    sku: str = ""


@dataclass(slots=True)
class Found:
    """What a file says: its SKUs, in order, and the lines that cannot be right."""

    skus: dict[str, Sku] = field(default_factory=dict)
    bad: list[BadLine] = field(default_factory=list)


class _BadCellError(Exception):
    """A cell that cannot be right."""


def header_problem(columns: Sequence[str]) -> str:
    """What is wrong with these column names; empty when nothing is."""
    strange = [name for name in columns if name not in COLUMNS]
    absent = [name for name in NEEDED if name not in columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if strange:
        return f"column {', '.join(map(repr, strange))} is not known; there are {', '.join(COLUMNS)}"
    if absent:
        return f"no column {', '.join(absent)}; needed are {', '.join(NEEDED)}"
    if twice:
        return f"column {', '.join(twice)} stands there twice"
    return "tags and tagged say the same: keep one of them" if {"tags", "tagged"} <= set(columns) else ""


class Reader:
    """Takes rows in, one by one; `finish` says what they come to. `known` is the catalogue they will change."""

    def __init__(self, known: Catalogue, *, whole: bool) -> None:
        self._known = known
        self._whole = whole
        self._found = Found()
        self._owners: dict[str, tuple[str, int]] = {}
        self._traits: dict[tuple[str, ...], Traits] = {}
        self._spots: dict[str, tuple[str, ...]] = {}
        self._likenesses: dict[tuple[str, ...], Likeness] = {}

    def add(self, line: int, row: Mapping[str, str]) -> None:
        """Take in one row: column → text."""
        try:
            self._add(line, row)
        except _BadCellError as bad:
            self.refuse(line, str(bad), row.get("sku", "").strip())

    def refuse(self, line: int, problem: str, sku: str = "") -> None:
        """Note a line that is no row at all."""
        self._found.bad.append(BadLine(line, problem, sku))

    def finish(self) -> Found:
        """All that was found. Of a SKU with a bad line nothing is taken; its GTINs stay with whoever has them."""
        refused = {bad.sku for bad in self._found.bad} | self._refuse_strays()
        while refused:
            for sku in refused:
                self._found.skus.pop(sku, None)
            refused = self._refuse_strays()
        self._found.bad.sort(key=lambda bad: bad.line)
        return self._found

    def _refuse_strays(self) -> set[str]:
        """Refuse what takes a GTIN from a SKU that is not in the file, unless the file is the whole catalogue."""
        refused: set[str] = set()
        for code, (sku, line) in self._owners.items() if self._known.skus and not self._whole else ():
            holder = self._known.by_gtin(code)
            if sku in self._found.skus and holder is not None and holder.sku not in self._found.skus:
                self.refuse(line, f"gtin {code} belongs to sku {holder.sku}, which is not in this file", sku)
                refused.add(sku)
        return refused

    def _add(self, line: int, row: Mapping[str, str]) -> None:
        name = row["sku"].strip()
        if not name or len(name) > _LONGEST_SKU or not name.isprintable():
            raise _BadCellError(f"sku {name!r} is not 1 to {_LONGEST_SKU} printable characters")
        if len(row["name_en"]) > _LONGEST_NAME or len(row["name_zh"]) > _LONGEST_NAME:
            raise _BadCellError(f"a name is longer than {_LONGEST_NAME} characters")
        if _UNWRITABLE.search(row["name_en"]) or _UNWRITABLE.search(row["name_zh"]):
            raise _BadCellError("a name holds a control character")
        traits, spots = self._traits_of(row), self._spots_of(row.get("spots", ""))
        before = self._known.skus.get(name)
        if before is not None and before.traits.unit != traits.unit:
            raise _BadCellError(f"sku {name} is counted by {before.traits.unit} for life; give {traits.unit} a new sku")
        codes = self._gtins_of(row["gtin"], name, traits.unit)
        likeness = self._likeness_of(row)
        item = Sku(name, codes, row["name_en"], row["name_zh"], traits, spots, likeness=likeness)
        earlier = self._found.skus.get(name)
        if earlier is not None:
            if replace(item, gtins=earlier.gtins) != earlier:
                raise _BadCellError(f"sku {name} stands on an earlier line with another name or trait")
            item = replace(earlier, gtins=(*earlier.gtins, *(code for code in codes if code not in earlier.gtins)))
        for code in codes:
            self._owners[code] = (name, line)
        self._found.skus[name] = item

    def _gtins_of(self, cell: str, name: str, unit: str) -> tuple[str, ...]:
        words = cell.split()
        if not words and unit == "each":
            raise _BadCellError(f"sku {name} has no gtin: only what is sold by the gram may have none")
        if len(words) > _MOST_GTINS:
            raise _BadCellError(f"sku {name} has more than {_MOST_GTINS} gtins on one line")
        codes: dict[str, None] = {}
        for word in words:
            code = gtin.to_14(word)
            if code is None:
                raise _BadCellError(f"gtin {word!r} is no GTIN: 8, 12, 13 or 14 digits with a right check digit")
            owner = self._owners.get(code)
            if owner is not None and owner[0] != name:
                raise _BadCellError(f"gtin {code} belongs to sku {owner[0]} already (line {owner[1]})")
            codes[code] = None
        return tuple(codes)

    def _traits_of(self, row: Mapping[str, str]) -> Traits:
        cells = tuple(row.get(column, "").strip() or usual for column, usual in USUAL.items() if column != "spots")
        found = self._traits.get(cells)
        if found is None:
            found = self._traits[cells] = _traits(dict(zip(USUAL, cells, strict=False)))
        return found

    def _likeness_of(self, row: Mapping[str, str]) -> Likeness:
        cells = tuple(row.get(column, "").strip() for column in LIKENESS)
        found = self._likenesses.get(cells)
        if found is None:
            found = self._likenesses[cells] = _likeness(*cells)
        return found

    def _spots_of(self, cell: str) -> tuple[str, ...]:
        found = self._spots.get(cell)
        if found is None:
            found = tuple(dict.fromkeys(cell.split()))
            wrong = [spot for spot in found if not _SPOT.fullmatch(spot)]
            if wrong or len(found) > _MOST_SPOTS:
                raise _BadCellError(f"spots {cell!r}: up to {_MOST_SPOTS} codes of 1 to 32 of A-Z a-z 0-9 . _ -")
            self._spots[cell] = found
        return found


def _traits(cells: dict[str, str]) -> Traits:
    tagged = cells.pop("tagged")
    if tagged:
        if tagged not in _TAGGED:
            raise _BadCellError(f"tagged {tagged!r} is neither yes nor no")
        cells["tags"] = _TAGGED[tagged]
    for column, choices in _CHOICES.items():
        if cells[column] not in choices:
            raise _BadCellError(f"{column} {cells[column]!r} is none of {', '.join(choices)}")
    every, *others = cells["safety"].split()
    channels = [_CHANNEL.fullmatch(word) for word in others]
    return Traits(
        unit=cells["unit"],  # type: ignore[arg-type]  # one of the choices
        temperature=cells["temperature"],  # type: ignore[arg-type]  # one of the choices
        min_age=_number("min_age", cells["min_age"], _OLDEST),
        tags=cells["tags"],  # type: ignore[arg-type]  # one of the choices
        eligibility=cells["eligibility"],  # type: ignore[arg-type]  # one of the choices
        safety=_number("safety", every, _MOST_SAFETY),
        safety_of=tuple(sorted(_channel(word, found) for word, found in zip(others, channels, strict=True))),
    )


def _likeness(category: str, brand: str, size: str, price: str) -> Likeness:
    for column, word in (("category", category), ("brand", brand)):
        if len(word) > _LONGEST_WORD or not word.isprintable():
            raise _BadCellError(f"{column} {word!r} is not up to {_LONGEST_WORD} printable characters")
    if size and not _SIZE.fullmatch(size):
        raise _BadCellError(f"size {size!r} is not an amount of g, kg, ml, l or pieces, such as 500 ml, 6x330 ml, 12")
    if not any((category, brand, size, price)):
        return UNLIKE
    return Likeness(category, brand, size, _number("price_fen", price or "0", _DEAREST_FEN))


def _channel(word: str, found: re.Match[str] | None) -> tuple[str, int]:
    if found is None:
        raise _BadCellError(f"safety {word!r} is not channel=units, such as delivery=3")
    return found[1], _number("safety", found[2], _MOST_SAFETY)


def _number(column: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        raise _BadCellError(f"{column} {text!r} is not a whole number from 0 to {most}")
    return int(text)


def read(rows: Iterable[tuple[int, Mapping[str, str]]], known: Catalogue | None = None, *, whole: bool = True) -> Found:
    """The SKUs in these rows `(line, column → text)`."""
    reader = Reader(known or Catalogue(), whole=whole)
    for line, row in rows:
        reader.add(line, row)
    return reader.finish()
