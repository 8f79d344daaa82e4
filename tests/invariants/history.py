"""Random histories: everything the store can be asked, in any order, again and at once, with time passing and restarts.

Each answer is compared with what the shop on paper says it must be; the invariants are judged by whoever subclasses.
"""

from pathlib import Path
from random import Random
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.core.asks import (
    Answer,
    Ask,
    Claimed,
    CommitHold,
    ConsumeHold,
    Delivery,
    DeliveryLine,
    GiveWay,
    Grant,
    Granted,
    HqSilence,
    Mistake,
    MoveOrder,
    Notice,
    Ordered,
    Pause,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    Sale,
    SaleLine,
    Scan,
    Short,
    Sold,
    TagsHeard,
    Unreadable,
    Want,
)
from agent.core.count_asks import Count, Counted, CountLine
from agent.core.life import OrderEvent
from agent.core.tags import Stranger
from hq_bridge.books import StoreBooks
from tests.core.shop import EGGS, MILK, SHIRT, epc_of, gtin_14
from tests.invariants.plain import BACKROOM, FLOOR, SKUS, Plain, Wants
from tests.invariants.shop import EPOCH, LEASE_S, Shop
from tests.torture.power_cuts import a_folder

GTIN = {"MILK": gtin_14(MILK), "EGGS": gtin_14(EGGS)}
EPCS = [epc_of(SHIRT, serial) for serial in range(6)]
STRANGER = epc_of(SHIRT, 999)
#: Goods that nobody saw for a week are doubted: histories are shorter than that.
LONGEST_MS = 5 * 24 * 3600 * 1000

skus = st.sampled_from(SKUS)
few = st.integers(1, 3)
which = st.integers(0, 40)
wants = st.lists(st.tuples(skus, few), min_size=1, max_size=3).map(tuple)
#: What people do to an order in each state, most of the time.
NEXT: dict[str, tuple[OrderEvent, ...]] = {
    "accepted": ("start", "start", "cancel"),
    "picking": ("finish", "finish", "ask", "cancel"),
    "awaiting_decision": ("decide", "cancel"),
    "picked": ("pack", "cancel"),
    "packed": ("stage", "stage", "cancel"),
    "staged": ("hand_over", "hand_over", "cancel"),
    "cancel_requested": ("settle", "settle", "hand_over"),
    "handed_over": ("close", "take_back"),
    "return_pending": ("restock", "waste"),
}


class History(RuleBasedStateMachine):
    """A shop and the same shop on paper."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = a_folder()
        self.folder = Path(self._folder.name)
        self.shop = self.opened()
        self.plain = Plain()
        self.chance = Random(0)
        self.names = 0
        self.asked: list[tuple[Ask, Answer]] = []
        #: Numbers of the books, with what the shop on paper had then: what somebody may have counted.
        self.looks: list[tuple[int, dict[tuple[str, str], int]]] = []
        self.orders: dict[str, Wants] = {}
        #: What the judges keep: the postings each source has made, and what HQ has heard.
        self.made: dict[str, list[Any]] = {}
        self.hq = StoreBooks("SH-1", whole=True)

    def opened(self) -> Shop:
        return Shop(self.folder / "books.db")

    @initialize(seed=st.integers(0, 2**32), things=st.integers(0, 60))
    def begin(self, seed: int, things: int) -> None:
        """A shop with something in it, where much has happened."""
        self.chance = Random(seed)
        self.deliver(set(EPCS[:4]))
        self.hear([(epc, FLOOR) for epc in EPCS[:3]])
        for sku in SKUS:
            self.receive(sku, 8)
        self.look()
        self.busy(seed, things)

    @rule(seed=st.integers(0, 2**32), things=st.integers(1, 20))
    def busy(self, seed: int, things: int) -> None:
        """As much as this, as chance has it: the other rules one by one seldom come this far."""
        chance = Random(seed)
        for _ in range(things):
            self._anything(chance)
            self.judge()

    def _anything(self, chance: Random) -> None:
        sku, n, nth = chance.choice(SKUS), chance.randint(1, 3), chance.randrange(40)
        asked = tuple((chance.choice(SKUS), chance.randint(1, 3)) for _ in range(n))
        ttl_s, default = chance.choice((60, 900, 7200)), chance.choice(("decide", "cancel"))
        things = [
            lambda: self.receive(sku, 3 * n),
            lambda: self.shelve(sku),
            lambda: self.sell(asked),
            lambda: self.sell_tagged(nth % 7, n > 1),
            lambda: self.hear([(EPCS[nth % 6], chance.choice((FLOOR, BACKROOM)))]),
            lambda: self.hold(asked[:2], ttl_s, chance.choice(("", "", "app"))),
            lambda: self.race(sku, 2 * n, ttl_s),
            lambda: self.place_order(asked[:2], chance.choice((0, 600, 20_000)), n - 2),
            lambda: self.count(sku, FLOOR, nth, chance.choice((0, 1, -1, 30))),
            lambda: self.grant(sku, chance.choice((2, 4, -1))),
            lambda: self.hq_falls_silent(n == 1),
            lambda: self.pause(n == 1),
            lambda: self.look(),
            lambda: self.ask_again(nth),
            lambda: self.time_passes(chance.choice((1, 59, 900, 3700))),
        ]
        if self.plain.claims:
            what = chance.choice(("commit", "consume", "release"))
            things += [lambda: self.go_on_with_a_hold(nth, what, n)] * 3
            things += [lambda: self.give_way(nth)]
        if self.orders:
            things += [lambda: self.move_order(nth, chance.randrange(40), default)] * 6
        chance.choice(things)()

    @invariant()
    def judge(self) -> None:
        """Is it still so? Said by whoever subclasses."""

    def teardown(self) -> None:
        self.shop.close()
        self._folder.cleanup()

    # What happens in a shop.

    @rule(sku=skus, units=st.integers(1, 9))
    def receive(self, sku: str, units: int) -> None:
        self.ask(*[Scan("dock", "receive", GTIN[sku], None)] * units)
        for _ in range(units):
            self.plain.receive(sku)

    @rule(sku=skus)
    def shelve(self, sku: str) -> None:
        self.ask(Scan("shelf", "shelve", GTIN[sku], None))
        self.plain.shelve(sku)

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
            self.plain.sell(sku, qty)

    @rule(sku=skus)
    def sell_something_unknown(self, sku: str) -> None:
        (answer,) = self.ask(Sale(self.name("R"), (SaleLine(1, "sku", sku, 1), SaleLine(2, "sku", "NONE", 1))))
        assert isinstance(answer, Refused)
        self.ask(Unreadable(self.name("R"), (Mistake("lines", "no list"),)))

    @rule(nth=st.integers(0, 6), read=st.booleans())
    def sell_tagged(self, nth: int, read: bool) -> None:
        epc = (*EPCS, STRANGER)[nth] if read else None
        self.ask(Sale(self.name("R"), (SaleLine(1, "sku", "SHIRT", 1, epc),)))

    @rule(some=st.sets(st.sampled_from(EPCS), min_size=1))
    def deliver(self, some: set[bytes]) -> None:
        self.ask(Delivery(self.name("D"), (DeliveryLine(1, "sku", "SHIRT", tuple(sorted(some)) or (EPCS[0],)),)))

    @rule(heard=st.lists(st.tuples(st.sampled_from(EPCS), st.sampled_from((FLOOR, BACKROOM))), max_size=4))
    def hear(self, heard: list[tuple[bytes, str]]) -> None:
        self.ask(
            TagsHeard(tuple(heard), (Stranger(STRANGER, "alien_tag", "of no delivery", FLOOR),) if not heard else ())
        )

    @rule(asked=wants, ttl_s=st.sampled_from((60, 900, 7200)), grant=st.sampled_from(("", "", "app")))
    def hold(self, asked: Wants, ttl_s: int, grant: str) -> None:
        name, can = self.name("H"), self.plain.can(asked, grant)
        (answer,) = self.ask(Reserve(name, "app", lines_of(asked), ttl_s, grant))
        assert isinstance(answer, Claimed if can else Short), (answer, can)
        if can:
            self.plain.hold(name, asked, ttl_s, grant)

    @rule(sku=skus, askers=st.integers(2, 9), ttl_s=st.sampled_from((60, 900)))
    def race(self, sku: str, askers: int, ttl_s: int) -> None:
        """Many want one unit each, at once: as many as there are get one."""
        names, free = [self.name("H") for _ in range(askers)], self.plain.free(sku)
        answers = self.ask(*(Reserve(name, "web", lines_of(((sku, 1),)), ttl_s) for name in names))
        told_yes = [name for name, answer in zip(names, answers, strict=True) if isinstance(answer, Claimed)]
        assert len(told_yes) == min(free, askers)
        for name in told_yes:
            self.plain.hold(name, ((sku, 1),), ttl_s)

    @precondition(lambda self: self.plain.claims)
    @rule(nth=which, what=st.sampled_from(("commit", "consume", "release")), part=st.integers(0, 3))
    def go_on_with_a_hold(self, nth: int, what: str, part: int) -> None:
        name = list(self.plain.claims)[nth % len(self.plain.claims)]
        claim = self.plain.claims[name]
        used = tuple((line, min(part, qty)) for line, (_, qty) in enumerate(claim.wants, 1))
        asks: dict[str, Ask] = {
            "commit": CommitHold(name, f"O-{name}"),
            "consume": ConsumeHold(name, used),
            "release": ReleaseHold(name),
        }
        (answer,) = self.ask(asks[what])
        if claim.order or claim.state == "over":
            return  # an order's, or resolved: whatever is said, nothing changes
        right = what != "consume" or claim.state == "committed"
        assert isinstance(answer, Claimed if right else Refused), (answer, claim)
        if right and what == "commit":
            claim.state = "committed"
        elif right:
            self.plain.end(name, part if what == "consume" else 0)

    @precondition(lambda self: self.plain.claims)
    @rule(nth=which)
    def give_way(self, nth: int) -> None:
        """Somebody found other goods for a claim: only for one that cannot be kept."""
        name = list(self.plain.claims)[nth % len(self.plain.claims)]
        claim = self.plain.claims[name]
        weak = any(self.plain.promised(sku) > self.plain.sellable(sku) for sku in SKUS if claim.units(sku))
        (answer,) = self.ask(GiveWay(name, "lee"))
        if claim.state != "over":
            assert isinstance(answer, Claimed if weak else Refused), (answer, claim)
            if weak:
                self.plain.end(name)

    @rule(sku=skus, qty=st.sampled_from((1, 2, 4, -1, -2)))
    def grant(self, sku: str, qty: int) -> None:
        can = qty <= self.plain.free(sku) and -qty <= self.plain.granted["app", sku]
        (answer,) = self.ask(Grant(self.name("G"), "app", sku, qty))
        assert isinstance(answer, Granted if can else Refused), (answer, can)
        self.plain.granted["app", sku] += qty if can else 0

    @rule(asked=wants, due_s=st.sampled_from((0, 600, 20_000)), nth=st.integers(-3, 3))
    def place_order(self, asked: Wants, due_s: int, nth: int) -> None:
        """On a lease, if HQ routed it here: a fresh one, an old one, one of a start before, or one that never was."""
        name, can = self.name("O"), self.plain.can(asked)
        lease = None if nth < 0 else list(self.plain.leases)[-1 - nth % len(self.plain.leases)]
        due_at = EPOCH + self.plain.now_ms + due_s * 1000 if due_s else 0
        (answer,) = self.ask(PlaceOrder(name, "web", lines_of(asked), due_at, lease))
        if not self.plain.is_good(lease):
            assert isinstance(answer, Refused), answer
            return
        assert isinstance(answer, Ordered)
        assert answer.state == ("accepted" if can else "rejected")
        self.orders[name] = asked
        if can:
            self.plain.hold(f"order:{name}", asked, 0, order=True)

    @precondition(lambda self: self.orders)
    @rule(nth=which, choice=which, default=st.sampled_from(("decide", "cancel")))
    def move_order(self, nth: int, choice: int, default: Any) -> None:
        name = list(self.orders)[-1 - nth % min(4, len(self.orders))]
        order = self.shop.books.orders.get(name)
        events = NEXT.get(order.state if order else "", ("cancel", "stage", "close"))
        (answer,) = self.ask(MoveOrder(name, self.name("M"), events[choice % len(events)], 300, default))
        self._follow(name, answer)

    @precondition(lambda self: self.looks)
    @rule(sku=skus, place=st.sampled_from((FLOOR, BACKROOM)), nth=which, off=st.sampled_from((0, 1, -1, 2, 30)))
    def count(self, sku: str, place: str, nth: int, off: int) -> None:
        """Somebody counted some time ago, and sends it only now."""
        seq, had = self.looks[nth % len(self.looks)]
        counted = max(0, had.get((sku, place), 0) + off)
        by = {"approved_by": "bao"} if off == 30 else {}
        (answer,) = self.ask(
            Count(
                self.name("C"),
                self.shop.books.epoch,
                place,
                "anna",
                (CountLine(1, "sku", sku, counted, seq, seq),),
                **by,
            )
        )
        assert isinstance(answer, Counted)
        if answer.lines[0].outcome == "posted":
            self.plain.correct(sku, place, answer.lines[0].variance)

    @rule()
    def look(self) -> None:
        """Note the newest number of the books, as somebody does who counts."""
        self.looks.append((self.shop.books.head, dict(self.plain.units)))

    @rule(over=st.booleans())
    def notice(self, over: bool) -> None:
        self.ask(Notice("backup_failed", "daily", "no room", over=over))

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.ask(Pause(paused, "stocktaking", "anna"))
        self.plain.paused = paused

    @rule(silent=st.booleans())
    def hq_falls_silent(self, silent: bool) -> None:
        """HQ falls silent, or is heard again and told a lease."""
        self.ask(HqSilence(silent, "no answer"))
        self.plain.hq_silent = silent
        if not silent:
            self.plain.leases[self.shop.lease()] = self.plain.now_ms + LEASE_S * 1000

    @rule(seconds=st.sampled_from((1, 59, 61, 900, 3700, 90_000)))
    def time_passes(self, seconds: int) -> None:
        if self.plain.now_ms > LONGEST_MS:
            return
        self.plain.pass_time(seconds)
        self.shop.pass_time(seconds)
        for name in [name for name in self.orders if self.plain.promises(f"order:{name}")]:
            self._follow(name, self.ask(PlaceOrder(name, "web", lines_of(self.orders[name]), self._due_at(name)))[0])

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

    # How it is written down.

    def ask(self, *asks: Ask) -> list[Answer]:
        answers = list(self.shop.ask(*asks))
        self.asked += zip(asks, answers, strict=True)
        return answers

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def _due_at(self, name: str) -> int:
        return next(ask.due_at for ask, _ in self.asked if isinstance(ask, PlaceOrder) and ask.order == name)

    def _follow(self, name: str, answer: Answer) -> None:
        """An order whose goods are handed over, or that is cancelled, claims nothing any more."""
        if isinstance(answer, Ordered) and answer.state in ("handed_over", "closed", "cancelled"):
            self.plain.end(f"order:{name}")


def is_entered(answer: Answer) -> bool:
    """Is what was asked in the books now, so that it changes nothing a second time?"""
    if isinstance(answer, Counted):
        return answer.lines[0].outcome in ("posted", "already_posted")
    return not isinstance(answer, Refused | Short)


def lines_of(asked: Wants) -> tuple[Want, ...]:
    return tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(asked, 1))
