"""Tasks: which orders somebody picks or puts back, in which totes, and by which token they are theirs.

A task is somebody's until they leave it or fall silent; then it is offered again, with all that is in its totes. Its
token grows whenever somebody takes it over: who has an old one is told that the task is another's. Times are the books'
own (`ledger.Books.books_ms`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from agent.core import life
from agent.core.alarms import Alarms
from agent.core.catalogue import Temperature
from agent.core.claims import Hold, HoldLine
from agent.core.costs import NO_COSTS, Costs
from agent.core.orders import Order
from agent.core.picking.estimates import Estimates
from agent.core.picking.staging import Slot
from agent.core.picking.store_map import StoreMap
from agent.core.tasks import times

Kind = Literal["pick", "put_back"]
#: By what right an order was taken away.
How = Literal["code", "courier", "lead", "counter"]

#: Nobody is silent for so long while they walk and scan.
USUAL_SILENT_S: Final = 600
#: Totes on a cart.
USUAL_TOTES: Final = 4
#: Out of the cold for longer than this, chilled and frozen goods are waste.
USUAL_OUT_OF_COLD_S: Final = 30 * 60
#: Wrong pickup codes of one order before a lead must look.
MOST_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Tote:
    """A numbered tote, and the order whose goods go into it."""

    tote: str
    order: str


class Spent(NamedTuple):
    """What people spent on an order: milliseconds, and decimetres walked."""

    order: str
    ms: int = 0
    dm: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """`reason` says in a word why it is next; `heard_ms` is when its worker last said something.

    `spent` is what it cost so far, and `spot` where its worker stands (see `effort`).
    """

    id: str
    kind: Kind
    totes: tuple[Tote, ...]
    worker: str
    token: int
    state: life.TaskState
    reason: str
    since_ms: int
    heard_ms: int
    spot: str = ""
    spent: tuple[Spent, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state not in life.TASK.ends

    @property
    def orders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tote.order for tote in self.totes))

    @property
    def owner(self) -> str:
        """Whose turn it is: its worker, or any picker."""
        return self.worker if self.state == "claimed" else "picker"


def moved(task: Task, event: life.TaskEvent, now_ms: int, worker: str = "") -> Task:
    """The task after the event; `worker` is who has it from then on. Raises life.ImpossibleMoveError."""
    state = life.advance(life.TASK, task.state, event)
    token = task.token + (event == "take_over")
    return replace(task, state=state, token=token, worker=worker or task.worker, heard_ms=now_ms)


class Bag(Struct, frozen=True, gc=False):
    """Bag `k` of `n`, and how cold it is kept."""

    k: int
    n: int
    temperature: Temperature = "ambient"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is handed over of an order: its bags, how many wrong codes were tried, and at last the proof of it.

    `by` handed it `to` a courier by name, or to whoever knew the code; `how` says which; the name is
    kept until the order is closed. `age_checked` is a yes or no,
    None: nobody had to ask; never a document's number.
    """

    order: str
    bags: tuple[Bag, ...] = ()
    tries: int = 0
    how: How | Literal[""] = ""
    to: str = ""
    by: str = ""
    age_checked: bool | None = None
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class ReportNote:
    """A report from a handheld that was answered: what it said, and what became of it.

    `before` is the line as it was, for whoever undoes the report; `after` are the lines it made of it.
    """

    id: str
    task: str
    order: str
    said: str
    entered: bool
    why: str
    by: str
    at_ms: int
    before: HoldLine | None = None
    after: tuple[HoldLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """How this store works: from its configuration."""

    slots: Mapping[str, Slot] = field(default_factory=lambda: MappingProxyType({}))
    silent_s: int = USUAL_SILENT_S
    totes: int = USUAL_TOTES
    out_of_cold_s: int = USUAL_OUT_OF_COLD_S
    #: The store's map; without one the codes of the catalogue's spots say where things are.
    store_map: StoreMap | None = None
    costs: Costs = NO_COSTS


@dataclass(slots=True)
class OpenTasks:
    """What is being worked at: memory of the books, changed by `remember` alone."""

    rules: Rules = field(default_factory=Rules)
    tasks: dict[str, Task] = field(default_factory=dict)
    #: The open task that an order or a put-back is in.
    of_order: dict[tuple[Kind, str], str] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    #: Holds that are over and have goods in totes and slots still, by name.
    leftovers: dict[str, Hold] = field(default_factory=dict)
    #: Tasks are numbered.
    newest: int = 0
    #: When a worker is taken to be silent.
    silences: Alarms = field(default_factory=Alarms)
    #: When each worker was last heard of at a task they do not have any more, since the agent's last start.
    left_ms: dict[str, int] = field(default_factory=dict)
    #: How long picking, packing and handing over took lately.
    estimates: Estimates = field(default_factory=Estimates)

    def keep(self, task: Task) -> None:
        """Make a task what it is now; one that is done is forgotten here and kept on disk."""
        before = self.tasks.pop(task.id, None)
        if before is not None and before.state == "claimed" and (task.state, task.worker) != ("claimed", before.worker):
            self.left_ms[before.worker] = task.heard_ms
        for order in before.orders if before is not None else ():
            self.of_order.pop((task.kind, order), None)
        if task.is_open:
            self.tasks[task.id] = task
            self.of_order |= {(task.kind, order): task.id for order in task.orders}
        rings_ms = task.heard_ms + self.rules.silent_s * 1000 if task.state == "claimed" else None
        self.silences.set(task.id, rings_ms)
        self.newest = max(self.newest, number_of(task.id))

    def keep_parcel(self, parcel: Parcel) -> None:
        self.parcels[parcel.order] = parcel

    def keep_leftover(self, hold: Hold) -> None:
        """Remember a hold while it is over and has goods that are to be put back."""
        self.leftovers.pop(hold.id, None)
        if not hold.is_open and any(line.back for line in hold.lines):
            self.leftovers[hold.id] = hold

    def remember(
        self, now: "TasksNow", before: Mapping[str, Order], after: Mapping[str, Order], holds: Iterable[Hold]
    ) -> None:
        """What a turn made of tasks and holds, and of orders that were open `before`, is on disk."""
        for hold in holds:
            self.keep_leftover(hold)
        for task in now.tasks.values():
            self.keep(task)
            orders = (after.get(name) or before.get(name) for name in task.orders)
            self.learn(task, [order for order in orders if order is not None])
        for parcel in now.parcels.values():
            self.keep_parcel(parcel)
        for order in after.values():
            earlier = before.get(order.id)
            if order.state == "handed_over" and (earlier is None or earlier.state != "handed_over"):
                self.estimates = self.estimates.of_all(times.of_hand_over(order))
            if not order.is_open:
                self.parcels.pop(order.id, None)

    def learn(self, task: Task, orders: Iterable[Order]) -> None:
        """From a task of picking that one person did from its beginning to its end."""
        if (task.kind, task.state, task.token) == ("pick", "done", 1):
            self.estimates = self.estimates.of_all(times.of_walk(task.since_ms, orders))


@dataclass(slots=True)
class TasksNow:
    """Tasks as of a turn, and what it changes of them. `known` are reports that were answered before."""

    books: OpenTasks
    tasks: dict[str, Task] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    notes: dict[str, ReportNote] = field(default_factory=dict)
    #: Milliseconds it took to hand an order over, which is no task's.
    handing: dict[str, int] = field(default_factory=dict)
    known: Mapping[str, ReportNote] = field(default_factory=dict)
    known_tasks: Mapping[str, Task] = field(default_factory=dict)
    known_parcels: Mapping[str, Parcel] = field(default_factory=dict)
    #: What reports that may be undone posted, by source.
    known_postings: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def are_nothing(self) -> bool:
        return not (self.tasks or self.parcels or self.notes)

    def task(self, name: str) -> Task | None:
        """A task as of this turn, one that is done too."""
        return self.tasks.get(name) or self.books.tasks.get(name) or self.known_tasks.get(name)

    def open(self) -> list[Task]:
        """Every open task, the oldest first."""
        return [task for task in (self.books.tasks | self.tasks).values() if task.is_open]

    def of_order(self, kind: Kind, order: str) -> Task | None:
        """The open task that an order is in."""
        here = (task for task in self.tasks.values() if task.is_open and task.kind == kind and order in task.orders)
        found = next(here, None)
        if found is not None:
            return found
        name = self.books.of_order.get((kind, order))
        return None if name is None or name in self.tasks else self.books.tasks[name]

    def parcel(self, order: str) -> Parcel:
        """What is handed over of an order."""
        found = self.parcels.get(order) or self.books.parcels.get(order) or self.known_parcels.get(order)
        return found or Parcel(order)

    def note(self, name: str) -> ReportNote | None:
        """What became of a report."""
        return self.notes.get(name) or self.known.get(name)

    def next_number(self) -> int:
        return max([self.books.newest, *map(number_of, self.tasks)]) + 1


def number_of(task: str) -> int:
    """A task's number in its books; its name begins with their epoch."""
    return int(task.rpartition("-")[2])
