"""Rows of tasks, of what handhelds reported, and of what was handed over."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from agent.core import naming
from agent.core.asks import Ask
from agent.core.ledger import Books, Posting, Turn
from agent.core.picking.estimates import REMEMBERED
from agent.core.tasks import times
from agent.core.tasks.task import Bag, Parcel, ReportNote, Spent, Task, Tote
from agent.store import claims, orders

_TASK = "id, kind, totes, worker, token, state, reason, since_ms, heard_ms, spot"
_SPENT = "customer_order, ms, dm"
_NOTE = "id, task, customer_order, said, entered, why, worker, at_ms, line_before, lines_after"
_POSTINGS = (
    f"SELECT {', '.join(Posting._fields)} FROM posting"  # noqa: S608 - the columns are this program's own
    " WHERE source IN (SELECT value FROM json_each(?)) ORDER BY seq"
)


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the open tasks into the books, what is to be handed over, and what is to be put back of holds that are over.

    Orders, holds and cases must be there.
    """
    tasks = books.tasks
    for task in _tasks(tx, "state <> 'done'", ()):
        tasks.keep(task)
    newest = "SELECT coalesce(max(CAST(substr(id, instr(id, '-') + 1) AS INTEGER)), 0) FROM task WHERE id LIKE ?"
    (tasks.newest,) = tx.execute(newest, (f"{books.epoch}-%",)).fetchone()
    of_open = "SELECT id FROM customer_order WHERE state NOT IN ('closed', 'rejected', 'cancelled')"
    for row in tx.execute(f"SELECT * FROM parcel WHERE customer_order IN ({of_open})"):  # noqa: S608 - no input in it
        tasks.keep_parcel(_parcel(row))
    _learn(tx, books)
    over = [about for kind, about in books.cases if kind == "put_back" and about not in books.holds]
    for hold in claims.named(tx, over).values():
        tasks.keep_leftover(hold)


def _learn(tx: sqlite3.Connection, books: Books) -> None:
    """Take from the last tasks how long work takes here; from their orders also how long handing over does."""
    last = "state = 'done' AND kind = 'pick' ORDER BY heard_ms DESC, id DESC LIMIT ?"
    done = _tasks(tx, last, (REMEMBERED,))[::-1]
    known = orders.named(tx, list(dict.fromkeys(name for task in done for name in task.orders)))
    for task in done:
        books.tasks.learn(task, [known[name] for name in task.orders if name in known])
    handed = [(order.steps[-1].since_ms, took) for order in known.values() for took in times.of_hand_over(order)]
    took = [took for _, took in sorted(handed, key=lambda one: one[0])]
    books.tasks.estimates = books.tasks.estimates.of_all(took)


def look_back(tx: sqlite3.Connection, turn: Turn, asks: Sequence[Ask]) -> None:
    """Give the turn what it must know of tasks that are done, and of what handhelds reported before."""
    now = turn.tasks
    names = [name for name in naming.tasks(asks) if name not in now.books.tasks]
    if names:
        known = _tasks(tx, "id IN (SELECT value FROM json_each(?))", (json.dumps(names),))
        now.known_tasks = {task.id: task for task in known}
    handed_over = naming.handed_over(asks)
    if handed_over:
        found = tx.execute(
            "SELECT * FROM parcel WHERE customer_order IN (SELECT value FROM json_each(?))", (json.dumps(handed_over),)
        )
        now.known_parcels = {parcel.order: parcel for parcel in map(_parcel, found)}
    reports = [(one, ask) for ask in naming.reports(asks) for one in ask.reports]
    if not reports:
        return
    wanted = {one.id for one, _ in reports}
    undone = [hold for one, _ in reports if one.outcome == "undo" for hold in orders.holds_of(one.order)]
    holds = [hold for name in dict.fromkeys(undone) if (hold := turn.hold(name)) is not None]
    wanted.update(name for hold in holds for name, _ in hold.works)
    notes = tx.execute(
        f"SELECT {_NOTE} FROM pick_report WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - no input in it
        (json.dumps(sorted(wanted)),),
    )
    now.known = {note.id: note for note in map(_note, notes)}
    if holds:
        sources = [f"work:{hold.id}/{name}" for hold in holds for name, _ in hold.works]
        moves: dict[str, list[Posting]] = defaultdict(list)
        for row in tx.execute(_POSTINGS, (json.dumps(sources),)):
            moves[row[7]].append(Posting._make(row))
        now.known_postings = moves


#: In the place of a task's name, where labour was that of handing over.
_HANDING_OVER: Final = "hand-over"


def enter(tx: sqlite3.Connection, turn: Turn) -> None:
    """Write what a turn makes of tasks."""
    tx.executemany(
        f"INSERT INTO task ({_TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"  # noqa: S608
        " worker = excluded.worker, token = excluded.token, state = excluded.state, heard_ms = excluded.heard_ms,"
        " spot = excluded.spot",
        [_task_row(task) for task in turn.tasks.tasks.values()],
    )
    tx.executemany(
        "INSERT OR REPLACE INTO labour (task, customer_order, ms, dm) VALUES (?, ?, ?, ?)",
        [(task.id, *spent) for task in turn.tasks.tasks.values() for spent in task.spent]
        + [(_HANDING_OVER, order, ms, 0) for order, ms in turn.tasks.handing.items()],
    )
    tx.executemany(
        "INSERT INTO pick_report VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_note_row(note) for note in turn.tasks.notes.values()],
    )
    tx.executemany(
        "INSERT OR REPLACE INTO parcel VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [_parcel_row(parcel) for parcel in turn.tasks.parcels.values()],
    )


def _tasks(tx: sqlite3.Connection, which: str, values: tuple[Any, ...]) -> list[Task]:
    """The tasks `which` (a condition of this program's own) is true of."""
    spent: dict[str, list[Spent]] = defaultdict(list)
    wanted = f"SELECT id FROM task WHERE {which}"  # noqa: S608
    of_those = f"SELECT task, {_SPENT} FROM labour WHERE task IN ({wanted}) ORDER BY customer_order"  # noqa: S608
    for task, *cost in tx.execute(of_those, values):
        spent[task].append(Spent(*cost))
    found = tx.execute(f"SELECT {_TASK} FROM task WHERE {which}", values)  # noqa: S608
    return [_task(row, tuple(spent[row[0]])) for row in found]


def _task(row: Sequence[Any], spent: tuple[Spent, ...]) -> Task:
    name, kind, totes, *rest = row
    return Task(name, kind, tuple(Tote(*tote) for tote in json.loads(totes)), *(*rest, spent))


def _task_row(task: Task) -> tuple[Any, ...]:
    totes = json.dumps([(tote.tote, tote.order) for tote in task.totes])
    token = (task.worker, task.token, task.state, task.reason)
    return (task.id, task.kind, totes, *token, task.since_ms, task.heard_ms, task.spot)


def _note(row: Sequence[Any]) -> ReportNote:
    name, task, order, said, entered, why, worker, at_ms, before, after = row
    was = claims.lines_of(before)[0] if before is not None else None
    return ReportNote(name, task, order, said, bool(entered), why, worker, at_ms, was, claims.lines_of(after))


def _note_row(note: ReportNote) -> tuple[Any, ...]:
    said = (note.id, note.task, note.order, note.said, note.entered, note.why, note.by, note.at_ms)
    return (*said, claims.text_of([note.before]) if note.before is not None else None, claims.text_of(note.after))


def _parcel(row: Sequence[Any]) -> Parcel:
    order, bags, tries, how, to, by, age_checked, at_ms = row
    checked = None if age_checked is None else bool(age_checked)
    return Parcel(order, tuple(Bag(*bag) for bag in json.loads(bags)), tries, how, to, by, checked, at_ms)


def _parcel_row(parcel: Parcel) -> tuple[Any, ...]:
    bags = json.dumps([(bag.k, bag.n, bag.temperature) for bag in parcel.bags])
    proof = (parcel.how, parcel.to, parcel.by, parcel.age_checked, parcel.at_ms)
    return (parcel.order, bags, parcel.tries, *proof)
