"""What must be true of the books, in dicts and lists, from the asks alone: none of the agent's code is in here.

Only goods without tags are followed to the unit; where tagged units are is judged from the ledger's own rows.
"""

from collections import Counter
from dataclasses import dataclass

from agent.core.asks import Work
from agent.core.commands import Obeyed
from tests.core import picking
from tests.core.picking import Line, Picking

SKUS = ("MILK", "EGGS", "HAM")
GRAMS = frozenset({"HAM"})
FLOOR, BACKROOM, SUSPECT = "FLOOR", "BACKROOM", "SUSPECT"
TOTES, SLOTS = ("7", "8"), ("A", "B")

Wants = tuple[tuple[str, int], ...]


@dataclass
class Claim(picking.Claim):
    """Units somebody was told yes for. `order`: it is an order's, and only the order's. `ended`: how, and with what."""

    wants: Wants = ()
    ends_ms: int = 0
    grant: str = ""
    committed: bool = False
    order: bool = False
    worked: bool = False
    ended: tuple[str, int] = ("", 0)

    def units(self) -> int:
        return sum(line.open + line.pulled.total() for line in self.lines.values())


@dataclass
class Command:
    """What HQ commanded under a counter, and what it was answered."""

    name: str
    said: Obeyed


class Plain(Picking):
    """A shop on paper."""

    claims: dict[str, Claim]  # type: ignore[assignment]  # these say more

    def __init__(self) -> None:
        super().__init__(GRAMS)
        self.now_ms = 0
        self.paused = False
        self.hq_silent = False
        #: Leases of this start, and until when an order may be accepted on each; -1 was never given.
        self.leases: dict[int, int] = {-1: -1}
        self.granted: Counter[tuple[str, str]] = Counter()
        #: By how much counts have corrected each balance.
        self.corrected: Counter[tuple[str, str]] = Counter()
        #: HQ's commands by counter.
        self.commands: dict[int, Command] = {}

    def sellable(self, sku: str) -> int:
        return self.places[sku, FLOOR] + self.places[sku, BACKROOM]

    def used(self, sku: str) -> int:
        return sum(line.used for claim in self.claims.values() for line in claim.lines.values() if line.sku == sku)

    def uncorrected(self, sku: str, place: str) -> int:
        """What would be there if nobody had counted: it changes by moves alone."""
        return self.places[sku, place] - self.corrected[sku, place]

    def promises(self, name: str) -> bool:
        return name in self.claims and not self.claims[name].over

    def all_granted(self, sku: str) -> int:
        return sum(qty for (_, name), qty in self.granted.items() if name == sku)

    def claimable(self, claim: picking.Claim, sku: str) -> int:
        assert isinstance(claim, Claim)
        unpromised = self.sellable(sku) - self.promised(sku)
        return min(self.granted[claim.grant, sku], unpromised) if claim.grant else self.free_substitutes(sku)

    def free_substitutes(self, sku: str) -> int:
        return self.sellable(sku) - self.promised(sku) - self.all_granted(sku)

    def free(self, sku: str, grant: str = "") -> int:
        """What may be promised now, to whoever holds the grant or, without one, to anybody."""
        if self.paused or self.hq_silent:
            return 0
        if grant:
            return max(0, min(self.granted[grant, sku], self.sellable(sku) - self.promised(sku)))
        return self.open_to_all(sku)

    def open_to_all(self, sku: str) -> int:
        """What could be promised to anybody, if nothing stopped the store."""
        doubted = min(max(0, self.sellable(sku)), self.places[sku, SUSPECT])
        return max(0, self.free_substitutes(sku) - doubted)

    def is_good(self, lease: int | None) -> bool:
        return lease is None or self.now_ms < self.leases[lease]

    def can(self, wants: Wants, grant: str = "") -> bool:
        return all(sum(q for s, q in wants if s == sku) <= self.free(sku, grant) for sku, _ in wants)

    def promise(self, name: str, wants: Wants, ttl_s: int, grant: str = "", *, order: bool = False) -> None:
        lines = {nth: Line(sku, qty, qty) for nth, (sku, qty) in enumerate(wants, 1)}
        self.claims[name] = Claim(lines, False, wants, self.now_ms + 1000 * ttl_s, grant, order, order)
        for sku, qty in wants if grant else ():
            self.granted[grant, sku] -= qty

    def end(self, name: str, how: str, used: int = 0) -> None:
        """`used` of each line; whatever came out of a grant and was not goes back into it."""
        claim = self.claims[name]
        claim.ended = how, claim.units()
        for number, line in claim.lines.items():
            taken = min(used, line.open)
            line.used += taken
            self._returns(claim, number, line.open + line.pulled.total() - taken)
        self.release(name)

    def happens(self, ask: Work) -> bool:
        """Can this report of a claim's work be? Then it is so: the goods, the claim, and what returns to a grant."""
        claim = self.claims[ask.hold]
        before = {number: (line.open + line.pulled.total(), line.used) for number, line in claim.lines.items()}
        if (not claim.committed and ask.outcome != "put_back") or not super().happens(ask):
            return False
        claim.worked = True
        for number, (claimed, used) in before.items():
            line = claim.lines[number]
            self._returns(claim, number, claimed - line.open - line.pulled.total() - line.used + used)
        return True

    def hand_over(self, name: str) -> bool:
        """Can the order be handed over? Then its buyer has what stands in slots, or what the till sells him."""
        claim = self.claims[name]
        lines = claim.lines.values()
        if any(qty and place.startswith("TOTE") for line in lines for place, qty in line.pulled.items()):
            return False
        if not claim.worked:
            self.end(name, "consume", max(line.open for line in lines))
            return True
        for line in lines:
            for place, qty in line.pulled.items():
                self.move(line.sku, place, "CUSTOMER", qty)
            line.used += line.pulled.total()
            line.pulled, line.open, line.lost = Counter(), 0, 0
        claim.over = True
        return True

    def is_out(self, name: str) -> bool:
        """Does anything that was pulled for it lie in totes and slots?"""
        return any(line.pulled.total() or line.back.total() for line in self.claims[name].lines.values())

    def pass_time(self, seconds: int) -> None:
        """Pending claims whose time is up end."""
        self.now_ms += seconds * 1000
        for name, claim in self.claims.items():
            if not claim.over and not claim.committed and claim.ends_ms <= self.now_ms:
                self.end(name, "expire")

    def count(self, sku: str, place: str, change: int, *, awaited: bool) -> None:
        """So many more, or fewer, were counted there than the books had.

        What was in doubt comes back first, and is settled by it, unless it is still `awaited` to be counted elsewhere.
        """
        doubted = min(self.places[sku, SUSPECT], max(0, change)) if awaited else self.places[sku, SUSPECT]
        self.corrected[sku, place] += change
        self.move(sku, SUSPECT, place, doubted)
        rest = change - doubted
        self.move(sku, "FOUND", place, rest) if rest > 0 else self.move(sku, place, "SHRINK", -rest)

    def _returns(self, claim: Claim, number: int, qty: int) -> None:
        if claim.grant and number <= len(claim.wants):  # not a substitute: that was nobody's right
            self.granted[claim.grant, claim.lines[number].sku] += qty
