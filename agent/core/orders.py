"""Orders: what a customer wants of this store, which step it is in since when, and who must act until when.

Time is the books' own (`ledger.Books.books_ms`): a step's time neither jumps nor goes back. No step waits in silence:
each has an owner and a time, and when that is up the clock takes the order on by itself or opens a `late_order` case.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from agent.core import life
from agent.core.life import OrderEvent, OrderState

#: What becomes of a question to the customer that nobody answers.
Default = Literal["decide", "cancel"]
#: How the goods reach the customer.
Fulfilment = Literal["courier", "pickup", "ship"]
#: What the customer wants done with a line that is not to be had.
Unavailable = Literal["ask", "substitute", "remove", "cancel"]
#: What the customer said of a line when asked: take a substitute, leave it out; or nothing, until the time was up.
Answered = Literal["", "substitute", "remove", "nobody"]
#: From the hand-over on, and where there was none from the end on, an order leads to nobody.
_OVER_FOR_PEOPLE: Final = (*life.ORDER.ends, "handed_over", "return_pending", "restocked", "wasted")
#: What people call an order when they are not told: so many of its last characters.
_SHORT: Final = 4
_HOUR_S: Final = 3600
#: The longest that goods are frozen for an order that is not paid.
MOST_FROZEN_S: Final = _HOUR_S
_CODE: Final = re.compile(r"s1\$[0-9a-f]{8,64}\$[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Duty:
    """Whose turn it is in a step: a role, how many seconds it may take, and what happens by itself after that.

    `beforehand`: the customer has nothing yet, so the step must also be over when the order is due.
    """

    owner: str
    within_s: int
    then: OrderEvent | None = None
    beforehand: bool = True


#: Every state an order can wait in. One that is not here is over at once.
DUTIES: Final = MappingProxyType[OrderState, Duty](
    {
        "received": Duty("store_lead", 60),
        "accepted": Duty("picker", _HOUR_S),
        "picking": Duty("picker", _HOUR_S),
        "awaiting_decision": Duty("customer", 300),
        "picked": Duty("picker", _HOUR_S // 2),
        "packed": Duty("picker", _HOUR_S // 2),
        "staged": Duty("counter", 48 * _HOUR_S, beforehand=False),
        "cancel_requested": Duty("picker", _HOUR_S, beforehand=False),
        "handed_over": Duty("counter", 24 * _HOUR_S, "close", beforehand=False),
        "return_pending": Duty("store_lead", 4 * _HOUR_S, beforehand=False),
        "restocked": Duty("store_lead", 0, "close", beforehand=False),
        "wasted": Duty("store_lead", 0, "close", beforehand=False),
    }
)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`qty` units of one SKU; of a weighed line `tolerance_pct` percent more or less will do.

    `unavailable` is what is to be done when it is not to be had, `substitutes` what may be taken instead, best first.
    `member` is an opaque reference to whose line it is in a group buy; `answer` what became of the last question.
    """

    line: int
    sku: str
    qty: int
    unavailable: Unavailable = "ask"
    substitutes: tuple[str, ...] = ()
    tolerance_pct: int = 10
    member: str = ""
    answer: Answered = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What the customer is asked: which of the `candidates` (SKUs, best first) shall stand in for line `line`."""

    line: int
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderStep:
    """The order entered `state` at `since_ms` because of `event`, which `source` named; "" begins it.

    `by` is the worker who entered it in the store, where it was one. HQ is not told who.
    """

    state: OrderState
    since_ms: int
    event: OrderEvent | Literal[""]
    source: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class MissingUnits:
    """Why an order was rejected: `available` of the `wanted` units of a SKU, all its lines added up."""

    sku: str
    wanted: int
    available: int
    why: str


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `due_at` is what the customer was told (unix ms, 0: nothing), `due_ms` the same in the books' time.

    `deadline_ms` is when its step must be over; `late`: a case says already that it was not. `default` is what becomes
    of a `question` that is not answered. `missing` and `why` say why it was rejected, or cancelled by the store itself.

    `pay_within_s`: its goods are frozen for so long until it is paid (0: it is paid). `promise_min` is what was
    promised, in minutes. `code` is the hash of the pickup code (`s1$salt$scrypt`). `group` names a group buy.
    `courier_at_ms` is when the courier came to the door, in the books' time. `short` is what people call it. `amends`
    are the changes to it that were entered, by name, with what they said. `told_from_ms`: from when on, in the books'
    time, HQ may know that it is picked and what came after (None: it knows).
    """

    id: str
    channel: str
    lines: tuple[OrderLine, ...]
    steps: tuple[OrderStep, ...]
    due_at: int = 0
    due_ms: int = 0
    deadline_ms: int = 0
    late: bool = False
    default: Default = "decide"
    missing: tuple[MissingUnits, ...] = ()
    fulfil: Fulfilment = "courier"
    pay_within_s: int = 0
    promise_min: int = 0
    code: str = ""
    group: str = ""
    courier_at_ms: int | None = None
    short: str = ""
    why: str = ""
    question: Question | None = None
    amends: tuple[tuple[str, str], ...] = ()
    told_from_ms: int | None = None

    @property
    def state(self) -> OrderState:
        return self.steps[-1].state

    @property
    def is_open(self) -> bool:
        return self.state not in life.ORDER.ends

    @property
    def ended_ms(self) -> int | None:
        """When it was over for the customer: handed over, rejected or cancelled; None: not yet."""
        handed_ms = next((step.since_ms for step in self.steps if step.event == "hand_over"), None)
        return self.steps[-1].since_ms if handed_ms is None and not self.is_open else handed_ms

    @property
    def called(self) -> str:
        """What people call it."""
        return self.short or ending_of(self.id)

    @property
    def hold(self) -> str:
        """The hold that keeps its units."""
        return hold_of(self.id, again=any(step.event == "" for step in self.steps[1:]))

    @property
    def is_unpaid(self) -> bool:
        """Are its goods only frozen, until the customer pays?"""
        return self.state == "received" and self.pay_within_s > 0

    @property
    def owner(self) -> str:
        """Whose turn it is; "" when it is over."""
        if self.is_unpaid:
            return "customer"
        return DUTIES[self.state].owner if self.is_open else ""

    @property
    def rings_ms(self) -> int | None:
        """When the clock must look after it."""
        due_ms = [self.told_from_ms] if self.told_from_ms is not None else []
        due_ms += [self.deadline_ms] if self.is_open and not self.late else []
        return min(due_ms, default=None)

    def is_news_after(self, before: "Order") -> bool:
        """Is anything of it that HQ may know other than before, but its deadline?"""
        return as_told(self) != replace(as_told(before), deadline_ms=self.deadline_ms, late=self.late)

    def event_of(self, source: str) -> str | None:
        """What this source made happen to it, if it did."""
        return next((step.event for step in self.steps if step.source == source), None)


class OrderChange(NamedTuple):
    """An order is something else since announcement `seq`."""

    seq: int
    order: Order


def is_code(text: str) -> bool:
    """Is this the hash of a pickup code?"""
    return _CODE.fullmatch(text) is not None


def ending_of(name: str) -> str:
    """Of an order's name, what people call it by unless it says otherwise."""
    return name[-_SHORT:]


def hold_of(order: str, *, again: bool = False) -> str:
    """The name of the hold that an order makes for itself; a hold of this name is the order's alone.

    `again`: the hold it makes when it is paid after its time was up.
    """
    return f"order:{order} again" if again else f"order:{order}"


def received(
    name: str,
    channel: str,
    lines: tuple[OrderLine, ...],
    *,
    due_at: int,
    now_at: int,
    now_ms: int,
    pay_within_s: int = 0,
    by: str = "",
) -> Order:
    """A new order. `due_at` and `now_at` are unix ms; `now_ms` is the books' time of `now_at`."""
    due_ms = now_ms + due_at - now_at if due_at else 0
    first = OrderStep("received", now_ms, "", hold_of(name), by)
    order = Order(name, channel, lines, (first,), due_at, due_ms, pay_within_s=pay_within_s, short=ending_of(name))
    return _with_deadline(order, 0)


def received_again(order: Order, source: str, now_ms: int) -> Order:
    """An order that was over begins anew: it was paid after its time was up."""
    step = OrderStep("received", now_ms, "", source)
    return _with_deadline(replace(order, steps=(*order.steps, step), why="", missing=()), 0)


def advanced(order: Order, event: OrderEvent, source: str, now_ms: int, within_s: int = 0, by: str = "") -> Order:
    """The order after the event; `within_s` seconds for its next step, if other than usual.

    Raises life.ImpossibleMoveError.
    """
    state = life.advance(life.ORDER, order.state, event)
    step = OrderStep(state, now_ms, event, source, by)
    question = order.question if state == "awaiting_decision" else None
    after = replace(order, steps=(*order.steps, step), question=question)
    if event in ("again", "cancel"):  # nobody was told that it is picked: nobody will be
        after = replace(after, told_from_ms=None)
    is_over = after.state in _OVER_FOR_PEOPLE and after.why != "unpaid"  # that one may be paid late, and fetched
    return _with_deadline(without_people(after) if is_over else after, within_s)


def without_people(order: Order) -> Order:
    """Without what leads to people: neither the code nor whose line was whose."""
    return replace(order, code="", lines=tuple(replace(line, member="") for line in order.lines))


def _with_deadline(order: Order, within_s: int) -> Order:
    """With the deadline of the step it has just entered. An order that is late stays so while it is overdue."""
    if not order.is_open:
        return replace(order, deadline_ms=0, late=False)
    duty, now_ms = DUTIES[order.state], order.steps[-1].since_ms
    if order.is_unpaid:  # as long as its hold lives
        return replace(order, deadline_ms=now_ms + 1000 * order.pay_within_s, late=False)
    deadline_ms = now_ms + 1000 * (within_s or duty.within_s)
    goes_on = when_overdue(order) is not None  # by itself, and then also when it was late before
    if duty.beforehand and order.due_ms and not (goes_on and order.due_ms <= now_ms):
        deadline_ms = min(deadline_ms, order.due_ms)
    return replace(order, deadline_ms=deadline_ms, late=order.late and deadline_ms <= now_ms and not goes_on)


def answered(order: Order, answer: Answered, line: int = 0) -> Order:
    """With what became of the question about a line (0: the one that is open)."""
    number = line or (order.question.line if order.question is not None else 0)
    lines = (replace(one, answer=answer) if one.line == number else one for one in order.lines)
    return replace(order, lines=tuple(lines))


def as_told(order: Order) -> Order:
    """The order as HQ may know it: one that was picked too soon for its platform is being picked."""
    if order.told_from_ms is None:
        return order
    picked = max(nth for nth, step in enumerate(order.steps) if step.event == "finish")
    return replace(order, steps=order.steps[:picked], told_from_ms=None)


def when_overdue(order: Order) -> OrderEvent | None:
    """What happens by itself when the step's time is up; None: somebody must look."""
    if order.is_unpaid:
        return "reject"
    return order.default if order.state == "awaiting_decision" else DUTIES[order.state].then


def seconds_by_step(order: Order, now_ms: int) -> list[tuple[OrderState, int]]:
    """How long each of its steps took, in order, up to `now_ms` or its end.

    Whole seconds of the books' time, each of which belongs to one step: they add up to its whole life.
    """
    ends = [step.since_ms for step in order.steps]
    if order.is_open:
        ends.append(max(now_ms, ends[-1]))
    return [
        (step.state, until // 1000 - since // 1000)
        for step, (since, until) in zip(order.steps, pairwise(ends), strict=False)
    ]
