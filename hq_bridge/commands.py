"""What HQ asks of stores: kept, signed, sent until it is answered, and once only however often it is asked.

A command waits in the database until its store answers. An order cites for good the lease it was routed on: what comes
too late the store calls stale, and whoever routes may give the order to another store. Any other command goes out on
the store's newest lease, and again on a newer one when it was late. Nothing expires by a wall clock. When a store says
that a counter is not new to it, HQ's books are older than the store's, and the same command is asked under a newer one.
"""

import asyncio
from typing import Any, Final

import msgspec
import structlog

from hq_bridge.books import StoreBooks
from hq_bridge.clock import NowMs
from hq_bridge.store import CommandRow, Database
from hq_bridge.whole import whole
from wire.codec import NotOurs, decode_answer, decode_ask
from wire.messages import Answer, FollowUp, HqAsk, OrderAsk
from wire.mqtt import BrokerLost, Link
from wire.signing import Signer
from wire.topics import StoreTopics, is_name

log = structlog.get_logger()

#: A command that is not answered is sent again after this long.
AGAIN_S: Final = 2.0
#: Commands of one store that may wait for an answer; the next one is refused.
MOST_WAITING: Final = 500
#: A counter goes beyond HQ's own newest by at most so many when a store says that it knows newer ones, and once in
#: AGAIN_S for each command. Answers are not signed: whoever forges them must not get to the end of the numbers.
MOST_AHEAD: Final = 10_000
#: So many are known without a look into the database.
COMMANDS_IN_MEMORY: Final = 10_000
_LONGEST_ID: Final = 128


class CannotAsk(Exception):
    """Raised when a command cannot be taken; `conflict` when its id was used for another one, or its store is away."""

    def __init__(self, why: str, *, conflict: bool = False) -> None:
        super().__init__(why)
        self.conflict = conflict


class Commands:
    """All of HQ's commands, in memory as in the database."""

    def __init__(
        self,
        chain: str,
        database: Database,
        stores: dict[str, StoreBooks],
        signer: Signer | None,
        now_ms: NowMs,
        found: list[CommandRow],
    ) -> None:
        """`found` as the database has them."""
        self._chain = chain
        self._database = database
        self._stores = stores
        self._signer = signer
        self._now_ms = now_ms
        self._link: Link | None = None
        self._rows: dict[str, CommandRow] = {}
        self._newest: dict[str, int] = {row.store: row.counter for row in found}
        self._waiting: dict[str, dict[int, CommandRow]] = {}
        #: Those of each order (store, order), by id, in their order.
        self._lines: dict[tuple[str, str], dict[str, None]] = {}
        #: When each that waits was sent last, and on which lease.
        self._sent: dict[str, tuple[float, int]] = {}
        #: When each that waits was given another counter.
        self._moved: dict[str, float] = {}
        for row in found:
            self._remember(row)
        self._answers: list[tuple[str, Answer]] = []
        self._something = asyncio.Event()
        self._asking = asyncio.Lock()
        #: Commands that are on their way to the disk, by id; all that wait go together.
        self._new: dict[str, CommandRow] = {}
        self._saving = asyncio.Lock()

    def attach(self, link: Link) -> None:
        self._link = link

    async def ask(self, store: str, wanted: dict[str, Any]) -> CommandRow:
        """Take a command `{"id", "kind", …}` for a store; it is on disk when this returns. Raises CannotAsk.

        The same again is the same command. Its counter and lease are HQ's business.
        """
        if self._signer is None:
            raise CannotAsk("HQ has no key to sign commands with; set [hq] commands, or [hq] tls")
        if not is_name(store) or store not in self._stores:
            raise CannotAsk(f"HQ has never heard of store {store!r}")
        async with self._asking:  # one counter after the other
            name = wanted.get("id")
            before = (self._new.get(name) or await self.find(name)) if isinstance(name, str) else None
            counter = before.counter if before else self._newest.get(store, 0) + 1
            ask = self._read(wanted, counter)
            if before is not None:
                if (before.store, _asked(before, lease=0)) != (store, ask):
                    raise CannotAsk(f"{name!r} was asked for before with other content", conflict=True)
                if before.id not in self._new:
                    return before
                return await self._saved(before)
            if isinstance(ask, FollowUp):
                await self._may_follow(store, ask)
            if len(self._waiting.get(store, ())) >= MOST_WAITING:
                raise CannotAsk(f"{MOST_WAITING} commands to {store} wait for an answer already")
            text = msgspec.json.encode(self._fenced(store, ask)).decode()
            row = CommandRow(store, counter, ask.id, self._now_ms(), text, "asked", "", None, None, None)
            self._newest[store] = counter
            self._new[row.id] = row
        return await self._saved(row)

    async def _saved(self, row: CommandRow) -> CommandRow:
        """The command once it is on disk, with all others that came meanwhile."""
        async with self._saving:
            if row.id in self._new:
                await whole(self._save(), "hq commands")
        return self._rows.get(row.id, row)

    async def _save(self) -> None:
        rows = list(self._new.values())
        await self._database.put_commands(rows)
        for row in rows:
            del self._new[row.id]
            self._remember(row)
            self._send(row)

    async def _may_follow(self, store: str, ask: FollowUp) -> None:
        """Raises CannotAsk when the order it follows was never accepted."""
        placed = await self.find(order_command(ask.order))
        if placed is not None and placed.store == store and placed.state in ("refused", "stale"):
            raise CannotAsk(f"order {ask.order!r} was not accepted: {placed.why}", conflict=True)

    async def find(self, name: str) -> CommandRow | None:
        """A command by its id, None when there is none or it was answered long ago."""
        return self._rows.get(name) or await self._database.command(name)

    def answered(self, store: str, payload: bytes) -> None:
        """A store said what became of a command. Never waits."""
        try:
            self._answers.append((store, decode_answer(payload)))
        except NotOurs as error:
            log.warning("answer_unreadable", store=store, why=error.why)
            return
        self._something.set()

    async def run(self) -> None:
        """Note answers, and send again what has none, for ever."""
        while True:
            try:
                async with asyncio.timeout(AGAIN_S / 4):
                    await self._something.wait()
            except TimeoutError:
                pass
            self._something.clear()
            taken, self._answers = self._answers, []
            await self._note_all(taken)
            now_s = asyncio.get_running_loop().time()
            for rows in list(self._waiting.values()):
                for row in list(rows.values())[:MOST_WAITING]:
                    if now_s - self._sent.get(row.id, (float("-inf"), 0))[0] >= AGAIN_S:
                        self._send(row)

    def _read(self, wanted: dict[str, Any], counter: int) -> HqAsk:
        """The command as the store will read it, on no lease yet."""
        if not isinstance(wanted.get("id"), str) or not 0 < len(wanted["id"]) <= _LONGEST_ID:
            raise CannotAsk(f"id must be a text of 1 to {_LONGEST_ID} characters")
        try:
            return decode_ask(msgspec.Raw(msgspec.json.encode(wanted | {"counter": counter, "lease": 0})))
        except NotOurs as error:
            raise CannotAsk(error.why) from error

    def _fenced(self, store: str, ask: HqAsk) -> HqAsk:
        """An order on the lease it is routed on, for good; the rest on none yet. Raises CannotAsk."""
        if not isinstance(ask, OrderAsk):
            return ask
        lease = self._lease_of(store)
        if lease is None:
            raise CannotAsk(f"{store} is away: it can take no order now", conflict=True)
        return msgspec.structs.replace(ask, lease=lease)

    def _lease_of(self, store: str) -> int | None:
        """The newest that a store has said which is here, as far as HQ knows."""
        books = self._stores.get(store)
        return None if books is None or books.lease is None or books.presence == "away" else books.lease.lease

    def _send(self, row: CommandRow) -> None:
        """Without a line, or with the store away, it is sent when that is over."""
        newest = self._lease_of(row.store)
        if self._link is None or self._link.state != "here" or self._signer is None or newest is None:
            return
        ask = _asked(row)
        if isinstance(ask, OrderAsk | FollowUp) and next(iter(self._line_of(row.store, ask)), row.id) != row.id:
            return  # one command of an order at a time
        ask = msgspec.structs.replace(ask, lease=ask.lease or newest)
        topics = StoreTopics(self._chain, row.store)
        self._sent[row.id] = asyncio.get_running_loop().time(), ask.lease
        try:
            told = self._link.publish(topics.down("command"), self._signer.command(topics, ask))
        except BrokerLost:
            return
        told.add_done_callback(_learn)

    def _line_of(self, store: str, ask: OrderAsk | FollowUp) -> dict[str, None]:
        """The commands of an order that wait, by id, in their order."""
        return self._lines.setdefault((store, ask.order), {})

    async def _note_all(self, answers: list[tuple[str, Answer]]) -> None:
        """Note what stores answered, in one transaction; what waited for it goes out."""
        done: dict[str, CommandRow] = {}
        for store, answer in answers:
            found = await self._judged(store, answer)
            if found is not None:
                done[found.id] = found
                if isinstance(_asked(found), OrderAsk) and found.state != "done":
                    done |= {each.id: each for each in self._in_vain(found)}
        if not done:
            return
        await self._database.put_commands(list(done.values()))
        for row in done.values():
            self._remember(row)
            log.info("command_answered", store=row.store, id=row.id, state=row.state, why=row.why[:300])
        for row in done.values():
            ask = _asked(row)
            following = self._lines.get((row.store, ask.order)) if isinstance(ask, OrderAsk | FollowUp) else None
            if following:
                self._send(self._rows[next(iter(following))])

    def _in_vain(self, placed: CommandRow) -> list[CommandRow]:
        """What was asked of an order that is not accepted: nobody needs to be asked any more."""
        ask = _asked(placed)
        assert isinstance(ask, OrderAsk)
        names = [name for name in self._line_of(placed.store, ask) if name != placed.id]
        why = f"order {ask.order!r} was not accepted"
        now = self._now_ms()
        return [self._rows[name]._replace(state="refused", why=why, answered_at=now) for name in names]

    async def _judged(self, store: str, answer: Answer) -> CommandRow | None:
        """The command with its answer, when that is for good."""
        row = self._rows.get(answer.id)
        if row is None or (row.store, row.counter) != (store, answer.counter) or row.state != "asked":
            return None
        if answer.outcome == "stale" and (isinstance(answer.newest, int) or not _asked(row).lease):
            row = row._replace(why=answer.why)  # in memory only: it says why there is no answer yet
            self._remember(row)
            if isinstance(answer.newest, int):
                await self._move(row, answer.newest)
            elif self._lease_of(store) not in (None, self._sent.get(row.id, (0.0, 0))[1]):
                self._send(row)  # a newer lease is known by now
            return None
        return row._replace(
            state=answer.outcome,
            why=answer.why,
            answered_at=self._now_ms(),
            epoch=answer.epoch,
            seq=answer.seq,
        )

    async def _move(self, row: CommandRow, told: int) -> None:
        """Ask it under a counter beyond HQ's own and, as far as may be at once, beyond what the store told."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._moved.get(row.id, float("-inf")) < AGAIN_S:
            return
        async with self._asking:
            own = self._newest[row.store]
            counter = own + 1 + min(max(0, told - own), MOST_AHEAD)
            ask = msgspec.structs.replace(_asked(row), counter=counter)
            moved = row._replace(counter=counter, ask=msgspec.json.encode(ask).decode())
            await self._database.put_command(moved, instead_of=row.counter)
            self._newest[row.store] = counter
            self._waiting[row.store].pop(row.counter)
            self._remember(moved)
        self._moved[row.id] = now_s
        log.warning("command_moved", store=row.store, id=row.id, counter=row.counter, now=counter, newest=told)
        self._send(moved)

    def _remember(self, row: CommandRow) -> None:
        self._rows[row.id] = row
        waiting, ask = self._waiting.setdefault(row.store, {}), _asked(row)
        if isinstance(ask, OrderAsk | FollowUp):
            line = self._line_of(row.store, ask)
            if row.state == "asked":
                line[row.id] = None
            else:
                line.pop(row.id, None)
            if not line:
                del self._lines[row.store, ask.order]
        if row.state == "asked":
            waiting[row.counter] = row
        else:
            waiting.pop(row.counter, None)
            self._sent.pop(row.id, None)
            self._moved.pop(row.id, None)
        oldest = next(iter(self._rows.values()))
        while len(self._rows) > COMMANDS_IN_MEMORY and oldest.state != "asked":
            del self._rows[oldest.id]  # whoever still asks after it is told by the database
            oldest = next(iter(self._rows.values()))


def order_command(order: str) -> str:
    """The id of the command that places an order."""
    return f"order:{order}"


def _asked(row: CommandRow, lease: int | None = None) -> HqAsk:
    """What is asked, on another lease if one is given."""
    ask = decode_ask(msgspec.Raw(row.ask.encode()))
    return ask if lease is None else msgspec.structs.replace(ask, lease=lease)


def _learn(told: "asyncio.Future[None]") -> None:
    """What the broker did not take is sent again."""
    if not told.cancelled():
        told.exception()
