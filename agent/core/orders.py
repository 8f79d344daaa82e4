"""Orders: what a customer wants of this store, which step it is in since when, and who must act until when.

Time is the books' own (`ledger.Books.books_ms`): a step's time neither jumps nor goes back. No step waits in silence:
each has an owner and a time, and when that is up the clock takes the order on by itself or opens a `late_order` case.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

from agent.core import life
from agent.core.life import OrderEvent, OrderState

#: What becomes of a question to the customer that nobody answers.
Default = Literal["decide", "cancel"]
_HOUR_S: Final = 3600


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
    """`qty` units of one SKU."""

    line: int
    sku: str
    qty: int


@dataclass(frozen=True, slots=True)
class OrderStep:
    """The order entered `state` at `since_ms` because of `event`, which `source` named; "" begins it."""

    state: OrderState
    since_ms: int
    event: OrderEvent | Literal[""]
    source: str


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
    of a question that is not answered.
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

    @property
    def state(self) -> OrderState:
        return self.steps[-1].state

    @property
    def is_open(self) -> bool:
        return self.state not in life.ORDER.ends

    @property
    def hold(self) -> str:
        """The hold that keeps its units."""
        return hold_of(self.id)

    @property
    def owner(self) -> str:
        """Whose turn it is; "" when it is over."""
        return DUTIES[self.state].owner if self.is_open else ""

    @property
    def rings_ms(self) -> int | None:
        """When the clock must look after it."""
        return self.deadline_ms if self.is_open and not self.late else None

    def event_of(self, source: str) -> str | None:
        """What this source made happen to it, if it did."""
        return next((step.event for step in self.steps if step.source == source), None)


def hold_of(order: str) -> str:
    """The name of the hold that an order makes for itself; a hold of this name is the order's alone."""
    return f"order:{order}"


def received(name: str, channel: str, lines: tuple[OrderLine, ...], *, due_at: int, now_at: int, now_ms: int) -> Order:
    """A new order. `due_at` and `now_at` are unix ms; `now_ms` is the books' time of `now_at`."""
    due_ms = now_ms + due_at - now_at if due_at else 0
    first = OrderStep("received", now_ms, "", hold_of(name))
    return _with_deadline(Order(name, channel, lines, (first,), due_at, due_ms), 0)


def advanced(order: Order, event: OrderEvent, source: str, now_ms: int, within_s: int = 0) -> Order:
    """The order after the event; `within_s` seconds for its next step, if other than usual.

    Raises life.ImpossibleMoveError.
    """
    state = life.advance(life.ORDER, order.state, event)
    step = OrderStep(state, now_ms, event, source)
    return _with_deadline(replace(order, steps=(*order.steps, step)), within_s)


def _with_deadline(order: Order, within_s: int) -> Order:
    """With the deadline of the step it has just entered. An order that is late stays so while it is overdue."""
    if not order.is_open:
        return replace(order, deadline_ms=0, late=False)
    duty, now_ms = DUTIES[order.state], order.steps[-1].since_ms
    deadline_ms = now_ms + 1000 * (within_s or duty.within_s)
    if duty.beforehand and order.due_ms:
        deadline_ms = min(deadline_ms, order.due_ms)
    return replace(order, deadline_ms=deadline_ms, late=order.late and deadline_ms <= now_ms)


def when_overdue(order: Order) -> OrderEvent | None:
    """What happens by itself when the step's time is up; None: somebody must look."""
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
