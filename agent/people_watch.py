"""Looks after the door while the shop works, and has a case open as long as somebody cannot sign in."""

import asyncio
import contextlib
from typing import Final

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core.asks import Notice
from agent.people.door import Door
from agent.store.errors import BooksClosedError, BooksFullError

_LOOK_EVERY_S: Final = 10.0
_ABOUT: Final = "people"
_NAMED: Final = 10


class PeopleWatch:
    """Runs the door's own upkeep too."""

    def __init__(self, door: Door, clerk: Clerk, clock: Clock) -> None:
        self._door = door
        self._clerk = clerk
        self._clock = clock

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._door.run(self._clock), name="sessions")
            both.create_task(self._watch(), name="shut out")

    async def _watch(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Open or close the case."""
        why = self._why()
        if bool(why) != (("people_shut_out", _ABOUT) in self._clerk.books.cases):
            with contextlib.suppress(AskFailedError, BooksFullError, BooksClosedError):  # said there; looked at again
                await self._clerk.enter(Notice("people_shut_out", _ABOUT, why, over=not why))

    def _why(self) -> str:
        names = self._door.shut_out
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            told = f"made with another key: {', '.join(names[:_NAMED])}{more}"
            return f"{self._door.trouble} {told}".strip()
        return "" if self._door.workers else self._door.trouble
