"""The single writer. One turn is: decide (core), one transaction (ledger and announcements), remember.

Everybody who wants something entered asks the clerk and waits. Whatever waits when a turn begins is entered in one
transaction, so a rush costs one fsync, not hundreds.
"""

import asyncio
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import NamedTuple, overload

import structlog

from agent import case_rows, day_rows, order_rows
from agent.books_time import BooksTime, Stamp
from agent.clock import Clock
from agent.core import asks, checks, naming, telling
from agent.core.commands import FromHq, Obeyed
from agent.core.count_asks import Count, Counted, RequestCount, SessionAsk
from agent.core.count_sessions import CountSession
from agent.core.counts import follow_cases
from agent.core.days import CloseDay
from agent.core.decisions import decide_any, let_time_pass
from agent.core.fulfilment import tell_lines
from agent.core.ledger import Books, Turn
from agent.core.order_asks import AfterPlacing
from agent.core.places import FREE
from agent.core.tasks import asks as of_tasks
from agent.core.tasks import claiming
from agent.store import books as rows
from agent.store import bygone, claims, commands, conditions, counts, days, free_stock, orders, tag_rows, tasks, untold
from agent.store.connection import Store
from agent.store.errors import BooksClosedError, BooksFullError
from wire.codec import encode_row
from wire.messages import StockRow

log = structlog.get_logger()

#: Asks that may wait; one more waits outside. Bounds memory and the time a human stands at a scanner.
MOST_WAITING = 4096
#: Asks of one turn: enough that the fsync is cheap, few enough that a lonely ask is not kept long.
MOST_IN_TURN = 512

#: Expired holds are let go at most this often: a full disk must not make it a busy loop.
_TICK_S = 0.05
#: An ask that changes nothing.
_NOTHING = asks.TagsHeard((), ())


_Answer = asks.Answer | Obeyed
_QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_PERSONAL = re.compile(rf"\b(?:(courier|digest|member)=(?:{_QUOTED})|(code)='s1\$[^']*')")


class _Waiting(NamedTuple):
    ask: asks.Ask | FromHq
    answer: "asyncio.Future[_Answer]"


class AskFailedError(Exception):
    """The ask ran into a mistake of this program. Nothing of it was entered; the log has the details."""


class Clerk:
    """Keeps `books` and `store` the same. `wrote` is called after each turn that changed something."""

    def __init__(
        self, store: Store, books: Books, clock: Clock, wrote: Callable[[Turn], None], time: BooksTime | None = None
    ) -> None:
        """`time` goes on from the books' last stamp; without one it goes on from `books.books_ms`."""
        self.books = books
        self.time = time or BooksTime(clock, "", Stamp(books.books_ms, 0, "-"))
        self.turns = 0
        self.closed = ""  # why nothing is entered any more, if so
        self._store = store
        self._clock = clock
        self._wrote = wrote
        self._waiting: deque[_Waiting] = deque()
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def store(self) -> Store:
        """For whoever only looks."""
        return self._store

    @overload
    async def enter(self, ask: asks.Sale) -> asks.Sold | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Unreadable) -> asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Delivery) -> asks.Expected | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Reserve) -> asks.Claimed | asks.Short | asks.Refused: ...
    @overload
    async def enter(
        self, ask: asks.CommitHold | asks.ConsumeHold | asks.ReleaseHold | asks.GiveWay
    ) -> asks.Claimed | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.PlaceOrder | asks.MoveOrder) -> asks.Ordered | asks.Refused: ...
    @overload
    async def enter(self, ask: AfterPlacing) -> asks.Ordered | asks.Short | asks.Refused: ...
    @overload
    async def enter(self, ask: Count) -> Counted | asks.Refused: ...
    @overload
    async def enter(self, ask: RequestCount | SessionAsk) -> CountSession | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Work) -> asks.Worked | asks.Refused: ...
    @overload
    async def enter(self, ask: of_tasks.ClaimTask) -> of_tasks.Tasked | of_tasks.NoWork: ...
    @overload
    async def enter(self, ask: of_tasks.LeaveTask) -> of_tasks.Tasked | of_tasks.Lost | of_tasks.NoWork: ...
    @overload
    async def enter(self, ask: of_tasks.Reports) -> of_tasks.Reported | asks.Refused: ...
    @overload
    async def enter(
        self, ask: of_tasks.Pack | of_tasks.AskCustomer
    ) -> of_tasks.Tasked | of_tasks.Lost | asks.Refused: ...
    @overload
    async def enter(self, ask: of_tasks.HandOver) -> of_tasks.HandedOver | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Grant) -> asks.Granted | asks.Refused: ...
    @overload
    async def enter(self, ask: asks.Scan) -> asks.Scanned: ...
    @overload
    async def enter(self, ask: asks.TagsHeard | asks.TagsSilent) -> asks.TagsEntered: ...
    @overload
    async def enter(self, ask: asks.Notice | asks.HqSilence | CloseDay) -> asks.Noted: ...
    @overload
    async def enter(self, ask: asks.Pause) -> asks.Paused: ...
    @overload
    async def enter(self, ask: asks.ResolveCase) -> asks.CaseResolved | asks.Refused: ...
    @overload
    async def enter(self, ask: FromHq) -> Obeyed: ...
    async def enter(self, ask: asks.Ask | FromHq) -> asks.Answer | Obeyed:
        """Enter an ask in the books; its answer is on disk when this returns.

        A caller cancelled before the turn begins has asked nothing; after that the ask is entered all the same, and
        asking again under the same name changes nothing. Raises AskFailedError, BooksClosedError, BooksFullError,
        BooksLostError.
        """
        if self.closed and ask != _NOTHING:
            raise BooksClosedError(self.closed)
        while len(self._waiting) >= MOST_WAITING:
            self._room.clear()
            await self._room.wait()
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(ask, answer))
        self._work.set()
        return await answer

    async def run(self) -> None:
        """Take turns for ever. Raises BooksLostError: then the books must be opened anew."""
        while True:
            await self._wait_for_work()
            turn = self._take()
            if turn:
                await self._take_turn(turn)

    async def _wait_for_work(self) -> None:
        """Return when somebody asks, when the time of a hold or an order is up, or when HQ is to be told something."""
        if self.closed:
            await self._work.wait()
            return
        alarm_ms, due_ms = self.books.next_alarm_ms(), telling.next_ms(self.books)
        if alarm_ms is not None:
            due_ms = min(alarm_ms, due_ms)
        left_ms, overdue_at = due_ms - self.time.stamp().books_ms, self.books.overdue.next_ms()
        if overdue_at is not None:
            left_ms = min(left_ms, overdue_at - self._clock.now_ms())
        try:
            async with asyncio.timeout(max(_TICK_S, left_ms / 1000)):
                await self._work.wait()
        except TimeoutError:
            tick: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
            tick.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody waits for it
            self._waiting.append(_Waiting(asks.Tick(), tick))
            self._work.set()

    def wake(self) -> None:
        """Look again at what is to be done without being asked."""
        self._work.set()

    def close(self, why: str) -> None:
        """Enter nothing any more, neither what waits nor what falls due; whoever asks is told why."""
        self.closed = why

    async def finish(self) -> None:
        """Return when everything that waited is entered and answered. `run` must still be running."""
        await self.prove()  # after the turn that is under way, and all that waited
        while self._waiting:
            await self.prove()

    async def prove(self) -> None:
        """Return when a turn has gone through, as proof that turns still do. It writes nothing."""
        await self.enter(_NOTHING)

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < MOST_IN_TURN:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():  # its caller has left: nobody was told anything
                taken.append(waiting)
        if not self._waiting:
            self._work.clear()
        self._room.set()
        return taken

    async def _take_turn(self, waiting: list[_Waiting]) -> None:
        if self.closed:
            _fail([one for one in waiting if one.ask != _NOTHING], BooksClosedError(self.closed))
            waiting = [one for one in waiting if one.ask == _NOTHING]
            if not waiting:
                return
        try:
            await self._store.write(
                partial(self._enter, waiting, self._clock.now_ms(), not self.closed), partial(self._remember, waiting)
            )
        except AskFailedError as failure:
            if len(waiting) > 1:  # one of them is at fault: the others must not pay for it
                for one in waiting:
                    await self._take_turn([one])
            else:
                log.error("ask_failed", ask=in_log(waiting[0].ask), exc_info=failure.__cause__)
                _fail(waiting, failure)
        except BooksFullError as failure:
            _fail(waiting, failure)  # nothing was entered; the next turn may find room
        except Exception as failure:
            _fail(waiting, failure)
            raise

    def _enter(
        self, waiting: list[_Waiting], at: int, time_passes: bool, tx: sqlite3.Connection
    ) -> tuple[Turn, list[_Answer]]:
        """In the writer's thread: look up, decide, write."""
        told = [one.ask for one in waiting]
        wanted = [ask for each in told if (ask := _inner(each)) is not None]
        sources = [name for ask in wanted for name in ask.sources()]
        postings, deliveries = rows.made_by(tx, sources)
        epcs = naming.epcs(wanted)
        names = [*naming.holds(wanted), *self._to_be_put_back(epcs)]
        holds = claims.named(tx, _unknown(self.books.holds, names))
        known_orders = orders.named(tx, _unknown(self.books.orders, naming.orders(wanted)))
        stamp = self.time.stamp()
        turn = Turn(self.books, at, postings, deliveries, holds, stamp.books_ms, known_orders, stamp.monotonic_ms)
        bygone.look_up(tx, turn, sources)
        tag_rows.look_up(tx, turn, epcs)
        counts.look_back(tx, turn, naming.counts(wanted))
        tasks.look_back(tx, turn, wanted)
        commands.look_back(tx, turn, [ask for ask in told if isinstance(ask, FromHq)])
        try:
            if time_passes:
                let_time_pass(turn)
            answers = [decide_any(turn, ask) for ask in told]
            claiming.follow(turn)
            follow_cases(turn)
            tell_lines(turn)
            if time_passes:
                telling.tell(turn)
            checks.check(turn)
            if not turn.is_empty():
                telling.open_stock(turn)
        except Exception as error:
            raise AskFailedError(str(error)) from error
        if not turn.is_empty():
            try:
                rows.enter(tx, turn, announcements_of(turn))
                claims.enter(tx, turn, stamp)
                conditions.enter(tx, turn)
                counts.enter(tx, turn)
                tasks.enter(tx, turn)
                commands.enter(tx, turn)
                untold.enter(tx, turn.tellings)
                days.enter(tx, turn.tellings.days.values())
                free_stock.enter(tx, turn.free_stock)
            except (sqlite3.IntegrityError, sqlite3.ProgrammingError, ValueError, OverflowError) as error:
                raise AskFailedError(str(error)) from error  # ours, and rolled back: it costs the ask, not the shop
        return turn, answers

    def _to_be_put_back(self, epcs: Iterable[bytes]) -> list[str]:
        """When asks name tags of picked units: the holds that are over, and have goods in totes and slots still."""
        tags = (self.books.tags.get(epc) for epc in epcs)
        if not any(tag is not None and tag.state == "picked" for tag in tags):
            return []
        return [about for kind, about in self.books.cases if kind == "put_back"]

    def _remember(self, waiting: list[_Waiting], entered: tuple[Turn, list[_Answer]]) -> None:
        """On the event loop, in the same step in which the commit is known."""
        turn, answers = entered
        self.books.remember(turn)
        self.turns += 1
        for one, answer in zip(waiting, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)
        if not turn.is_empty():
            self._wrote(turn)


def in_log(ask: object) -> str:
    """What is asked, for the log, which is kept for long: without couriers' names, codes and references to people."""
    return _PERSONAL.sub(r"\1\2=…", repr(ask))[:500]


def _inner(ask: asks.Ask | FromHq) -> asks.Ask | None:
    """What is to be done in the store's own words."""
    return ask.ask if isinstance(ask, FromHq) else ask


def announcements_of(turn: Turn) -> list[tuple[int, int, bytes]]:
    """What HQ is told of a turn that was opened: (number, time, body), by number, without a hole."""
    stream, opened = f"{turn.books.store}/{turn.books.epoch}", turn.opened
    told = [
        (
            seq,
            at,
            encode_row(
                StockRow(
                    seq, f"{stream}/{seq}", at, sku, origin, target, qty, code, source, from_now, to_now, on_hand,
                    held, atp,
                )
            ),
        )
        for seq, sku, origin, target, qty, code, at, source, _, _, _, from_now, to_now, on_hand in turn.postings
        for held, atp, _ in (opened[sku],)
    ]  # fmt: skip
    for seq, sku in turn.tellings.rows.items():
        free, on_hand = turn.balance(sku, FREE), turn.on_hand.get(sku, turn.books.on_hand.get(sku, 0))
        row = StockRow(
            seq, f"{stream}/{seq}", turn.at, sku, FREE, FREE, 0, "atp", "", free, free, on_hand, *opened[sku][:2]
        )
        told.append((seq, turn.at, encode_row(row)))
    told += [(row.seq, turn.at, encode_row(row)) for row in case_rows.of(turn, stream)]
    told += [(of.seq, turn.at, encode_row(order_rows.row_of(turn, of, stream))) for of in turn.order_changes]
    told += [(row.seq, turn.at, encode_row(row)) for row in day_rows.of(turn, stream)]
    if turn.cases or turn.order_changes or turn.tellings.rows or turn.tellings.days:
        told.sort()
    return told


def _unknown(to: Container[str], names: Iterable[str]) -> list[str]:
    """What only the disk may know: what is open is in memory."""
    return [name for name in names if name not in to]


def _fail(waiting: list[_Waiting], failure: Exception) -> None:
    for one in waiting:
        if not one.answer.done():
            one.answer.set_exception(failure)
