"""Snapshots of stores, put together from their parts: asked for by name, bounded, believed when every hash agrees."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from msgspec import UNSET

from wire import digest
from wire.codec import NotOurs, decode_snapshot, decode_snapshot_part
from wire.messages import CaseRow, DayRow, OrderRow, Row, SkuStock, Snapshot, StockRow

#: Stores whose snapshots may be under way at once, and their bytes; others are asked when there is room.
MOST_AT_ONCE: Final = 8
MOST_BYTES: Final = 128 * 1024 * 1024
#: A snapshot of which nothing came for so long is asked for again, under another name.
PATIENCE_MS: Final = 15_000

_Key = tuple[str, str]


@dataclass(slots=True)
class Whole:
    """A store's books at row `seq` of `epoch`: units inside and balances of each SKU, open cases and orders, days.

    `opened`: of SKUs of which the store has said it, (held, ATP).
    """

    epoch: int
    seq: int
    on_hand: dict[str, int] = field(default_factory=dict)
    places: dict[str, dict[str, int]] = field(default_factory=dict)
    opened: dict[str, tuple[int, int]] = field(default_factory=dict)
    cases: dict[_Key, CaseRow] = field(default_factory=dict)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    days: dict[str, DayRow] = field(default_factory=dict)

    def bring_up(self, rows: Iterable[Row]) -> None:
        """Let the rows that follow `seq` happen."""
        for row in rows:
            if isinstance(row, StockRow):
                places = self.places.setdefault(row.sku, {})
                places[row.origin], places[row.target] = row.from_now, row.to_now
                self._has(row)
            elif isinstance(row, CaseRow):
                if row.state == "open":
                    self.cases[row.case, row.about] = row
                else:
                    self.cases.pop((row.case, row.about), None)
            elif isinstance(row, OrderRow):
                self.orders[row.order] = row
            elif isinstance(row, DayRow):
                self.days[row.day] = row
            self.seq = row.seq

    def take(self, item: SkuStock) -> None:
        """What a part says of a SKU; another may say more places."""
        self.places.setdefault(item.sku, {}).update(item.places)
        self._has(item)

    def _has(self, said: StockRow | SkuStock) -> None:
        self.on_hand[said.sku] = said.on_hand
        if said.held is UNSET or said.atp is UNSET:
            self.opened.pop(said.sku, None)
        else:
            self.opened[said.sku] = said.held, said.atp

    def digest(self) -> int:
        """Of its balances; see `wire.digest`."""
        return digest.of_books((sku, place, qty) for sku, found in self.places.items() for place, qty in found.items())


@dataclass(slots=True)
class _Gathering:
    name: str
    moved_at: int
    manifest: Snapshot | None = None
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    def is_complete(self) -> bool:
        return self.manifest is not None and len(self.parts) == len(self.manifest.parts)


class Snapshots:
    """What is being gathered, store by store. `boot` keeps the names of two runs of HQ apart."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._asked = 0
        self._of: dict[str, _Gathering] = {}

    def ask(self, store: str, now_ms: int) -> str:
        """The name under which the store shall send one; the same while parts arrive. Empty when there is no room."""
        found = self._of.get(store)
        if found is not None and now_ms - found.moved_at < PATIENCE_MS:
            return found.name
        self._of.pop(store, None)
        for other in [name for name, each in self._of.items() if now_ms - each.moved_at >= PATIENCE_MS]:
            del self._of[other]
        if len(self._of) >= MOST_AT_ONCE:
            return ""
        self._asked += 1
        self._of[store] = _Gathering(f"{self._boot}-{self._asked}", now_ms)
        return self._of[store].name

    def take(self, store: str, channel: str, payload: bytes, now_ms: int) -> bool:
        """A part came, on `snapshot/<name>/<part>`; is the snapshot complete now? What was not asked for is not kept.

        Raises NotOurs.
        """
        _, name, number = channel.split("/")
        found = self._of.get(store)
        if found is None or found.name != name or found.is_complete():
            return False
        if int(number) == 0:
            found.manifest = decode_snapshot(payload)
            wrong = [nth for nth, part in found.parts.items() if not self._belongs(found.manifest, nth, part)]
            for nth in wrong:
                found.size -= len(found.parts.pop(nth))
        elif self._fits(found, int(number), payload):
            found.parts[int(number)] = payload
            found.size += len(payload)
        found.moved_at = now_ms
        return found.is_complete()

    def whole(self, store: str) -> Whole:
        """The complete snapshot of a store; its parts are let go. Raises NotOurs when it is not what it says."""
        found = self._of[store]
        assert found.manifest is not None
        parts, found.parts = found.parts, {}
        whole = Whole(found.manifest.epoch, found.manifest.seq)
        for nth in sorted(parts):
            part = decode_snapshot_part(parts[nth])
            if (part.name, part.part) != (found.name, nth):
                raise NotOurs("a part of another snapshot")
            for item in part.stock:
                whole.take(item)
            whole.cases.update(((row.case, row.about), row) for row in part.cases)
            whole.orders.update((row.order, row) for row in part.orders or ())
            whole.days.update((row.day, row) for row in part.days or ())
        if digest.to_text(whole.digest()) != found.manifest.digest:
            raise NotOurs("the snapshot's balances have not the digest it says")
        return whole

    def forget(self, store: str) -> None:
        """Done with, or given up."""
        self._of.pop(store, None)

    def _fits(self, found: _Gathering, number: int, payload: bytes) -> bool:
        if number in found.parts or sum(each.size for each in self._of.values()) + len(payload) > MOST_BYTES:
            return False
        return found.manifest is None or self._belongs(found.manifest, number, payload)

    @staticmethod
    def _belongs(manifest: Snapshot, number: int, payload: bytes) -> bool:
        return number <= len(manifest.parts) and sha256(payload).hexdigest() == manifest.parts[number - 1]
