"""What must hold after everything that happened on the line; and how long it took until it did.

Judged by the tills' own lists and by HQ's database, never by what a program believes of itself alone. None of the
complaints is good.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import httpx
import msgspec
from msgspec import field
from sqlalchemy.engine import make_url

from hq_bridge.store import Database
from tests.torture.line.chain import Line, Store
from wire import digest

_LOOK_EVERY_S = 0.05
_PAGE = 2000


class Row(msgspec.Struct, frozen=True):
    """What is judged of a row of HQ's history."""

    seq: int
    kind: str
    source: str = ""
    sku: str = ""
    origin: str = field(name="from", default="")
    target: str = field(name="to", default="")
    qty: int = 0

    @property
    def is_sale(self) -> bool:
        return self.source.startswith("sale:")


_row = msgspec.json.Decoder(Row)
History = dict[int, list[Row]]


async def caught_up(line: Line, within_s: float = 60.0) -> float:
    """Wait until HQ has all that the stores have entered until now; returns the seconds. The load goes on."""
    began = time.monotonic()
    for store in line.stores:
        head = (await store.look("/v1/health"))["head"]
        while (await store.look("/v1/health"))["line"]["heard"] < head:
            spent = time.monotonic() - began
            assert spent < within_s, f"after {spent:.0f} s HQ has not heard row {head} of {store.name}"
            await line.work_for(_LOOK_EVERY_S)
    return time.monotonic() - began


async def converge(line: Line, within_s: float = 60.0) -> float:
    """Close the tills, then wait until HQ has what every store has; returns the seconds.

    The same row, the same digest reckoned from what both show, the same held and to be promised of each SKU, nothing
    behind, and HQ says so itself.
    """
    began = time.monotonic()
    await line.close()
    while problem := await _differs(line):
        spent = time.monotonic() - began
        assert spent < within_s, f"not converged after {spent:.0f} s: {problem}"
        await asyncio.sleep(_LOOK_EVERY_S)
    return time.monotonic() - began


async def _differs(line: Line) -> str:
    try:
        told = {store["store"]: store for store in (await line.ask_hq("/v1/stores"))["stores"]}
        for store in line.stores:
            books = await store.look("/v1/stock")
            at_hq = told.get(store.name, {})
            wanted = {"epoch": books["epoch"], "cursor": books["head"], "behind": 0, "digest": "same", "trouble": None}
            if wrong := {key: at_hq.get(key) for key, value in wanted.items() if at_hq.get(key) != value}:
                return f"{store.name} at {books['head']} of epoch {books['epoch']}; HQ says {wrong}"
            stock = await line.ask_hq(f"/v1/stores/{store.name}/stock")
            balances = ((sku["sku"], place, qty) for sku in stock["skus"] for place, qty in sku["places"].items())
            if digest.to_text(digest.of_books(balances)) != books["digest"]:
                return f"{store.name}: the digest of what HQ shows is not the store's {books['digest']}"
            for sku in stock["skus"]:
                own = (await store.look(f"/v1/explain/{sku['sku']}"))["channels"][-1]
                if (sku["held"], sku["atp"]) != (own["promised"], own["atp"]):
                    return f"{store.name}: of {sku['sku']} HQ says {sku}, the store {own}"
    except httpx.HTTPError as error:
        return f"HQ does not answer: {error!r}"
    return ""


async def complaints(line: Line) -> list[str]:
    """Everything that does not hold once all have converged: what each till was answered stands in HQ's history, over
    all epochs of its store, exactly once, and nothing else. Stops agents and HQ in order.
    """
    for store in line.stores:
        await store.agent.stop()
    await line.hq.stop()
    told: list[str] = []
    for store in line.stores:
        history = await history_of(line, store)
        told += [f"{store.name}: {problem}" for problem in _of_store(store, history)]
    return told


async def history_of(line: Line, store: Store) -> History:
    """By epoch, every row HQ keeps of a store, in order, as often as it landed."""
    path = line.folder / "hq.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as hq:
        assert hq.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        epochs = hq.execute("SELECT DISTINCT epoch FROM history WHERE store = ? ORDER BY 1", [store.name]).fetchall()
    found: History = {}
    async with await Database.open(make_url(f"sqlite+aiosqlite:///{path}")) as database:
        for (epoch,) in epochs:
            rows = found[epoch] = []
            while page := (await database.log(store.name, epoch, len(rows), _PAGE)).rows:
                rows += [_row.decode(body) for _, body in page]
    return found


def _of_store(store: Store, history: History) -> Iterator[str]:
    if not history:
        yield "HQ has no history of it"
        return
    for epoch, rows in history.items():
        yield from _is_dense(epoch, rows)
    sales = [((epoch, row.seq), row) for epoch, rows in sorted(history.items()) for row in rows if row.is_sale]
    for source, times in Counter(row.source for _, row in sales).items():
        if times > 1:
            yield f"{source} is {times} times at HQ"
    at_hq = {row.source: (row.sku, row.qty) for _, row in sales}
    for source, want in store.sold.items():
        if source not in at_hq:
            yield f"{source} was answered and is lost"
        elif at_hq[source] != want:
            yield f"{source} was answered as {want} and is {at_hq[source]} at HQ"
    for source in at_hq.keys() - store.sold.keys():
        yield f"{source} is at HQ and was never answered"
    yield from _in_the_order_of_the_till(store, {row.source: place for place, row in sales})
    yield from _is_the_stores_own(store, history[max(history)])


def _is_dense(epoch: int, rows: list[Row]) -> Iterator[str]:
    numbers = [row.seq for row in rows]
    if numbers != list(range(1, len(rows) + 1)):
        wrong = next((at, seq) for at, seq in enumerate(numbers, 1) if at != seq)
        yield f"epoch {epoch} has a hole or a double: at {wrong[0]} stands row {wrong[1]}, of {len(rows)}"


def _in_the_order_of_the_till(store: Store, places: dict[str, tuple[int, int]]) -> Iterator[str]:
    """A till waits for its answer before it sells on: rows stand in the order of its receipts."""
    known: dict[str, list[tuple[int, int]]] = {}
    for source in store.sold:
        if source in places:
            known.setdefault(source.partition("-")[0], []).append(places[source])
    for till, its in known.items():
        if its != sorted(its):
            yield f"rows stand in another order than {till} sold"


def _is_the_stores_own(store: Store, rows: list[Row]) -> Iterator[str]:
    """HQ's rows of this epoch are the postings of the store's books, one by one; those that move nothing have none."""
    with closing(sqlite3.connect(f"file:{store.folder / 'books.db'}?mode=ro", uri=True)) as books:
        kept = books.execute("SELECT sku, origin, target, qty, source FROM posting ORDER BY seq").fetchall()
    at_hq = [(row.sku, row.origin, row.target, row.qty, row.source) for row in rows if row.kind == "stock" and row.qty]
    if at_hq != kept:
        first = next((pair for pair in zip(at_hq, kept, strict=False) if pair[0] != pair[1]), ())
        yield f"HQ has {len(at_hq)} stock rows and the store {len(kept)}; they first differ at {first}"
