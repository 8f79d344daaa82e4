"""What a task's worker spends on its orders: the time between two reports, and the way between the stops as taken.

Time is that of the orders of the report that ends it; nobody works while nothing is heard of them for longer than a
worker may be silent. Handing over takes what the handheld measured. The way to a stop is the stop's order's, that back
to the packing table all orders' alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from agent.core.ledger import Turn
from agent.core.orders import Order
from agent.core.picking.store_map import Point, Spot, StoreMap
from agent.core.tasks import walking
from agent.core.tasks.asks import PickReport, ReportName
from agent.core.tasks.task import Spent, Task

#: Where a worker stands who has begun: at the entrance, or to put back at the packing table.
_BEGUN: Final = ""
#: At the packing table.
PACKING: Final = "*"
_AT_THE_TABLE: Final[tuple[ReportName, ...]] = ("staged",)
_NO_WAY: Final[tuple[ReportName, ...]] = ("undo",)


class Done(NamedTuple):
    """Something was done for an order: at spots that hold the goods, at the packing table, or (empty) anywhere."""

    order: str
    spots: tuple[str, ...] = ()


def reported(turn: Turn, task: Task, reports: Iterable[PickReport]) -> Task:
    """The task after these reports, which were entered in this turn."""
    return after(turn, task, [_done(turn, one) for one in reports])


def after(turn: Turn, task: Task, done: Sequence[Done]) -> Task:
    """The task after its worker has done this, one after another, since they were last heard of."""
    if not done:
        return task
    ms = max(0, min(turn.books_ms - task.heard_ms, turn.books.tasks.rules.silent_s * 1000))
    spent = {one.order: one for one in task.spent}
    for nth, one in enumerate(done):
        share = ms * (nth + 1) // len(done) - ms * nth // len(done)
        spent[one.order] = _more(spent, one.order, share, 0)
        task = _walk(walking.map_of(turn.books), task, one, spent)
    return replace(task, spent=tuple(sorted(spent.values())))


def handed_over(turn: Turn, order: Order, worker: str, took_ms: int) -> None:
    """The order is handed over, which took its worker so long as they say: at most since it was staged.

    What is also time since they last reported for a task of theirs is taken out of that, so that it counts once.
    """
    tasks = turn.tasks
    ms = max(0, min(took_ms, tasks.books.rules.silent_s * 1000, turn.books_ms - order.steps[-1].since_ms))
    task = next((one for one in tasks.open() if one.state == "claimed" and one.worker == worker), None)
    if task is not None:
        ms = max(0, min(ms, turn.books_ms - task.heard_ms))
        tasks.tasks[task.id] = replace(task, heard_ms=task.heard_ms + ms)
    if ms:
        tasks.handing[order.id] = ms


def _walk(store: StoreMap, task: Task, to: Done, spent: dict[str, Spent]) -> Task:
    """Go to the first of the spots that the map knows, as pickers are sent; else nobody knows the way."""
    here = _place(store, task)
    if to.spots == (PACKING,):
        home_dm = _dm(store, here, store.packing)
        for nth, order in enumerate(task.orders):
            share = home_dm * (nth + 1) // len(task.orders) - home_dm * nth // len(task.orders)
            spent[order] = _more(spent, order, 0, share)
        return replace(task, spot=PACKING)
    there = next((spot for code in to.spots if (spot := store.spots.get(code)) is not None), None)
    if there is None:
        return task
    spent[to.order] = _more(spent, to.order, 0, _dm(store, here, there))
    return replace(task, spot=there.code)


def _place(store: StoreMap, task: Task) -> Point | Spot:
    if task.spot == _BEGUN:
        return store.entrance if task.kind == "pick" else store.packing
    return store.spots.get(task.spot, store.packing)


def _done(turn: Turn, one: PickReport) -> Done:
    """What a report says that was done, and where: the goods' own spots, unless they came from the backroom."""
    if one.outcome in _AT_THE_TABLE:
        return Done(one.order, (PACKING,))
    note = turn.tasks.notes[one.id]
    if one.outcome in _NO_WAY or one.place == "BACKROOM" or note.before is None:
        return Done(one.order)
    instead = next((line.sku for line in note.after if line.instead_of == note.before.line), note.before.sku)
    found = turn.books.catalogue.skus.get(instead if one.outcome == "substituted" else note.before.sku)
    return Done(one.order, found.spots if found is not None else ())


def _more(spent: dict[str, Spent], order: str, ms: int, dm: int) -> Spent:
    before = spent.get(order, Spent(order))
    return Spent(order, before.ms + ms, before.dm + dm)


def _dm(store: StoreMap, here: Point | Spot, there: Point | Spot) -> int:
    return round(10 * store.metres(here, there))
