"""What HQ asks of the store, once each: a command that comes again gets the answer it got.

A command has a counter that grows with each one to this store, and cites a lease. The lease keeps out what comes too
late, by the store's own clock; the counter what comes twice.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from agent.core.asks import Grant, Pause, PlaceOrder

#: Commands may arrive out of order by so many; older ones are refused, and forgotten on disk.
WINDOW: Final = 1000

Outcome = Literal["done", "refused", "stale"]


class FromHq(Struct, frozen=True, gc=False):
    """One command, its signature checked. `ask` None: it cannot be done, and `problem` says why."""

    id: str
    counter: int
    lease: int
    ask: Pause | Grant | PlaceOrder | None
    problem: str = ""

    def sources(self) -> list[str]:
        return [] if self.ask is None else self.ask.sources()


class Obeyed(Struct, frozen=True, gc=False):
    """What became of a command; `seq` is how far the books of `epoch` were with all it did. `stale`: nothing was."""

    id: str
    counter: int
    outcome: Outcome
    why: str
    epoch: int
    seq: int
    at: int


@dataclass(slots=True)
class AnsweredCommands:
    """What commands were answered for good: those a turn looked up (`before`, by counter), and its own (`now`)."""

    newest: int
    before: dict[int, Obeyed] = field(default_factory=dict)
    now: list[Obeyed] = field(default_factory=list)

    def note(self, said: Obeyed) -> None:
        """This is its answer from now on."""
        self.newest = max(self.newest, said.counter)
        self.before[said.counter] = said
        self.now.append(said)
