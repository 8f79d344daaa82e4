"""What HQ asks of the store, once each: a command that comes again gets the answer it got.

A command has an id for good, a counter that grows with each one to this store, and cites a lease. By its id it is known
when it comes again; the lease keeps out what comes too late, by the store's own clock; the counter what comes again
once its id is forgotten. An HQ whose books were restored counts from an old number: it is told the newest, and asks the
same command under one beyond it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from agent.core.asks import Grant, MoveOrder, Pause, PlaceOrder
from agent.core.order_asks import AfterPlacing

#: Commands may arrive out of order by so many; so many that were answered last are known, at the least.
WINDOW: Final = 1000

Outcome = Literal["done", "refused", "stale"]


#: What HQ may ask.
Commanded = Pause | Grant | PlaceOrder | AfterPlacing | MoveOrder


class FromHq(Struct, frozen=True, gc=False):
    """One command, its signature checked. `ask` None: it cannot be done, and `problem` says why."""

    id: str
    counter: int
    lease: int
    ask: Commanded | None
    problem: str = ""

    def sources(self) -> list[str]:
        return [] if self.ask is None else self.ask.sources()


class Obeyed(Struct, frozen=True, gc=False):
    """What became of a command; `seq` is how far the books of `epoch` were with all it did. `stale`: nothing was.

    `newest`, when it is not 0: the counter belongs to another command or is too old, and this is the highest there was.
    """

    id: str
    counter: int
    outcome: Outcome
    why: str
    epoch: int
    seq: int
    at: int
    newest: int = 0


class Again(Obeyed, frozen=True, gc=False):
    """The same, said before."""


@dataclass(slots=True)
class AnsweredCommands:
    """What commands were answered for good: those a turn looked up (`known`, by id), and its own too (`now`)."""

    newest: int
    known: dict[str, Obeyed] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    now: list[Obeyed] = field(default_factory=list)

    def recall(self, earlier: Iterable[Obeyed]) -> None:
        """These were answered in turns before."""
        for said in earlier:
            self.known[said.id] = said
            self.used.add(said.counter)

    def note(self, said: Obeyed) -> None:
        """This is its answer from now on."""
        self.newest = max(self.newest, said.counter)
        self.recall([said])
        self.now.append(said)

    def is_taken(self, counter: int) -> bool:
        """Does it belong to another command, or might it?"""
        return counter in self.used or counter <= self.newest - WINDOW
