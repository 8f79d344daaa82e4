"""What the store's people ask and report from the handheld, and what they are answered."""

import json
from typing import Final, Literal, get_args

from msgspec import Struct

from agent.core.orders import Default, hold_of
from agent.core.people import Role
from agent.core.tasks.task import Bag, Kind, Task

ReportName = Literal[
    "picked", "short", "damaged", "expired", "wrong_price", "held_by_customer", "substituted", "weighed", "staged",
    "put_back", "undo",
]  # fmt: skip
REPORTS: Final = get_args(ReportName)


class ClaimTask(Struct, frozen=True, gc=False):
    """`worker` wants the next task, or the one they have; or takes over the task named."""

    worker: str
    take_over: str = ""
    kind: Kind = "pick"

    def sources(self) -> list[str]:
        return []


class LeaveTask(Struct, frozen=True, gc=False):
    """`worker` stops here: others go on."""

    task: str
    token: int
    worker: str

    def sources(self) -> list[str]:
        return []


class PickReport(Struct, frozen=True, gc=False):
    """A fact, named on the handheld. Fields as in `asks.Work`; `text` and `aim` are what was scanned.

    `undoes` is the report that is taken back, "": the line's last one. `at_ms` is the handheld's clock and never used
    but to keep the order of what it sends.
    """

    id: str
    outcome: ReportName
    order: str
    line: int = 0
    qty: int = 0
    tote: str = ""
    slot: str = ""
    substitute: str = ""
    spoiled: bool = False
    place: Literal["FLOOR", "BACKROOM"] = "FLOOR"
    text: str = ""
    aim: str | None = None
    undoes: str = ""
    at_ms: int = 0

    def said(self) -> str:
        """What it reports, so that a repetition is told from a contradiction."""
        where = (self.tote, self.slot, self.substitute, self.spoiled, self.place, self.text, self.undoes)
        return json.dumps([self.outcome, self.order, self.line, self.qty, *where])


class Reports(Struct, frozen=True, gc=False):
    """Facts from whoever has, or had, a task."""

    task: str
    token: int
    worker: str
    reports: tuple[PickReport, ...]

    def sources(self) -> list[str]:
        return []  # named in the orders' holds

    def holds(self) -> list[str]:
        return list(dict.fromkeys(hold_of(report.order) for report in self.reports))


class Pack(Struct, frozen=True, gc=False):
    """An order is in these bags now."""

    task: str
    token: int
    worker: str
    order: str
    bags: tuple[Bag, ...]

    def sources(self) -> list[str]:
        return []


class AskCustomer(Struct, frozen=True, gc=False):
    """Ask the customer what to do about a line; unanswered for `within_s` seconds (0: the usual), `default` holds."""

    task: str
    token: int
    worker: str
    order: str
    line: int
    candidates: tuple[str, ...] = ()
    within_s: int = 0
    default: Default = "decide"

    def sources(self) -> list[str]:
        return []


class HandOver(Struct, frozen=True, gc=False):
    """`worker` hands an order's bags to a courier, or to whoever said the code that has this `digest` ("": nobody did).

    `digest` is made of the code with the salt of the order's own (`handing_over.digest`). `took_s`: so long it took
    from choosing the order, as the handheld measured it.
    """

    order: str
    worker: str
    role: Role
    bags: int
    digest: str = ""
    courier: str = ""
    age_checked: bool | None = None
    took_s: int = 0

    def sources(self) -> list[str]:
        return []


class Result(Struct, frozen=True, gc=False):
    """What became of a report: entered now, known from before, or refused and why."""

    id: str
    outcome: Literal["entered", "known", "refused"]
    why: str = ""


class Reported(Struct, frozen=True, gc=False):
    """What became of each report. `lost`: the task is another's now."""

    task: Task
    results: tuple[Result, ...]
    lost: bool


class Tasked(Struct, frozen=True, gc=False):
    """The task as it is now."""

    task: Task


class Lost(Struct, frozen=True, gc=False):
    """Nothing was entered: the task is another's now."""

    task: Task


class NoWork(Struct, frozen=True, gc=False):
    """Nothing waits."""


class HandedOver(Struct, frozen=True, gc=False):
    """The order is its customer's; or it is not, because the code was wrong and may be tried `tries_left` times."""

    order: str
    done: bool
    tries_left: int
    why: str = ""


TaskAsk = ClaimTask | LeaveTask | Reports | Pack | AskCustomer | HandOver
TaskAnswer = Tasked | Reported | Lost | NoWork | HandedOver
