"""Decisions about what becomes known of an order after it was placed: it is paid, changed, its courier is there, the
customer answers. Each is done whole or not at all, and named: a repetition changes nothing.
"""

from dataclasses import replace
from typing import Final

from msgspec import structs

from agent.core import orders, promises, work
from agent.core.asks import CommitHold, Mistake, Ordered, Refused, Reserve, Short, Want
from agent.core.claims import Hold, HoldLine
from agent.core.fulfilment import as_it_stands, follow, happen, line_of, missing, refused
from agent.core.ledger import Turn
from agent.core.life import OrderState
from agent.core.order_asks import AfterPlacing, AmendOrder, AnswerQuestion, CourierCame, PayOrder
from agent.core.orders import Order

#: Changes of one order; more are no customer's.
MOST_AMENDS: Final = 100
#: Until when an order can be changed.
_CHANGEABLE: Final[tuple[OrderState, ...]] = ("received", "accepted", "picking", "awaiting_decision")
#: A hold that is made anew is the order's from its first moment; its time to live is never used.
_UNUSED_TTL_S: Final = 60


def decide(turn: Turn, ask: AfterPlacing) -> Ordered | Short | Refused:
    """Enter it, or say why it cannot be."""
    order = turn.order(ask.order)
    if order is None:
        return refused(ask.order, "is not known")
    match ask:
        case PayOrder():
            return _pay(turn, order, ask)
        case AmendOrder():
            return _amend(turn, order, ask)
        case CourierCame():
            return _meet_courier(turn, order)
        case AnswerQuestion():
            return _answer(turn, order, ask)


def _pay(turn: Turn, order: Order, ask: PayOrder) -> Ordered | Refused:
    """Frozen goods become the order's. When their time was up they are held anew in the same step, or it stays over."""
    (source,) = ask.sources()
    if order.event_of(source) is not None:
        return as_it_stands(turn, order)
    if order.state == "rejected" and order.why == "unpaid":
        order = _held_anew(turn, order, source)
        if not order.is_open:
            return as_it_stands(turn, order)
    elif not order.is_unpaid:
        if order.state in ("rejected", "cancel_requested", "cancelled"):
            return refused(order.id, f"cannot be paid: it is {order.state}", conflict=True)
        return as_it_stands(turn, order)  # it was paid before
    promises.commit(turn, CommitHold(order.hold, order.id))
    return as_it_stands(turn, happen(turn, order, "accept", source, by=ask.by))


def _held_anew(turn: Turn, order: Order, source: str) -> Order:
    """The order begins again, with a hold for all of it; or stays rejected as `hold_expired` when that cannot be."""
    wants = tuple(Want(line.line, line.sku, line.qty) for line in order.lines)
    hold = orders.hold_of(order.id, again=True)
    held = promises.reserve(turn, Reserve(hold, order.channel, wants, _UNUSED_TTL_S, due_ms=order.due_at))
    if not isinstance(held, Refused | Short):
        return orders.received_again(order, source, turn.books_ms)
    order = orders.without_people(order)
    order = replace(order, why="hold_expired", missing=missing(held) if isinstance(held, Short) else ())
    turn.keep_order(order)
    return order


def _amend(turn: Turn, order: Order, ask: AmendOrder) -> Ordered | Short | Refused:
    """Claim more or less. What is picked is not given up by it: that is to be cancelled or put back."""
    said = dict(order.amends).get(ask.amend)
    if said is not None:
        if said == ask.said():
            return as_it_stands(turn, order)
        return refused(order.id, f"had the change {ask.amend!r} before with other content", conflict=True)
    hold = turn.hold(order.hold)
    if order.state not in _CHANGEABLE or hold is None or not hold.is_open:
        return refused(order.id, f"cannot be changed any more: it is {order.state}", conflict=True)
    if len(order.amends) >= MOST_AMENDS:
        return refused(order.id, f"was changed {MOST_AMENDS} times", conflict=True)
    lines = {line.line: line for line in hold.lines}
    mistakes = [Mistake(f"lines.{want.line}", why) for want in ask.wants if (why := _why_not(turn, lines, want))]
    if len({want.line for want in ask.wants}) < len(ask.wants):
        mistakes.append(Mistake("lines", "two lines have the same number"))
    wanted = {line.line: line.qty for line in order.lines} | {want.line: want.qty for want in ask.wants}
    if not any(wanted.values()):
        mistakes.append(Mistake("lines", "nothing is left of it: cancel it"))
    if mistakes:
        return Refused(tuple(mistakes))
    more = _more(lines, ask.wants)
    short = promises.lacking(turn, Reserve(hold.id, order.channel, more, None))
    if short:
        return Short(hold.id, tuple(short))
    (source,) = ask.sources()
    _claim(turn, hold, ask.wants, source)
    amended = replace(order, lines=_amended(order, ask), amends=(*order.amends, (ask.amend, ask.said())))
    turn.keep_order(amended)
    return as_it_stands(turn, follow(turn, amended, source))


def _why_not(turn: Turn, lines: dict[int, HoldLine], want: Want) -> str:
    """Why a line cannot be changed so; "" when it can."""
    line = lines.get(want.line)
    if want.qty < 0 or want.line < 1:
        return "makes no sense"
    if line is None:
        if want.sku not in turn.books.catalogue.skus:
            return f"{want.sku!r} is not in the catalogue"
        return "" if want.qty else "is not there"
    if line.sku != want.sku or line.instead_of:
        return f"is {line.qty} of {line.sku}: order {want.sku!r} as a line of its own"
    if line.qty - want.qty > line.open:
        return f"only {line.open} of {line.qty} are not picked yet"
    if want.qty > line.qty and line.state != "todo":
        return f"was {line.state}: order more of it as a line of its own"
    return ""


def _more(lines: dict[int, HoldLine], wants: tuple[Want, ...]) -> tuple[Want, ...]:
    """What has to be held beyond what is, by SKU: what one line gives up another can have."""
    by_sku: dict[str, int] = {}
    for want in wants:
        line = lines.get(want.line)
        by_sku[want.sku] = by_sku.get(want.sku, 0) + want.qty - (line.qty if line is not None else 0)
    return tuple(Want(nth, sku, qty) for nth, (sku, qty) in enumerate(by_sku.items(), 1) if qty > 0)


def _claim(turn: Turn, hold: Hold, wants: tuple[Want, ...], source: str) -> None:
    """Give up and claim units, line by line: first what is given up."""
    lines = {line.line: line for line in hold.lines}
    part = 0
    for want in sorted(wants, key=lambda want: want.qty - lines[want.line].qty if want.line in lines else want.qty):
        line = lines.get(want.line) or HoldLine(want.line, want.sku, 0, 0)
        change = want.qty - line.qty
        if change:
            there, back = hold.account(line), hold.source(line)
            ends = (back, there) if change > 0 else (there, back)
            turn.post(line.sku, *ends, abs(change), "hold" if change > 0 else "release", source, "hq", part)
            part += 1
        lines[want.line] = structs.replace(line, qty=want.qty, open=line.open + change)
    turn.keep_hold(structs.replace(hold, lines=tuple(lines.values())))


def _amended(order: Order, ask: AmendOrder) -> tuple[orders.OrderLine, ...]:
    lines = {line.line: line for line in order.lines}
    for want in ask.wants:
        line = lines.get(want.line)
        lines[want.line] = line_of(want) if line is None else replace(line, qty=want.qty)
    return tuple(line for line in lines.values() if line.qty)


def _meet_courier(turn: Turn, order: Order) -> Ordered | Refused:
    if order.courier_at_ms is not None:
        return as_it_stands(turn, order)
    if not order.is_open or order.is_unpaid or order.state == "cancel_requested":
        return refused(order.id, f"has nothing for a courier: it is {order.state}", conflict=True)
    order = replace(order, courier_at_ms=turn.books_ms)
    turn.keep_order(order)
    return as_it_stands(turn, order)


def _answer(turn: Turn, order: Order, ask: AnswerQuestion) -> Ordered | Refused:
    """What the customer wants of the line is noted in it; the picker goes on with that."""
    (source,) = ask.sources()
    before = order.event_of(source)
    if before is not None:
        return as_it_stands(turn, order)
    question = order.question
    if order.state != "awaiting_decision" or question is None:
        return refused(order.id, f"waits for no answer: it is {order.state}", conflict=True)
    number = question.line
    if ask.take != "cancel" and ask.line not in (0, number):
        return refused(order.id, f"asks about line {number}, not {ask.line}", conflict=True)
    line = next((line for line in order.lines if line.line == number), None)
    if ask.take != "cancel" and line is None:
        return refused(order.id, f"has no line {number}")
    if ask.take == "substitute" and ask.sku not in (question.candidates or turn.books.catalogue.skus):
        return refused(order.id, f"was not offered {ask.sku!r}")
    if ask.take == "cancel" or line is None:
        return as_it_stands(turn, follow(turn, happen(turn, order, "cancel", source), source))
    if ask.take == "remove":
        noted = replace(line, unavailable="remove", answer="remove")
        hold = turn.hold(order.hold)
        if hold is not None and hold.is_open:
            work.let_go(turn, hold, number)
    else:
        noted = replace(line, unavailable="substitute", substitutes=(ask.sku,), answer="substitute")
    order = replace(order, lines=tuple(noted if one is line else one for one in order.lines))
    return as_it_stands(turn, follow(turn, happen(turn, order, "decide", source), source))
