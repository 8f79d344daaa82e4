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

T = TypeVar("T")
_Table = dict[type[Any], Callable[[Any], T]]

_OF_ORDERS: Final = (PlaceOrder, *get_args(AfterPlacing), MoveOrder)
_HOLD: Final[_Table[str]] = {
    **dict.fromkeys((Reserve, CommitHold, ConsumeHold, ReleaseHold, GiveWay, Work), attrgetter("hold")),
    **dict.fromkeys(_OF_ORDERS, lambda ask: hold_of(ask.order)),
}
_ORDER: Final[_Table[str]] = dict.fromkeys(_OF_ORDERS, attrgetter("order"))
_EPCS: Final[_Table[list[bytes]]] = {
    Sale: lambda sale: [line.epc for line in sale.lines if line.epc is not None],
    Delivery: lambda delivery: [epc for line in delivery.lines for epc in line.epcs],
    TagsHeard: lambda heard: [stranger.epc for stranger in heard.strangers],
    Work: lambda work: [*work.epcs],
}
_COUNTS: Final = frozenset(get_args(CountAsk))


def holds(asks: Sequence[Ask]) -> list[str]:
    """The holds they are about."""
    return _told(_HOLD, asks) + [hold_of(order, again=True) for order in orders(asks)]


def orders(asks: Iterable[Ask]) -> list[str]:
    """The orders they are about."""
    return _told(_ORDER, asks)


def epcs(asks: Iterable[Ask]) -> list[bytes]:
    """The tags that may be none of those in memory: sold ones are only on disk."""
    return [epc for some in _told(_EPCS, asks) for epc in some]


def counts(asks: Iterable[Ask]) -> list[CountAsk]:
    """Those that are about a count."""
    return [ask for ask in asks if type(ask) in _COUNTS]  # type: ignore[misc]  # its kinds are those of the set


def _told(by: _Table[T], asks: Iterable[Ask]) -> list[T]:
    return [by[type(ask)](ask) for ask in asks if type(ask) in by]
