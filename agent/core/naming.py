"""What asks name that may be on disk alone: looked up for all asks of a turn at once, before any is decided.

Every ask of a rush is gone through here, so each table is of the kinds of ask that name such a thing at all.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar, get_args

from agent.core.asks import (
    Ask,
    CommitHold,
    ConsumeHold,
    Delivery,
    GiveWay,
    MoveOrder,
    PlaceOrder,
    ReleaseHold,
    Reserve,
    Sale,
    TagsHeard,
    Work,
)
from agent.core.count_asks import CountAsk
from agent.core.order_asks import AfterPlacing
from agent.core.orders import hold_of
from agent.core.tasks import scanned
from agent.core.tasks.asks import AskCustomer, HandOver, LeaveTask, Pack, Reports

T = TypeVar("T")
_Table = dict[type[Any], Callable[[Any], T]]

_OF_ORDERS: Final = (PlaceOrder, *get_args(AfterPlacing), MoveOrder, Pack, AskCustomer, HandOver)
_HOLD: Final[_Table[str]] = {
    **dict.fromkeys((Reserve, CommitHold, ConsumeHold, ReleaseHold, GiveWay, Work), attrgetter("hold")),
    **dict.fromkeys(_OF_ORDERS, lambda ask: hold_of(ask.order)),
}
_ORDER: Final[_Table[str]] = dict.fromkeys(_OF_ORDERS, attrgetter("order"))
_TASK: Final[_Table[str]] = dict.fromkeys((LeaveTask, Reports, Pack, AskCustomer), attrgetter("task"))
_EPCS: Final[_Table[list[bytes]]] = {
    Sale: lambda sale: [line.epc for line in sale.lines if line.epc is not None],
    Delivery: lambda delivery: [epc for line in delivery.lines for epc in line.epcs],
    TagsHeard: lambda heard: [stranger.epc for stranger in heard.strangers],
    Work: lambda work: [*work.epcs],
    Reports: lambda ask: [tag for one in ask.reports if (tag := scanned.tag_of(one.text)) is not None],
}
_COUNTS: Final = frozenset(get_args(CountAsk))


def holds(asks: Sequence[Ask]) -> list[str]:
    """The holds they are about."""
    reported = [hold for ask in reports(asks) for hold in ask.holds()]
    return [*_told(_HOLD, asks), *reported, *(hold_of(order, again=True) for order in orders(asks))]


def orders(asks: Sequence[Ask]) -> list[str]:
    """The orders they are about."""
    return _told(_ORDER, asks) + [one.order for ask in asks if isinstance(ask, Reports) for one in ask.reports]


def tasks(asks: Iterable[Ask]) -> list[str]:
    """The tasks they are about."""
    return _told(_TASK, asks)


def reports(asks: Iterable[Ask]) -> list[Reports]:
    """Those that report from a handheld."""
    return [ask for ask in asks if type(ask) is Reports]


def epcs(asks: Iterable[Ask]) -> list[bytes]:
    """The tags that may be none of those in memory: sold ones are only on disk."""
    return [epc for some in _told(_EPCS, asks) for epc in some]


def counts(asks: Iterable[Ask]) -> list[CountAsk]:
    """Those that are about a count."""
    return [ask for ask in asks if type(ask) in _COUNTS]  # type: ignore[misc]  # its kinds are those of the set


def handed_over(asks: Iterable[Ask]) -> list[str]:
    """The orders that are to be handed over."""
    return [ask.order for ask in asks if type(ask) is HandOver]


def _told(by: _Table[T], asks: Iterable[Ask]) -> list[T]:
    return [by[type(ask)](ask) for ask in asks if type(ask) in by]
