"""Tells HQ what was committed, in order, until HQ itself says that it has it.

The broker's acknowledgement proves nothing (a default mosquitto acknowledges 1,000 messages and delivers none after a
kill). HQ answers with a cursor after its own commit; from there on the outbox keeps a window of batches under way, and
goes back to the cursor when no progress is made or the line was down. Announcements stay in the books long after.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog
from msgspec import UNSET, UnsetType

from agent.books_time import BooksTime
from agent.clock import Clock
from agent.core.ledger import Books
from agent.heard_times import HeardTimes
from agent.store import announcements, heard_times
from agent.store import books as books_rows
from agent.store.connection import Store
from agent.store.errors import BooksFullError
from wire import codec, digest
from wire.messages import Heard, Hello, StoreState
from wire.mqtt import BrokerLost, BrokerRefused
from wire.topics import StoreTopics, hq_state

log = structlog.get_logger()

#: Batching is what makes the line fast. After each going back a batch holds at most the first many rows, and twice as
#: many at each word of progress: a backlog goes at full speed, and a thousand stores that come back at once, whose
#: batches an overwhelmed broker or HQ drops, send little again.
FIRST_ROWS = 100
MOST_ROWS = 800
#: The bytes of a batch's rows; what a payload may hold beyond it is room for one long row and the envelope.
MOST_BYTES = 192 * 1024
#: Batches under way beyond the cursor, whatever HQ allows.
MOST_WINDOW = 8
#: Without progress for this long the outbox goes back to the cursor, then waits twice as long, up to the most.
STALL_FIRST_S = 1.5
STALL_MOST_S = 15.0
#: The longest that rows are gathered, whatever HQ asks for.
_MOST_LINGER_S = 0.25
_OLD_COPY = (
    "HQ has heard more from this store than these books hold: they are an old copy, and nothing is entered in them. "
    "Stop the agent and put the newest copy of the books in their place."
)
#: How often the store says it is here, with a new lease; HQ answers.
HEARTBEAT_S = 10.0
#: Epochs are times: one beyond this (the year 2200, in ms since 1970) was given by nobody, and is not to be outdone.
_NO_CLOCK_SAYS = 7_258_118_400_000
_FORGET_EVERY_S = 60.0


class Publisher(Protocol):
    """The line to the broker."""

    @property
    def state(self) -> Literal["connecting", "here", "stopped"]: ...
    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> "asyncio.Future[None]": ...


@dataclass(frozen=True, slots=True)
class Sender:
    """Who speaks: the agent's version and this start of it."""

    software: str
    boot: str


class Outbox:
    """One store's stream to HQ. The link must call `on_up`, `on_down` and `on_message`."""

    def __init__(
        self,
        store: Store,
        books: Books,
        topics: StoreTopics,
        clock: Clock,
        sender: Sender,
        *,
        time: BooksTime | None = None,
        heard: int = 0,
        is_old_copy: bool = False,
    ) -> None:
        """`time` is the books'; `heard` and `is_old_copy` as they noted them."""
        self.heard = heard
        self.heard_at: int | None = None
        self._heard_s = clock.monotonic_s()
        self._times = HeardTimes(heard)
        self.waiting_since: int | None = None
        self.trouble = _OLD_COPY if is_old_copy else ""
        #: Messages that could not be read, since the start, and those that spoke of other books.
        self.unreadable = self.foreign = 0
        #: When the store's certificate ends (unix ms), if it has one.
        self.certificate_ends: Callable[[], int | UnsetType] = lambda: UNSET
        self.on_heard: Callable[[], None] = lambda: None
        self.on_old_copy: Callable[[str], None] = lambda why: None
        self.on_snapshot_asked: Callable[[str], None] = lambda name: None
        self._store = store
        self._books = books
        self._topics = topics
        self._clock = clock
        self._time = time or BooksTime(clock, "", None)
        self._sender = sender
        self._link: Publisher | None = None
        self._hq_boot = ""
        self._is_old_copy = self._old_copy_noted = is_old_copy
        self._is_known = self._known_noted = heard > 0  # has HQ ever heard these books?
        self._new_epoch: int | None = None
        self._leaving = False
        self._refused = False  # did the broker say no to the last message it answered?
        self._answered = False  # has HQ answered the hello of this connection?
        self._sent = 0
        self._under_way: deque[int] = deque()  # the last row of each batch beyond the cursor
        self._rows = FIRST_ROWS  # of a batch at most
        self._window = MOST_WINDOW
        self._linger_s = 0.0
        self._stall_s = STALL_FIRST_S
        self._progress_s = 0.0
        self._heartbeat_s = float("-inf")
        self._something = asyncio.Event()
        self._rounds = 0

    @property
    def waiting(self) -> int:
        """How many announcements HQ has not heard."""
        return max(0, self._books.head - self.heard)

    @property
    def silent_s(self) -> float:
        """How long HQ has not been heard; counted from the start when it never was."""
        return self._clock.monotonic_s() - self._heard_s

    @property
    def heard_topics(self) -> tuple[str, str]:
        """What the store listens to."""
        return self._topics.down("heard"), hq_state(self._topics.chain)

    def will(self) -> tuple[str, bytes]:
        """What the broker shall say when this store vanishes."""
        return self._topics.up("state"), codec.encode(self._state("away"))

    def wake(self) -> None:
        """Something new is in the books."""
        self._something.set()

    def attach(self, link: Publisher) -> None:
        self._link = link

    def on_down(self, why: str) -> None:
        """The line has gone; said once."""
        log.warning("broker_lost", why=why)

    def on_connect(self) -> None:
        """The line is there; said once."""
        log.info("broker_reached")
        self.on_up()

    def on_up(self) -> None:
        """Somebody may listen now: say who is speaking, then wait for HQ's cursor."""
        self._answered = False
        self._heartbeat_s = float("-inf")
        self._go_back()
        self._something.set()

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message for this store. What cannot be read is counted as trouble and changes nothing."""
        try:
            if topic == self._topics.down("heard"):
                self._hear(codec.decode_heard(payload))
            elif topic == hq_state(self._topics.chain):
                state = codec.decode_hq_state(payload)
                if state.state == "here" and state.boot != self._hq_boot:
                    self._hq_boot = state.boot
                    self.on_up()
        except codec.NotOurs as error:
            self.unreadable += 1
            log.warning("message_unreadable", topic=topic, why=error.why)
            self.trouble = f"HQ sent something unreadable: {error.why}"

    async def run(self) -> None:
        """Send what is due, for ever."""
        hello_s = float("-inf")
        forgot_s = self._clock.monotonic_s()
        while True:
            now_s = self._clock.monotonic_s()
            await self._settle_who_these_books_are()
            if self._link is not None and self._link.state == "here" and not self._is_old_copy:
                if now_s - self._heartbeat_s >= HEARTBEAT_S:
                    self._heartbeat_s = now_s
                    self._say_here()
                    hello_s = float("-inf") if not self._answered else hello_s
                if not self._answered and now_s - hello_s >= self._stall_s:
                    if hello_s > float("-inf"):  # nobody answered the last one
                        self._stall_s = min(self._stall_s * 2, STALL_MOST_S)
                    hello_s = now_s
                    await self._say_hello()
                if self._answered:
                    self._look_for_a_stall(now_s)
                    await self._send_due()
            self.waiting_since = await announcements.waiting_since(self._store, self.heard) if self.waiting else None
            if now_s - forgot_s >= _FORGET_EVERY_S:
                forgot_s = now_s
                await self._forget()
            self._rounds += 1
            await self._wait()

    async def prove(self) -> None:
        """Return when the outbox has looked around once more, as proof that it still does."""
        rounds = self._rounds
        while self._rounds == rounds:
            self._something.set()
            await self._clock.sleep(0.05)

    async def goodbye(self) -> None:
        """Say away, politely: the last will is only for those who vanish."""
        self._leaving = True
        await self._note_times()
        if self._link is not None and self._link.state == "here":
            await self._link.publish(self._topics.up("state"), codec.encode(self._state("away")), retain=True)

    async def _settle_who_these_books_are(self) -> None:
        """Write down what HQ made known of these books: it knows them, they are an old copy, their epoch is too low."""
        if self._is_known and not self._known_noted:
            with contextlib.suppress(BooksFullError):  # then in the next round
                await self._store.write(lambda tx: announcements.note_heard(tx, self.heard))
                self._known_noted = True
        if self._is_old_copy and not self._old_copy_noted:
            await self._store.write(books_rows.note_old_copy)
            self._old_copy_noted = True
        if self._new_epoch is not None:
            epoch, self._new_epoch = self._new_epoch, None
            if await announcements.oldest(self._store) in (None, 1):
                await self._store.write(
                    lambda tx: books_rows.take_epoch(tx, epoch), and_then=lambda _: self._begin(epoch)
                )
                log.warning("epoch_taken", epoch=epoch)

    def _begin(self, epoch: int) -> None:
        self._books.epoch = epoch
        self.heard, self.trouble = 0, ""
        self._times.begin_anew()
        self.on_up()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(min(0.5, self._stall_s)):
                await self._something.wait()
        except TimeoutError:
            return
        self._something.clear()

    def _hear(self, heard: Heard) -> None:
        if self._is_old_copy:
            return
        if heard.epoch != self._books.epoch:
            self.foreign += 1
            self.trouble = f"HQ speaks of epoch {heard.epoch}; these books are epoch {self._books.epoch}"
            if self._books.epoch < heard.epoch < _NO_CLOCK_SAYS and not self._is_known:  # made by a wrong clock
                self._new_epoch = max(self._clock.now_ms(), heard.epoch + 1)
            return
        if heard.upto > self._books.head:
            log.error("books_behind_hq", heard=heard.upto, head=self._books.head)
            self._is_old_copy, self.trouble = True, _OLD_COPY
            self.on_old_copy(_OLD_COPY)
            self._something.set()
            return
        self.trouble = ""
        if isinstance(heard.snapshot, str):
            self.on_snapshot_asked(heard.snapshot)
        progressed = heard.upto > self.heard
        self._is_known |= heard.upto > 0
        asked_again = heard.want is not None or not self._answered
        self.heard = heard.upto if asked_again else max(self.heard, heard.upto)
        self.heard_at, self._heard_s = self._clock.now_ms(), self._clock.monotonic_s()
        self._times.heard(self.heard, self._heard_s)
        self._window = min(heard.window, MOST_WINDOW)
        self._linger_s = min(heard.linger_ms / 1000, _MOST_LINGER_S)
        if progressed or asked_again:
            self._progress_s = self._clock.monotonic_s()
            self._stall_s = STALL_FIRST_S
            self._rows = min(2 * self._rows, MOST_ROWS)
        while self._under_way and self._under_way[0] <= self.heard:
            self._under_way.popleft()
        if asked_again:
            self._answered = True
            self._go_back()
        self._sent = max(self._sent, self.heard)
        self._something.set()
        self.on_heard()

    def _go_back(self) -> None:
        self._under_way.clear()
        self._rows = FIRST_ROWS
        self._sent = self.heard

    def _look_for_a_stall(self, now_s: float) -> None:
        if not self._under_way:
            self._progress_s = now_s
        elif now_s - self._progress_s >= self._stall_s:
            log.info("line_stalled", heard=self.heard, sent=self._sent, waited_s=self._stall_s)
            self._stall_s = min(self._stall_s * 2, STALL_MOST_S)
            self._progress_s = now_s
            self._answered = False  # HQ may be gone, or new: ask where it is
            self._go_back()

    async def _send_due(self) -> None:
        while self._sent < self._books.head and len(self._under_way) < self._window:
            if self._linger_s and self._under_way and self._books.head - self._sent < FIRST_ROWS:
                await self._clock.sleep(self._linger_s)
            sent = self._sent
            found = await announcements.after(self._store, sent, self._rows)
            # The disk may be ahead of what the clerk remembers: HQ must never hear what memory does not know yet, or
            # its answer would look like that to an old copy of the books.
            rows = [row for row in found if row[0] <= self._books.head]
            if not rows or not self._answered:
                return
            if self._sent != sent:
                continue  # HQ answered meanwhile: look again from where it is
            if rows[0][0] != sent + 1:
                self.trouble = f"HQ wants announcement {sent + 1}; the oldest kept is {rows[0][0]}: it needs a snapshot"
                return
            bodies = _fitting(rows)
            self._sent = sent + len(bodies)
            self._under_way.append(self._sent)
            sent_rows = [(seq, at) for seq, at, _ in rows[: len(bodies)]]
            self._times.sent(sent_rows, self._clock.now_ms(), self._clock.monotonic_s())
            self._publish("log", codec.batch_of(self._books.epoch, sent + 1, bodies))

    def _publish(self, channel: Literal["log", "hello", "state"], payload: bytes, *, retain: bool = False) -> None:
        if self._link is None or self._link.state != "here":
            return
        try:
            told = self._link.publish(self._topics.up(channel), payload, retain=retain)
        except BrokerLost:
            return  # the line has just gone, and says so in a moment; what was not heard is sent again
        told.add_done_callback(self._learn)

    def _learn(self, told: "asyncio.Future[None]") -> None:
        """A batch the broker did not take is sent again from the cursor; that it was refused, a person must know."""
        why = None if told.cancelled() else told.exception()
        if not isinstance(why, BrokerRefused):
            if why is None:
                self._refused = False
            return
        self.trouble = f"{why}: does the certificate name this store?"
        if not self._refused:
            self._refused = True
            log.warning("broker_refused", why=str(why))

    def _state(self, state: Literal["here", "away"]) -> StoreState:
        at, software = self._clock.now_ms(), self._sender.software
        if state == "away":  # said long before, as a last will: what may change meanwhile is left out
            return StoreState(state, self._books.epoch, self._books.head, at, software)
        lease = self._books.leases.issue(int(self._clock.monotonic_s() * 1000))
        ends = self.certificate_ends()
        return StoreState(state, self._books.epoch, self._books.head, at, software, lease, ends)

    def _say_here(self) -> None:
        if not self._leaving:  # a "here" after the "away" would stay at the broker
            self._publish("state", codec.encode(self._state("here")), retain=True)

    async def _say_hello(self) -> None:
        oldest = await announcements.oldest(self._store)
        balances = [(sku, place, qty) for (sku, place), qty in self._books.balances.items()]
        head = self._books.head
        books_digest = await asyncio.to_thread(digest.of_books, balances)
        hello = Hello(
            epoch=self._books.epoch,
            oldest=1 if oldest is None else oldest,
            head=head,
            digest=digest.to_text(books_digest),
            digest_seq=head,
            software=self._sender.software,
            boot=self._sender.boot,
            schemas={"stock": 2, "case": 1, "order": 1, "day": 1},
        )
        self._publish("hello", codec.encode(hello))

    async def _forget(self) -> None:
        now_ms, heard = self._time.stamp().books_ms, self.heard
        with contextlib.suppress(BooksFullError):  # then there is time enough later
            await self._store.write(lambda tx: announcements.forget(tx, heard, now_ms))
        await self._note_times()

    async def _note_times(self) -> None:
        """A kill loses what was counted since."""
        counts, now_ms = self._times.counts, self._time.stamp().books_ms
        if any(counts):
            with contextlib.suppress(BooksFullError):  # then with those of the next minute
                await self._store.write(lambda tx: heard_times.enter(tx, now_ms, counts))
                self._times.noted(counts)


def _fitting(rows: list[tuple[int, int, bytes]]) -> list[bytes]:
    """As many bodies as fit in one batch without a hole; the first always does."""
    bodies: list[bytes] = []
    size = 0
    for seq, _, body in rows:
        size += len(body) + 1
        if bodies and (size > MOST_BYTES or seq != rows[0][0] + len(bodies)):
            break
        bodies.append(body)
    return bodies
