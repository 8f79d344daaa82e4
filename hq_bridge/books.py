"""What HQ knows of one store, and what a message changes in it. Decides; never waits.

`StoreBooks` is what is committed. A `Draft` gathers what one turn of the writer would change in it; the database gets
the draft, and only when that transaction has been committed does `StoreBooks.accept` make it true here as well.
"""

from array import array
from dataclasses import dataclass, field
from typing import Literal

from wire import digest
from wire.messages import Batch, CaseRow, Heard, Hello, Row, StockRow, StoreState, UnknownRow

Digest = Literal["same", "differs", "unknown"]
Presence = Literal["here", "away", "unknown"]
#: What may be wrong with a store, one text for each kind.
Trouble = Literal["epoch", "snapshot", "behind_us", "unreadable", "digest"]

_LAG_ROWS = 10_000
_WINDOW = 8  # batches a store may have under way


@dataclass(frozen=True, slots=True)
class Position:
    """How far a store's stream has been committed; `digest` is that of HQ's own balances at `cursor`."""

    epoch: int = 0
    cursor: int = 0
    digest: int = 0
    landed_at: int | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """Units of one SKU, as row `seq` left them."""

    qty: int
    seq: int


class Lag:
    """Commit at HQ minus the row's own time, in ms, over the last 10,000 rows. Two clocks: it may be negative."""

    def __init__(self) -> None:
        self._ms = array("q")
        self._next = 0
        self._seen = -1
        self._quantiles: tuple[int | None, int | None] = (None, None)

    def note(self, ms: int) -> None:
        if len(self._ms) < _LAG_ROWS:
            self._ms.append(ms)
        else:
            self._ms[self._next % _LAG_ROWS] = ms
        self._next += 1

    def p50_p99(self) -> tuple[int | None, int | None]:
        if self._seen != self._next and self._ms:
            ranked = sorted(self._ms)
            self._quantiles = ranked[len(ranked) // 2], ranked[len(ranked) * 99 // 100]
            self._seen = self._next
        return self._quantiles


@dataclass(slots=True)
class StoreBooks:
    """One store: what is committed (`position`, `balances`, `cases`), and what was said since HQ started."""

    store: str
    position: Position = Position()
    #: None until somebody needs them; see Ingest, which bounds how many are kept.
    balances: dict[tuple[str, str], Balance] | None = None
    #: Units of each SKU inside the store; there when `balances` are.
    on_hand: dict[str, int] = field(default_factory=dict)
    #: The sum of `on_hand`, always there.
    units: int = 0
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
    lag: Lag = field(default_factory=Lag)

    @property
    def behind(self) -> int:
        """Rows the store is known to have and HQ has not."""
        return max(0, self.head - self.position.cursor)

    def accept(self, draft: "Draft", committed_at: int) -> None:
        """What `draft` says has been committed."""
        if draft.anew:
            self.balances, self.cases, self.on_hand, self.units = {}, set(), {}, 0
        assert self.balances is not None
        self.position = draft.position
        self.balances.update(draft.balances)
        for sku, now in draft.on_hand.items():
            self.units += now.qty - self.on_hand.get(sku, 0)
            self.on_hand[sku] = now.qty
        for key, case in draft.cases.items():
            (self.cases.add if case.state == "open" else self.cases.discard)(key)
        self.head, self.presence = max(draft.head, draft.position.cursor), draft.presence
        self.verdict, self.told, self.asked, self.trouble = draft.verdict, draft.told, draft.asked, draft.trouble
        for _, row in draft.rows:
            if not isinstance(row, UnknownRow):
                self.lag.note(committed_at - row.at)


class Draft:
    """What one turn changes in one store's books. Needs its balances to be there."""

    def __init__(self, books: StoreBooks) -> None:
        assert books.balances is not None
        self.books = books
        self.anew = False
        self.epoch = books.position.epoch
        self.cursor = books.position.cursor
        #: The rows to keep, each with its epoch.
        self.rows: list[tuple[int, Row]] = []
        self.balances: dict[tuple[str, str], Balance] = {}
        self.on_hand: dict[str, Balance] = {}
        self.cases: dict[tuple[str, str], CaseRow] = {}
        self.head = books.head
        self.presence = books.presence
        self.verdict = books.verdict
        self.told = books.told
        self.asked = books.asked
        self.trouble = dict(books.trouble)
        #: Where the books stand afterwards; see `seal`.
        self.position = books.position
        #: Kinds of rows this program is too old for: kept, not understood.
        self.unknown_kinds: set[str] = set()
        #: To be said after the commit, when not None.
        self.answer: Heard | None = None

    @property
    def store(self) -> str:
        return self.books.store

    @property
    def changes_books(self) -> bool:
        return self.anew or bool(self.rows)

    def seal(self, landed_at: int) -> None:
        """Nothing more comes: say where the store's books stand once this is committed."""
        if self.changes_books:
            rows = self.books.position.rows + len(self.rows)
            at = landed_at if self.rows else None
            self.position = Position(self.epoch, self.cursor, self._digest(), at, rows)

    def state(self, state: StoreState) -> None:
        """The store is here or away."""
        self.presence = state.state
        if state.epoch == self.epoch:
            self.head = max(self.head, state.head)
            if state.state == "here" and self.answer is None:
                self._say()  # the store counts on being answered, also when there is nothing new

    def hello(self, hello: Hello) -> None:
        """The store says who it is, and so is here; it is told how far HQ is."""
        self.presence = "here"
        if hello.epoch < self.epoch:
            self._refuse_epoch(hello.epoch)
        elif hello.epoch > self.epoch and hello.oldest > 1:
            self.trouble["snapshot"] = (
                f"needs a snapshot: epoch {hello.epoch} is new to HQ and its rows begin at {hello.oldest}"
            )
            return
        else:
            if hello.epoch > self.epoch:
                self._begin(hello.epoch)
            self._compare(hello)
        self.asked = None
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
        for row in batch.rows[self.cursor + 1 - batch.first :]:
            self._take(row)
            self.asked = None
            self.trouble.pop("unreadable", None)
        self._say()

    def _begin(self, epoch: int) -> None:
        """The store keeps new books: what HQ held of the old ones is history."""
        self.anew = True
        self.epoch, self.cursor = epoch, 0
        # Rows of the old books that came in the same turn stay: they are history.
        self.balances.clear()
        self.on_hand.clear()
        self.cases.clear()
        self.head, self.verdict, self.told, self.asked, self.trouble = 0, "unknown", None, None, {}

    def _take(self, row: Row) -> None:
        self.cursor = row.seq
        self.rows.append((self.epoch, row))
        if isinstance(row, StockRow):
            self.balances[row.sku, row.origin] = Balance(row.from_now, row.seq)
            self.balances[row.sku, row.target] = Balance(row.to_now, row.seq)
            self.on_hand[row.sku] = Balance(row.on_hand, row.seq)
        elif isinstance(row, CaseRow):
            self.cases[row.case, row.about] = row
        else:
            self.unknown_kinds.add(row.kind)
        if self.told is not None and self.told[:2] == (self.epoch, row.seq):
            self._judge(self.told[2])

    def _digest(self) -> int:
        """That of the balances as this draft leaves them: the old one, and what became of each that changed."""
        assert self.books.balances is not None
        now = 0 if self.anew else self.books.position.digest
        for (sku, place), balance in self.balances.items():
            before = None if self.anew else self.books.balances.get((sku, place))
            now = digest.changed(now, sku, place, before.qty if before else 0, balance.qty)
        return now

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
        if told == digest.to_text(self._digest()):
            self.verdict = "same"
            self.trouble.pop("digest", None)
        else:
            self.verdict = "differs"
            self.trouble["digest"] = f"HQ's stock differs from the store's at row {self.cursor}"

    def _refuse_epoch(self, epoch: int) -> None:
        self.trouble["epoch"] = f"refused: the store speaks of epoch {epoch} and HQ has epoch {self.epoch}"

    def _ask(self, epoch: int, cursor: int) -> None:
        """Ask for what is missing, once for each stall."""
        if self.asked != (epoch, cursor):
            self.asked = (epoch, cursor)
            self.answer = Heard(epoch, cursor, want=cursor + 1, window=_WINDOW)

    def _say(self) -> None:
        self.answer = Heard(self.epoch, self.cursor, window=_WINDOW)
