"""What HQ can say about its stores, in the shapes of the API."""

import contextlib
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from hq_bridge.books import Digest, StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.ingest import Ingest
from hq_bridge.store import Database, Has
from hq_bridge.web import shapes
from hq_bridge.web.days import Days
from hq_bridge.web.trend import Trend
from wire.mqtt import Link
from wire.places import places_of
from wire.tls import Credentials, CredentialsUnusable, Span, as_day

_NEWEST_UNREADABLE = 50
_COUNTS = ("landed", "repeated", "dropped", "unreadable", "strangers", "refused")


class UnknownName(Exception):
    """Raised when nobody here has heard of a store or SKU."""

    def __init__(self, error: str, hint: str) -> None:
        super().__init__(error)
        self.error = error
        self.hint = hint


class Board:
    """Reads what is committed: positions from memory, stock and history from the database."""

    def __init__(
        self,
        chain: str,
        ingest: Ingest,
        database: Database,
        link: Link,
        now_ms: NowMs,
        credentials: Credentials | None = None,
    ) -> None:
        self.days = Days(database)
        self.trend = Trend(ingest.stores, now_ms)
        self._chain = chain
        self._ingest = ingest
        self._database = database
        self._link = link
        self._now_ms = now_ms
        self._credentials = credentials

    @property
    def version(self) -> object:
        """Is another one whenever `stores` would say something else."""
        return self._ingest.version, self._link.state, self._link.why

    def stores(self) -> shapes.Stores:
        """Every store HQ has ever heard, by name."""
        now = self._now_ms()
        books = self._ingest.stores
        state: Literal["here", "connecting"] = "here" if self._link.state == "here" else "connecting"
        return shapes.Stores(
            self._chain,
            now,
            [_store(books[store], now) for store in sorted(books)],
            shapes.Line(
                state, str(self._link.broker), self._link.connected_since, self._link.why, self._certificates(now)
            ),
            {name: self._ingest.counts[name] for name in _COUNTS},
        )

    def _certificates(self, now: int) -> list[shapes.Certificate]:
        """Those that hold the line up on HQ's side, as far as they can be read."""
        spans: list[tuple[Literal["hq", "broker"], Span]] = []
        if self._credentials is not None:
            with contextlib.suppress(CredentialsUnusable):
                spans.append(("hq", self._credentials.span()))
        if self._link.shown is not None:
            spans.append(("broker", self._link.shown))
        return [shapes.Certificate(whose, span.ends, span.is_about_to_end(now)) for whose, span in spans]

    async def days_of(self, store: str, until: str | None, many: int) -> shapes.StoreDays:
        """What a store told of days that are over. Raises UnknownName."""
        self.books(store)
        return await self.days.of_store(store, until, many)

    async def stock(self, store: str) -> shapes.StoreStock:
        """What a store has, place by place, and how old that is. Raises UnknownName."""
        books = self.books(store)
        position, verdict, behind = books.position, books.verdict, books.behind
        promises = books.promises
        found = await self._database.stock(store)
        return shapes.StoreStock(
            store,
            books.presence,
            position.epoch,
            position.cursor,
            position.landed_at,
            _age(position.landed_at, self._now_ms()),
            behind,
            verdict,
            [
                shapes.SkuPlaces(each.sku, each.on_hand, each.held, _atp(each.atp, promises), places_of(each.places))
                for each in found
            ],
        )

    async def stock_of(self, sku: str) -> shapes.SkuStock:
        """A SKU across the chain. Raises UnknownName when no store ever had it."""
        found = await self._database.stock_of(sku)
        if not found:
            raise UnknownName(f"no store has had SKU {sku!r}", "/v1/skus?prefix=… lists those that begin so.")
        now = self._now_ms()
        stores = [_has(self._ingest.stores[each.store], each, now) for each in found]
        as_of = _oldest(each.as_of for each in stores)
        behind, verdict = sum(each.behind for each in stores), _together([each.digest for each in stores])
        on_hand = sum(each.on_hand for each in stores)
        held, atp = sum(each.held or 0 for each in stores), sum(each.atp or 0 for each in stores)
        return shapes.SkuStock(sku, on_hand, held, atp, as_of, _age(as_of, now), behind, verdict, stores)

    async def skus(self, prefix: str, after: str, limit: int) -> shapes.Skus:
        """SKUs that begin with `prefix`, beyond `after`."""
        books = list(self._ingest.stores.values())
        as_of = _oldest(each.position.landed_at for each in books)
        verdict = _together([each.verdict for each in books])
        behind = sum(each.behind for each in books)
        closed = [each.store for each in books if not each.promises]
        found = await self._database.skus(prefix, after, limit + 1, closed)
        page = [shapes.SkuSum(*each) for each in found[:limit]]
        following = page[-1].sku if len(found) > limit else None
        return shapes.Skus(as_of, _age(as_of, self._now_ms()), behind, verdict, page, following)

    async def log(self, store: str, epoch: int | None, after: int, limit: int) -> shapes.Log:
        """A store's stream, row by row, as HQ committed it; the present epoch's unless told. Raises UnknownName."""
        position = self.books(store).position
        asked = position.epoch if epoch is None else epoch
        kept = await self._database.log(store, asked, after, limit)
        cursor = position.cursor if asked == position.epoch else 0
        oldest = cursor + 1 if kept.oldest is None else kept.oldest
        gone = oldest - 1 if kept.oldest is not None else cursor
        rows = [_with_landed_at(landed_at, body) for landed_at, body in kept.rows]
        return shapes.Log(store, asked, position.epoch, oldest, max(0, gone - after), rows)

    async def quarantine(self) -> shapes.Quarantine:
        """The newest payloads nobody could read."""
        newest = await self._database.quarantined(_NEWEST_UNREADABLE)
        return shapes.Quarantine(self._ingest.counts["unreadable"], [shapes.Unreadable(**each) for each in newest])

    def lag(self, store: str | None) -> shapes.LagTrend:
        """How the lag went lately, of a store or of the chain. Raises UnknownName."""
        if store is None:
            return self.trend.of_chain()
        self.books(store)
        return self.trend.of_store(store)

    def books(self, store: str) -> StoreBooks:
        """What HQ knows of a store. Raises UnknownName."""
        books = self._ingest.stores.get(store)
        if books is None:
            raise UnknownName(f"no store {store!r} has been heard", "/v1/stores lists every store HQ knows.")
        return books


def _troubles(books: StoreBooks) -> list[shapes.TroubleText]:
    """What HQ noticed, and of what the store says itself that which may cost it its line."""
    told = [shapes.TroubleText(kind, text) for kind, text in books.trouble.items()]
    open_cases = {kind for kind, _ in books.cases}
    if "certificate_ends" in open_cases:
        on = "" if books.certificate_ends is None else f": on {as_day(books.certificate_ends)}"
        told.append(shapes.TroubleText("certificate", f"its certificate ends{on}"))
    if "clock_wrong" in open_cases:
        told.append(shapes.TroubleText("clock", "its clock is wrong"))
    return told


def _store(books: StoreBooks, now: int) -> shapes.Store:
    position, lease, troubles = books.position, books.lease, _troubles(books)
    p50, p99 = books.lag.p50_p99()
    return shapes.Store(
        store=books.store,
        state=books.presence,
        epoch=position.epoch,
        cursor=position.cursor,
        head=max(books.head, position.cursor),
        behind=books.behind,
        landed_at=position.landed_at,
        age_ms=_age(position.landed_at, now),
        heard_from_at=books.heard_from_at,
        lease=None if lease is None else lease.lease,
        lease_heard_at=None if lease is None else lease.heard_at,
        lease_age_ms=None if lease is None else _age(lease.heard_at, now),
        lag_p50_ms=p50,
        lag_p99_ms=p99,
        rows=position.rows,
        units=position.units,
        cases_open=len(books.cases),
        digest=books.verdict,
        trouble="; ".join(each.text for each in troubles) or None,
        troubles=troubles,
        certificate_ends=books.certificate_ends,
    )


def _has(books: StoreBooks, has: Has, now: int) -> shapes.StoreHas:
    as_of = books.position.landed_at
    return shapes.StoreHas(
        books.store,
        books.presence,
        has.on_hand,
        has.held,
        _atp(has.atp, books.promises),
        as_of,
        _age(as_of, now),
        books.behind,
        books.verdict,
    )


def _atp(told: int | None, promises: bool) -> int | None:
    """What may be promised of what a store has told of a SKU."""
    return told if promises or told is None else 0


def _oldest(times: Iterable[int | None]) -> int | None:
    return min((at for at in times if at is not None), default=None)


def _together(verdicts: list[Digest]) -> Digest:
    """What is known of all of it."""
    if "differs" in verdicts:
        return "differs"
    return "same" if verdicts and set(verdicts) == {"same"} else "unknown"


def _age(landed_at: int | None, now: int) -> int | None:
    return None if landed_at is None else max(0, now - landed_at)


def _with_landed_at(landed_at: int, body: msgspec.Raw) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.json.decode(body)
    return {"seq": row.pop("seq"), "at": row.pop("at", None), "landed_at": landed_at, "kind": row.pop("kind"), **row}
