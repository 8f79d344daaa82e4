"""Flip one bit of one ledger row, through SQL or in the file's own bytes: the agent's verifier must find each."""

import asyncio
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from agent.clerk import Clerk
from agent.store import books as rows
from agent.store import chain
from agent.store.connection import Store
from agent.store.verify import verify
from tests.core.shop import CATALOGUE
from tests.torture.power_cuts import a_folder
from tests.torture.workload import EPOCH, FILE, STORE, DayClock, People

TURNS = 60


@dataclass(slots=True)
class Flips:
    """How many flips, through SQL and in bytes, and which of them were not found."""

    by_sql: int = 0
    in_bytes: int = 0
    postings: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, other: "Flips") -> None:
        self.by_sql += other.by_sql
        self.in_bytes += other.in_bytes
        self.postings += other.postings
        self.missed += other.missed

    def __str__(self) -> str:
        flips = self.by_sql + self.in_bytes
        return (
            f"{flips} single bits flipped in ledger rows ({self.by_sql} through SQL, {self.in_bytes} in the file's"
            f" bytes), {flips - len(self.missed)} found; the books had {self.postings} postings"
        )


def flip(seed: int, flips: int) -> Flips:
    """Work for a day, then flip so many bits, one at a time, each in a fresh copy; every other one through SQL."""
    rng = Random(f"flips {seed}")
    found = Flips()
    with a_folder() as name:
        path, copy = Path(name) / FILE, Path(name) / "copy.db"
        asyncio.run(_a_day_on_disk(path, seed))
        content = path.read_bytes()
        with closing(sqlite3.connect(path)) as db:
            (found.postings,) = db.execute("SELECT count(*) FROM posting").fetchone()
            cells = list(_ledger_cells(db, content))
        honest = verify(path)
        assert not honest.findings, honest.findings
        for nth in range(flips):
            if nth % 2:
                what = _flip_a_byte(content, copy, cells, rng)
                found.in_bytes += 1
            else:
                copy.write_bytes(content)
                what = _flip_a_value(copy, rng)
                found.by_sql += 1
            if not _is_found(copy):
                found.missed.append(f"seed {seed}, flip {nth}: {what}")
    return found


def flip_one(path: Path, copy: Path, rng: Random) -> str:
    """Flip one bit in a copy of books that are closed; what it was if the verifier does not find it, else nothing."""
    content = path.read_bytes()
    if rng.random() < 0.5:
        copy.write_bytes(content)
        what = _flip_a_value(copy, rng)
    else:
        with closing(sqlite3.connect(path)) as db:
            cells = list(_ledger_cells(db, content))
        what = _flip_a_byte(content, copy, cells, rng)
    return "" if _is_found(copy) else what


def _is_found(copy: Path) -> bool:
    try:
        return bool(verify(copy).findings)
    finally:
        for beside in ("-wal", "-shm"):
            copy.with_name(copy.name + beside).unlink(missing_ok=True)


async def _a_day_on_disk(path: Path, seed: int) -> None:
    async with await Store.open(path) as store:
        await store.write(lambda tx: rows.found(tx, STORE, EPOCH))
        books = await store.write(lambda tx: rows.load(tx, STORE, EPOCH, CATALOGUE))
        clerk = Clerk(store, books, DayClock(), lambda turn: None)
        work = asyncio.ensure_future(clerk.run())
        people = People(seed)
        for _ in range(TURNS):
            await asyncio.gather(*(clerk.enter(cast(Any, ask)) for ask in people.turn()))
        work.cancel()
        await asyncio.wait([work])


def _flip_a_value(copy: Path, rng: Random) -> str:
    """One bit of one value of one row; the row's chain value may be what is hit."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        while True:
            (seq,) = rng.choice(db.execute("SELECT seq FROM posting").fetchall())
            column = rng.choice((*chain.COLUMNS, "chain"))
            (value,) = db.execute(f"SELECT {column} FROM posting WHERE seq = ?", (seq,)).fetchone()
            if value is None or value == "":
                continue
            other, cast_to = _flipped(value, rng)
            try:
                db.execute(f"UPDATE posting SET {column} = {cast_to} WHERE seq = ?", (other, seq))
            except sqlite3.IntegrityError:
                continue  # the ledger's own indexes refuse it
            return f"{column} of posting {seq}: {value!r} became {other!r}"


def _flipped(value: int | str | bytes, rng: Random) -> tuple[int | bytes, str]:
    """The value with one bit flipped, and how SQL takes it."""
    if isinstance(value, int):
        return value ^ 1 << rng.randrange(62), "?"
    content = bytearray(value.encode() if isinstance(value, str) else value)
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content), "CAST(? AS TEXT)" if isinstance(value, str) else "?"


def _flip_a_byte(content: bytes, copy: Path, cells: list[range], rng: Random) -> str:
    at, bit = rng.choice(rng.choice(cells)), rng.randrange(8)
    spoilt = bytearray(content)
    spoilt[at] ^= 1 << bit
    copy.write_bytes(spoilt)
    return f"bit {bit} of byte {at}: {content[at]:#04x}"


def _ledger_cells(db: sqlite3.Connection, content: bytes) -> Iterator[range]:
    """Where in the file each row of the ledger is (https://www.sqlite.org/fileformat2.html, section 1.6)."""
    (size,) = db.execute("PRAGMA page_size").fetchone()
    for (number,) in db.execute("SELECT pageno FROM dbstat WHERE name = 'posting' AND pagetype = 'leaf'").fetchall():
        begin = (number - 1) * size
        page = content[begin : begin + size]
        (count,) = struct.unpack_from(">H", page, 3)
        for at in struct.unpack_from(f">{count}H", page, 8):
            length, after = _varint(page, at)
            _, after = _varint(page, after)
            yield range(begin + at, begin + after + length)


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; those of these books are short."""
    number = 0
    while page[at] & 0x80:
        number = number << 7 | page[at] & 0x7F
        at += 1
    return number << 7 | page[at], at + 1
