"""The lives of things: which event takes a thing from which state to which. One table for each kind of thing.

`advance` is the only way from state to state; the diagrams in docs/books.md are drawn from these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, Literal, TypeVar

S = TypeVar("S", bound=str)
E = TypeVar("E", bound=str)


class ImpossibleMoveError(Exception):
    """The event cannot happen to a thing in this state; `possible` says which can."""

    def __init__(self, thing: str, state: str, event: str, possible: tuple[str, ...]) -> None:
        says = f"possible: {', '.join(possible)}" if possible else "its life is over"
        super().__init__(f"{thing} is {state}: no {event}; {says}")
        self.thing = thing
        self.state = state
        self.event = event
        self.possible = possible


@dataclass(frozen=True, slots=True)
class Life(Generic[S, E]):
    """One kind of thing. `begins`: states it can come into the world in; `ends`: states nothing leaves."""

    thing: str
    begins: tuple[S, ...]
    ends: frozenset[S]
    moves: Mapping[tuple[S, E], S]

    def states(self) -> tuple[S, ...]:
        """Every state, in the order of the table."""
        named = [*self.begins, *(state for (origin, _), target in self.moves.items() for state in (origin, target))]
        return tuple(dict.fromkeys(named))

    def possible(self, state: S) -> tuple[E, ...]:
        """The events that can happen in a state."""
        return tuple(event for origin, event in self.moves if origin == state)


def advance(life: Life[S, E], state: S, event: E) -> S:
    """The state after the event. Raises ImpossibleMoveError."""
    found = life.moves.get((state, event))
    if found is None:
        raise ImpossibleMoveError(life.thing, state, event, life.possible(state))
    return found


def _life(thing: str, begins: tuple[S, ...], ends: tuple[S, ...], moves: dict[tuple[S, E], S]) -> Life[S, E]:
    return Life(thing, begins, frozenset(ends), MappingProxyType(moves))


HoldState = Literal["pending", "committed", "consumed", "released", "expired", "breached"]
HoldEvent = Literal["commit", "consume", "release", "expire", "breach"]
#: A claim on stock. It resolves exactly once; consuming a part of it gives the rest back.
HOLD: Final[Life[HoldState, HoldEvent]] = _life(
    "hold",
    ("pending",),
    ("consumed", "released", "expired", "breached"),
    {
        ("pending", "commit"): "committed",
        ("pending", "release"): "released",
        ("pending", "expire"): "expired",
        ("pending", "breach"): "breached",
        ("committed", "consume"): "consumed",
        ("committed", "release"): "released",
        ("committed", "breach"): "breached",
    },
)

OrderState = Literal[
    "received", "accepted", "picking", "awaiting_decision", "picked", "packed", "staged", "handed_over", "closed",
    "rejected", "cancel_requested", "cancelled", "return_pending", "restocked", "wasted",
]  # fmt: skip
OrderEvent = Literal[
    "accept", "reject", "start", "ask", "decide", "finish", "pack", "stage", "hand_over", "close", "cancel", "settle",
    "take_back", "restock", "waste", "again",
]  # fmt: skip
#: What a customer wants. `ask` has a deadline and a default; `settle`: nothing was pulled, or all of it is put back;
#: `again`: what finished it was undone.
ORDER: Final[Life[OrderState, OrderEvent]] = _life(
    "order",
    ("received",),
    ("closed", "rejected", "cancelled"),
    {
        ("received", "accept"): "accepted",
        ("received", "reject"): "rejected",
        ("received", "cancel"): "cancel_requested",
        ("accepted", "start"): "picking",
        ("accepted", "cancel"): "cancel_requested",
        ("picking", "ask"): "awaiting_decision",
        ("picking", "finish"): "picked",
        ("picking", "cancel"): "cancel_requested",
        ("awaiting_decision", "decide"): "picking",
        ("awaiting_decision", "cancel"): "cancel_requested",
        ("picked", "pack"): "packed",
        ("picked", "cancel"): "cancel_requested",
        ("picked", "again"): "picking",
        ("packed", "stage"): "staged",
        ("packed", "cancel"): "cancel_requested",
        ("staged", "hand_over"): "handed_over",
        ("staged", "cancel"): "cancel_requested",
        ("cancel_requested", "settle"): "cancelled",
        ("cancel_requested", "hand_over"): "handed_over",
        ("handed_over", "close"): "closed",
        ("handed_over", "take_back"): "return_pending",
        ("return_pending", "restock"): "restocked",
        ("return_pending", "waste"): "wasted",
        ("restocked", "close"): "closed",
        ("wasted", "close"): "closed",
    },
)

PickLineState = Literal["todo", "picked", "short", "substituted", "damaged", "weight_out_of_range", "wrong_place"]
PickLineEvent = Literal["pick", "miss", "substitute", "find_damaged", "weigh", "misplaced", "again", "accept"]
#: One line to pick. `again`: another unit, another weighing, or the place where it really is.
PICK_LINE: Final[Life[PickLineState, PickLineEvent]] = _life(
    "pick line",
    ("todo",),
    ("picked", "short", "substituted"),
    {
        ("todo", "pick"): "picked",
        ("todo", "miss"): "short",
        ("todo", "substitute"): "substituted",
        ("todo", "find_damaged"): "damaged",
        ("todo", "weigh"): "weight_out_of_range",
        ("todo", "misplaced"): "wrong_place",
        ("damaged", "again"): "todo",
        ("damaged", "miss"): "short",
        ("damaged", "substitute"): "substituted",
        ("weight_out_of_range", "again"): "todo",
        ("weight_out_of_range", "accept"): "picked",
        ("weight_out_of_range", "miss"): "short",
        ("wrong_place", "again"): "todo",
        ("wrong_place", "miss"): "short",
    },
)

CountState = Literal["requested", "counting", "counted", "recount", "review", "posted", "cancelled"]
CountEvent = Literal["start", "finish", "post", "doubt", "differ", "approve", "send_back", "cancel"]
#: A line of a count. `post`: within tolerance it posts itself; `doubt`: out of it, or something moved meanwhile;
#: `start` of what is being counted: somebody takes it over, or counts it once more.
COUNT: Final[Life[CountState, CountEvent]] = _life(
    "count",
    ("requested",),
    ("posted", "cancelled"),
    {
        ("requested", "start"): "counting",
        ("requested", "cancel"): "cancelled",
        ("counting", "start"): "counting",
        ("counting", "finish"): "counted",
        ("counting", "cancel"): "cancelled",
        ("counted", "post"): "posted",
        ("counted", "doubt"): "recount",
        ("counted", "cancel"): "cancelled",
        ("recount", "start"): "recount",
        ("recount", "doubt"): "recount",
        ("recount", "post"): "posted",
        ("recount", "differ"): "review",
        ("recount", "cancel"): "cancelled",
        ("review", "approve"): "posted",
        ("review", "send_back"): "recount",
        ("review", "cancel"): "cancelled",
    },
)

EpcState = Literal[
    "expected", "alien", "in_stock", "picked", "sold", "returned_pending", "in_transit", "suspect", "missing",
    "destroyed",
]  # fmt: skip
EpcEvent = Literal[
    "deliver", "receive", "move", "pick", "put_back", "sell", "take_back", "restock", "send", "come_back", "miss",
    "hear", "give_up", "destroy",
]  # fmt: skip
#: One tagged unit. `miss`: time and consecutive misses; `sell` of a suspect: it is taken to be what was sold unread;
#: `hear` of a sold one: it had only been taken for sold.
EPC: Final[Life[EpcState, EpcEvent]] = _life(
    "EPC",
    ("expected", "alien"),
    ("destroyed",),
    {
        ("expected", "receive"): "in_stock",
        ("expected", "give_up"): "missing",
        ("alien", "deliver"): "expected",
        ("alien", "destroy"): "destroyed",
        ("in_stock", "move"): "in_stock",
        ("in_stock", "pick"): "picked",
        ("in_stock", "sell"): "sold",
        ("in_stock", "send"): "in_transit",
        ("in_stock", "miss"): "suspect",
        ("in_stock", "destroy"): "destroyed",
        ("picked", "put_back"): "in_stock",
        ("picked", "sell"): "sold",
        ("sold", "take_back"): "returned_pending",
        ("sold", "hear"): "in_stock",
        ("returned_pending", "restock"): "in_stock",
        ("returned_pending", "destroy"): "destroyed",
        ("in_transit", "come_back"): "in_stock",
        ("in_transit", "give_up"): "missing",
        ("suspect", "hear"): "in_stock",
        ("suspect", "sell"): "sold",
        ("suspect", "give_up"): "missing",
        ("missing", "hear"): "in_stock",
        ("missing", "sell"): "sold",
        ("missing", "destroy"): "destroyed",
    },
)

TaskState = Literal["claimed", "offered", "done"]
TaskEvent = Literal["take_over", "leave", "fall_silent", "resume", "finish"]
#: A task of picking or putting back. `resume`: whoever fell silent speaks again before somebody else took it over.
TASK: Final[Life[TaskState, TaskEvent]] = _life(
    "task",
    ("claimed",),
    ("done",),
    {
        ("claimed", "take_over"): "claimed",
        ("claimed", "leave"): "offered",
        ("claimed", "fall_silent"): "offered",
        ("claimed", "finish"): "done",
        ("offered", "take_over"): "claimed",
        ("offered", "resume"): "claimed",
        ("offered", "finish"): "done",
    },
)

CaseState = Literal["open", "resolved"]
CaseEvent = Literal["again", "escalate", "resolve"]
#: What a person must look at. Open, it has an owner and a due time; resolved, a word that says how. `escalate`: its
#: time is up, and somebody else has it.
CASE: Final[Life[CaseState, CaseEvent]] = _life(
    "case",
    ("open",),
    ("resolved",),
    {("open", "again"): "open", ("open", "escalate"): "open", ("open", "resolve"): "resolved"},
)
