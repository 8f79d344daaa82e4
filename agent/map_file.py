"""Reads the store's map: a CSV file with a line for each spot, and for the entrance, the packing table, the back aisle.

columns: code, aisle, side (L, R), bay, level, temperature, x_m, y_m. A code that says where it is (`A03-L-12-2`) needs
no more; what stands in a cell counts instead. `y_m` may be `front` or `back`: at that cross aisle. A spot at a cross
aisle has no aisle. Three codes are no spots: ENTRANCE, PACKING, and BACK, whose y_m is how deep the aisles are.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

from agent.core.catalogue import Temperature
from agent.core.picking.store_map import BAY_M, Point, Side, Spot, StoreMap, spot_of

COLUMNS: Final = ("code", "aisle", "side", "bay", "level", "temperature", "x_m", "y_m")
_LARGEST_BYTES: Final = 4 * 1024 * 1024
_MOST_SPOTS: Final = 20_000
_MOST: Final = {"aisle": 200, "bay": 999, "level": 99}
_LONGEST_CODE: Final = 32
_FARTHEST_M: Final = 1000.0
_MOST_SHOWN: Final = 20
_ENTRANCE, _PACKING, _BACK = "ENTRANCE", "PACKING", "BACK"


class BadMapError(Exception):
    """The map cannot be used; the text names the lines and what is wrong with each."""


class _BadCellError(Exception):
    """A cell that cannot be right."""


@dataclass(slots=True)
class _Found:
    spots: dict[str, Spot] = field(default_factory=dict)
    marks: dict[str, Point] = field(default_factory=dict)
    #: Where something stands at the back aisle, whose depth is known only at the end.
    at_back: set[str] = field(default_factory=set)
    lines: dict[str, int] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)


def read(path: Path) -> StoreMap:
    """The map in a file (UTF-8, with or without BOM). Raises BadMapError."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise BadMapError(f"{path} is larger than {_LARGEST_BYTES} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadMapError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadMapError(f"{path} cannot be read: it is not UTF-8") from error
    found = _Found()
    try:
        for line, row in _rows(text, found):
            _take_in(found, line, row)
    except csv.Error as error:
        raise BadMapError(f"{path} cannot be read: {error}") from error
    whole = _whole(found) if not found.bad else None
    if whole is None:
        found.bad.sort()
        shown = [f"  line {line}: {problem}" for line, problem in found.bad[:_MOST_SHOWN]]
        more = [f"  and {len(found.bad) - _MOST_SHOWN} more"] if len(found.bad) > _MOST_SHOWN else []
        raise BadMapError("\n".join([f"{path}: bad lines", *shown, *more]))
    return whole


def _rows(text: str, found: _Found) -> Iterator[tuple[int, Mapping[str, str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = [name.strip() for name in next(rows, [])]
    strange = [name for name in columns if name not in COLUMNS]
    if strange or "code" not in columns or len(set(columns)) < len(columns):
        known = ", ".join(COLUMNS)
        found.bad.append((1, f"the columns are some of {known}, each once, and code; not {', '.join(columns)}"))
        return
    for cells in rows:
        if len(found.lines) >= _MOST_SPOTS:
            found.bad.append((rows.line_num, f"a map has at most {_MOST_SPOTS} lines"))
            return
        if len(cells) == len(columns):
            yield rows.line_num, dict(zip(columns, map(str.strip, cells), strict=True))
        elif cells:
            found.bad.append((rows.line_num, f"{len(cells)} cells, where the header has {len(columns)}"))


def _take_in(found: _Found, line: int, row: Mapping[str, str]) -> None:
    try:
        code = row["code"]
        if not 1 <= len(code) <= _LONGEST_CODE or not code.isprintable() or " " in code:
            raise _BadCellError(f"code {code!r} is not 1 to {_LONGEST_CODE} printable characters without spaces")
        if code in found.lines:
            raise _BadCellError(f"code {code!r} stands on line {found.lines[code]} already")
        found.lines[code] = line
        if row.get("y_m") == "back":
            found.at_back.add(code)
        if code in (_ENTRANCE, _PACKING, _BACK):
            found.marks[code] = Point(_metres(row, "x_m", 0.0), _metres(row, "y_m", 0.0))
        else:
            found.spots[code] = _spot(code, row)
    except _BadCellError as bad:
        found.bad.append((line, str(bad)))


def _spot(code: str, row: Mapping[str, str]) -> Spot:
    told = spot_of(code) or Spot(code, 0, "L", 0, 0, "ambient", -1.0, -1.0)
    side, kept = row.get("side") or told.side, row.get("temperature") or told.temperature
    if side not in get_args(Side):
        raise _BadCellError(f"side {side!r} is neither L nor R")
    if kept not in get_args(Temperature):
        raise _BadCellError(f"temperature {kept!r} is none of {', '.join(get_args(Temperature))}")
    aisle, bay, level = (_number(row, column, getattr(told, column)) for column in ("aisle", "bay", "level"))
    x_m, y_m = _metres(row, "x_m", told.x_m), _metres(row, "y_m", told.y_m)
    if x_m < 0 or y_m < 0:
        raise _BadCellError(f"code {code!r} does not say where it is: x_m and y_m are needed")
    return Spot(code, aisle, side, bay, level, kept, x_m, y_m)  # type: ignore[arg-type]  # looked at above


def _number(row: Mapping[str, str], column: str, usual: int) -> int:
    text = row.get(column, "")
    if not text:
        return usual
    if not (text.isascii() and text.isdigit()) or len(text) > 4 or int(text) > _MOST[column]:
        raise _BadCellError(f"{column} {text!r} is not a whole number from 0 to {_MOST[column]}")
    return int(text)


def _metres(row: Mapping[str, str], column: str, usual: float) -> float:
    text = row.get(column, "")
    if column == "y_m" and text in ("front", "back"):
        return 0.0
    if not text:
        return usual
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= _FARTHEST_M:
        raise _BadCellError(f"{column} {text!r} is not a number of metres from 0 to {_FARTHEST_M:g}")
    return found


def _whole(found: _Found) -> StoreMap | None:
    """All lines together; None when one does not go with the others."""
    deepest = max((spot.y_m for spot in found.spots.values()), default=0.0)
    depth_m = found.marks[_BACK].y_m if _BACK in found.marks else deepest + BAY_M
    if depth_m < deepest or depth_m <= 0:
        found.bad.append((found.lines.get(_BACK, 1), f"a spot is {deepest:g} m deep, the aisles only {depth_m:g} m"))
        return None
    aisles: dict[int, Spot] = {}
    spots = {}
    for code, spot in found.spots.items():
        first = aisles.setdefault(spot.aisle, spot)
        if spot.aisle and first.x_m != spot.x_m:
            problem = f"aisle {spot.aisle} is at {first.x_m:g} m in {first.code}, and at {spot.x_m:g} m here"
            found.bad.append((found.lines[code], problem))
        spots[code] = replace(spot, y_m=depth_m) if code in found.at_back else spot
    marks = {name: Point(at.x_m, depth_m) if name in found.at_back else at for name, at in found.marks.items()}
    left = Point(min((spot.x_m for spot in spots.values()), default=0.0), 0.0)
    entrance, packing = marks.get(_ENTRANCE, left), marks.get(_PACKING, left)
    xs = {spot.x_m for spot in spots.values() if spot.aisle}
    if not xs and len({entrance.y_m, packing.y_m, *(spot.y_m for spot in spots.values())}) > 1:
        found.bad.append((1, "there is no aisle from one cross aisle to the other"))
    places: dict[str, Point | Spot] = {_ENTRANCE: entrance, _PACKING: packing, **spots}
    for code, at in places.items():
        if at.x_m not in xs and at.y_m not in (0.0, depth_m):
            found.bad.append((found.lines.get(code, 1), f"{code} is neither in an aisle nor at a cross aisle"))
    return None if found.bad else StoreMap(MappingProxyType(spots), entrance, packing, depth_m)
