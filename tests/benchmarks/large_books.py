"""Books of any size, made as the agent would have made them: catalogue, tags, a ledger with its chain, balances."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from agent import catalogue_import
from agent.clerk import announcements_of
from agent.core import telling
from agent.core.ledger import Code, Posting, Turn
from agent.core.places import BACKROOM, CUSTOMER, FLOOR, SUPPLIER, is_inside
from agent.store import announcements, chain
from agent.store import books as rows
from agent.store.connection import Store
from tests.core.shop import epc_of, gtin_14

STORE: Final = "SH-0001"
EPOCH: Final = 1_700_000_000_000
SKUS: Final = 50_000
EPCS: Final = 100_000
#: Every third SKU carries tags.
TAGGED_EVERY: Final = 3
#: HQ has heard all but the last days; those announcements are still there.
ANNOUNCED: Final = 50_000
_AT_ONCE: Final = 50_000
_CONFIG: Final = """\
[store]
id = "SH-0001"
chain = "bench"

[books]
path = "books.db"
catalogue = "catalogue.csv"

[hq]
broker = "mqtt://127.0.0.1:9"
mqtt_version = "5"

[web]
host = "127.0.0.1"
port = 0
"""


def made(folder: Path, postings: int) -> Path:
    """The folder with config, catalogue and books of so many postings; made once, for the schema of now."""
    steps = sorted(path.name for path in (Path(rows.__file__).parent / "schema").glob("*.sql"))
    made_for = f"{postings} postings, {SKUS} SKUs, {EPCS} EPCs, {steps}"
    stamp = folder / "made"
    if not stamp.exists() or stamp.read_text() != made_for:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "agent.toml").write_text(_CONFIG)
        _write_catalogue(folder / "catalogue.csv")
        asyncio.run(_make(folder, postings))
        stamp.write_text(made_for)
    return folder


def copied(folder: Path, to: Path) -> Path:
    """A copy that may be written in."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))


def _write_catalogue(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,gtin,name_en,name_zh,tagged\n")
        for n in range(SKUS):
            tagged = "no" if n % TAGGED_EVERY else "yes"
            file.write(f"S{n:05},{gtin_14(6141410_00000 + n)},Article number {n},第{n}号商品,{tagged}\n")


async def _make(folder: Path, postings: int) -> None:
    async with await Store.open(folder / "books.db") as store:
        epoch = await store.write(lambda tx: rows.found(tx, STORE, EPOCH))
        catalogue = await store.write(lambda tx: catalogue_import.follow_file(tx, folder / "catalogue.csv"))
        books = await store.write(lambda tx: rows.load(tx, STORE, epoch, catalogue))
        history = _History(postings)
        link = chain.START
        left = postings
        while left:
            batch = history.batch(min(left, _AT_ONCE))
            left -= len(batch)
            turn = Turn(books, EPOCH, {}, {})
            turn.postings = [one for one in batch if one.seq > postings - ANNOUNCED]
            telling.open_stock(turn)
            linked = chain.chained(link, batch)
            link = linked[-1][-1]
            await store.write(lambda tx, linked=linked, turn=turn: _enter(tx, linked, announcements_of(turn)))  # type: ignore[misc]
        await store.write(history.finish)
        await store.write(lambda tx: announcements.forget(tx, postings, 0))


def _enter(tx: sqlite3.Connection, linked: list[tuple[object, ...]], told: list[tuple[int, int, bytes]]) -> None:
    columns = ", ".join((*Posting._fields, "chain"))
    tx.executemany(f"INSERT INTO posting ({columns}) VALUES ({', '.join('?' * (len(Posting._fields) + 1))})", linked)
    tx.executemany("INSERT INTO announcement VALUES (?, ?, ?)", told)


class _History:
    """Deliveries by EPC first, then every SKU received and shelved, then a long time of sales and new goods."""

    def __init__(self, postings: int) -> None:
        self._balances: dict[tuple[str, str], int] = {}
        self._on_hand: dict[str, int] = {}
        self._tags: list[tuple[bytes, str, str, str, int]] = []
        self._seq = 0
        self._moves = self._all(Random(postings), postings)

    def batch(self, most: int) -> list[Posting]:
        return [self._post(*next(self._moves)) for _ in range(most)]

    def finish(self, tx: sqlite3.Connection) -> None:
        """Balances, tags and evidence, as the ledger left them."""
        balances = [(sku, place, qty) for (sku, place), qty in self._balances.items()]
        tx.executemany("INSERT INTO balance VALUES (?, ?, ?)", balances)
        tx.executemany("INSERT INTO tag VALUES (?, ?, ?, ?, ?)", self._tags)
        tx.executemany("INSERT INTO evidence VALUES (?, 0)", [(sku,) for sku in self._on_hand])

    def _all(self, rng: Random, postings: int) -> Iterator[tuple[str, str, str, int, Code, str, bytes | None]]:
        if postings > EPCS + SKUS:
            for nth in range(EPCS):
                n = nth * TAGGED_EVERY % (SKUS - SKUS % TAGGED_EVERY)
                epc, sku = epc_of(6141410_00000 + n, nth), f"S{n:05}"
                self._tags.append((epc, sku, "in_stock", FLOOR, 1))
                yield sku, SUPPLIER, FLOOR, 1, "receive", f"tag:{epc.hex()}:1", epc
        scans = receipts = 0
        while True:
            sku = f"S{rng.randrange(SKUS):05}"
            if self._balances.get((sku, FLOOR), 0) > 3:
                receipts += 1
                yield sku, FLOOR, CUSTOMER, rng.randint(1, 3), "sale", f"sale:T1-{receipts:08}/1", None
            elif self._balances.get((sku, BACKROOM), 0) >= 20:
                scans += 1
                yield sku, BACKROOM, FLOOR, 20, "move", f"scan:shelf:{scans}", None
            else:
                scans += 1
                yield sku, SUPPLIER, BACKROOM, 40, "receive", f"scan:dock:{scans}", None

    def _post(
        self, sku: str, origin: str, target: str, qty: int, code: Code, source: str, epc: bytes | None
    ) -> Posting:
        balances = self._balances
        self._seq += 1
        from_now = balances[sku, origin] = balances.get((sku, origin), 0) - qty
        to_now = balances[sku, target] = balances.get((sku, target), 0) + qty
        on_hand = self._on_hand.get(sku, 0) + qty * (is_inside(target) - is_inside(origin))
        self._on_hand[sku] = on_hand
        at = EPOCH + self._seq * 1000
        return Posting(
            self._seq,
            sku,
            origin,
            target,
            qty,
            code,
            at,
            source,
            0,
            "bench",
            epc,
            from_now,
            to_now,
            on_hand,
        )
