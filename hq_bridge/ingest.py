"""Everything stores say, into the books: one writer, many stores in one transaction, then `heard`.

A turn takes all that waits (up to a bound), drafts what it changes, commits it, makes memory agree in the same step as
the commit returned, and only then answers. So an answer is never ahead of the disk, memory is never ahead of or behind
the database, and a message that was dropped here on the way costs nothing: the store goes back to the cursor.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from hq_bridge.books import Draft, StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.store import Database, Unreadable
from wire.codec import NotOurs, decode_batch, decode_hello, decode_state
from wire.messages import Heard
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
_TURN_BYTES = 512 * 1024  # about 3,000 rows: drafting them keeps the event loop from everything else
_TURN_UNREADABLE = 20  # kept per turn; a flood of nonsense is counted, and does not become a flood of writes
_KINDS_NAMED = 100  # unknown kinds of rows that are logged, each once


class _Waiting(NamedTuple):
    topics: StoreTopics
    channel: str
    topic: str
    payload: bytes


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
        balances_kept: int = 1_000_000,
    ) -> None:
        """`stores` as the database loaded them; about `balances_kept` balances stay in memory, over all stores."""
        self.stores = stores
        #: What became of messages: dropped, unreadable, strangers, landed …
        self.counts: Counter[str] = Counter()
        #: Grows with everything that somebody looking could see.
        self.version = 0
        self._chain = chain
        self._database = database
        self._say = say
        self._now_ms = now_ms
        self._balances_kept = balances_kept
        self._waiting: deque[_Waiting] = deque()
        self._waiting_batches = 0
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._unknown_kinds: set[str] = set()
        self._connection = 0

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

    async def run(self) -> None:
        """Write until cancelled. A transaction that has begun is finished first. Raises what the database raises."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._finish(self._take())

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        size = 0
        while self._waiting and len(taken) < _TURN_MESSAGES and size < _TURN_BYTES:
            each = self._waiting.popleft()
            taken.append(each)
            size += len(each.payload)
            if each.channel == "log":
                self._waiting_batches -= 1
                self._waiting_bytes -= len(each.payload)
        return taken

    async def _finish(self, taken: list[_Waiting]) -> None:
        """One turn, to its end even when we are cancelled: half a transaction would be nobody's."""
        turn = asyncio.create_task(self._turn(taken, self._connection), name="hq turn")
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            await _to_its_end(turn)
            raise

    async def _turn(self, taken: list[_Waiting], connection: int) -> None:
        await self._recall({each.topics.store for each in taken})
        drafts: dict[str, Draft] = {}
        unreadable: list[Unreadable] = []
        for each in taken:
            try:
                self._read(each, drafts)
            except NotOurs as error:
                self._count("unreadable")
                self._draft(each, drafts).trouble["unreadable"] = f"a message could not be read: {error.why}"
                if len(unreadable) < _TURN_UNREADABLE:
                    unreadable.append(Unreadable(self._now_ms(), each.topic, error.why, each.payload))
        await self._commit(drafts, unreadable)
        if connection != self._connection:  # the line went and came meanwhile: who was here is hearsay
            for draft in drafts.values():
                draft.presence = "unknown"
        self._remember(drafts, taken)

    async def _recall(self, stores: set[str]) -> None:
        """Have the balances of these stores in memory; let go of those not needed for longest."""
        for store in stores:
            books = self.stores.get(store)
            if books is not None and books.balances is None:
                books.on_hand = await self._database.on_hand(store)
                books.balances = await self._database.balances(store)
            self._recent[store] = None
            self._recent.move_to_end(store)
        kept = sum(len(self.stores[store].balances or ()) for store in self._recent if store in self.stores)
        while kept > self._balances_kept and len(self._recent) > len(stores):
            oldest, _ = self._recent.popitem(last=False)
            if oldest in self.stores:
                kept -= len(self.stores[oldest].balances or ())
                self.stores[oldest].balances, self.stores[oldest].on_hand = None, {}

    def _draft(self, each: _Waiting, drafts: dict[str, Draft]) -> Draft:
        store = each.topics.store
        if store not in drafts:
            books = self.stores.get(store)
            if books is None:
                books = self.stores[store] = StoreBooks(store, balances={})
            drafts[store] = Draft(books)
        return drafts[store]

    def _read(self, each: _Waiting, drafts: dict[str, Draft]) -> None:
        """Draft what one message changes. Raises NotOurs."""
        if each.channel == "log":
            batch = decode_batch(each.payload)
            self._draft(each, drafts).batch(batch)
        elif each.channel == "hello":
            hello = decode_hello(each.payload)
            self._draft(each, drafts).hello(hello)
        else:
            state = decode_state(each.payload)
            self._draft(each, drafts).state(state)
        drafts[each.topics.store].books.heard_from_at = self._now_ms()

    async def _commit(self, drafts: dict[str, Draft], unreadable: list[Unreadable]) -> None:
        changed = [draft for draft in drafts.values() if draft.changes_books]
        now = self._now_ms()
        for draft in changed:
            draft.seal(now)
        if changed or unreadable:
            await self._database.land(changed, unreadable)

    def _remember(self, drafts: dict[str, Draft], taken: list[_Waiting]) -> None:
        """Make memory agree and answer: never waits, so nothing comes between the commit's return and this."""
        now = self._now_ms()
        for draft in drafts.values():
            self._note(draft)
            draft.books.accept(draft, now)
        self.version += 1
        topics = {each.topics.store: each.topics for each in taken}
        for draft in drafts.values():
            if draft.answer is not None:
                self._say(topics[draft.store], draft.answer)

    def _note(self, draft: Draft) -> None:
        """Count and log what operations should know; each trouble once."""
        self.counts["landed"] += len(draft.rows)
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


async def _to_its_end(task: asyncio.Task[None]) -> None:
    """Wait for a task however often we are cancelled; what it raises matters more than that we were."""
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue
    task.result()
