"""Reports from the handheld, entered one by one: a fact is entered once, and one that is refused stops no other.

Each is an outcome of an order's work under the report's own name. What was answered is kept, so that a report which
comes again is answered the same. An undone report is counter-posted: what was entered stays.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from agent.core import fulfilment, work
from agent.core.asks import Mistake, MoveOrder, Refused, Work, WorkName
from agent.core.catalogue import Sku
from agent.core.claims import Hold, HoldLine
from agent.core.ledger import Turn
from agent.core.places import STAGED, TOTE
from agent.core.tasks import claiming, effort, scanned, staging, undoing
from agent.core.tasks.asks import PickReport, Reported, ReportName, Reports, Result
from agent.core.tasks.task import ReportNote, Task

#: Reports whose unit the picker has in hand.
_IN_HAND: Final = ("picked", "weighed", "substituted")
_AS_WORK: Final[Mapping[ReportName, WorkName]] = MappingProxyType(
    {"short": "short", "held_by_customer": "short", "damaged": "damaged", "expired": "damaged"}
)


def report(turn: Turn, ask: Reports) -> Reported | Refused:
    """Enter what can be entered; who has an old token is told that the task is another's."""
    task = turn.tasks.task(ask.task)
    if task is None:
        return Refused((Mistake("task", f"there is no task {ask.task!r}"),))
    lost = not claiming.is_theirs(task, ask.token)
    by = ask.worker if lost else task.worker or ask.worker  # what waited on a handheld may be sent when another has it
    results = tuple(_answer(turn, task, one, by) for one in ask.reports)
    if not lost:
        entered = {result.id for result in results if result.outcome == "entered"}
        claiming.heard(turn, effort.reported(turn, task, (one for one in ask.reports if one.id in entered)))
    claiming.follow(turn)
    return Reported(turn.tasks.task(task.id) or task, results, lost)


def _answer(turn: Turn, task: Task, one: PickReport, by: str) -> Result:
    known = turn.tasks.note(one.id)
    if known is not None:
        if known.said != one.said():
            return Result(one.id, "refused", "this id was another report's")
        return Result(one.id, "known" if known.entered else "refused", known.why)
    entry = _Entry(turn, task, one, by)
    entry.enter()
    turn.tasks.notes[one.id] = entry.note()
    return Result(one.id, "entered" if entry.entered else "refused", entry.why)


class _Entry:
    """A report that is being entered. `why` says why it is not, or what there is to know of one that is."""

    def __init__(self, turn: Turn, task: Task, one: PickReport, by: str) -> None:
        self.entered = False
        self.why = ""
        self._turn = turn
        self._task = task
        self._one = one
        self._by = by
        self._before: HoldLine | None = None
        self._after: tuple[HoldLine, ...] = ()

    def note(self) -> ReportNote:
        """What is kept of it."""
        one = self._one
        answer = (one.said(), self.entered, self.why, self._by, self._turn.books_ms)
        return ReportNote(one.id, self._task.id, one.order, *answer, self._before, self._after)

    def enter(self) -> None:
        """Enter it, or say why not."""
        one, hold = self._one, claiming.hold_of_order(self._turn, self._one.order)
        if one.order not in self._task.orders or hold is None:
            self.why = f"order {one.order!r} is not in this task"
            return
        if one.outcome == "undo":
            self.why = undoing.undo(self._turn, hold, one, self._by)
            self.entered = not self.why
            return
        if one.outcome == "staged":
            self._stage(hold)
            return
        line = next((line for line in hold.lines if line.line == one.line), None)
        sku = self._turn.books.catalogue.skus.get(line.sku) if line is not None else None
        if line is None or sku is None:
            self.why = f"the order has no line {one.line}"
            return
        self._before = line
        how: dict[ReportName, Callable[[Hold, HoldLine, Sku], None]] = {
            "wrong_price": self._note_price,
            "put_back": self._put_back,
            "substituted": self._substitute,
            **dict.fromkeys(("picked", "weighed"), self._pick),
        }
        how.get(one.outcome, self._except)(hold, line, sku)
        self._after = _changed(hold, claiming.hold_of_order(self._turn, one.order)) if self.entered else ()

    def _pick(self, hold: Hold, line: HoldLine, sku: Sku) -> None:
        """A unit went into a tote, or so many grams."""
        found = self._scanned(sku)
        if found is None:
            return
        one, gram = self._one, sku.traits.unit == "gram"
        qty = one.qty or (found.grams if gram else 1)
        if not qty:
            self.why = f"{scanned.named(sku)} is sold by weight and the code says none: weigh it"
            return
        if gram:
            least = line.open - line.open * self._tolerance(line) // 100
            if qty < least:
                self.why = f"{qty} g is too little: at least {least} g are wanted"
                return
        self._work(hold, "weighed" if gram else "picked", qty, epcs=(found.tag,) if found.tag else ())
        now = self._turn.hold(hold.id)
        after = (one.state for one in (now.lines if now is not None else ()) if one.line == line.line)
        if self.entered and "weight_out_of_range" in after:
            self.why = f"{qty} g is too much: nothing was taken"

    def _substitute(self, hold: Hold, line: HoldLine, sku: Sku) -> None:
        """Another article went into the tote."""
        one, catalogue = self._one, self._turn.books.catalogue
        other = catalogue.skus.get(one.substitute)
        if other is None and one.text:
            read = scanned.read(one.text, one.aim, catalogue, self._turn.books.instore)
            other = read.sku if isinstance(read, scanned.Article) else None
        if other is None:
            self.why = f"{one.substitute or one.text!r} is no article of this store"
            return
        found = self._scanned(other)
        if found is not None:
            epcs = (found.tag,) if found.tag else ()
            self._work(hold, "substituted", one.qty or 1, substitute=other.sku, epcs=epcs)

    def _except(self, hold: Hold, line: HoldLine, sku: Sku) -> None:
        """Something is wrong with it: not there, damaged, too old, or in a shopper's hand."""
        name = _AS_WORK[self._one.outcome]
        self._work(hold, name, 0 if name == "short" else self._one.qty or 1, elsewhere=name == "short")
        now = self._turn.hold(hold.id)
        if name == "short" and now is not None and any(one.line == line.line and one.open for one in now.lines):
            self.why = self.why or f"look at {work.other_place(self._turn, line, self._one.place)}"

    def _note_price(self, hold: Hold, line: HoldLine, sku: Sku) -> None:
        """The label says another price than the till: somebody must look; the line is picked all the same."""
        self._turn.open_case("wrong_price", sku.sku, f"on the label, says {self._by}; order {self._one.order}")
        self.entered = True

    def _put_back(self, hold: Hold, line: HoldLine, sku: Sku) -> None:
        """A unit nobody wants is back in its place; one that was too long out of the cold is thrown away."""
        one, turn, order = self._one, self._turn, self._turn.order(self._one.order)
        at = TOTE + one.tote if one.tote else STAGED + one.slot
        wanted = dict(line.pulled).get(at, 0)
        found = self._scanned(sku)
        if found is None:
            return
        if wanted and order is not None and claiming.is_unwanted(order):
            if order.state == "staged":
                fulfilment.move(turn, MoveOrder(order.id, "not-collected", "cancel"))
            fulfilment.report(turn, Work(f"{one.id}:void", hold.id, "cancelled_after_pull", line.line, by=self._by))
        spoiled = one.spoiled or staging.is_spoiled(turn, order, sku, at)
        epcs = (found.tag,) if found.tag else ()
        now = claiming.hold_of_order(turn, one.order) or hold
        self._work(now, "put_back", one.qty or 1, spoiled=spoiled, epcs=epcs)
        if self.entered and spoiled and not one.spoiled:
            self.why = "it was too long out of the cold: throw it away"

    def _stage(self, hold: Hold) -> None:
        """Everything of the order in the tote that may stand in the slot goes there."""
        one = self._one
        lines = staging.that_may_stand(self._turn, hold, one)
        if isinstance(lines, str):
            self.why = lines
            return
        for nth, line in enumerate(lines):
            self._work(hold, "staged", one.qty if one.line else 0, line=line.line, part=nth)
            if not self.entered:
                return

    def _scanned(self, sku: Sku) -> scanned.Article | None:
        """What was scanned, if it is what is wanted; goods that bear no code are taken on the picker's word."""
        one, turn = self._one, self._turn
        if not one.text:
            if not sku.gtins:
                return scanned.Article(sku)
            self.why = f"scan it: {scanned.named(sku)}"
            return None
        found = scanned.problem(sku, one.text, one.aim, turn.books.catalogue, turn.books.instore, turn.at)
        if isinstance(found, str) and not (one.outcome == "put_back" and "expired" in found):
            self.why = found
            return None
        return scanned.Article(sku) if isinstance(found, str) else found

    def _tolerance(self, line: HoldLine) -> int:
        order = self._turn.order(self._one.order)
        lines = order.lines if order is not None else ()
        return next((one.tolerance_pct for one in lines if one.line == line.line), 0)

    def _work(
        self,
        hold: Hold,
        outcome: WorkName,
        qty: int,
        *,
        line: int = 0,
        part: int = 0,
        substitute: str = "",
        spoiled: bool = False,
        elsewhere: bool = False,
        epcs: tuple[bytes, ...] = (),
    ) -> None:
        """Enter it as an outcome of the order's work."""
        one, slotted = self._one, outcome in ("staged", "put_back")
        ask = Work(
            f"{one.id}:{part}" if part else one.id,
            hold.id,
            outcome,
            line or one.line,
            qty,
            tote=one.tote if outcome not in ("short", "damaged") else "",
            slot=one.slot if slotted else "",
            substitute=substitute,
            spoiled=spoiled,
            by=self._by,
            place=one.place,
            epcs=epcs,
            tolerance_pct=self._tolerance(self._before) if self._before is not None else 0,
            elsewhere=elsewhere,
        )
        done = fulfilment.report(self._turn, ask)
        self.entered = not isinstance(done, Refused)
        if isinstance(done, Refused):
            self.why = "; ".join(mistake.problem for mistake in done.mistakes)


def _changed(before: Hold, after: Hold | None) -> tuple[HoldLine, ...]:
    """The lines that are new or other than they were."""
    return tuple(line for line in after.lines if line not in before.lines) if after is not None else ()
