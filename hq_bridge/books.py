"""What HQ knows of one store, and what a message changes in it. Decides; never waits.

`StoreBooks` is what is committed. A `Draft` gathers what one turn of the writer would change in it; the database gets
the draft, and only when that transaction has been committed does `StoreBooks.accept` make it true here as well.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec
from msgspec import UNSET

from hq_bridge.snapshots import Whole
from hq_bridge.stretches import Stretch
from wire import digest
from wire.messages import Batch, CaseRow, DayRow, Heard, Hello, OrderRow, Row, StockRow, StoreState, UnknownRow

Digest = Literal["same", "differs", "unknown"]
Presence = Literal["here", "away", "unknown"]
#: What may be wrong with a store, one text for each kind.
Trouble = Literal["epoch", "snapshot", "behind_us", "unreadable", "digest"]

_LAG_ROWS = 1000
_WINDOW = 8  # batches a store may have under way
_UNITS_MAX = 2**63 - 1  # what a database can keep; a store that claims more is wrong, and must not stop HQ


@dataclass(frozen=True, slots=True)
class Position:
    """How far a store's stream has been committed; `digest` and `units` are those of HQ's own stock at `cursor`."""

    epoch: int = 0
    cursor: int = 0
    digest: int = 0
    landed_at: int | None = None
    rows: int = 0
    #: On hand, over all SKUs.
    units: int = 0
    #: SKUs of which the store has not said what is held and what can be promised: it is older than those fields.
    lacking: int = 0


_encoder = msgspec.json.Encoder()
_places = msgspec.json.Decoder(dict[str, int])


#: A line of the table `stock`: (store, SKU, on hand, seq of the last row, places, held, ATP), where places is a JSON
#: object of the balances that are not zero, and the last two are None when the store has not told them. A plain tuple
#: of plain values: a million of them are nothing to the garbage collector.
Stock = tuple[str, str, int, int, str, int | None, int | None]


class Mark(NamedTuple):
    """A point in a store's stream: everything up to row `seq` of `epoch`. Marks are in the order of the stream."""

    epoch: int
    seq: int


class HeardLease(NamedTuple):
    """The lease a store said last, which commands to it cite; `heard_at` by HQ's clock (unix ms)."""

    lease: int
    heard_at: int


class Lag:
    """Commit at HQ minus the row's own time, in ms, over the last 1,000 rows. Two clocks: it may be negative."""

    def __init__(self) -> None:
        self._ms = array("q")
        self._quantiles: tuple[int | None, int | None] | None = (None, None)

    def note(self, said_at: Sequence[int], committed_at: int) -> None:
        """Of rows in order, by the time each gives."""
        if not said_at:
            return
        newest = array("q", [committed_at - at for at in said_at[-_LAG_ROWS:]])
        self._ms = self._ms[max(0, len(self._ms) + len(newest) - _LAG_ROWS) :] + newest
        self._quantiles = None

    def p50_p99(self) -> tuple[int | None, int | None]:
        if self._quantiles is None:
            ranked = sorted(self._ms)
            self._quantiles = ranked[len(ranked) // 2], ranked[len(ranked) * 99 // 100]
        return self._quantiles


@dataclass(slots=True)
class StoreBooks:
    """One store: what is committed (`position`, `stock`, `cases`), and what was said since HQ started."""

    store: str
    position: Position = Position()
    #: By SKU, those that rows touched lately; see Ingest, which bounds how many are kept.
    stock: dict[str, Stock] = field(default_factory=dict)
    #: Is `stock` all there is? Otherwise what is missing may still be in the database.
    whole: bool = False
    cases: set[tuple[str, str]] = field(default_factory=set)
    presence: Presence = "unknown"
    head: int = 0
    heard_from_at: int | None = None
    verdict: Digest = "unknown"
    #: A digest the store told, for when HQ has got to its row: (epoch, seq, digest as text).
    told: tuple[int, int, str] | None = None
    trouble: dict[Trouble, str] = field(default_factory=dict)
    #: The gap already asked for: (epoch, cursor then). Asked again when the store says hello.
    asked: tuple[int, int] | None = None
    lease: HeardLease | None = None
    #: When its certificate ends (unix ms), as it said last.
    certificate_ends: int | None = None
    #: Do its rows say what is held and what can be promised?
    tells_atp: bool = False
    lag: Lag = field(default_factory=Lag)

    @property
    def behind(self) -> int:
        """Rows the store is known to have and HQ has not."""
        return max(0, self.head - self.position.cursor)

    @property
    def promises(self) -> bool:
        """May HQ promise anything of it at all? Not while it is away or paused, whatever its rows say of each SKU."""
        return self.presence == "here" and not any(kind == "paused" for kind, _ in self.cases)

    def accept(self, draft: "Draft", committed_at: int) -> None:
        """What `draft` says has been committed."""
        if draft.anew:
            self.stock, self.whole, self.cases = {}, True, set()
        self.position = draft.position
        self.stock.update(draft.stock)
        for key, case in draft.cases.items():
            (self.cases.add if case.state == "open" else self.cases.discard)(key)
        self.head, self.presence = max(draft.head, draft.position.cursor), draft.presence or self.presence
        self.verdict, self.told, self.asked, self.trouble = draft.verdict, draft.told, draft.asked, draft.trouble
        self.lease = draft.lease
        self.lag.note(draft.said_at, committed_at)


class Draft:
    """What one turn changes in one store's books. Needs the stock of its rows' SKUs to be there.

    It stands on `base`, sealed and not yet accepted, when the turn before is still on its way to the disk.
    """

    def __init__(self, books: StoreBooks, base: "Draft | None" = None) -> None:
        self.books = books
        before: StoreBooks | Draft = base or books
        #: Where the books stand afterwards; see `seal`.
        self.position: Position = before.position
        self._before = self.position
        self.anew = False
        self.epoch = self.position.epoch
        self.cursor = self.position.cursor
        #: The rows to keep, and the time each gives, if it is of a kind that we know.
        self.stretches: list[Stretch] = []
        self.said_at = array("q")
        #: What becomes of each SKU that rows touched.
        self.stock: dict[str, Stock] = {}
        self.cases: dict[tuple[str, str], CaseRow] = {}
        #: Rows of orders, each with its epoch.
        self.orders: list[tuple[int, OrderRow]] = []
        #: Days that are over, each with its epoch.
        self.days: dict[str, tuple[int, DayRow]] = {}
        self.head: int = max(before.head, self.cursor)
        #: None: as it is.
        self.presence: Presence | None = None
        self.lease: HeardLease | None = before.lease
        self.verdict: Digest = before.verdict
        self.told: tuple[int, int, str] | None = before.told
        self.asked: tuple[int, int] | None = before.asked
        self.trouble: dict[Trouble, str] = dict(before.trouble)
        #: Kinds of rows this program is too old for: kept, not understood.
        self.unknown_kinds: set[str] = set()
        #: Rows HQ had already, and messages of books older than it knows.
        self.repeated = self.refused = 0
        #: To be said after the commit, when not None.
        self.answer: Heard | None = None
        #: Is a snapshot to be asked for with it?
        self.wants_snapshot = False
        self._landed_now = False
        self._digest = self.position.digest
        self._units = self.position.units
        self._lacking = self.position.lacking
        # Stock as it is before this turn: what the turn before made of it, or else the books.
        self._newer: Mapping[str, Stock] = {} if base is None else base.stock
        self._older: Mapping[str, Stock] = {} if base is not None and base.anew else books.stock

    @property
    def store(self) -> str:
        return self.books.store

    @property
    def changes_books(self) -> bool:
        return self.anew or bool(self.stretches)

    @property
    def replaces_books(self) -> bool:
        return self.anew and self._before.epoch > 0

    @property
    def row_count(self) -> int:
        return sum(stretch.row_count for stretch in self.stretches)

    def seal(self, landed_at: int) -> None:
        """Nothing more comes: say where the store's books stand once this is committed."""
        if self.changes_books:
            rows = self._before.rows + self.row_count
            at = landed_at if self.stretches or self._landed_now else None
            units = max(-_UNITS_MAX, min(self._units, _UNITS_MAX))
            self.position = Position(self.epoch, self.cursor, self._digest, at, rows, units, self._lacking)

    def state(self, state: StoreState, heard_at: int) -> None:
        """The store is here or away."""
        self.presence = state.state
        if isinstance(state.lease, int) and state.state == "here":
            self.lease = HeardLease(state.lease, heard_at)
        if isinstance(state.certificate_ends, int):
            self.books.certificate_ends = state.certificate_ends
        self.wants_snapshot = self._lacks_snapshot()
        if state.epoch == self.epoch:
            self.head = max(self.head, state.head)
            if state.state == "here" and self.answer is None:
                self._say()  # the store counts on being answered, also when there is nothing new

    def hello(self, hello: Hello) -> None:
        """The store says who it is, and so is here; it is told how far HQ is."""
        self.presence = "here"
        self.books.tells_atp = hello.schemas.get("stock", 1) > 1
        if hello.epoch < self.epoch:
            self._refuse_epoch(hello.epoch)
        elif hello.epoch > self.epoch and hello.oldest > 1:
            self.trouble["snapshot"] = (
                f"needs a snapshot: epoch {hello.epoch} is new to HQ and its rows begin at {hello.oldest}"
            )
            self.answer, self.wants_snapshot = Heard(hello.epoch, 0, window=_WINDOW), True
            return
        else:
            if hello.epoch > self.epoch:
                self._begin(hello.epoch)
            self._compare(hello)
        self.asked = None
        self.wants_snapshot = self._lacks_snapshot()
        self._say()

    def snapshot(self, whole: Whole) -> None:
        """All that is true at a row: the books are what it says, and go on from there.

        Only for one that is not behind the books: of an epoch they do not have yet, or at their cursor or beyond it.
        """
        if whole.epoch < self.epoch:
            return
        self._begin(whole.epoch)
        self._landed_now = True
        self.cursor = self.head = whole.seq
        for sku, on_hand in whole.on_hand.items():
            places = {place: qty for place, qty in whole.places[sku].items() if qty}
            opened = whole.opened.get(sku, (None, None))
            self.stock[sku] = (self.store, sku, on_hand, whole.seq, _encoder.encode(places).decode(), *opened)
            self._units += on_hand
            self._lacking += None in opened
        self._digest = whole.digest()
        self.cases = dict(whole.cases)
        self.orders += [(whole.epoch, row) for row in whole.orders.values()]
        self.days |= {row.day: (whole.epoch, row) for row in whole.days.values()}
        self.verdict = "same"
        self._say()

    def batch(self, batch: Batch) -> None:
        """Rows of the store's stream: those that come next are taken, the others are not."""
        if batch.epoch < self.epoch:
            self._refuse_epoch(batch.epoch)
            return
        if batch.epoch > self.epoch:
            if batch.first > 1:
                self._ask(batch.epoch, 0)
                return
            self._begin(batch.epoch)
        if batch.first > self.cursor + 1:
            self.head = max(self.head, batch.first + len(batch.rows) - 1)
            self._ask(batch.epoch, self.cursor)
            return
        rows = batch.rows[self.cursor + 1 - batch.first :]
        self.repeated += len(batch.rows) - len(rows)
        if rows:
            self._keep(rows)
            self.asked = None
            self.trouble.pop("unreadable", None)
        self._say()

    def _keep(self, rows: Sequence[Row]) -> None:
        """Take the rows that come next. A digest that was told for one of them is judged there.

        All that can be done with them is done now: in a moment others will have taken their place near the processor.
        """
        left = rows
        while left:
            if not (self.stretches and self.stretches[-1].epoch == self.epoch and self.stretches[-1].room):
                self.stretches.append(Stretch(self.epoch, self.cursor + 1 + len(rows) - len(left)))
            room = self.stretches[-1].room
            self.stretches[-1].add(left[:room])
            left = left[room:]
        self.said_at.extend([row.at for row in rows if not isinstance(row, UnknownRow)])
        if self.told is not None and self.told[0] == self.epoch:
            before = max(0, self.told[1] - self.cursor)
            if 0 < before <= len(rows):
                self._apply(rows[:before])
                self._judge(self.told[2])
                rows = rows[before:]
        self._apply(rows)

    def _begin(self, epoch: int) -> None:
        """The store keeps new books: what HQ held of the old ones is history."""
        self.anew = True
        self.epoch, self.cursor = epoch, 0
        # Rows of the old books that came in the same turn stay: they are history.
        self.stock.clear()
        self._newer = self._older = {}
        self._digest = self._units = self._lacking = 0
        self.cases.clear()
        self.head, self.verdict, self.told, self.asked, self.trouble = 0, "unknown", None, None, {}

    def _apply(self, rows: Sequence[Row]) -> None:
        """Make true what these rows say. Written out flat: it runs for every row of every store."""
        balances: dict[str, dict[str, int]] = {}
        last: dict[str, StockRow] = {}
        for row in rows:
            if type(row) is StockRow:
                sku = row.sku
                if (places := balances.get(sku)) is None:
                    places = balances[sku] = {}
                places[row.origin] = row.from_now
                places[row.target] = row.to_now
                last[sku] = row
            elif type(row) is CaseRow:
                self.cases[row.case, row.about] = row
            elif type(row) is OrderRow:
                self.orders.append((self.epoch, row))
            elif type(row) is DayRow:
                self.days[row.day] = self.epoch, row
            else:
                assert type(row) is UnknownRow
                self.unknown_kinds.add(row.kind)
        self.cursor += len(rows)
        self._settle(balances, last)

    def _settle(self, balances: Mapping[str, Mapping[str, int]], last: Mapping[str, StockRow]) -> None:
        """Bring balances by SKU and place, and the last row of each SKU, into stock, digest and units. Written out
        flat: it runs for every SKU of every batch."""
        now, units, lacking, share = self._digest, self._units, self._lacking, digest.of_balance
        stock, newer, older, store = self.stock, self._newer, self._older, self.store
        for sku, row in last.items():
            known = stock.get(sku) or newer.get(sku) or older.get(sku)
            held = None if row.held is UNSET else row.held
            atp = None if row.atp is UNSET else row.atp
            if known is None:
                places = {}
                units += row.on_hand
                lacking += held is None or atp is None
            else:
                places = _places.decode(known[4])
                units += row.on_hand - known[2]
                lacking += (held is None or atp is None) - (known[5] is None or known[6] is None)
            for place, qty in balances[sku].items():
                was = places.get(place, 0)
                if qty != was:
                    if was:
                        now -= share(sku, place, was)
                    if qty:
                        now += share(sku, place, qty)
                        places[place] = qty
                    else:
                        del places[place]
            stock[sku] = (store, sku, row.on_hand, row.seq, _encoder.encode(places).decode(), held, atp)
        self._digest, self._units, self._lacking = now & digest.MASK, units, lacking

    def _compare(self, hello: Hello) -> None:
        """Judge the store's digest now, or when HQ has got to its row."""
        self.head = hello.head
        self.trouble.pop("snapshot", None)
        self.trouble.pop("epoch", None)
        self.trouble.pop("behind_us", None)
        if hello.head < self.cursor:
            self.trouble["behind_us"] = (
                f"the store's books end at {hello.head} and HQ has {self.cursor} rows: was an old backup restored?"
            )
        elif hello.oldest > self.cursor + 1:
            self.trouble["snapshot"] = (
                f"needs a snapshot: HQ has {self.cursor} rows and the store keeps none before {hello.oldest}"
            )
        elif hello.digest_seq == self.cursor:
            self._judge(hello.digest)
        elif hello.digest_seq > self.cursor:
            self.told = (hello.epoch, hello.digest_seq, hello.digest)

    def _judge(self, told: str) -> None:
        self.told = None
        if told == digest.to_text(self._digest):
            self.verdict = "same"
            self.trouble.pop("digest", None)
        else:
            self.verdict = "differs"
            self.trouble["digest"] = f"HQ's stock differs from the store's at row {self.cursor}"
            self.wants_snapshot = True

    def _lacks_snapshot(self) -> bool:
        return "snapshot" in self.trouble or "digest" in self.trouble or (self.books.tells_atp and self._lacking > 0)

    def _refuse_epoch(self, epoch: int) -> None:
        self.refused += 1
        self.trouble["epoch"] = f"refused: the store speaks of epoch {epoch} and HQ has epoch {self.epoch}"

    def _ask(self, epoch: int, cursor: int) -> None:
        """Ask for what is missing, once for each stall."""
        if self.asked != (epoch, cursor):
            self.asked = (epoch, cursor)
            self.answer = Heard(epoch, cursor, want=cursor + 1, window=_WINDOW)

    def _say(self) -> None:
        self.answer = Heard(self.epoch, self.cursor, window=_WINDOW)
