"""Who picks what: the next offer, claims, take-overs, and what is done with a task nobody speaks for any more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from agent.core import fulfilment, life
from agent.core.asks import MoveOrder
from agent.core.claims import Hold, HoldLine
from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.places import TOTE
from agent.core.tasks import walking
from agent.core.tasks.asks import ClaimTask, LeaveTask, Lost, NoWork, Tasked
from agent.core.tasks.task import Kind, Task, Tote, moved

#: States in which an order has something to be picked, packed or staged.
TO_DO: Final = ("accepted", "picking", "picked", "packed")
_AT_WORK: Final = (*TO_DO, "awaiting_decision")


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be done next: these orders, the one that is most pressing first; `task` is one that was left."""

    kind: Kind
    orders: tuple[str, ...]
    reason: str
    task: str = ""


def claim(turn: Turn, ask: ClaimTask) -> Tasked | NoWork:
    """Give the worker the task they have, the one they take over, or the next one."""
    now = turn.tasks
    if ask.take_over:
        found = now.task(ask.take_over)
        if found is None or not found.is_open:
            return NoWork()
        return Tasked(_keep(turn, moved(found, "take_over", turn.books_ms, ask.worker)))
    _settle_the_empty(turn, list((turn.books.orders | turn.orders).values()))
    mine = of_worker(turn, ask.worker)
    if mine is not None:
        return Tasked(mine)
    offer = next_offer(turn, ask.kind) or next_offer(turn, "put_back" if ask.kind == "pick" else "pick")
    if offer is None:
        return NoWork()
    left = now.task(offer.task)
    if left is not None:
        return Tasked(_keep(turn, moved(left, "take_over", turn.books_ms, ask.worker)))
    return Tasked(_keep(turn, _begin(turn, offer, ask.worker)))


def leave(turn: Turn, ask: LeaveTask) -> Tasked | Lost | NoWork:
    """Offer the task to others, with what is in its totes."""
    task = turn.tasks.task(ask.task)
    if task is None:
        return NoWork()
    if not is_theirs(task, ask.token):
        return Lost(task)
    return Tasked(_keep(turn, moved(task, "leave", turn.books_ms)) if task.state == "claimed" else task)


def is_theirs(task: Task, token: int) -> bool:
    """Is the task still theirs who have this token?"""
    return task.token == token


def heard(turn: Turn, task: Task) -> Task:
    """Its worker has spoken: the task is theirs for as long again, also when it was offered meanwhile."""
    if not task.is_open:
        return task
    if task.state == "offered":
        return _keep(turn, moved(task, "resume", turn.books_ms))
    return _keep(turn, replace(task, heard_ms=turn.books_ms))


def look_after(turn: Turn) -> None:
    """Offer every task again whose worker has been silent for too long."""
    for name in turn.books.tasks.silences.due(turn.books_ms):
        task = turn.tasks.task(name)
        if task is not None and task.state == "claimed":
            _keep(turn, moved(task, "fall_silent", turn.books_ms))


def follow(turn: Turn) -> None:
    """End what was cancelled with nothing in its totes; finish every task of which nothing is left to do; of an order
    that is over, forget who the courier was.
    """
    _settle_the_empty(turn, [order for order in turn.orders.values() if turn.tasks.of_order("pick", order.id)])
    for order in turn.orders.values():
        if not order.is_open and (parcel := turn.tasks.parcel(order.id)).to:
            turn.tasks.parcels[order.id] = replace(parcel, to="")
    touched = {order.id for order in turn.orders.values()} | {hold.order for hold in turn.holds.values()}
    if not touched:
        return
    for task in turn.tasks.open():
        if not touched.isdisjoint(task.orders) and not left_to_do(turn, task):
            _keep(turn, replace(task, state=life.advance(life.TASK, task.state, "finish")))


def left_to_do(turn: Turn, task: Task) -> tuple[str, ...]:
    """The orders of a task at which something is to be done still."""
    if task.kind == "put_back":
        return tuple(name for name in task.orders if any(to_put_back(turn, name)))
    orders = [turn.order(name) for name in task.orders]
    return tuple(order.id for order in orders if order is not None and order.state in _AT_WORK)


def of_worker(turn: Turn, worker: str) -> Task | None:
    """The task that a worker has."""
    return next((task for task in turn.tasks.open() if task.state == "claimed" and task.worker == worker), None)


def next_offer(turn: Turn, kind: Kind) -> Offer | None:
    """What is to be done next: a task that was left, or what waits."""
    left = [task for task in turn.tasks.open() if task.state == "offered" and task.kind == kind]
    if left:
        task = min(left, key=lambda task: (due_ms(turn, task.orders), task.id))
        return Offer(kind, task.orders, "left", task.id)
    if kind == "put_back":
        names = sorted(waiting_to_be_put_back(turn), key=lambda name: (due_ms(turn, (name,)), name))
        return Offer(kind, tuple(names[: turn.books.tasks.rules.totes]), "put_back") if names else None
    chosen = walking.ranked(turn, waiting_orders(turn))
    if not chosen:
        return None
    return Offer(kind, walking.batched(turn, chosen).orders, chosen[0].reason.code)


def waiting_orders(turn: Turn) -> list[Order]:
    """Orders that are to be picked, packed or staged, and that nobody has."""
    orders = (turn.books.orders | turn.orders).values()
    return [order for order in orders if order.state in TO_DO and turn.tasks.of_order("pick", order.id) is None]


def waiting_to_be_put_back(turn: Turn) -> list[str]:
    """Orders with goods in totes and slots that nobody wants, and that nobody is putting back."""
    holds = (turn.books.holds | turn.books.tasks.leftovers | turn.holds).values()
    with_goods = (hold.order for hold in holds if hold.works and any(line.back or line.pulled for line in hold.lines))
    return [
        name
        for name in dict.fromkeys(with_goods)
        if turn.tasks.of_order("put_back", name) is None and any(to_put_back(turn, name))
    ]


def to_put_back(turn: Turn, name: str) -> Iterator[tuple[HoldLine, str, int]]:
    """What of an order is to be put back: (line, tote or slot, units).

    All that was pulled, when the order is cancelled or was not collected in time; else what nobody claims any more.
    """
    order, hold = turn.order(name), hold_of_order(turn, name)
    for line in hold.lines if hold is not None else ():
        yield from ((line, place, qty) for place, qty in line.back)
        if order is not None and is_unwanted(order):
            yield from ((line, place, qty) for place, qty in line.pulled)


def is_unwanted(order: Order) -> bool:
    """Is all of an order to be put back: cancelled, or not collected in time?"""
    return order.state == "cancel_requested" or (order.state == "staged" and order.late)


def hold_of_order(turn: Turn, name: str) -> Hold | None:
    """The hold that has an order's goods; of one that is over, while some of them are to be put back."""
    order = turn.order(name)
    hold = turn.hold(order.hold) if order is not None else None
    if hold is not None:
        return hold
    left = (hold for hold in (turn.books.tasks.leftovers | turn.holds).values() if hold.order == name)
    return next(left, None)


def due_ms(turn: Turn, orders: Iterable[str]) -> int:
    """When the first of these must be done, in the books' time."""
    found = [order.deadline_ms for name in orders if (order := turn.order(name)) is not None and order.is_open]
    return min(found, default=turn.books_ms)


def _settle_the_empty(turn: Turn, orders: Iterable[Order]) -> None:
    """End every cancelled order of which nothing is to be put back."""
    for order in orders:
        if order.state == "cancel_requested" and not any(to_put_back(turn, order.id)):
            fulfilment.move(turn, MoveOrder(order.id, "settle", "settle"))


def _begin(turn: Turn, offer: Offer, worker: str) -> Task:
    """A new task. Goods that lie in a tote already stay there; each other order gets the lowest tote that is free."""
    free, totes = _free_totes(turn), []
    for name in offer.orders:
        order = turn.order(name)
        if offer.kind == "put_back" and order is not None and order.state == "staged":
            fulfilment.move(turn, MoveOrder(name, "not-collected", "cancel"))
        there = [place.removeprefix(TOTE) for place in _places(hold_of_order(turn, name)) if place.startswith(TOTE)]
        if there or offer.kind == "put_back":
            totes += [Tote(tote, name) for tote in dict.fromkeys(there or [""])]
        else:
            totes.append(Tote(next(free), name))
    name = f"{turn.books.epoch}-{turn.tasks.next_number()}"
    (state,) = life.TASK.begins
    return Task(name, offer.kind, tuple(totes), worker, 1, state, offer.reason, turn.books_ms, turn.books_ms)


def _free_totes(turn: Turn) -> Iterator[str]:
    """Numbers of totes that no task has and nothing lies in, the lowest first."""
    taken = {tote.tote for task in turn.tasks.open() for tote in task.totes}
    for hold in (turn.books.holds | turn.books.tasks.leftovers | turn.holds).values():
        taken.update(place.removeprefix(TOTE) for place in _places(hold))
    return (tote for nth in count(1) if (tote := str(nth)) not in taken)


def _places(hold: Hold | None) -> Iterator[str]:
    """The totes and slots in which a hold's goods lie."""
    for line in hold.lines if hold is not None else ():
        yield from (place for place, _ in (*line.pulled, *line.back))


def _keep(turn: Turn, task: Task) -> Task:
    turn.tasks.tasks[task.id] = task
    return task
