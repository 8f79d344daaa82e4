"""The ledger as a hash chain: whoever changes a bit of a posting breaks it.

The canonical bytes of a posting are its columns in the ledger's order (`COLUMNS`) as one JSON array without blanks, in
UTF-8, the EPC in Base64 (RFC 4648 section 4) or null: quotes and commas keep the columns apart. The chain value after a
posting is the 16-byte BLAKE2b of the value before it, followed by those bytes. The first has `START` before it.
"""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from agent.core.ledger import Posting

SIZE: Final = 16
START: Final = bytes(SIZE)
#: The columns that are hashed. Frozen: another order or number breaks the chain of every shop's books.
COLUMNS: Final = (
    "seq",
    "sku",
    "origin",
    "target",
    "qty",
    "code",
    "at",
    "source",
    "part",
    "actor",
    "epc",
    "from_now",
    "to_now",
    "on_hand",
)
NAMES: Final = ", ".join(COLUMNS)

#: A row's canonical bytes.
canonical = msgspec.json.Encoder().encode


def after(before: bytes, row: tuple[Any, ...]) -> bytes:
    """The chain value after a row of `COLUMNS`."""
    return blake2b(before + canonical(row), digest_size=SIZE).digest()


def head(tx: sqlite3.Connection) -> bytes:
    """The value after the newest posting, as the disk has it."""
    row = tx.execute("SELECT chain FROM posting ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        row = tx.execute("SELECT chain FROM ledger_start ORDER BY epoch DESC LIMIT 1").fetchone()
    return START if row is None else row[0]


def chained(before: bytes, postings: Iterable[Posting]) -> list[tuple[Any, ...]]:
    """Rows for the ledger: each posting with the chain value after it. `before` is the value before the first."""
    value = before
    rows: list[tuple[Any, ...]] = []
    for posting in postings:
        value = after(value, posting)
        rows.append((*posting, value))
    return rows


def backfill(tx: sqlite3.Connection) -> None:
    """Chain the rows that are older than the chain."""
    rows = tx.execute(f"SELECT {NAMES} FROM posting ORDER BY seq")  # noqa: S608 - names of this program's own
    value = START
    while some := rows.fetchmany(10_000):
        links = []
        for row in some:
            value = after(value, row)
            links.append((value, row[0]))
        tx.executemany("UPDATE posting SET chain = ? WHERE seq = ?", links)
