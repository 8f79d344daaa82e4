"""Decisions about orders: placed, moved from step to step by people and devices, and taken on by the clock."""

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from agent.core import life, orders, promises, tag_moves, work
from agent.core.asks import (
    Claimed,
    CommitHold,
    ConsumeHold,
    GiveWay,
    Mistake,
    MoveOrder,
    Ordered,
    PlaceOrder,
    Refused,
    ReleaseHold,
    Reserve,
    Short,
    Want,
    Work,
    Worked,
    WorkName,
)
from agent.core.claims import OPEN, Hold, units_in
from agent.core.ledger import Posting, Turn
from agent.core.life import OrderEvent, OrderState
from agent.core.order_asks import OrderWant
from agent.core.orders import MissingUnits, Order, OrderLine, Question, hold_of
from agent.core.picking.platforms import may_finish_at_ms
from agent.core.places import STAGED, TOTE

#: Claims of a paid order are its own from its first moment; the time to live of the hold it makes is never used.
_UNUSED_TTL_S: Final = 60

_PREFIX: Final = hold_of("")
_AGAIN: Final = hold_of("", again=True).removeprefix(_PREFIX)

_PICKING: Final[tuple[OrderState, ...]] = ("accepted", "picking", "awaiting_decision")
_ON_ITS_WAY: Final[tuple[OrderState, ...]] = ("picking", "awaiting_decision", "picked", "packed", "staged")
_ANY: Final = tuple(life.ORDER.states())
#: In which states of its order an outcome can be reported; where the goods must be for it is `work`'s to judge.
_WHEN: Final[Mapping[WorkName, tuple[OrderState, ...]]] = MappingProxyType(
    {
        "picked": _PICKING,
        "short": _PICKING,
        "damaged": _PICKING,
        "substituted": _PICKING,
        "weighed": _PICKING,
        "cancelled_before_pull": (*_PICKING, "picked", "packed", "staged", "cancel_requested"),
        "cancelled_after_pull": (*_ON_ITS_WAY, "cancel_requested"),
        "staged": _ON_ITS_WAY,
        "handed_over": ("staged", "cancel_requested"),
        "not_collected": ("staged", "cancel_requested"),
        "put_back": _ANY,
    }
)


def place(turn: Turn, ask: PlaceOrder) -> Ordered | Refused:
    """Promise every line of an order, or reject it; known by its name ever after."""
    found = turn.order(ask.order)
    if found is not None:
        if _is_asked_again(found, ask):
            return as_it_stands(turn, found)
        return refused(ask.order, "was placed before with other content", conflict=True)
    mistake = _mistake(turn, ask)
    if mistake is not None:
        return Refused((mistake,))
    order = _new(turn, ask)
    if turn.hold(order.hold) is not None:
        return refused(ask.order, f"cannot be held: there is a hold {order.hold!r}", conflict=True)
    (source,) = ask.sources()
    if turn.posting_of(source) is not None or source in turn.bygone:
        return refused(ask.order, "was placed before, and was over long ago", conflict=True)
    ttl_s = ask.pay_within_s or _UNUSED_TTL_S
    held = promises.reserve(
        turn, Reserve(order.hold, ask.channel, ask.wants, ttl_s, due_ms=order.due_at, lease=ask.lease)
    )
    if isinstance(held, Refused):
        return held
    if isinstance(held, Short):
        return as_it_stands(turn, happen(turn, replace(order, missing=missing(held)), "reject", order.hold))
    if order.is_unpaid:
        turn.keep_order(order)
        return as_it_stands(turn, order)
    promises.commit(turn, CommitHold(order.hold, order.id))
    return as_it_stands(turn, happen(turn, order, "accept", order.hold))


def _new(turn: Turn, ask: PlaceOrder) -> Order:
    """The order, received. What was promised in so many minutes is due then, unless its time is said."""
    promised_at = turn.at + ask.promise_min * 60_000 if ask.promise_min else 0
    order = orders.received(
        ask.order,
        ask.channel,
        tuple(line_of(want) for want in ask.wants),
        due_at=ask.due_at or promised_at,
        now_at=turn.at,
        now_ms=turn.books_ms,
        pay_within_s=ask.pay_within_s,
        by=ask.by,
    )
    return replace(
        order,
        fulfil=ask.fulfil,
        promise_min=ask.promise_min,
        code=ask.code,
        group=ask.group,
        short=ask.short or order.short,
    )


def line_of(want: Want) -> OrderLine:
    """The line of an order that is wanted so."""
    if not isinstance(want, OrderWant):
        return OrderLine(want.line, want.sku, want.qty)
    about = (want.unavailable, want.substitutes, want.tolerance_pct, want.member)
    return OrderLine(want.line, want.sku, want.qty, *about)


def missing(held: Short) -> tuple[MissingUnits, ...]:
    """What there was too little of."""
    return tuple(MissingUnits(one.sku, one.wanted, one.available, one.why) for one in held.lacking)


def _is_asked_again(order: Order, ask: PlaceOrder) -> bool:
    """Does it say what the order was placed with, as far as that is still known?"""
    about = attrgetter("channel", "fulfil", "pay_within_s", "promise_min", "group")
    is_due_then = ask.due_at == order.due_at or (ask.promise_min and not ask.due_at)
    if about(order) != about(ask) or not is_due_then or (ask.short and ask.short != order.short):
        return False
    if order.code != ask.code and (order.code or order.ended_ms is None):
        return False
    return bool(order.amends) or _same_lines(order, ask)


def _same_lines(order: Order, ask: PlaceOrder) -> bool:
    had = [(line.line, line.sku, line.qty) for line in order.lines]
    return had == [(want.line, want.sku, want.qty) for want in ask.wants]


def _mistake(turn: Turn, ask: PlaceOrder) -> Mistake | None:
    if not ask.wants:
        return Mistake("lines", "an order wants something")
    if len({want.line for want in ask.wants}) < len(ask.wants):
        return Mistake("lines", "two lines have the same number")
    return next((Mistake(f"lines.{want.line}", "wants nothing") for want in ask.wants if want.qty < 1), None)


def move(turn: Turn, ask: MoveOrder) -> Ordered | Refused:
    """Let something happen to an order. A move that was entered before, or by its name as something else, is known."""
    order = turn.order(ask.order)
    if order is None:
        return refused(ask.order, "is not known")
    (source,) = ask.sources()
    before = order.event_of(source)
    if before is not None:
        if before == ask.event:
            return as_it_stands(turn, order)
        return refused(ask.order, f"had {ask.move!r} before, as {before}", conflict=True)
    if ask.event == "cancel" and order.state == "rejected" and order.why in ("unpaid", "withdrawn"):
        turn.keep_order(replace(orders.without_people(order), why="withdrawn"))  # who pays now buys nothing
        return as_it_stands(turn, turn.orders[order.id])
    if ask.event in ("accept", "reject", "again"):
        return refused(ask.order, f"is not to be moved by {ask.event!r}: the books decide that", conflict=True)
    goods = _goods_in_the_way(turn, order, ask.event)
    if goods:
        return refused(ask.order, goods, conflict=True)
    try:
        life.advance(life.ORDER, order.state, ask.event)
    except life.ImpossibleMoveError as error:
        return refused(ask.order, f"cannot be moved: {error}", conflict=True)
    if ask.event == "ask":
        order = replace(order, default=ask.default, question=Question(ask.line, ask.candidates))
        order = orders.answered(order, "")
    return as_it_stands(turn, follow(turn, happen(turn, order, ask.event, source, ask.within_s), source))


def report(turn: Turn, ask: Work) -> Worked | Refused:
    """Enter a report of work. An order's must fit the step it is in, and takes it on by itself."""
    order, hold = owner_of(turn, ask.hold), turn.hold(ask.hold)
    if order is None or hold is None or ask.work in dict(hold.works):
        return work.work(turn, ask)
    if order.state not in _WHEN[ask.outcome]:
        now = dict.fromkeys(name for line in hold.lines for name in work.possible(turn, hold, line))
        can = ", ".join(name for name in now if order.state in _WHEN[name]) or "nothing"
        problem = f"order {order.id!r} is {order.state}: {ask.outcome} is not possible; possible: {can}"
        return Refused((Mistake("outcome", problem),), conflict=True)
    done = work.work(turn, ask)
    if isinstance(done, Refused):
        return done
    if order.state == "accepted" and ask.outcome != "cancelled_before_pull":
        order = happen(turn, order, "start", f"{ask.source()}:start")
    follow(turn, order, ask.source())
    now_is = turn.hold(ask.hold) or hold
    return Worked(ask.work, now_is.id, now_is.state, now_is.lines)


def undone(turn: Turn, order: Order, source: str) -> None:
    """Something that was picked for the order was taken back: it is being picked again."""
    if order.state == "picked":
        happen(turn, order, "again", f"{source}:again")


def sell(turn: Turn, epc: bytes, sku: str, source: str) -> Posting:
    """A till read the tag. If its unit was pulled for an order, that has it now."""
    posting = tag_moves.sell(turn, epc, sku, source)
    hold = work.sold(turn, epc, posting) if posting.origin.startswith((TOTE, STAGED)) else None
    order = owner_of(turn, hold.id) if hold is not None else None
    if order is not None:
        follow(turn, order, source)
    return posting


def give_way(turn: Turn, ask: GiveWay) -> Claimed | Refused:
    """End a claim that cannot be kept; an order that loses it so is cancelled, and what was pulled is put back."""
    order, done = owner_of(turn, ask.hold), promises.give_way(turn, ask)
    if order is not None and isinstance(done, Claimed):
        (source,) = ask.sources()
        if "cancel" in life.ORDER.possible(order.state):
            order = happen(turn, replace(order, why="breached"), "cancel", source)
        follow(turn, order, source)
    return done


def _goods_in_the_way(turn: Turn, order: Order, event: OrderEvent) -> str:
    """Why its goods are not where the event needs them; "" when they are. A hold nobody worked at says nothing."""
    hold = turn.hold(order.hold)
    lines = hold.lines if hold is not None else ()
    if event == "hand_over" and (loose := sum(units_in(line.pulled, TOTE) for line in lines)):
        return f"cannot be handed over: {loose} units are in totes, stage them first"
    if event == "settle" and (out := sum(units_in((*line.pulled, *line.back)) for line in lines)):
        return f"cannot be settled: {out} units are in totes and slots, put them back first"
    return ""


def look_after(turn: Turn) -> None:
    """Take on every order whose step's time is up, by its default or with a case; tell what was held back until now."""
    for order in turn.due_orders():
        if order.told_from_ms is not None and order.told_from_ms <= turn.books_ms:
            order = _told(turn, order)
        if order.late or order.deadline_ms > turn.books_ms:
            continue
        event = orders.when_overdue(order)
        if event is not None:
            source = f"clock:{order.id}:{len(order.steps)}"
            if event == "reject":
                order = replace(order, why="unpaid")
            elif event == "decide":
                order = orders.answered(order, "nobody")
            follow(turn, happen(turn, order, event, source), source)
        else:
            turn.keep_order(replace(order, late=True))
            turn.open_case("late_order", order.id, f"{order.state}, for {order.owner}")


def _told(turn: Turn, order: Order) -> Order:
    """Tell HQ, step by step, what its platform did not accept before."""
    known, order = len(orders.as_told(order).steps), replace(order, told_from_ms=None)
    turn.orders[order.id] = order
    for steps in range(known, len(order.steps)):
        turn.tell_order(replace(order, steps=order.steps[: steps + 1]))
    return order


def owner_of(turn: Turn, hold: str) -> Order | None:
    """The open order that a hold belongs to: nobody else disposes of it."""
    if not hold.startswith(_PREFIX):
        return None
    name = hold.removeprefix(_PREFIX)
    found = (turn.order(name), turn.order(name.removesuffix(_AGAIN)))
    return next((one for one in found if one is not None and one.is_open and one.hold == hold), None)


def tell_lines(turn: Turn) -> None:
    """Tell HQ of the orders whose lines are something else after this turn, if it was told nothing of them yet."""
    told = {change.order.id for change in turn.order_changes}
    for name, hold in list(turn.holds.items()) if turn.holds else ():
        order = owner_of(turn, name)
        before = turn.hold_before(name)
        if order is not None and order.id not in told and (before is None or before.lines != hold.lines):
            turn.tell_order(order)


def follow(turn: Turn, order: Order, source: str) -> Order:
    """Take an order on as far as its goods have come. Of a hold at which nobody worked they say nothing."""
    while (hold := turn.hold(order.hold)) is not None and (hold.works or not hold.is_open):
        event = _by_its_goods(order, hold)
        if event is None:
            break
        if event == "cancel":
            sold_out = any(line.state == "short" for line in hold.lines)
            order = replace(order, why="sold_out" if sold_out else "removed")
        order = happen(turn, order, event, f"{source}:{event}")
    return order


def _by_its_goods(order: Order, hold: Hold) -> OrderEvent | None:
    """What must have happened to an order, seeing where its goods are; None: nothing since."""
    to_pick = any(line.open or line.lost for line in hold.lines)
    pulled = [place for line in hold.lines for place, _ in line.pulled]
    had, back = (any(line.consumed for line in hold.lines), any(line.back for line in hold.lines))
    staged = bool(pulled) and all(place.startswith(STAGED) for place in pulled)
    match order.state:
        case "accepted" | "picking" | "awaiting_decision" if not (to_pick or pulled or had):
            return "cancel"  # nothing of it is to be had, whatever the customer says
        case "awaiting_decision" if not (to_pick or pulled):
            return "decide"  # a till sold what was pulled: nothing is left to be decided
        case "picking" if not to_pick:
            return "finish"
        case "picked" | "packed" | "staged" if not (pulled or had):
            return "cancel"
        case "picked" if staged:
            return "pack"
        case "packed" if staged:
            return "stage"
        case "staged" if not pulled:
            return "hand_over"
        case "cancel_requested" if not (pulled or back):
            return "hand_over" if had else "settle"
    return None


def happen(turn: Turn, order: Order, event: OrderEvent, source: str, within_s: int = 0, by: str = "") -> Order:
    """The event, and what follows from it for the order's claim and its case."""
    was_late, before = order.late, order.state
    order = orders.advanced(order, event, source, turn.books_ms, within_s, by)
    if event == "finish":
        order = _held_back(turn, order)
    if event == "cancel" and before in ("received", "accepted"):  # nothing was pulled: nothing is to be put back
        order = orders.advanced(order, "settle", f"{source}:settle", turn.books_ms)
    hold = turn.hold(order.hold)
    if hold is not None and hold.state in OPEN:
        if order.state in ("cancelled", "rejected"):
            promises.release(turn, ReleaseHold(hold.id))
        elif order.state == "handed_over" and hold.works:
            work.hand_over(turn, hold)
        elif order.state == "handed_over":
            promises.consume(turn, ConsumeHold(hold.id, tuple((line.line, line.open) for line in hold.lines)))
    if was_late and not order.late:
        turn.resolve_case("late_order", order.id, order.state)
    turn.keep_order(order)
    return order


def _held_back(turn: Turn, order: Order) -> Order:
    """What its platform would not accept yet HQ is told when it does."""
    accepted_ms = next(step.since_ms for step in reversed(order.steps) if step.event == "accept")
    at_ms = may_finish_at_ms(accepted_ms, turn.conditions.rules(order.channel))
    return replace(order, told_from_ms=at_ms) if at_ms > turn.books_ms else order


def as_it_stands(turn: Turn, order: Order) -> Ordered:
    left_s = -(-(order.deadline_ms - turn.books_ms) // 1000) if order.is_open else None
    return Ordered(order.id, order.state, order.owner, left_s, order.lines, order.missing, order.why)


def refused(name: str, why: str, *, conflict: bool = False) -> Refused:
    return Refused((Mistake("order", f"{name!r} {why}"),), conflict)
