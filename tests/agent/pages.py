"""Where SQLite keeps the rows of a table, byte by byte (https://www.sqlite.org/fileformat2.html, section 1.6)."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LEAF, _INTERIOR = 0x0D, 0x05


class Cell(NamedTuple):
    """A row of a table: the offset and length of its record in the file, and its number."""

    offset: int
    length: int
    rowid: int


def cells(path: Path, table: str) -> list[Cell]:
    """Every row of a table. The file must hold all of it: no log beside it."""
    with sqlite3.connect(path) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    return list(_cells(path.read_bytes(), root, size))


def _cells(file: bytes, page: int, size: int) -> Iterator[Cell]:
    start = (page - 1) * size
    head = start + (100 if page == 1 else 0)
    kind, count = file[head], int.from_bytes(file[head + 3 : head + 5], "big")
    pointers = head + (8 if kind == _LEAF else 12)
    places = [start + int.from_bytes(file[at : at + 2], "big") for at in range(pointers, pointers + 2 * count, 2)]
    if kind == _INTERIOR:
        for place in places:
            yield from _cells(file, int.from_bytes(file[place : place + 4], "big"), size)
        yield from _cells(file, int.from_bytes(file[head + 8 : head + 12], "big"), size)
        return
    assert kind == _LEAF
    for place in places:
        length, after = _varint(file, place)
        rowid, after = _varint(file, after)
        assert after + length <= start + size, "a row that overflows its page is not for this test"
        yield Cell(place, after - place + length, rowid)


def _varint(file: bytes, at: int) -> tuple[int, int]:
    value = 0
    for nth in range(9):
        byte = file[at + nth]
        if nth == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + nth + 1
    raise AssertionError
