"""Random histories: everything the store can be asked, in any order, again and at once, with time passing and restarts.

Each answer is compared with what the shop on paper says it must be; the invariants are judged by whoever subclasses.
"""

from random import Random

import hypothesis.strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from agent.core.asks import (
    Ask,
    CaseResolved,
    Claimed,
    CommitHold,
    ConsumeHold,
    GiveWay,
    Grant,
    Granted,
    Mistake,
    Notice,
    Pause,
    Refused,
    ReleaseHold,
    Reserve,
    ResolveCase,
    Sale,
    SaleLine,
    Scan,
    Short,
    Sold,
    Unreadable,
)
from tests.core.shop import gtin_14
from tests.core.test_work import CODES
from tests.invariants.asking import EPCS, Things, is_entered, lines_of, skus, wants, which
from tests.invariants.commanding import Commanding
from tests.invariants.counting import Counting
from tests.invariants.plain import FLOOR, SKUS, Wants
from tests.invariants.tagging import Tagging
from tests.invariants.working import Working

#: Goods that nobody saw for a week are doubted: histories are shorter than that.
LONGEST_MS = 5 * 24 * 3600 * 1000
#: Cases that a person closes, and recounts of goods that have tags; the others close themselves.
BY_HAND = {
    "unknown_barcode", "refused_sale", "alien_tag", "unencoded_tag", "sold_tag_seen", "forged_command",
    "waste_or_markdown", "price_rule", "price_difference", "books_restored",
}  # fmt: skip


class History(Working, Counting, Tagging, Commanding):
    """A shop and the same shop on paper."""

    @initialize(seed=st.integers(0, 2**32), things=st.integers(0, 60))
    def begin(self, seed: int, things: int) -> None:
        """A shop with something in it, where much has happened."""
        self.chance = Random(seed)
        self.deliver(set(EPCS[:4]))
        self.hear([(epc, FLOOR) for epc in EPCS[:3]])
        for sku in SKUS:
            self.receive(sku, 8)
            for _ in range(4):
                self.shelve(sku)
        self.look()
        self.busy(seed, things)

    @rule(seed=st.integers(0, 2**32), things=st.integers(1, 20))
    def busy(self, seed: int, things: int) -> None:
        """As much as this, as chance has it: the other rules one by one seldom come this far."""
        chance = Random(seed)
        for _ in range(things):
            chance.choice(self.things(chance))()
            self.judge()

    def things(self, chance: Random) -> Things:
        sku, n, nth = chance.choice(SKUS), chance.randint(1, 3), chance.randrange(40)
        asked = tuple((chance.choice(SKUS), chance.randint(1, 3)) for _ in range(n))
        ttl_s = chance.choice((60, 900, 7200))
        things: Things = [
            lambda: self.receive(sku, 3 * n),
            lambda: self.shelve(sku),
            lambda: self.shelve(sku),
            lambda: self.sell(asked),
            lambda: self.hold(asked[:2], ttl_s, chance.choice(("", "", "app"))),
            lambda: self.race(sku, 2 * n, ttl_s),
            lambda: self.grant(sku, chance.choice((2, 4, -1))),
            lambda: self.pause(paused=n == 1),
            lambda: self.pause(paused=False),
            lambda: self.resolve_case(nth),
            lambda: self.ask_again(nth),
            lambda: self.time_passes(chance.choice((1, 59, 900, 3700))),
        ]
        if self.plain.claims:
            begun = "consume" if self.some_claim(nth)[1].committed else "commit"
            what = chance.choice((begun, begun, "commit", "consume", "release"))
            things += [lambda: self.go_on_with_a_hold(nth, what, n)] * 3
            things += [lambda: self.give_way(nth)]
        return [*super().things(chance), *things]

    @invariant()
    def judge(self) -> None:
        """Is it still so? Said by whoever subclasses."""

    # What happens in a shop.

    @rule(sku=skus, units=st.integers(1, 9))
    def receive(self, sku: str, units: int) -> None:
        self.ask(*[Scan("dock", "receive", CODES[sku], None)] * units)
        self.plain.move(sku, "SUPPLIER", "BACKROOM", units)

    @rule(sku=skus)
    def shelve(self, sku: str) -> None:
        self.ask(Scan("shelf", "shelve", CODES[sku], None))
        self.plain.move(sku, "BACKROOM", FLOOR, 1)

    @rule(text=st.sampled_from(("nonsense", gtin_14(99))))
    def scan_nonsense(self, text: str) -> None:
        self.ask(Scan("dock", "receive", text, None))

    @rule(bought=wants)
    def sell(self, bought: Wants) -> None:
        """Also what the books say is not there: it happened."""
        lines = tuple(SaleLine(nth, "sku", sku, qty) for nth, (sku, qty) in enumerate(bought, 1))
        (answer,) = self.ask(Sale(self.name("R"), lines))
        assert isinstance(answer, Sold)
        for sku, qty in bought:
            self.plain.move(sku, FLOOR, "CUSTOMER", qty)

    @rule(sku=skus)
    def sell_something_unknown(self, sku: str) -> None:
        (answer,) = self.ask(Sale(self.name("R"), (SaleLine(1, "sku", sku, 1), SaleLine(2, "sku", "NONE", 1))))
        assert isinstance(answer, Refused)
        self.ask(Unreadable(self.name("R"), (Mistake("lines", "no list"),)))

    @rule(asked=wants, ttl_s=st.sampled_from((60, 900, 7200)), grant=st.sampled_from(("", "", "app")))
    def hold(self, asked: Wants, ttl_s: int, grant: str) -> None:
        name, can = self.name("H"), self.plain.can(asked, grant)
        (answer,) = self.ask(Reserve(name, "app", lines_of(asked), ttl_s, grant))
        assert isinstance(answer, Claimed if can else Short), (answer, can)
        if can:
            self.plain.promise(name, asked, ttl_s, grant)

    @rule(sku=skus, askers=st.integers(2, 9), ttl_s=st.sampled_from((60, 900)))
    def race(self, sku: str, askers: int, ttl_s: int) -> None:
        """Many want one unit each, at once: as many as there are get one."""
        names, free = [self.name("H") for _ in range(askers)], self.plain.free(sku)
        answers = self.ask(*(Reserve(name, "web", lines_of(((sku, 1),)), ttl_s) for name in names))
        told_yes = [name for name, answer in zip(names, answers, strict=True) if isinstance(answer, Claimed)]
        assert len(told_yes) == min(free, askers)
        for name in told_yes:
            self.plain.promise(name, ((sku, 1),), ttl_s)

    @precondition(lambda self: self.plain.claims)
    @rule(nth=which, what=st.sampled_from(("commit", "consume", "release")), part=st.integers(0, 3))
    def go_on_with_a_hold(self, nth: int, what: str, part: int) -> None:
        name, claim = self.some_claim(nth)
        used = tuple((number, min(part, line.open)) for number, line in claim.lines.items())
        asks: dict[str, Ask] = {
            "commit": CommitHold(name, f"O-{name}"),
            "consume": ConsumeHold(name, used),
            "release": ReleaseHold(name),
        }
        (answer,) = self.ask(asks[what])
        if claim.order or claim.over:
            return  # an order's, or resolved: whatever is said, nothing changes
        begun = any(line.pulled.total() or line.used for line in claim.lines.values())
        right = what != "consume" or (claim.committed and not begun)
        assert isinstance(answer, Claimed if right else Refused), (answer, claim)
        if right and what == "commit":
            claim.committed = True
        elif right:
            self.plain.end(name, what, part if what == "consume" else 0)

    @precondition(lambda self: self.plain.claims)
    @rule(nth=which)
    def give_way(self, nth: int) -> None:
        """Somebody found other goods for a claim: only for one that cannot be kept."""
        name, claim = self.some_claim(nth)
        skus = {line.sku for line in claim.lines.values() if line.open}
        weak = any(self.plain.promised(sku) > max(0, self.plain.sellable(sku)) for sku in skus)
        (answer,) = self.ask(GiveWay(name, "badge-4"))
        if not claim.over:
            assert isinstance(answer, Claimed if weak else Refused), (answer, claim)
            if weak:
                self.plain.end(name, "breach")
                self.follow()

    @rule(sku=skus, qty=st.sampled_from((1, 2, 4, -1, -2)))
    def grant(self, sku: str, qty: int) -> None:
        can = qty <= self.plain.free(sku) and -qty <= self.plain.granted["app", sku]
        (answer,) = self.ask(Grant(self.name("G"), "app", sku, qty))
        assert isinstance(answer, Granted if can else Refused), (answer, can)
        self.plain.granted["app", sku] += qty if can else 0

    @rule(over=st.booleans())
    def notice(self, over: bool) -> None:
        self.ask(Notice("backup_failed", "daily", "no room", over=over))

    @rule(nth=which)
    def resolve_case(self, nth: int) -> None:
        """Somebody says that it is done: of what people close, or of what is no case."""
        cases = sorted(self.shop.books.cases.values(), key=lambda case: case.id)
        case = cases[nth % len(cases)] if cases and nth else None
        (answer,) = self.ask(ResolveCase(case.id if case else 999_999, "badge-1", "done"))
        looked_for = case is not None and case.kind == "recount" and case.about.startswith("SHIRT at ")  # it has tags
        can = looked_for or (case is not None and case.kind in BY_HAND)
        assert isinstance(answer, CaseResolved if can else Refused), (answer, case)
        assert (case is None or (case.kind, case.about) in self.shop.books.cases) == (not can or case is None)

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.ask(Pause(paused, "stocktaking", "badge-1"))
        self.plain.paused = paused

    @rule(seconds=st.sampled_from((1, 59, 61, 900, 3700, 90_000)))
    def time_passes(self, seconds: int) -> None:
        if self.plain.now_ms > LONGEST_MS:
            return
        self.plain.pass_time(seconds)
        self.shop.pass_time(seconds)
        self.follow()

    @rule(nth=which)
    def ask_again(self, nth: int) -> None:
        """Whoever is not sure of the answer asks again under the same name; scans have none."""
        entered = [ask for ask, answer in self.asked if ask.sources() and is_entered(answer)]
        if entered:
            head = self.shop.books.head
            self.ask(entered[nth % len(entered)])
            assert self.shop.books.head == head

    @rule()
    def restart(self) -> None:
        self.shop.restart()
        self.plain.leases = dict.fromkeys(self.plain.leases, -1)
