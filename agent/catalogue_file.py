"""Reads a catalogue file, CSV or JSON by its ending; what the columns mean is said in `core.catalogue_rows`."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from agent.core.catalogue import Catalogue
from agent.core.catalogue_rows import COLUMNS, NEEDED, BadLine, Found, Reader, header_problem

#: No catalogue is larger: 50,000 SKUs are about 5 MB.
_LARGEST_BYTES = 64 * 1024 * 1024
_MOST_SHOWN = 20

#: Is told how many characters of how many have been read, now and then.
Progress = Callable[[int, int], None]


class BadCatalogueError(Exception):
    """The catalogue cannot be used; the text names the lines and what is wrong with each."""


def contents(path: Path) -> bytes:
    """What is in the file. Raises BadCatalogueError when it cannot be read or is too large."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise BadCatalogueError(f"{path} is larger than {_LARGEST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadCatalogueError(f"{path} cannot be read: {error.strerror}") from error


def fingerprint(content: bytes) -> str:
    """Says whether a file is the one that came in last."""
    return blake2b(content, digest_size=16).hexdigest()


def read(
    path: Path, content: bytes, known: Catalogue, *, whole: bool, progress: Progress = lambda done, of: None
) -> Found:
    """The SKUs in a file (UTF-8, with or without BOM), and its bad lines by number. Raises BadCatalogueError."""
    rows_of = {".csv": _csv_rows, ".json": _json_rows}.get(path.suffix.lower())
    if rows_of is None:
        raise BadCatalogueError(f"{path}: a catalogue's name ends in .csv or .json")
    reader = Reader(known, whole=whole)
    try:
        for line, row in rows_of(content.decode("utf-8-sig"), reader, progress):
            reader.add(line, row)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadCatalogueError(f"{path} cannot be read: line {line} is not UTF-8") from error
    except (csv.Error, ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of 5,000 digits
        raise BadCatalogueError(f"{path} cannot be read: {error}") from error
    return reader.finish()


def listed(path: Path, bad: list[BadLine]) -> str:
    """The bad lines of a file, for a person to go through."""
    shown = [f"  line {line.line}: {line.problem}" for line in bad[:_MOST_SHOWN]]
    if len(bad) > _MOST_SHOWN:
        shown.append(f"  and {len(bad) - _MOST_SHOWN} more")
    count = "1 bad line" if len(bad) == 1 else f"{len(bad)} bad lines"
    return "\n".join([f"{path}: {count}", *shown])


def _csv_rows(text: str, reader: Reader, progress: Progress) -> Iterator[tuple[int, Mapping[str, str]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = [name.strip() for name in next(rows, [])]
    problem = header_problem(columns)
    if problem:
        reader.refuse(1, problem)
        return
    read_so_far = 0
    for nth, cells in enumerate(rows):
        if nth % 1000 == 0:
            progress(read_so_far, len(text))
        read_so_far += sum(map(len, cells)) + len(cells)
        if len(cells) == len(columns):
            yield rows.line_num, dict(zip(columns, cells, strict=True))
        elif cells:
            sku = dict(zip(columns, cells, strict=False)).get("sku", "").strip()
            reader.refuse(rows.line_num, f"{len(cells)} cells, where the header has {len(columns)}", sku)
    progress(len(text), len(text))


def _json_rows(text: str, reader: Reader, progress: Progress) -> Iterator[tuple[int, Mapping[str, str]]]:
    """An array of objects, read one by one, so that a mistake has the line at which its object begins."""
    decoder = json.JSONDecoder()
    at, line, counted = _past_space(text, 0), 1, 0
    if text[at : at + 1] != "[":
        raise json.JSONDecodeError("a catalogue is an array of objects", text, at)
    at = _past_space(text, at + 1)
    nth = 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        value, at = decoder.raw_decode(text, at)
        problem = _object_problem(value)
        if problem:
            reader.refuse(line, problem, str(value.get("sku", "")) if isinstance(value, dict) else "")
        else:
            yield line, {column: _cell(value.get(column)) for column in (*NEEDED, *value)}
        at = _past_space(text, at)
        if text[at : at + 1] == ",":
            at = _past_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("expected , or ]", text, at)
        nth += 1
        if nth % 1000 == 0:
            progress(at, len(text))
    if _past_space(text, at + 1) != len(text):
        raise json.JSONDecodeError("something follows the array", text, at + 1)
    progress(len(text), len(text))


def _object_problem(value: object) -> str:
    if not isinstance(value, dict):
        return "is no object"
    strange = [key for key in value if key not in COLUMNS]
    if strange:
        return f"key {', '.join(map(repr, strange))} is not known; there are {', '.join(COLUMNS)}"
    if "sku" not in value or {"tags", "tagged"} <= value.keys():
        return "has no sku" if "sku" not in value else "tags and tagged say the same: keep one of them"
    wrong = [key for key, cell in value.items() if not _is_cell(cell) or (isinstance(cell, bool) and key != "tagged")]
    return f"{', '.join(wrong)}: neither a text, a whole number nor a list of texts" if wrong else ""


def _is_cell(value: object) -> bool:
    texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return value is None or isinstance(value, str | int) or texts


def _cell(value: object) -> str:
    """A JSON value as the text a CSV cell would hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else str(value)


def _past_space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t") and at < len(text):
        at += 1
    return at
