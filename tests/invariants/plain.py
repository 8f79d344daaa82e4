"""What must be true of the books, in dicts and lists, from the asks alone: none of the agent's code is in here.

Only goods without tags are followed to the unit; where tagged units are is judged from the ledger's own rows.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

SKUS = ("MILK", "EGGS")
FLOOR, BACKROOM = "FLOOR", "BACKROOM"

Wants = tuple[tuple[str, int], ...]


@dataclass
class Claim:
    """Units somebody was told yes for. `order`: it is an order's, and only the order's."""

    wants: Wants
    ends_ms: int
    grant: str = ""
    state: Literal["pending", "committed", "over"] = "pending"
    order: bool = False

    def units(self, sku: str) -> int:
        return sum(qty for name, qty in self.wants if name == sku) if self.state != "over" else 0


@dataclass
class Plain:
    """A shop on paper."""

    now_ms: int = 0
    paused: bool = False
    hq_silent: bool = False
    #: Leases of this start, and until when an order may be accepted on each; -1 was never given.
    leases: dict[int, int] = field(default_factory=lambda: {-1: -1})
    units: Counter[tuple[str, str]] = field(default_factory=Counter)
    granted: Counter[tuple[str, str]] = field(default_factory=Counter)
    claims: dict[str, Claim] = field(default_factory=dict)

    def sellable(self, sku: str) -> int:
        return max(0, self.units[sku, FLOOR] + self.units[sku, BACKROOM])

    def promised(self, sku: str) -> int:
        return sum(claim.units(sku) for claim in self.claims.values())

    def promises(self, name: str) -> bool:
        return name in self.claims and self.claims[name].state != "over"

    def all_granted(self, sku: str) -> int:
        return sum(qty for (_, name), qty in self.granted.items() if name == sku)

    def free(self, sku: str, grant: str = "") -> int:
        """What may be promised now, to whoever holds the grant or, without one, to anybody."""
        if self.paused or self.hq_silent:
            return 0
        unpromised = self.sellable(sku) - self.promised(sku)
        return max(0, min(self.granted[grant, sku], unpromised) if grant else unpromised - self.all_granted(sku))

    def is_good(self, lease: int | None) -> bool:
        return lease is None or self.now_ms < self.leases[lease]

    def can(self, wants: Wants, grant: str = "") -> bool:
        return all(sum(q for s, q in wants if s == sku) <= self.free(sku, grant) for sku, _ in wants)

    def receive(self, sku: str) -> None:
        self.units[sku, BACKROOM] += 1

    def shelve(self, sku: str) -> None:
        self.units[sku, BACKROOM] -= 1
        self.units[sku, FLOOR] += 1

    def sell(self, sku: str, qty: int) -> None:
        self.units[sku, FLOOR] -= qty

    def correct(self, sku: str, place: str, by: int) -> None:
        self.units[sku, place] += by

    def hold(self, name: str, wants: Wants, ttl_s: int, grant: str = "", *, order: bool = False) -> None:
        state: Literal["pending", "committed"] = "committed" if order else "pending"
        self.claims[name] = Claim(wants, self.now_ms + 1000 * ttl_s, grant, state, order)
        for sku, qty in wants if grant else ():
            self.granted[grant, sku] -= qty

    def end(self, name: str, used: int = 0) -> None:
        """`used` of each line; whatever came out of a grant and was not goes back into it."""
        claim = self.claims[name]
        claim.state = "over"
        for sku, qty in claim.wants if claim.grant else ():
            self.granted[claim.grant, sku] += qty - min(used, qty)

    def pass_time(self, seconds: int) -> None:
        """Pending claims whose time is up end."""
        self.now_ms += seconds * 1000
        for name, claim in self.claims.items():
            if claim.state == "pending" and claim.ends_ms <= self.now_ms:
                self.end(name)
