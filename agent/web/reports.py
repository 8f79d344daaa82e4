"""What the pages show, as plain values made from what the store remembers; nothing here waits."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from agent.clerk import Clerk
from agent.clock import Clock
from agent.commands import Commands
from agent.core.cases import KINDS
from agent.core.catalogue import Sku
from agent.core.counts import is_of_tags
from agent.core.explain import Explanation, explain
from agent.core.ledger import Books, Turn
from agent.core.places import INSIDE, OUTSIDE
from agent.devices import Keeper
from agent.intake import Intake
from agent.outbox import Outbox, Sender
from agent.upkeep import Upkeep
from agent.web.counting import MOST_TOLD, summary
from wire import digest
from wire.mqtt import Link

_PLACES = tuple(sorted(INSIDE | OUTSIDE))
#: Of the crates, assets, places and loads that were heard, so many are told.
_MOST_BYSTANDERS = 20


@dataclass(frozen=True, slots=True)
class Reports:
    """Everything the pages may look at."""

    books: Books
    chain: str
    sender: Sender
    started_at: int
    clock: Clock
    keepers: tuple[Keeper, ...]
    intake: Intake
    outbox: Outbox
    link: Link
    clerk: Clerk
    upkeep: Upkeep
    commands: Commands

    def stock(self, skus: Iterable[str] | None = None) -> dict[str, Any]:
        """The stock of these SKUs, of all by default; only places where there is something."""
        catalogue = self.books.catalogue.skus
        wanted = catalogue.values() if skus is None else [catalogue[sku] for sku in skus if sku in catalogue]
        out = self._totes_and_slots()
        return {
            "store": self.books.store,
            "at": self.clock.now_ms(),
            "epoch": self.books.epoch,
            "head": self.books.head,
            "books": self._state(),
            "skus": [self._sku(sku, out.get(sku.sku, ())) for sku in wanted],
        }

    def whole_stock(self) -> dict[str, Any]:
        """The stock of every SKU, with the digest that HQ's copy must have at the same `head`."""
        balances = ((sku, place, qty) for (sku, place), qty in self.books.balances.items())
        return {**self.stock(), "digest": digest.to_text(digest.of_books(balances))}

    def health(self) -> dict[str, Any]:
        """How the store's devices, its line to HQ and its people's cases do."""
        now = self.clock.now_ms()
        scans = self.books.scans
        return {
            "store": self.books.store,
            "chain": self.chain,
            "version": self.sender.software,
            "boot": self.sender.boot,
            "at": now,
            "started_at": self.started_at,
            "epoch": self.books.epoch,
            "head": self.books.head,
            "devices": [
                {**asdict(keeper.look()), "scans_booked": scans.get(keeper.health.name, 0)} for keeper in self.keepers
            ],
            "line": self._line(now),
            "promising": self._promising(),
            "care": self._care(),
            "cases": [
                {
                    "id": case.id,
                    "case": case.kind,
                    "about": case.about,
                    "text": case.detail,
                    "hint": KINDS[case.kind].hint,
                    "owner": case.owner,
                    "due": case.due_at,
                    "opened_at": case.opened_at,
                    "times": case.times,
                    "by_hand": KINDS[case.kind].by_hand or is_of_tags(self.books.catalogue, case),
                }
                for case in sorted(self.books.cases.values(), key=lambda case: case.due_at)
            ],
            "counting": [
                summary(session)
                for session in sorted(self.books.counts.sessions.values(), key=lambda session: session.due_at)[
                    :MOST_TOLD
                ]
            ],
            "counting_all": len(self.books.counts.sessions),
            "commands": dict(self.commands.counts),
            "bystanders": self._bystanders(),
            "counts": {**asdict(self.intake.counts), "turns": self.clerk.turns},
        }

    def explain(self, sku: str) -> Explanation | None:
        """Why the SKU's ATP is what it is, in each channel, now; None when there is no such SKU."""
        return explain(Turn(self.books, self.clock.now_ms(), {}, {}, {}, self.clerk.time.stamp().books_ms), sku)

    def _bystanders(self) -> list[dict[str, Any]]:
        """Crates, assets, places and loads that were heard, the latest first."""
        latest = islice(reversed(self.intake.bystanders.values()), _MOST_BYSTANDERS)
        return [
            {"kind": one.what.kind, "name": one.what.name, "place": one.place, "heard_at": at} for one, at in latest
        ]

    def _care(self) -> dict[str, Any]:
        """How the books themselves do."""
        ballast = self.upkeep.ballast
        return {
            "state": self._state(),
            "room": ballast.room,
            "free_bytes": ballast.free(),
            "copied_at": self.upkeep.copied_at,
        }

    def _promising(self) -> dict[str, Any]:
        """What stops all promises: each as the books noted it last, None when they never did."""
        conditions = self.books.conditions
        return {
            "stopped": conditions.paused or conditions.lease_stale,
            "paused": conditions.notes.get("paused"),
            "lease_stale": conditions.notes.get("lease_stale"),
        }

    def _state(self) -> str:
        """`restored` until the store's lead has resolved the case of that: the books go on from a copy."""
        return "restored" if any(kind == "books_restored" for kind, _ in self.books.cases) else "whole"

    def _line(self, now: int) -> dict[str, Any]:
        waiting_since = self.outbox.waiting_since
        return {
            "state": "here" if self.link.state == "here" else "connecting",
            "broker": str(self.link.broker),
            "connected_since": self.link.connected_since,
            "heard": self.outbox.heard,
            "waiting": self.outbox.waiting,
            "heard_at": self.outbox.heard_at,
            "oldest_waiting_ms": 0 if waiting_since is None else max(0, now - waiting_since),
            "unreadable": self.outbox.unreadable,
            "foreign": self.outbox.foreign,
            "why": self.link.why or self.outbox.trouble,
        }

    def _totes_and_slots(self) -> dict[str, set[str]]:
        """The totes and slots that units of each SKU are in: there are as many as there are orders, not as SKUs."""
        found: dict[str, set[str]] = {}
        for hold in (*self.books.holds.values(), *self.books.tasks.leftovers.values()):
            for line in hold.lines:
                found.setdefault(line.sku, set()).update(place for place, _ in (*line.pulled, *line.back))
        return found

    def _sku(self, sku: Sku, out: Iterable[str]) -> dict[str, Any]:
        return {
            "sku": sku.sku,
            "name_en": sku.name_en,
            "name_zh": sku.name_zh,
            "gtins": sku.gtins,
            "tagged": sku.tagged,
            "on_hand": self.books.on_hand.get(sku.sku, 0),
            "places": self.books.of_sku(sku.sku, (*_PLACES, *sorted(out))),
        }
