"""Orders' goods as plainly as they can be kept: how many lie where, and what each line still claims.

Takes any report and says whether it can happen; knows nothing of ledgers.
"""

from collections import Counter
from dataclasses import dataclass, field

from agent.core.asks import Work


@dataclass
class Line:
    """What is claimed of one SKU: still to pick, pulled by place, to be put back by place, damaged without another."""

    sku: str
    qty: int
    open: int
    pulled: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    used: int = 0
    done: bool = False


@dataclass
class Claim:
    lines: dict[int, Line]
    over: bool = False


class Picking:
    """All of it. `places` counts (SKU, place); places of totes and slots are theirs by name."""

    def __init__(self, grams: frozenset[str]) -> None:
        self.grams = grams
        self.places: Counter[tuple[str, str]] = Counter()
        self.claims: dict[str, Claim] = {}

    def promised(self, sku: str) -> int:
        return sum(line.open for claim in self.claims.values() for line in claim.lines.values() if line.sku == sku)

    def pulled(self, sku: str) -> int:
        lines = [line for claim in self.claims.values() for line in claim.lines.values() if line.sku == sku]
        return sum(sum(line.pulled.values()) for line in lines)

    def atp(self, sku: str) -> int:
        there = self.places[sku, "FLOOR"]
        doubted = min(max(0, there), self.places[sku, "SUSPECT"])
        return max(0, there - self.promised(sku) - doubted)

    def claimable(self, claim: Claim, sku: str) -> int:
        """How many more of a SKU such a claim could be on."""
        return self.free_substitutes(sku)

    def free_substitutes(self, sku: str) -> int:
        """How many of a SKU nobody has a claim or a right to."""
        return self.places[sku, "FLOOR"] - self.promised(sku)

    def hold(self, name: str, wants: list[tuple[str, int]]) -> None:
        self.claims[name] = Claim({nth: Line(sku, qty, qty) for nth, (sku, qty) in enumerate(wants, 1)})

    def release(self, name: str) -> None:
        claim = self.claims[name]
        if claim.over:
            return
        for line in claim.lines.values():
            line.back += line.pulled
            line.pulled, line.open = Counter(), 0
        claim.over = True

    def move(self, sku: str, origin: str, target: str, qty: int) -> None:
        self.places[sku, origin] -= qty
        self.places[sku, target] += qty

    def happens(self, ask: Work) -> bool:
        """Can it happen? Then it has. Of one line, named."""
        claim = self.claims[ask.hold]
        line = claim.lines.get(ask.line)
        if line is None or (claim.over and ask.outcome != "put_back"):
            return False
        if not getattr(self, ask.outcome)(claim, line, ask):
            return False
        lines = claim.lines.values()
        claim.over = claim.over or not any(one.open or one.lost or one.pulled.total() for one in lines)
        return True

    def pull(self, line: Line, tote: str, qty: int) -> None:
        self.move(line.sku, "FLOOR", f"TOTE:{tote}", qty)
        line.pulled[f"TOTE:{tote}"] += qty

    def picked(self, claim: Claim, line: Line, ask: Work) -> bool:
        qty = ask.qty or line.open
        if line.done or not 0 < qty <= line.open:
            return False
        line.open -= qty
        self.pull(line, ask.tote, qty)
        line.done = not line.open and not line.lost
        return True

    def short(self, claim: Claim, line: Line, ask: Work) -> bool:
        if line.done or not (line.open or line.lost) or ask.qty:
            return False
        if line.open:
            self.move(line.sku, "FLOOR", "SUSPECT", max(0, self.places[line.sku, "FLOOR"]))
        line.open = line.lost = 0
        line.done = True
        return True

    def damaged(self, claim: Claim, line: Line, ask: Work) -> bool:
        qty = ask.qty or line.open
        if line.done or not 0 < qty <= line.open:
            return False
        self.move(line.sku, "FLOOR", "QUARANTINE", qty)
        line.open -= qty
        others = min(qty, max(0, self.claimable(claim, line.sku)))
        line.open += others
        line.lost += qty - others
        return True

    def substituted(self, claim: Claim, line: Line, ask: Work) -> bool:
        qty = ask.qty or line.lost or line.open
        free = self.free_substitutes(ask.substitute)
        if line.done or ask.substitute == line.sku or not 0 < qty <= (line.lost or line.open) or qty > free:
            return False
        if line.sku in self.grams or ask.substitute in self.grams:
            return False
        if line.lost:
            line.lost -= qty
        else:
            line.open -= qty
            if not line.open:  # it was looked for, and is not there
                self.move(line.sku, "FLOOR", "SUSPECT", max(0, self.places[line.sku, "FLOOR"]))
        line.done = not line.open and not line.lost
        other = Line(ask.substitute, qty, 0, done=True)
        self.pull(other, ask.tote, qty)
        claim.lines[max(claim.lines) + 1] = other
        return True

    def weighed(self, claim: Claim, line: Line, ask: Work) -> bool:
        if line.done or line.sku not in self.grams or not line.open or not ask.qty:
            return False
        if ask.qty <= line.open:
            line.open = 0
            self.pull(line, ask.tote, ask.qty)
            line.done = not line.lost
        return True

    def cancelled_before_pull(self, claim: Claim, line: Line, ask: Work) -> bool:
        if not line.open or ask.qty:
            return False
        line.open = line.lost = 0
        return True

    def cancelled_after_pull(self, claim: Claim, line: Line, ask: Work) -> bool:
        qty = ask.qty or line.pulled.total()
        if not 0 < qty <= line.pulled.total():
            return False
        for place in sorted(line.pulled):
            some = min(qty, line.pulled[place])
            line.pulled[place] -= some
            line.back[place] += some
            qty -= some
        return True

    def staged(self, claim: Claim, line: Line, ask: Work) -> bool:
        there, target = line.pulled[f"TOTE:{ask.tote}"], f"STAGED:{ask.slot}"
        qty = ask.qty or there
        if not 0 < qty <= there:
            return False
        line.pulled[f"TOTE:{ask.tote}"] -= qty
        line.pulled[target] += qty
        self.move(line.sku, f"TOTE:{ask.tote}", target, qty)
        return True

    def handed_over(self, claim: Claim, line: Line, ask: Work) -> bool:
        there = line.pulled[f"STAGED:{ask.slot}"]
        qty = ask.qty or there
        if not 0 < qty <= there:
            return False
        line.pulled[f"STAGED:{ask.slot}"] -= qty
        line.used += qty
        self.move(line.sku, f"STAGED:{ask.slot}", "CUSTOMER", qty)
        return True

    def not_collected(self, claim: Claim, line: Line, ask: Work) -> bool:
        there = line.pulled[f"STAGED:{ask.slot}"]
        qty = ask.qty or there
        if not 0 < qty <= there:
            return False
        line.pulled[f"STAGED:{ask.slot}"] -= qty
        line.back[f"STAGED:{ask.slot}"] += qty
        return True

    def put_back(self, claim: Claim, line: Line, ask: Work) -> bool:
        place = f"TOTE:{ask.tote}" if ask.tote else f"STAGED:{ask.slot}"
        qty = ask.qty or line.back[place]
        if not 0 < qty <= line.back[place]:
            return False
        line.back[place] -= qty
        self.move(line.sku, place, "WASTE" if ask.spoiled else "FLOOR", qty)
        return True
