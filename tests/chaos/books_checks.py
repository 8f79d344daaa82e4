"""What must hold after everything that was killed: judged by the shop's own journal, never by the agent's rules.

Each check returns complaints; none is good.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from simulators import verdict
from tests.chaos.arena import Arena
from tests.waiting import until
from wire import digest

#: Sources of postings that are judged elsewhere: tags below, claims by the channel that asked for them.
_NOT_PEOPLES = ("tag:", "hold:", "commit:", "consume:", "release:")
_CLAIMS = ("FREE", "CONSUMED", "HOLD:", "COMMIT:")


class Posting(NamedTuple):
    """A row of the store's ledger, as this judge reads it."""

    seq: int
    sku: str
    origin: str
    target: str
    qty: int
    source: str


async def complaints(arena: Arena) -> list[str]:
    """Everything that does not hold, once the shop is closed and had time to agree."""
    found = await arena.agree()
    books = verdict.stock_of(await arena.branch.till.look("/v1/stock"))
    told = [f"differs: {difference}" for difference in found.differing]
    async with httpx.AsyncClient(base_url=arena.hq.web, trust_env=False) as hq:
        store = await _once_judged(arena, hq)
        rows = await verdict.hq_log(hq, arena.branch.store)
    await arena.branch.agent.stop()
    database = arena.branch.folder / "books.db"
    postings = _postings(database)
    told += arena.channel.complaints(database)
    told += _journal_is_posted_exactly_once(arena, postings)
    told += _tags_moved_one_step_at_a_time(postings)
    told += _books_are_the_sum_of_their_postings(postings, books)
    told += _scans_are_numbered_without_a_hole(arena, database)
    told += _hq_has_each_row_once(postings, rows, store)
    told += _digests_are_equal(arena, books, store)
    return told


async def _once_judged(arena: Arena, hq: httpx.AsyncClient) -> dict[str, Any]:
    """The store's line at HQ; an HQ that has just been started compares digests when the store has said hello."""

    async def look() -> dict[str, Any] | None:
        stores = (await hq.get("/v1/stores")).raise_for_status().json()["stores"]
        (store,) = (one for one in stores if one["store"] == arena.branch.store)
        return None if store["digest"] == "unknown" else store

    found: dict[str, Any] = await until(look, 60)
    return found


def _postings(database: Path) -> list[Posting]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as books:
        check = books.execute("PRAGMA integrity_check").fetchone()[0]
        assert check == "ok", check
        rows = books.execute("SELECT seq, sku, origin, target, qty, source FROM posting ORDER BY seq")
        return [Posting(*row) for row in rows]


def _journal_is_posted_exactly_once(arena: Arena, postings: list[Posting]) -> Iterator[str]:
    """What was acknowledged is there once, what was refused is not there, and nothing else is."""
    expected = {event.source: event for event in arena.branch.journal if event.source}
    posted = Counter(posting.source for posting in postings if not posting.source.startswith(_NOT_PEOPLES))
    for source, times in posted.items():
        if times > 1:
            yield f"{source} is posted {times} times"
        if source not in expected:
            yield f"{source} is posted and never happened"
    by_source = {posting.source: posting for posting in postings}
    for source, event in expected.items():
        posting = by_source.get(source)
        if posting is None:
            yield f"{source} was acknowledged and is lost"
        elif (posting.sku, posting.qty) != (event.sku, event.qty):
            yield f"{source} is posted as {posting}, and was {event}"


def _tags_moved_one_step_at_a_time(postings: list[Posting]) -> Iterator[str]:
    """`tag:EPC:n`: each tag's moves are numbered from 1, each begins where the one before ended."""
    where: dict[str, tuple[int, str]] = {}
    for posting in postings:
        if posting.source.startswith("tag:"):
            _, epc, number = posting.source.split(":")
            before, place = where.get(epc, (0, "SUPPLIER"))
            if (int(number), posting.origin, posting.qty) != (before + 1, place, 1):
                yield f"tag {epc} was at {place} after {before} moves, then {posting}"
            where[epc] = (int(number), posting.target)


def _books_are_the_sum_of_their_postings(postings: list[Posting], books: verdict.Stock) -> Iterator[str]:
    total: Counter[tuple[str, str]] = Counter()
    for posting in postings:
        if not posting.origin.startswith(_CLAIMS):
            total[posting.sku, posting.origin] -= posting.qty
            total[posting.sku, posting.target] += posting.qty
    told = {(sku, place): qty for sku, places in books.items() for place, qty in places.items()}
    summed = {key: qty for key, qty in total.items() if qty}
    for key in sorted(told.keys() | summed.keys()):
        if told.get(key, 0) != summed.get(key, 0):
            yield f"{key}: postings say {summed.get(key, 0)}, balances say {told.get(key, 0)}"


def _scans_are_numbered_without_a_hole(arena: Arena, database: Path) -> Iterator[str]:
    """Every answered scan is noted, refused ones too, and no other; the store may have forgotten the oldest."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as books:
        rows = books.execute("SELECT device, min(n), max(n), count(*) FROM scan GROUP BY device")
        noted = {device: (first, last, count) for device, first, last, count in rows}
    for scanner in (arena.branch.dock, arena.branch.shelf):
        answered = arena.people.answered[scanner.path.name]
        first, last, count = noted.get(scanner.path.name, (1, 0, 0))
        if last != answered or count != last - first + 1:
            yield f"{scanner.path.name} was answered {answered} times, noted are {count} from {first} to {last}"


def _hq_has_each_row_once(postings: list[Posting], rows: list[dict[str, Any]], store: dict[str, Any]) -> Iterator[str]:
    numbers = [row["seq"] for row in rows]
    if numbers != list(range(1, len(rows) + 1)):
        yield f"HQ's log has holes or doubles: {numbers[:5]} … {numbers[-5:]}, {len(numbers)} rows"
    if store["cursor"] != store["head"] or store["cursor"] != len(rows):
        yield f"HQ stands at {store['cursor']} of {store['head']}, with {len(rows)} rows"
    at_hq = [
        Posting(*(row[key] for key in ("seq", "sku", "from", "to", "qty", "source")))
        for row in rows
        if row["kind"] == "stock" and row["qty"]
    ]
    if at_hq != postings:
        differ = [pair for pair in zip(at_hq, postings, strict=False) if pair[0] != pair[1]]
        yield f"HQ's stock rows are not the store's: {len(at_hq)} and {len(postings)}, first {differ[:1]}"


def _digests_are_equal(arena: Arena, books: verdict.Stock, store: dict[str, Any]) -> Iterator[str]:
    truth = arena.branch.shop.truth()
    digests = {
        digest.to_text(
            digest.of_books((sku, place, qty) for sku, places in stock.items() for place, qty in places.items())
        )
        for stock in (truth, books)
    }
    if len(digests) != 1:
        yield f"the digests of truth and books differ: {digests}"
    if store["digest"] != "same":
        yield f"HQ says that its digest is {store['digest']}"
