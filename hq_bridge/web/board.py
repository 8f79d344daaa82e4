"""What HQ can say about its stores, as values for the API and the page."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from hq_bridge.books import StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.ingest import Ingest
from hq_bridge.store import Database
from wire.mqtt import Link

_EVENT_EVERY_S = 0.25
#: Told again after this long even when nothing changed, so that a page knows HQ is still there.
_EVENT_AT_LEAST_S = 5.0
_PAGES_MAX = 200


class UnknownName(Exception):
    """Raised when nobody here has heard of a store or SKU."""

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(error)
        self.error = error
        self.hint = hint


class Board:
    """Reads what is committed: positions from memory, stock and history from the database."""

    def __init__(self, chain: str, ingest: Ingest, database: Database, link: Link, now_ms: NowMs) -> None:
        self._chain = chain
        self._ingest = ingest
        self._database = database
        self._link = link
        self._now_ms = now_ms
        self._closing = asyncio.Event()
        self._pages = 0
        self._event: tuple[object, bytes] = (None, b"")

    def stores(self) -> dict[str, Any]:
        """Every store HQ has ever heard, by name."""
        now = self._now_ms()
        books = self._ingest.stores
        return {
            "chain": self._chain,
            "at": now,
            "stores": [_store(books[store], now) for store in sorted(books)],
            "line": {
                "state": "here" if self._link.state == "here" else "connecting",
                "broker": str(self._link.broker),
                "connected_since": self._link.connected_since,
                "why": self._link.why,
            },
            "counts": {name: self._ingest.counts[name] for name in ("landed", "dropped", "unreadable", "strangers")},
        }

    async def stock(self, store: str) -> dict[str, Any]:
        """What a store has, place by place, and how old that is. Raises UnknownName."""
        books = self._books(store)
        position, verdict = books.position, books.verdict
        places, on_hand = await self._database.stock(store)
        skus: dict[str, dict[str, Any]] = {
            sku: {"sku": sku, "on_hand": qty, "places": {}} for sku, qty in sorted(on_hand.items())
        }
        for sku, place, qty in places:
            skus[sku]["places"][place] = qty
        return {
            "store": store,
            "epoch": position.epoch,
            "seq": position.cursor,
            "as_of": position.landed_at,
            "age_ms": _age(position.landed_at, self._now_ms()),
            "digest": verdict,
            "skus": list(skus.values()),
        }

    async def stock_of(self, sku: str) -> dict[str, Any]:
        """A SKU across the chain. Raises UnknownName when no store ever had it."""
        found = await self._database.stock_of(sku)
        if not found:
            raise UnknownName(f"no store has had SKU {sku!r}", "Look a store's SKUs up under /v1/stores/{id}/stock.")
        now = self._now_ms()
        stores = []
        for store, qty in found:
            landed_at = self._ingest.stores[store].position.landed_at
            stores.append({"store": store, "on_hand": qty, "as_of": landed_at, "age_ms": _age(landed_at, now)})
        return {"sku": sku, "stores": stores, "on_hand": sum(qty for _, qty in found)}

    async def log(self, store: str, after: int, limit: int) -> dict[str, Any]:
        """A store's stream, row by row, as HQ committed it. Raises UnknownName.

        `oldest` is the first row that is still kept; of those asked for, `gone` are no longer.
        """
        position = self._books(store).position
        kept = await self._database.log(store, position.epoch, after, limit)
        oldest = position.cursor + 1 if kept.oldest is None else kept.oldest
        return {
            "store": store,
            "epoch": position.epoch,
            "oldest": oldest,
            "gone": max(0, min(oldest, position.cursor + 1) - 1 - after),
            "rows": [_with_landed_at(landed_at, body) for landed_at, body in kept.rows],
        }

    async def quarantine(self) -> dict[str, Any]:
        """The newest payloads nobody could read."""
        rows: list[Mapping[str, Any]] = await self._database.quarantined(50)
        return {"unreadable": self._ingest.counts["unreadable"], "newest": rows}

    def is_full(self) -> bool:
        """Are as many pages open as may be?"""
        return self._pages >= _PAGES_MAX

    async def events(self) -> AsyncIterator[bytes]:
        """`stores` events: at once, on each change (at most 4 per second), and now and then."""
        self._pages += 1
        loop = asyncio.get_running_loop()
        seen: object = None
        told_at = 0.0
        try:
            while not self._closing.is_set():
                version = (self._ingest.version, self._link.state, self._link.why)
                if version != seen or loop.time() - told_at >= _EVENT_AT_LEAST_S:
                    seen, told_at = version, loop.time()
                    yield self._stores_event(version, told_at)
                try:
                    await asyncio.wait_for(self._closing.wait(), _EVENT_EVERY_S)
                except TimeoutError:
                    continue
        finally:
            self._pages -= 1

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closing.set()

    def _stores_event(self, version: object, now_s: float) -> bytes:
        """The same bytes for every page that asks within the same moment."""
        key = (version, int(now_s / _EVENT_EVERY_S))
        if self._event[0] != key:
            self._event = (key, b"event: stores\ndata: " + msgspec.json.encode(self.stores()) + b"\n\n")
        return self._event[1]

    def _books(self, store: str) -> StoreBooks:
        books = self._ingest.stores.get(store)
        if books is None:
            raise UnknownName(f"no store {store!r} has been heard", "/v1/stores lists every store HQ knows.")
        return books


def _store(books: StoreBooks, now: int) -> dict[str, Any]:
    position = books.position
    p50, p99 = books.lag.p50_p99()
    return {
        "store": books.store,
        "state": books.presence,
        "epoch": position.epoch,
        "cursor": position.cursor,
        "head": max(books.head, position.cursor),
        "behind": books.behind,
        "landed_at": position.landed_at,
        "age_ms": _age(position.landed_at, now),
        "heard_from_at": books.heard_from_at,
        "lag_p50_ms": p50,
        "lag_p99_ms": p99,
        "rows": position.rows,
        "units": position.units,
        "cases_open": len(books.cases),
        "digest": books.verdict,
        "trouble": "; ".join(books.trouble.values()) or None,
        "troubles": [{"kind": kind, "text": text} for kind, text in books.trouble.items()],
    }


def _age(landed_at: int | None, now: int) -> int | None:
    return None if landed_at is None else max(0, now - landed_at)


def _with_landed_at(landed_at: int, body: msgspec.Raw) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.json.decode(body)
    return {"seq": row.pop("seq"), "at": row.pop("at", None), "landed_at": landed_at, "kind": row.pop("kind"), **row}
