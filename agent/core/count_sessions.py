"""Count sessions: who is to count what where and until when, who found how many, and what became of it.

Each line lives by the table COUNT in agent/core/life.py; a session is over when all of its lines are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from agent.core.catalogue import Unit
from agent.core.life import COUNT, CountState

#: Why somebody is to count. `sent`: it was counted elsewhere and sent as a whole.
Why = Literal["cycle", "short_pick", "negative_stock", "case", "sent"]
Outcome = Literal["", "posted", "agrees"]

#: A session's lines, and the sessions that may be open when somebody requests another one.
MOST_LINES: Final = 500
MOST_OPEN: Final = 500
USUAL_DUE_S: Final = 4 * 3600
#: A line that was counted so often will not be settled by counting.
MOST_READINGS: Final = 20
#: Whoever must see to a session, and to one in which counts differ.
OWNER: Final = "store_lead"
DECIDER: Final = "manager"

#: The states of a session that is not over, the one it has because of any of its lines first.
_OPEN: Final[tuple[CountState, ...]] = ("requested", "counting", "counted", "recount", "review")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What posts itself: a difference of up to `units`, or of up to `percent` of the balance.

    Two counts agree when they differ by no more than `repeat`; a difference above `review_above` on which two agree is
    a manager's all the same (0: it is not).
    """

    units: int = 2
    percent: int = 5
    review_above: int = 0
    repeat: int = 0

    def allows(self, variance: int, balance: int) -> bool:
        return abs(variance) <= max(self.units, abs(balance) * self.percent // 100)


@dataclass(frozen=True, slots=True)
class CountRules:
    """Tolerances by what a SKU is counted in: no two weighings are the same to the gram."""

    each: Tolerance = field(default_factory=Tolerance)
    gram: Tolerance = field(default_factory=lambda: Tolerance(units=50, repeat=50))

    def of(self, unit: Unit) -> Tolerance:
        return self.gram if unit == "gram" else self.each


@dataclass(frozen=True, slots=True)
class Reading:
    """`by` found `counted` units while the books of an epoch went from `from_seq` to `to_seq`.

    `variance` is what that was more than the books had at `to_seq`; None: it cannot be told. It `stands` until it is
    known to say nothing, or is sent back. `at` is unix ms.
    """

    by: str
    at: int
    epoch: int
    from_seq: int
    to_seq: int
    counted: int
    variance: int | None = None
    stands: bool = False


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One SKU of a session. `counter` counts it now, since number `from_seq` of an epoch; `why`: once more, because.

    At its end `variance` units were posted as `posting` (0: it agreed), by reading `approved` (from 1), `decided_by`.
    """

    line: int
    sku: str
    state: CountState = "requested"
    counter: str = ""
    epoch: int = 0
    from_seq: int = 0
    readings: tuple[Reading, ...] = ()
    why: str = ""
    outcome: Outcome = ""
    variance: int = 0
    posting: int | None = None
    approved: int = 0
    decided_by: str = ""

    @property
    def is_open(self) -> bool:
        return self.state not in COUNT.ends

    @property
    def is_blind(self) -> bool:
        """Must nobody see what was found, nor what the books have, because somebody may still count it?"""
        return self.state not in ("review", "posted")

    def standing(self) -> list[Reading]:
        return [reading for reading in self.readings if reading.stands]

    def may_be_counted_by(self, name: str) -> bool:
        """Nobody checks himself: neither readings that stand, nor the last one where none does."""
        return name not in {reading.by for reading in self.standing() or self.readings[-1:]}


@dataclass(frozen=True, slots=True)
class CountSession:
    """What is to be counted at a place; `whole`: everything there. Times are unix ms."""

    id: str
    place: str
    why: Why
    requested_by: str
    requested_at: int
    due_at: int
    assigned_to: str
    whole: bool
    lines: tuple[SessionLine, ...]

    @property
    def is_open(self) -> bool:
        return any(line.is_open for line in self.lines)

    @property
    def state(self) -> CountState:
        """That of the line which is least far."""
        states = {line.state for line in self.lines}
        ended: CountState = "posted" if "posted" in states else "cancelled"
        return next((state for state in _OPEN if state in states), ended)

    @property
    def owner(self) -> str:
        """The role that must see to it now."""
        return DECIDER if self.state == "review" else OWNER

    def owner_at(self, at: int) -> str:
        """The same at unix ms `at`: what is late is the decider's."""
        return DECIDER if at >= self.due_at else self.owner

    def line_of(self, sku: str) -> SessionLine | None:
        return next((line for line in self.lines if line.sku == sku), None)

    def waits_for(self) -> Iterator[tuple[str, str]]:
        """The (SKU, place) that are not settled."""
        return ((line.sku, self.place) for line in self.lines if line.is_open)


class OpenCounts:
    """The sessions that are not over, and what they are to settle."""

    def __init__(self) -> None:
        self.sessions: dict[str, CountSession] = {}
        self._waiting: dict[tuple[str, str], int] = {}

    def keep(self, session: CountSession) -> None:
        """A session is what it is now; one that is over is forgotten here and kept on disk."""
        before = self.sessions.pop(session.id, None)
        for key in before.waits_for() if before else ():
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
        if session.is_open:
            self.sessions[session.id] = session
            for key in session.waits_for():
                self._waiting[key] = self._waiting.get(key, 0) + 1

    def wait_for(self, sku: str, place: str) -> int:
        """How many sessions are to settle a SKU at a place."""
        return self._waiting.get((sku, place), 0)
