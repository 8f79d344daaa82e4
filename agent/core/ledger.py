"""The physical ledger: postings, balances, and the turn in which they change together.

`Books` is what the store remembers between turns. A `Turn` reads through to the books, collects what is to change, and
changes nothing itself: the clerk writes the turn to disk, and only then `Books.remember` makes it memory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from agent.core.cases import KINDS, LONGEST_ABOUT, LONGEST_DETAIL, MOST_OPEN_OF_A_KIND, OTHERS, Case
from agent.core.catalogue import Catalogue
from agent.core.places import INSIDE, MAY_GO_NEGATIVE
from agent.core.tags import Tag, TagChange

Code = Literal["receive", "move", "sale"]


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


class CaseChange(NamedTuple):
    """A case was opened, came up again, or was resolved. Only `seq` not None is announced."""

    seq: int | None
    case: Case
    state: Literal["open", "resolved"]
    resolution: str


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
    tags: dict[bytes, Tag] = field(default_factory=dict)
    cases: dict[tuple[str, str], Case] = field(default_factory=dict)
    scans: dict[str, int] = field(default_factory=dict)

    def remember(self, turn: "Turn") -> None:
        """Make a turn that is on disk true in memory. Never waits and cannot fail half-way."""
        self.head = turn.head
        self.balances.update(turn.balances)
        self.on_hand.update(turn.on_hand)
        self.scans.update(turn.scans)
        for epc, change in turn.tags.items():
            tag = self.tags.get(epc)
            if tag is None:
                self.tags[epc] = Tag(epc, change.sku, change.state, change.place, change.moves)
            else:
                tag.follow(change)
        for change_of_case in turn.cases:
            key = (change_of_case.case.kind, change_of_case.case.about)
            if change_of_case.state == "open":
                self.cases[key] = change_of_case.case
            else:
                self.cases.pop(key, None)

    def of_sku(self, sku: str, places: Iterable[str]) -> dict[str, int]:
        """The balances of a SKU at these places, where there are any."""
        found = {place: self.balances.get((sku, place), 0) for place in places}
        return {place: qty for place, qty in found.items() if qty}


class Turn:
    """What one transaction will change; reads see it at once.

    `known` and `deliveries` are the postings and delivered tags that the asks' sources made before.
    """

    def __init__(self, books: Books, at: int, known: Mapping[str, Posting], deliveries: Mapping[str, int]) -> None:
        self.books = books
        self.at = at
        self.head = books.head
        self.postings: list[Posting] = []
        self.cases: list[CaseChange] = []
        self.notes: list[ScanNote] = []
        self.deliveries: dict[str, int] = {}
        self.balances: dict[tuple[str, str], int] = {}
        self.on_hand: dict[str, int] = {}
        self.tags: dict[bytes, TagChange] = {}
        self.scans: dict[str, int] = {}
        self._known = dict(known)
        self._known_deliveries = deliveries
        self._open_cases: dict[tuple[str, str], Case | None] = {}

    def is_empty(self) -> bool:
        return not (self.postings or self.cases or self.notes or self.tags or self.deliveries)

    def posting_of(self, source: str) -> Posting | None:
        """The first posting this source ever made."""
        return self._known.get(source)

    def tag(self, epc: bytes) -> TagChange | Tag | None:
        """Where a tag stands, as of this turn."""
        return self.tags.get(epc) or self.books.tags.get(epc)

    def balance(self, sku: str, place: str) -> int:
        key = (sku, place)
        qty = self.balances.get(key)
        return self.books.balances.get(key, 0) if qty is None else qty

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
        if qty <= 0 or origin == target:
            raise ImpossiblePostingError(f"{qty} of {sku} from {origin} to {target}")
        from_now = self.balance(sku, origin) - qty
        to_before = self.balance(sku, target)
        to_now = to_before + qty
        if from_now < 0 and origin in INSIDE and origin not in MAY_GO_NEGATIVE:
            raise ImpossiblePostingError(f"{origin} would hold {from_now} of {sku}")
        on_hand = self.on_hand.get(sku)
        if on_hand is None:
            on_hand = self.books.on_hand.get(sku, 0)
        on_hand += qty * ((target in INSIDE) - (origin in INSIDE))
        self.head += 1
        posting = Posting(
            self.head, sku, origin, target, qty, code, self.at, source, part, actor, epc, from_now, to_now, on_hand
        )
        self.postings.append(posting)
        self.balances[sku, origin] = from_now
        self.balances[sku, target] = to_now
        self.on_hand[sku] = on_hand
        if part == 0:
            self._known[source] = posting
        if from_now < 0 and origin in INSIDE:
            self.open_case("negative_stock", f"{sku} at {origin}", f"{from_now} after {source}")
        if to_before < 0 <= to_now and target in INSIDE:
            self.resolve_case("negative_stock", f"{sku} at {target}", "covered")
        return posting

    def case(self, kind: str, about: str) -> Case | None:
        """The open case of this kind about this, if there is one."""
        key = (kind, about)
        return self._open_cases[key] if key in self._open_cases else self.books.cases.get(key)

    def open_case(self, kind: str, about: str, detail: str) -> None:
        """Open a case, or note that an open one came up again."""
        about = about[:LONGEST_ABOUT]
        found = self.case(kind, about)
        if found is None and self._count_open(kind) >= MOST_OPEN_OF_A_KIND:
            about = OTHERS
            found = self.case(kind, about)
        seq: int | None = None
        if found is None:
            self.head += 1
            seq = self.head
            due_at = self.at + KINDS[kind].due_s * 1000
            case = Case(seq, kind, about, self.at, due_at, self.at, 1, detail[:LONGEST_DETAIL])
        else:
            case = replace(found, last_at=self.at, times=found.times + 1, detail=detail[:LONGEST_DETAIL])
        self._open_cases[kind, about] = case
        self.cases.append(CaseChange(seq, case, "open", ""))

    def resolve_case(self, kind: str, about: str, resolution: str) -> None:
        """Close a case if it is open; `resolution` says in a word how."""
        found = self.case(kind, about)
        if found is not None:
            self.head += 1
            self._open_cases[kind, about] = None
            self.cases.append(CaseChange(self.head, replace(found, last_at=self.at), "resolved", resolution))

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

    def _count_open(self, kind: str) -> int:
        before = sum(1 for key in self.books.cases if key[0] == kind and key not in self._open_cases)
        return before + sum(1 for key, case in self._open_cases.items() if key[0] == kind and case is not None)
