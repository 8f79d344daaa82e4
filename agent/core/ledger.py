"""The physical ledger: postings, balances, and the turn in which they change together.

`Books` is what the store remembers between turns. A `Turn` reads through to the books, collects what is to change, and
changes nothing itself: the clerk writes the turn to disk, and only then `Books.remember` makes it memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agent.core.alarms import Alarms
from agent.core.atp import Conditions, Opened, Stop, StopNote
from agent.core.cases import Case, CaseChange, CasesNow
from agent.core.catalogue import Catalogue
from agent.core.claims import Hold, Promised, giving_way
from agent.core.codes import EVIDENCE
from agent.core.codes import Code as Code
from agent.core.commands import AnsweredCommands
from agent.core.count_sessions import CountRules, CountSession, OpenCounts
from agent.core.free_stock import Change, FreeStock
from agent.core.instore import NOTHING, InStore
from agent.core.lease import Leases
from agent.core.orders import Order, OrderChange
from agent.core.places import FREE, GRANT, MAY_GO_NEGATIVE, OPEN_CLAIMS, QUARANTINE, SELLABLE, is_claim, is_inside
from agent.core.tags import Tag, TagChange, keep
from agent.core.tasks.task import OpenTasks, TasksNow
from agent.core.untold import Tellings, Untold

#: How often proof that units were seen where they are is worth a note.
_EVIDENCE_EVERY_MS = 3600 * 1000
_NEVER_MS = -365 * 24 * 3600 * 1000


class Posting(NamedTuple):
    """`qty` units of a SKU went from `origin` to `target`; never edited.

    A named tuple in the order of the ledger's columns, so that a turn goes to SQL as it is. `source` and `part` name
    the event that caused it, once for ever. `from_now`, `to_now` and `on_hand` are true after it.
    """

    seq: int
    sku: str
    origin: str
    target: str
    qty: int
    code: Code
    at: int
    source: str
    part: int
    actor: str
    epc: bytes | None
    from_now: int
    to_now: int
    on_hand: int


class ScanNote(NamedTuple):
    """The `n`-th scan of a device was answered."""

    device: str
    n: int
    at: int
    text: str
    outcome: str


class ImpossiblePostingError(Exception):
    """A rule of this program asked for a posting that no store can make: our mistake, never the input's."""


@dataclass(slots=True)
class Books:
    """What is true now. Changed by `remember` alone."""

    store: str
    epoch: int
    catalogue: Catalogue
    head: int = 0
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    on_hand: dict[str, int] = field(default_factory=dict)
    #: Known tags, but those that were sold a while ago: they are looked up on disk when they are named again.
    tags: dict[bytes, Tag] = field(default_factory=dict)
    #: Those of them that were sold lately and may still be on their way out.
    leaving: dict[bytes, Tag] = field(default_factory=dict)
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)
    scans: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    spoken_for: Promised = field(default_factory=Promised)
    orders: dict[str, Order] = field(default_factory=dict)
    conditions: Conditions = field(default_factory=Conditions)
    leases: Leases = field(default_factory=Leases)
    counts: OpenCounts = field(default_factory=OpenCounts)
    count_rules: CountRules = field(default_factory=CountRules)
    instore: InStore = NOTHING
    #: The highest counter of a command of HQ that was answered for good.
    newest_command: int = 0
    #: The books' own time when they were last written, and when each SKU was last seen with one's own eyes.
    books_ms: int = 0
    evidence: dict[str, int] = field(default_factory=dict)
    untold: Untold = field(default_factory=Untold)
    free_stock: FreeStock = field(default_factory=FreeStock)
    #: When the clock ends a pending hold, and when it looks after an order.
    expiries: Alarms = field(default_factory=Alarms)
    deadlines: Alarms = field(default_factory=Alarms)
    #: When a case that is still open is handed on, in unix ms.
    overdue: Alarms = field(default_factory=Alarms)
    tasks: OpenTasks = field(default_factory=OpenTasks)
    #: How many turns have changed this memory since it was made: while it stays, nothing else here does.
    turns: int = 0

    def remember(self, turn: "Turn") -> None:
        """Make a turn that is on disk true in memory. Never waits and cannot fail half-way."""
        self.turns += 1
        self.head = turn.head
        self.balances.update(turn.balances)
        for key, qty in turn.balances.items():
            if qty == 0 and key[1].startswith(OPEN_CLAIMS):
                del self.balances[key]  # a resolved hold never comes back to its account
        self.on_hand.update(turn.on_hand)
        self.scans.update(turn.scans)
        self.newest_command = turn.commands.newest
        self.books_ms = turn.books_ms
        self.evidence.update(turn.evidence)
        self.untold.remember(turn.tellings)
        self.free_stock.remember(turn.free_stock)
        for stop, noted in turn.stops.items():
            self.conditions.take(stop, noted)
        for sku, granted in turn.grants().items():
            self.spoken_for.granted[sku] = self.spoken_for.granted.get(sku, 0) + granted
        for hold in turn.holds.values():
            self.keep_hold(hold)
        self.tasks.remember(turn.tasks, self.orders, turn.orders, turn.holds.values())
        for order in turn.orders.values():
            self.keep_order(order)
        for session in turn.counts.values():
            self.counts.keep(session)
        for epc, tag in turn.tags.items():
            keep(self.tags, self.leaving, epc, tag)
        for epc in turn.left:
            if self.leaving.pop(epc, None) is not None:
                del self.tags[epc]
        for change in turn.cases:
            self.keep_case(change.case, is_open=change.state == "open")

    def keep_case(self, case: Case, *, is_open: bool = True) -> None:
        """Make a case what it is now; one that is resolved is forgotten here and kept on disk."""
        if is_open:
            self.cases[case.kind, case.about] = case
        else:
            self.cases.pop((case.kind, case.about), None)
        self.overdue.set(f"{case.kind} {case.about}", case.due_at if is_open and not case.late else None)

    def keep_hold(self, hold: Hold) -> None:
        """Make a hold what it is now; one that is resolved is forgotten here and kept on disk."""
        self.spoken_for.change(self.holds.pop(hold.id, None), hold)
        if hold.is_open:
            self.holds[hold.id] = hold
        self.expiries.set(hold.id, hold.expires_ms if hold.state == "pending" else None)

    def keep_order(self, order: Order) -> None:
        """Make an order what it is now; one that is over is forgotten here and kept on disk."""
        self.orders.pop(order.id, None)
        if order.is_open:
            self.orders[order.id] = order
        self.deadlines.set(order.id, order.rings_ms)

    def next_alarm_ms(self) -> int | None:
        """When, in books time, the clock next ends a hold, looks after an order, or offers a task again."""
        alarms = (self.expiries, self.deadlines, self.tasks.silences)
        return min([at for alarm in alarms if (at := alarm.next_ms()) is not None], default=None)

    def balance(self, sku: str, account: str) -> int:
        return self.balances.get((sku, account), 0)

    def sellable(self, sku: str) -> int:
        return sum(self.balance(sku, place) for place in SELLABLE)

    def promised(self, sku: str) -> int:
        return self.spoken_for.of_sku.get(sku, 0)

    def promised_in(self, sku: str, channel: str) -> int:
        return self.spoken_for.of_channel.get((sku, channel), 0)

    def granted(self, sku: str) -> int:
        return self.spoken_for.granted.get(sku, 0)

    def evidence_age_ms(self, sku: str) -> int:
        return self.books_ms - self.evidence.get(sku, _NEVER_MS)

    def of_sku(self, sku: str, places: Iterable[str]) -> dict[str, int]:
        """The balances of a SKU at these places, where there are any."""
        found = {place: self.balances.get((sku, place), 0) for place in places}
        return {place: qty for place, qty in found.items() if qty}


class Turn:
    """What one transaction will change; reads see it at once.

    `known` and `deliveries` are the postings and delivered tags that the asks' sources made before, `known_holds` the
    holds they name, resolved ones too, `known_orders` the orders likewise. `books_ms` is the books' own time,
    `running_ms` the clock leases are issued by.
    """

    def __init__(
        self,
        books: Books,
        at: int,
        known: Mapping[str, Posting],
        deliveries: Mapping[str, int],
        known_holds: Mapping[str, Hold] | None = None,
        books_ms: int | None = None,
        known_orders: Mapping[str, Order] | None = None,
        running_ms: int = 0,
    ) -> None:
        self.books = books
        self.at = at
        self.head = books.head
        self.postings: list[Posting] = []
        self.notes: list[ScanNote] = []
        self.deliveries: dict[str, int] = {}
        self.balances: dict[tuple[str, str], int] = {}
        self.on_hand: dict[str, int] = {}
        self.tags: dict[bytes, TagChange] = {}
        self.scans: dict[str, int] = {}
        self.holds: dict[str, Hold] = {}
        self.orders: dict[str, Order] = {}
        self.order_changes: list[OrderChange] = []
        self.evidence: dict[str, int] = {}
        self.books_ms = books.books_ms if books_ms is None else max(books_ms, books.books_ms)
        self.conditions = books.conditions
        self.stops: dict[Stop, StopNote] = {}
        self.commands = AnsweredCommands(books.newest_command)
        self._running_ms = running_ms
        self.counts: dict[str, CountSession] = {}
        #: Of what is counted in this turn: the postings after number `moved_after`, by SKU, and sessions that are over.
        self.moved: Mapping[str, Sequence[Posting]] = {}
        self.moved_after = books.head
        self.known_counts: Mapping[str, CountSession] = {}
        #: Sources of this turn's asks that made postings once, which are no longer in the books.
        self.bygone: frozenset[str] = frozenset()
        #: Sold tags that memory need not keep any longer.
        self.left: list[bytes] = []
        self.tellings = Tellings()
        #: What HQ is told of SKUs, and which were hidden for how long: see `telling.open_stock`.
        self.opened: Mapping[str, Opened] = {}
        self.free_stock = Change()
        self.tasks = TasksNow(books.tasks)
        #: Tags that the asks name and that are not in memory.
        self.known_tags: Mapping[bytes, TagChange] = {}
        self.known_holds = known_holds or {}
        self._known_orders = known_orders or {}
        self._spoken_for = Promised()
        self._known = dict(known)
        self._known_deliveries = deliveries
        self._cases = CasesNow(books.cases, at)

    def is_empty(self) -> bool:
        entered = self.postings or self.cases or self.notes or self.tags or self.deliveries
        noted = self.holds or self.orders or self.stops or self.counts or self.commands.now
        return not (entered or noted) and self.tellings.are_nothing() and self.tasks.are_nothing()

    def stop(self, name: Stop) -> StopNote:
        """What is noted of something that stops promises, as of this turn."""
        return self.conditions.notes.get(name) or StopNote()

    def note_stop(self, name: Stop, *, holds: bool, at: int, why: str, by: str) -> None:
        """Promises are stopped by this, or no longer: it counts for all that follows in this turn."""
        self.stops[name] = StopNote(holds, at, why, by)
        self.conditions = replace(self.conditions, notes=dict(self.conditions.notes))
        self.conditions.take(name, self.stops[name])

    def why_lease_refused(self, lease: int | None) -> str:
        """Why nothing may be accepted on this lease now; empty when it may, or when none is cited."""
        return "" if lease is None else self.books.leases.why_refused(lease, self._running_ms)

    def posting_of(self, source: str) -> Posting | None:
        """The first posting this source ever made."""
        return self._known.get(source)

    def tag(self, epc: bytes) -> TagChange | Tag | None:
        """Where a tag stands, as of this turn."""
        return self.tags.get(epc) or self.books.tags.get(epc) or self.known_tags.get(epc)

    def balance(self, sku: str, place: str) -> int:
        key = (sku, place)
        qty = self.balances.get(key)
        return self.books.balances.get(key, 0) if qty is None else qty

    def sellable(self, sku: str) -> int:
        """Units of a SKU where a shopper or picker finds them."""
        own, before, found = self.balances, self.books.balances, 0
        for place in SELLABLE:
            key = (sku, place)
            qty = own.get(key)
            found += before.get(key, 0) if qty is None else qty
        return found

    def post(
        self,
        sku: str,
        origin: str,
        target: str,
        qty: int,
        code: Code,
        source: str,
        actor: str,
        part: int = 0,
        epc: bytes | None = None,
    ) -> Posting:
        """Enter one posting. Going below zero on FLOOR or BACKROOM opens a case; elsewhere inside it is our mistake."""
        at_origin, at_target = (sku, origin), (sku, target)
        balances, before = self.balances, self.books.balances
        from_before = balances.get(at_origin)
        from_now = (before.get(at_origin, 0) if from_before is None else from_before) - qty
        to_before = balances.get(at_target)
        if to_before is None:
            to_before = before.get(at_target, 0)
        claims = is_claim(origin)
        if qty <= 0 or origin == target or claims != is_claim(target):
            raise ImpossiblePostingError(f"{qty} of {sku} from {origin} to {target}")
        if from_now < 0 and origin not in MAY_GO_NEGATIVE and origin != FREE and (claims or is_inside(origin)):
            raise ImpossiblePostingError(f"{origin} would hold {from_now} of {sku}")
        on_hand = self.on_hand.get(sku)
        if on_hand is None:
            on_hand = self.books.on_hand.get(sku, 0)
        if not claims:
            on_hand += qty * (is_inside(target) - is_inside(origin))
        self.head += 1
        to_now = to_before + qty
        posting = Posting(
            self.head, sku, origin, target, qty, code, self.at, source, part, actor, epc, from_now, to_now, on_hand
        )
        self.postings.append(posting)
        balances[at_origin] = from_now
        balances[at_target] = to_now
        if part == 0:
            self._known[source] = posting
        if claims:
            self._count_grants(sku, origin, target, qty)
            return posting
        self.on_hand[sku] = on_hand
        if code in EVIDENCE:
            self.saw(sku)
        if from_now < 0 and is_inside(origin):
            self.open_case("negative_stock", f"{sku} at {origin}", f"{from_now} after {source}")
        if from_now == 0 and origin == QUARANTINE:
            self.resolve_case("waste_or_markdown", f"{sku} at {origin}", "gone")
        if to_before < 0 <= to_now and is_inside(target):
            self.resolve_case("negative_stock", f"{sku} at {target}", "covered")
        if self.books.spoken_for.of_sku or self._spoken_for.of_sku:  # somebody was promised something
            self.weigh_claims(sku)
        return posting

    def saw(self, sku: str) -> None:
        """Somebody or something saw the SKU's units where the books have them."""
        if self.evidence_age_ms(sku) > _EVIDENCE_EVERY_MS:
            self.evidence[sku] = self.books_ms

    def _count_grants(self, sku: str, origin: str, target: str, qty: int) -> None:
        granted = qty * (target.startswith(GRANT) - origin.startswith(GRANT))
        if granted:
            self._spoken_for.granted[sku] = self._spoken_for.granted.get(sku, 0) + granted

    def hold(self, name: str) -> Hold | None:
        """A hold as of this turn, a resolved one too."""
        return self.holds.get(name) or self.hold_before(name)

    def hold_before(self, name: str) -> Hold | None:
        """A hold as it was before this turn, a resolved one too."""
        books = self.books
        return books.holds.get(name) or self.known_holds.get(name) or books.tasks.leftovers.get(name)

    def due_holds(self) -> list[Hold]:
        """The pending holds whose time is up and that this turn has not touched."""
        return [self.books.holds[name] for name in self.books.expiries.due(self.books_ms) if name not in self.holds]

    def order(self, name: str) -> Order | None:
        """An order as of this turn, one that is over too."""
        return self.orders.get(name) or self.books.orders.get(name) or self._known_orders.get(name)

    def keep_order(self, order: Order) -> None:
        """An order is new, or is something else now; HQ is told, but of its deadline alone."""
        before = self.order(order.id)
        self.orders[order.id] = order
        if before is None or order.is_news_after(before):
            self.tell_order(order)

    def tell_order(self, order: Order) -> None:
        """Number a row for HQ about an order."""
        self.head += 1
        self.order_changes.append(OrderChange(self.head, order))

    def due_orders(self) -> list[Order]:
        """The orders whose deadline has come and that this turn has not touched."""
        return [self.books.orders[name] for name in self.books.deadlines.due(self.books_ms) if name not in self.orders]

    def keep_hold(self, hold: Hold) -> None:
        """A hold is new, or is something else now."""
        changed = self._spoken_for.change(self.hold(hold.id), hold)
        self.holds[hold.id] = hold
        if changed:
            for line in hold.lines:
                self.weigh_claims(line.sku)

    def count(self, name: str) -> CountSession | None:
        """A count session as of this turn, one that is over too."""
        return self.counts.get(name) or self.books.counts.sessions.get(name) or self.known_counts.get(name)

    def is_to_be_counted(self, sku: str, place: str) -> bool:
        """Is there an open session that will settle a SKU at a place?"""
        sessions = self.books.counts.wait_for(sku, place)
        for name, session in self.counts.items():
            before = self.books.counts.sessions.get(name)
            sessions += (sku, place) in session.waits_for()
            sessions -= before is not None and (sku, place) in before.waits_for()
        return sessions > 0

    def promised(self, sku: str) -> int:
        """Units of a SKU in open holds and commits that nobody has pulled yet."""
        return self.books.promised(sku) + self._spoken_for.of_sku.get(sku, 0)

    def promised_in(self, sku: str, channel: str) -> int:
        """Of those, the channel's."""
        return self.books.promised_in(sku, channel) + self._spoken_for.of_channel.get((sku, channel), 0)

    def granted(self, sku: str) -> int:
        """Units that holders of grants may still take."""
        return self.books.granted(sku) + self._spoken_for.granted.get(sku, 0)

    def newly_promised(self) -> Mapping[str, int]:
        """By how much this turn changes what is promised, per SKU."""
        return self._spoken_for.of_sku

    def grants(self) -> Mapping[str, int]:
        """By how much this turn changes what is granted, per SKU."""
        return self._spoken_for.granted

    def evidence_age_ms(self, sku: str) -> int:
        """How long ago, in books time, somebody or something saw a unit of the SKU."""
        return self.books_ms - self.evidence.get(sku, self.books.evidence.get(sku, _NEVER_MS))

    def weigh_claims(self, sku: str) -> None:
        """Open, change or resolve the SKU's breach case, so that it covers exactly what cannot be kept."""
        promised, found = self.promised(sku), self.case("breach", sku)
        if not promised and found is None:
            return
        excess = promised - max(0, self.sellable(sku))
        if excess <= 0:
            if found is not None:
                self.resolve_case("breach", sku, "covered")
            return
        holds = (self.books.holds | self.holds).values()
        weak = ", ".join(f"{name} {qty}" for name, qty in giving_way(holds, sku, excess))
        detail = f"{excess} promised and not there; first to give way: {weak}"
        if found is None or found.detail != detail:
            self.open_case("breach", sku, detail, tell=True)

    @property
    def cases(self) -> list[CaseChange]:
        """What the turn makes of cases."""
        return self._cases.changes

    def case(self, kind: str, about: str) -> Case | None:
        """The open case of this kind about this, if there is one."""
        return self._cases.find(kind, about)

    def case_numbered(self, number: int) -> Case | None:
        """The open case with this number, if there is one."""
        return self._cases.numbered(number)

    def open_case(self, kind: str, about: str, detail: str, *, tell: bool = False) -> None:
        """Open a case, or note that an open one came up again; with `tell` HQ is told of that too."""
        self.head += self._cases.open(self.head + 1, kind, about, detail, tell=tell)

    def resolve_case(self, kind: str, about: str, resolution: str) -> None:
        """Close a case if it is open; `resolution` says in a word how."""
        self.head += self._cases.resolve(self.head + 1, kind, about, resolution)

    def escalate_cases(self) -> None:
        """Hand on every case whose time is up, and tell HQ."""
        for name in self.books.overdue.due(self.at):
            kind, _, about = name.partition(" ")
            self.head += self._cases.escalate(self.head + 1, kind, about)

    def note_scan(self, device: str, text: str, outcome: str) -> None:
        """Number and keep a scan that is answered now."""
        n = self.next_scan(device)
        self.scans[device] = n
        self.notes.append(ScanNote(device, n, self.at, text, outcome))

    def next_scan(self, device: str) -> int:
        """The number that the device's next answered scan will have."""
        return self.scans.get(device, self.books.scans.get(device, 0)) + 1

    def delivered(self, source: str) -> int | None:
        """How many tags a delivery line announced, if it was entered before."""
        tags = self.deliveries.get(source)
        return self._known_deliveries.get(source) if tags is None else tags
