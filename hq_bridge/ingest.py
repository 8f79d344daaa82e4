"""Everything stores say, into the books: one writer, many stores in one transaction, then `heard`.

A turn takes all that waits (up to a bound), drafts what it changes, commits it, makes memory agree in the same step as
the commit returned, and only then answers. So an answer is never ahead of the disk, memory is never ahead of or behind
the database, and a message that was dropped here on the way costs nothing: the store goes back to the cursor. While the
disk works, the next turn is drafted, on what this one is about to make true; should it fail, HQ ends and both are gone.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import msgspec
import structlog

from hq_bridge.bell import Bell
from hq_bridge.books import Draft, HeardLease, StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.snapshots import Snapshots, Whole
from hq_bridge.store import Database, Unreadable
from hq_bridge.whole import whole
from wire.codec import NotOurs, decode_batch, decode_hello, decode_state
from wire.messages import Batch, Heard, Hello, StockRow, StoreState
from wire.topics import StoreTopics, parse_up

log = structlog.get_logger()

#: Tells a store what has been committed; called after the commit, must not wait.
Say = Callable[[StoreTopics, Heard], None]

MAX_WAITING = 4000  # log batches that may wait for the writer …
MAX_WAITING_BYTES = 64 * 1024 * 1024  # … and their bytes
MAX_GREETING_BYTES = 4096  # ten times what a hello needs
MAX_GREETINGS = 20_000  # hellos and states that may wait: they are few and small, and a store depends on them
MAX_STORES = 20_000
_TURN_MESSAGES = 256
_TURN_BYTES = 1024 * 1024  # about 5,000 rows, some 20 ms of drafting
_GIVE_WAY_S = 0.001  # of drafting, before everything else has its turn
_TURN_UNREADABLE = 20  # kept per turn; a flood of nonsense is counted, and does not become a flood of writes
_LEASES_WITHIN_S = 5.0  # is a lease on disk, at the latest with the next sign of life of anybody
_KINDS_NAMED = 100  # unknown kinds of rows that are logged, each once


class _Waiting(NamedTuple):
    topics: StoreTopics
    channel: str
    topic: str
    payload: bytes


class _Read(NamedTuple):
    """A message that has been looked at; `said` is why not, when it could not be read."""

    waited: _Waiting
    said: Batch | Hello | StoreState | Whole | NotOurs

    @property
    def store(self) -> str:
        return self.waited.topics.store


class _Turn:
    """Messages whose changes are committed together."""

    def __init__(self) -> None:
        self.drafts: dict[str, Draft] = {}
        #: By store that said whether it is here: the number of HQ's line it said so on.
        self.lines: dict[str, int] = {}
        self.topics: dict[str, StoreTopics] = {}
        self.unreadable: list[Unreadable] = []
        self.messages = 0
        self.has_room = True
        self.landing: asyncio.Task[None]
        self._bytes = 0

    def take(self, waited: _Waiting) -> None:
        """A message has been drafted."""
        self.topics[waited.topics.store] = waited.topics
        self.messages += 1
        self._bytes += len(waited.payload)
        self.has_room = self.has_room and self.messages < _TURN_MESSAGES and self._bytes < _TURN_BYTES


class Ingest:
    """The single writer of HQ's books. `stores` is what has been committed, for whoever looks."""

    def __init__(
        self,
        chain: str,
        database: Database,
        stores: dict[str, StoreBooks],
        say: Say,
        now_ms: NowMs,
        *,
        skus_kept: int = 1_000_000,
        boot: str = "hq",
        on_answer: Callable[[str, bytes], None] = lambda store, payload: None,
    ) -> None:
        """`stores` as the database loaded them; about `skus_kept` SKUs' stock stays in memory, over all stores.

        `on_answer(store, payload)` is told what stores answer to commands, and must not wait.
        """
        self.stores = stores
        #: What became of messages: dropped, unreadable, strangers, refused; and of rows: landed, repeated.
        self.counts: Counter[str] = Counter()
        #: Grows with everything that somebody looking could see.
        self.version = 0
        #: Rung with the stores whose rows have been committed.
        self.bell = Bell()
        self._chain = chain
        self._database = database
        self._say = say
        self._now_ms = now_ms
        self._skus_kept = skus_kept
        self._skus = 0
        #: Committed, but not known to be.
        self._under_way: _Turn | None = None
        #: Has been read, and waits until nothing is under way.
        self._next: _Read | None = None
        self._waiting: deque[_Waiting] = deque()
        self._waiting_batches = 0
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._unknown_kinds: set[str] = set()
        self._connection = 0
        self._snapshots = Snapshots(boot)
        #: Snapshots of rows that have not come yet.
        self._ahead_of_us: dict[str, Whole] = {}
        self._on_answer = on_answer
        #: Those not on disk yet, and when some were written last.
        self._leases: dict[str, HeardLease] = {}
        self._leases_s = float("-inf")

    @property
    def is_busy(self) -> bool:
        """Does more wait than is being landed? Whatever can wait gives way."""
        return bool(self._waiting)

    def begin_connection(self) -> None:
        """HQ's line is new, and so is what it knows of who is here: nothing, until a store or the broker says it anew.

        States and hellos of the old line that still wait are let go: stores greet again on each new line of HQ's.
        """
        self._connection += 1
        self._waiting = deque(each for each in self._waiting if each.channel == "log")
        for books in self.stores.values():
            books.presence = "unknown"
        self.version += 1

    def offer(self, topic: str, payload: bytes) -> None:
        """Take a message from the line, or drop and count it when too much waits already. Never waits."""
        found = parse_up(topic)
        if found is None or found[0].chain != self._chain:
            self._count("strangers")
            return
        topics, channel = found
        if topics.store not in self.stores and len(self.stores) >= MAX_STORES:
            self._count("strangers")
            return
        if channel == "answer":
            if topics.store not in self.stores:
                self._count("strangers")
                return
            self._on_answer(topics.store, payload)
            return
        if channel.startswith("snapshot/"):
            self._gather(_Waiting(topics, channel, topic, payload))
            return
        if channel != "log":
            if len(payload) > MAX_GREETING_BYTES:
                self._count("unreadable")
                return
            if len(self._waiting) - self._waiting_batches >= MAX_GREETINGS:
                self._count("dropped")
                return
        elif self._waiting_batches >= MAX_WAITING or self._waiting_bytes + len(payload) > MAX_WAITING_BYTES:
            self._count("dropped")
            return
        else:
            self._waiting_batches += 1
            self._waiting_bytes += len(payload)
        self._waiting.append(_Waiting(topics, channel, topic, payload))
        self._arrived.set()

    def _gather(self, each: _Waiting) -> None:
        """A part of a snapshot came; when it is the last one, a turn is about it."""
        try:
            if self._snapshots.take(each.topics.store, each.channel, each.payload, self._now_ms()):
                self._waiting.append(each._replace(channel="snapshot", payload=b""))
                self._arrived.set()
        except NotOurs as error:
            self._count("unreadable")
            log.warning("snapshot_unreadable", store=each.topics.store, why=error.why)

    async def run(self) -> None:
        """Write until cancelled. A transaction that has begun is finished first. Raises what the database raises."""
        try:
            while True:
                while not (self._waiting or self._next or self._under_way):
                    self._arrived.clear()
                    await self._arrived.wait()
                await whole(self._turn(), "hq turn")
        finally:
            if self._under_way is not None:
                await whole(self._finish(self._under_way), "hq turn")

    async def _turn(self) -> None:
        """Draft what waits, and what comes while the turn before is on its way to the disk; then have it landed."""
        turn = _Turn()
        gave_way = perf_counter()
        while True:
            under_way = self._under_way
            if under_way is not None and under_way.landing.done():
                await self._finish(under_way)
            elif turn.has_room and await self._draft_next(turn):
                if perf_counter() - gave_way > _GIVE_WAY_S:
                    await asyncio.sleep(0)
                    gave_way = perf_counter()
            elif under_way is None:
                break
            elif turn.has_room and not (self._waiting or self._next):
                self._arrived.clear()
                await self._arrived.wait()
                gave_way = perf_counter()
            else:
                await self._finish(under_way)
        self._forget_oldest(turn)
        self._land(turn)

    async def _draft_next(self, turn: "_Turn") -> bool:
        """Draft the message that comes next; False when there is none, or it needs books at rest and they are not."""
        each = self._next
        if each is None:
            if not self._waiting or (self._waiting[0].channel == "snapshot" and (turn.messages or self._under_way)):
                return False
            each = self._read_next()
        self._next = each
        if isinstance(each.said, Batch) and not await self._recall(each.store, each.said):
            return False
        self._next = None
        await self._draft(each, turn)
        turn.take(each.waited)
        return True

    def _read_next(self) -> _Read:
        each = self._waiting.popleft()
        if each.channel == "log":
            self._waiting_batches -= 1
            self._waiting_bytes -= len(each.payload)
        try:
            if each.channel == "snapshot":
                store = each.topics.store
                waited = self._ahead_of_us.pop(store) if store in self._ahead_of_us else None
                return _Read(each, waited or self._snapshots.whole(store))
            return _Read(each, _DECODERS[each.channel](each.payload))
        except NotOurs as error:
            return _Read(each, error)

    async def _draft(self, each: _Read, turn: "_Turn") -> None:
        draft = self._draft_of(each.store, turn)
        if isinstance(each.said, Batch):
            draft.batch(each.said)
        elif isinstance(each.said, Hello):
            draft.hello(each.said)
            turn.lines[each.store] = self._connection
        elif isinstance(each.said, StoreState):
            draft.state(each.said, self._now_ms())
            turn.lines[each.store] = self._connection
        elif isinstance(each.said, Whole):
            await self._take_snapshot(draft, each.said)
            turn.has_room = False
        else:
            self._count("unreadable")
            draft.trouble["unreadable"] = f"a message could not be read: {each.said.why}"
            if len(turn.unreadable) < _TURN_UNREADABLE:
                what = each.waited.topic, each.said.why, each.waited.payload
                turn.unreadable.append(Unreadable(self._now_ms(), *what))
            return
        draft.books.heard_from_at = self._now_ms()

    def _draft_of(self, store: str, turn: "_Turn") -> Draft:
        """What this turn changes in a store's books, on what the turn under way changes in them."""
        if store not in turn.drafts:
            books = self.stores.get(store)
            if books is None:
                books = self.stores[store] = StoreBooks(store, whole=True)
            base = None if self._under_way is None else self._under_way.drafts.get(store)
            turn.drafts[store] = Draft(books, base)
        return turn.drafts[store]

    async def _take_snapshot(self, draft: Draft, found: Whole) -> None:
        """Have the books go on from a snapshot; one that they have outgrown is brought up to them first.

        One that is ahead of them waits until they are there, so that history keeps no hole; it is taken at once when
        the rows between are not to be had.
        """
        at = draft.books.position
        if found.epoch == at.epoch and found.seq > at.cursor and "snapshot" not in draft.trouble:
            self._ahead_of_us[draft.store] = found
            return
        self._snapshots.forget(draft.store)
        if found.epoch == at.epoch and found.seq < at.cursor:
            rows = await self._database.rows(draft.store, at.epoch, found.seq, at.cursor)
            if rows is None:
                return
            found.bring_up(rows)
        draft.snapshot(found)
        log.info("snapshot_taken", store=draft.store, epoch=found.epoch, seq=found.seq, skus=len(found.on_hand))

    async def _recall(self, store: str, batch: Batch) -> bool:
        """Have the stock that rows are about to touch in memory; False when that has to wait for the turn under way."""
        self._recent[store] = None
        self._recent.move_to_end(store)
        books = self.stores.get(store)
        if books is None or books.whole:
            return True
        missing = {row.sku for row in batch.rows if type(row) is StockRow} - books.stock.keys()
        if missing and self._under_way is not None:
            return False
        if missing:
            found = await self._database.stock_in(store, sorted(missing))
            books.stock.update(found)
            self._skus += len(found)
        return True

    def _forget_oldest(self, turn: "_Turn") -> None:
        """Let go of the stock of stores not heard for longest. Nothing is under way, and `turn` keeps its own."""
        while self._skus > self._skus_kept and len(self._recent) > len(turn.drafts):
            oldest, _ = self._recent.popitem(last=False)
            books = self.stores.get(oldest)
            if books is not None and oldest not in turn.drafts:
                self._skus -= len(books.stock)
                books.stock, books.whole = {}, False

    def _land(self, turn: "_Turn") -> None:
        """Have the turn committed; it is under way from here on, unless nothing of it is to be kept."""
        changed = [draft for draft in turn.drafts.values() if draft.changes_books]
        now = self._now_ms()
        for draft in changed:
            draft.seal(now)
        for draft in turn.drafts.values():
            if draft.lease is not None and draft.lease != draft.books.lease:
                self._leases[draft.store] = draft.lease
        now_s = asyncio.get_running_loop().time()
        if changed or turn.unreadable or (self._leases and now_s - self._leases_s >= _LEASES_WITHIN_S):
            leases, self._leases, self._leases_s = self._leases, {}, now_s
            landing = self._database.land(changed, turn.unreadable, now, leases)
            turn.landing = asyncio.create_task(landing, name="hq landing")
            turn.landing.add_done_callback(lambda _: self._arrived.set())
            self._under_way = turn
        else:
            self._remember(turn)

    async def _finish(self, turn: "_Turn") -> None:
        """Wait until the turn under way is on disk. Raises DatabaseLost."""
        try:
            await turn.landing
        finally:
            self._under_way = None
        self._remember(turn)

    def _remember(self, turn: "_Turn") -> None:
        """Make memory agree and answer: never waits, so nothing comes between the commit's return and this."""
        now = self._now_ms()
        drafts, topics = turn.drafts, turn.topics
        for draft in drafts.values():
            if turn.lines.get(draft.store) != self._connection:  # the line went and came meanwhile: it is hearsay
                draft.presence = None
            self._note(draft)
            self._skus -= len(draft.books.stock)
            draft.books.accept(draft, now)
            self._skus += len(draft.books.stock)
        self.version += 1
        self.bell.ring(draft.store for draft in drafts.values() if draft.changes_books)
        for store in self._ahead_of_us.keys() & drafts.keys():
            found, at = self._ahead_of_us[store], self.stores[store].position
            if found.epoch != at.epoch or found.seq <= at.cursor:
                self._waiting.append(_Waiting(topics[store], "snapshot", topics[store].snapshot("ahead", 0), b""))
        for draft in drafts.values():
            if draft.answer is not None:
                name = self._snapshots.ask(draft.store, now) if draft.wants_snapshot else ""
                answer = msgspec.structs.replace(draft.answer, snapshot=name) if name else draft.answer
                self._say(topics[draft.store], answer)

    def _note(self, draft: Draft) -> None:
        """Count and log what operations should know; each trouble once."""
        self.counts["landed"] += draft.row_count
        self.counts["repeated"] += draft.repeated
        self.counts["refused"] += draft.refused
        for kind in draft.unknown_kinds - self._unknown_kinds:
            if len(self._unknown_kinds) < _KINDS_NAMED:
                self._unknown_kinds.add(kind)
                log.warning("row_kind_unknown", kind=kind[:64], store=draft.store)
        for trouble, text in draft.trouble.items():
            if draft.books.trouble.get(trouble) != text:
                log.warning("store_in_trouble", store=draft.store, kind=trouble, why=text[:300])
        if draft.anew:
            log.info("books_begun", store=draft.store, epoch=draft.epoch)

    def _count(self, what: str) -> None:
        self.counts[what] += 1
        self.version += 1


_DECODERS: dict[str, Callable[[bytes], Batch | Hello | StoreState]] = {
    "log": decode_batch,
    "hello": decode_hello,
    "state": decode_state,
}
