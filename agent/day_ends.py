"""Tells HQ of each day that is over: once, in their order, also of those in which the agent did not run."""

from datetime import date, timedelta
from typing import Final

import structlog

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core.days import CloseDay, Day
from agent.days import Days, day_at
from agent.store import days as rows
from agent.store.errors import BooksClosedError, BooksFullError

log = structlog.get_logger()

#: How often the calendar is looked at.
_LOOK_EVERY_S: Final = 5.0
#: A day is told so long after its end: whatever ended in it is in the books by then.
_AFTER_MS: Final = 2_000
#: Days before that are not made up for: a clock that stood at 1970 would tell of thousands.
_MOST_BEHIND: Final = 400


class DayEnds:
    """Closes days."""

    def __init__(self, clerk: Clerk, clock: Clock, days: Days) -> None:
        self._clerk = clerk
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Look at the calendar, for ever."""
        while True:
            try:
                await self.close_what_is_over()
            except (AskFailedError, BooksFullError, BooksClosedError) as error:
                log.warning("day_not_closed", why=str(error))
            await self._clock.sleep(_LOOK_EVERY_S)

    async def close_what_is_over(self) -> None:
        """Tell of every day since the last one told, today left out. New books begin with the day of their first look.

        Days that were told while the clock was ahead stay told; what came after goes into the next day that is not.
        """
        today, told = day_at(self._clock.now_ms() - _AFTER_MS), self._clerk.books.untold.days
        last = max((day for day in told if day < today.isoformat()), default=None)
        first = date.fromisoformat(last) + timedelta(days=1) if last is not None else await self._first(today)
        over = [first + timedelta(days=nth) for nth in range((today - first).days)][-_MOST_BEHIND:]
        if over:
            await self._clerk.prove()  # what was decided before the day's end is on disk
        for day in over:
            found = await self._days.of(day)
            await self._clerk.enter(CloseDay(Day(*found.span, dict(found.sums))))
            log.info("day_closed", day=found.span.day, orders=found.sums.get("orders", 0))

    async def _first(self, today: date) -> date:
        return date.fromisoformat(await self._clerk.store.write(lambda tx: rows.begun(tx, today.isoformat())))
