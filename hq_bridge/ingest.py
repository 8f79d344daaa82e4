"""Everything stores say, into the books: one writer, many stores in one transaction, then `heard`.

A turn takes all that waits (up to a bound), drafts what it changes, commits it, makes memory agree in the same step as
the commit returned, and only then answers. So an answer is never ahead of the disk, memory is never ahead of or behind
the database, and a message that was dropped here on the way costs nothing: the store goes back to the cursor. While the
disk works, messages of the next turn are read, and only read: what they change is decided when their turn comes.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
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
_TURN_BYTES = 1024 * 1024  # about 5,000 rows, some 20 ms of drafting; everything else goes on between messages
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
        self._ahead: list[_Read] = []
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
        self._ahead = [each for each in self._ahead if each.waited.channel == "log"]
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
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting or self._ahead:
                await whole(self._turn(self._take(), self._connection), "hq turn")

    def _take(self) -> list[_Read]:
        """What the next turn is about: what was read ahead, and more as far as there is room."""
        taken, self._ahead = self._ahead, []
        size = sum(len(each.waited.payload) for each in taken)
        while self._waiting and _has_room(len(taken), size):
            if taken and self._waiting[0].channel == "snapshot":  # a turn of its own: it needs books at rest
                break
            taken.append(self._read_next())
            if isinstance(taken[-1].said, Whole):
                break
            size += len(taken[-1].waited.payload)
        return taken

    async def _read_ahead(self, landing: asyncio.Task[None]) -> None:
        """Read messages while `landing` waits for the disk, giving way to it after each."""
        size = 0
        while not landing.done() and self._waiting and _has_room(len(self._ahead), size):
            if self._waiting[0].channel == "snapshot":
                return
            self._ahead.append(self._read_next())
            size += len(self._ahead[-1].waited.payload)
            await asyncio.sleep(0)

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

    async def _turn(self, taken: list[_Read], connection: int) -> None:
        await self._recall(taken)
        drafts: dict[str, Draft] = {}
        unreadable: list[Unreadable] = []
        for each in taken:
            draft = self._draft(each, drafts)
            if isinstance(each.said, Batch):
                draft.batch(each.said)
            elif isinstance(each.said, Hello):
                draft.hello(each.said)
            elif isinstance(each.said, StoreState):
                draft.state(each.said, self._now_ms())
            elif isinstance(each.said, Whole):
                await self._take_snapshot(draft, each.said)
            else:
                self._count("unreadable")
                draft.trouble["unreadable"] = f"a message could not be read: {each.said.why}"
                if len(unreadable) < _TURN_UNREADABLE:
                    unreadable.append(Unreadable(self._now_ms(), each.waited.topic, each.said.why, each.waited.payload))
                continue
            draft.books.heard_from_at = self._now_ms()
            await asyncio.sleep(0)
        await self._commit(drafts, unreadable)
        if connection != self._connection:  # the line went and came meanwhile: who was here is hearsay
            for draft in drafts.values():
                draft.presence = "unknown"
        self._remember(drafts, taken)

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

    async def _recall(self, taken: list[_Read]) -> None:
        """Have the stock that rows are about to touch in memory; let go of the stores not heard for longest."""
        touched: dict[str, set[str]] = {}
        for each in taken:
            if isinstance(each.said, Batch):
                skus = touched.setdefault(each.store, set())
                if (books := self.stores.get(each.store)) is not None and not books.whole:
                    skus.update([row.sku for row in each.said.rows if type(row) is StockRow])
        for store, skus in touched.items():
            books = self.stores.get(store)
            if books is not None and (missing := skus - books.stock.keys()):
                found = await self._database.stock_in(store, sorted(missing))
                books.stock.update(found)
                self._skus += len(found)
            self._recent[store] = None
            self._recent.move_to_end(store)
        while self._skus > self._skus_kept and len(self._recent) > len(touched):
            oldest, _ = self._recent.popitem(last=False)
            if (books := self.stores.get(oldest)) is not None:
                self._skus -= len(books.stock)
                books.stock, books.whole = {}, False

    def _draft(self, each: _Read, drafts: dict[str, Draft]) -> Draft:
        store = each.store
        if store not in drafts:
            books = self.stores.get(store)
            if books is None:
                books = self.stores[store] = StoreBooks(store, whole=True)
            drafts[store] = Draft(books)
        return drafts[store]

    async def _commit(self, drafts: dict[str, Draft], unreadable: list[Unreadable]) -> None:
        changed = [draft for draft in drafts.values() if draft.changes_books]
        now = self._now_ms()
        for draft in changed:
            draft.seal(now)
        for draft in drafts.values():
            if draft.lease is not None and draft.lease != draft.books.lease:
                self._leases[draft.store] = draft.lease
        now_s = asyncio.get_running_loop().time()
        if changed or unreadable or (self._leases and now_s - self._leases_s >= _LEASES_WITHIN_S):
            leases, self._leases, self._leases_s = self._leases, {}, now_s
            landing = asyncio.create_task(self._database.land(changed, unreadable, now, leases), name="hq landing")
            await self._read_ahead(landing)
            await landing

    def _remember(self, drafts: dict[str, Draft], taken: list[_Read]) -> None:
        """Make memory agree and answer: never waits, so nothing comes between the commit's return and this."""
        now = self._now_ms()
        for draft in drafts.values():
            self._note(draft)
            self._skus -= len(draft.books.stock)
            draft.books.accept(draft, now)
            self._skus += len(draft.books.stock)
        self.version += 1
        self.bell.ring(draft.store for draft in drafts.values() if draft.changes_books)
        topics = {each.store: each.waited.topics for each in taken}
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


def _has_room(messages: int, size: int) -> bool:
    return messages < _TURN_MESSAGES and size < _TURN_BYTES


_DECODERS: dict[str, Callable[[bytes], Batch | Hello | StoreState]] = {
    "log": decode_batch,
    "hello": decode_hello,
    "state": decode_state,
}
