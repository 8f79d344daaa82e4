"""What HQ asks, from the line to the clerk and back: verified, done once, answered.

Whatever HQ did not sign for this store changes nothing: it is counted, and a case tells people that somebody tries.
"""

import asyncio
import re
from collections import Counter, deque
from typing import Final

import msgspec
import structlog
from msgspec import UNSET
from msgspec.structs import astuple

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core.asks import Grant, MoveOrder, Notice, Pause, PlaceOrder
from agent.core.commands import Again, Commanded, FromHq, Obeyed
from agent.core.order_asks import AmendOrder, AnswerQuestion, CourierCame, OrderWant, PayOrder
from agent.core.orders import MOST_FROZEN_S, is_code
from agent.order_rows import MOST_LINES
from agent.store.errors import BooksClosedError, BooksFullError
from wire.codec import NotOurs, decode_ask, decode_ask_head, decode_command, encode
from wire.messages import (
    AmendAsk,
    Answer,
    CancelAsk,
    CourierAsk,
    DecisionAsk,
    GrantAsk,
    HqAsk,
    OrderAsk,
    PaidAsk,
    PauseAsk,
    Wanted,
)
from wire.mqtt import BrokerLost, Link
from wire.signing import NotSigned, Verifier
from wire.topics import StoreTopics

log = structlog.get_logger()

#: What is ordered is named, numbered and counted as in the store's own API: cases, accounts and handhelds go by that.
_NAME: Final = re.compile(r"[!-.0-~]{1,64}")
_MOST: Final = 1_000_000
#: Commands that may wait; HQ repeats what was dropped.
MOST_WAITING: Final = 1000
#: A forged command is worth a note in the books this often.
_CASE_EVERY_S: Final = 60.0


class Commands:
    """`counts` says what became of them: done, refused, stale, repeated, forged, unreadable, dropped."""

    def __init__(self, clerk: Clerk, topics: StoreTopics, clock: Clock, verifier: Verifier | None) -> None:
        self.counts: Counter[str] = Counter()
        self._clerk = clerk
        self._topics = topics
        self._clock = clock
        self._verifier = verifier
        self._link: Link | None = None
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._case_s = float("-inf")

    @property
    def topic(self) -> str:
        """Where commands come from."""
        return self._topics.down("command")

    def attach(self, link: Link) -> None:
        self._link = link

    def offer(self, payload: bytes) -> None:
        """Take a command from the line; when too many wait it is dropped and counted. Never waits."""
        if len(self._waiting) >= MOST_WAITING:
            self.counts["dropped"] += 1
            return
        self._waiting.append(payload)
        self._arrived.set()

    async def run(self) -> None:
        """Do what was asked, for ever; all that waits goes into the books together."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), 64))]
                asked = [command for payload in taken if (command := await self._read(payload)) is not None]
                await asyncio.gather(*[self._obey(command) for command in asked])
                await asyncio.sleep(0)  # a flood must not keep the loop from everybody else

    async def _read(self, payload: bytes) -> FromHq | None:
        """What HQ signed; anything else is noted and forgotten."""
        try:
            command = decode_command(payload)
            if self._verifier is None:
                raise NotSigned("this store has no key of HQ to check commands with ([hq] commands)")
            self._verifier.check(self._topics, command)
        except NotOurs as error:
            self.counts["unreadable"] += 1
            await self._note(f"unreadable: {error.why}")
            return None
        except NotSigned as error:
            self.counts["forged"] += 1
            await self._note(str(error))
            return None
        try:
            ask = decode_ask(command.ask)
            return FromHq(ask.id, ask.counter, ask.lease, *_in_our_words(ask))
        except NotOurs as error:
            return self._too_new(command.ask, error)

    def _too_new(self, ask: msgspec.Raw, error: NotOurs) -> FromHq | None:
        """HQ signed it and we cannot read it: it is answered all the same, so that HQ knows."""
        try:
            head = decode_ask_head(ask)
        except NotOurs:
            self.counts["unreadable"] += 1
            log.warning("command_unreadable", why=error.why)
            return None
        return FromHq(head.id, head.counter, head.lease, None, f"cannot be read: {error.why}"[:256])

    async def _obey(self, command: FromHq) -> None:
        try:
            said = await self._clerk.enter(command)
        except (BooksClosedError, BooksFullError, AskFailedError) as error:
            log.warning("command_not_entered", id=command.id, why=str(error)[:300])
            return  # HQ asks again; by then somebody may have looked
        self.counts["repeated" if isinstance(said, Again) else said.outcome] += 1
        self._tell(said)

    def _tell(self, said: Obeyed) -> None:
        if self._link is None or self._link.state != "here":
            return  # HQ asks again when the line is back
        newest = said.newest or UNSET
        answer = Answer(said.id, said.counter, said.outcome, said.why, said.epoch, said.seq, said.at, newest)
        try:
            told = self._link.publish(self._topics.up("answer"), encode(answer))
        except BrokerLost:
            return
        told.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _note(self, why: str) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._case_s < _CASE_EVERY_S:
            return
        self._case_s = now_s
        log.warning("command_not_believed", why=why, forged=self.counts["forged"], unreadable=self.counts["unreadable"])
        try:
            await self._clerk.enter(Notice("forged_command", "line to HQ", why[:256]))
        except (BooksClosedError, BooksFullError, AskFailedError):
            return


def _in_our_words(ask: HqAsk) -> tuple[Commanded | None, str]:
    """What is asked, and why it cannot be done when it cannot."""
    match ask:
        case PauseAsk():
            return Pause(ask.paused, ask.why, ask.by or "hq"), ""
        case GrantAsk() if ask.qty:
            return Grant(ask.id, ask.holder, ask.sku, ask.qty), ""
        case OrderAsk() if _is_sound(ask):
            return _placed(ask), ""
        case PaidAsk():
            return PayOrder(ask.order), ""
        case AmendAsk() if 0 < len(ask.lines) <= MOST_LINES and all(_is_wanted(line, 0) for line in ask.lines):
            return AmendOrder(ask.order, ask.id, _wants(ask.lines)), ""
        case CancelAsk():
            return MoveOrder(ask.order, f"hq {ask.id}", "cancel"), ""
        case CourierAsk():
            return CourierCame(ask.order), ""
        case DecisionAsk():
            return AnswerQuestion(ask.order, ask.id, ask.take, ask.line, ask.sku), ""
        case _:
            return None, "its names or numbers make no sense"


def _placed(ask: OrderAsk) -> PlaceOrder:
    return PlaceOrder(
        ask.order,
        ask.channel,
        _wants(ask.lines),
        ask.due,
        fulfil=ask.fulfil,
        pay_within_s=ask.pay_within_s,
        promise_min=ask.promise_min,
        code=ask.code,
        group=ask.group,
        short=ask.short,
    )


def _wants(lines: tuple[Wanted, ...]) -> tuple[OrderWant, ...]:
    return tuple(OrderWant(*astuple(line)) for line in lines)


def _is_sound(ask: OrderAsk) -> bool:
    numbers = [line.line for line in ask.lines]
    return (
        bool(_NAME.fullmatch(ask.order) and _NAME.fullmatch(ask.channel))
        and 0 < len(numbers) == len(set(numbers)) <= MOST_LINES
        and all(_is_wanted(line, 1) for line in ask.lines)
        and ask.due >= 0
        and 0 <= ask.pay_within_s <= MOST_FROZEN_S
        and (not ask.code or is_code(ask.code))
    )


def _is_wanted(line: Wanted, least: int) -> bool:
    """Can the line be held, picked and reported?"""
    return 1 <= line.line <= _MOST and least <= line.qty <= _MOST and 0 <= line.tolerance_pct <= 100
