"""Notes in the books when HQ has not been heard for as long as a lease lives, and when it is heard again."""

import contextlib

import structlog

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.core.asks import HqSilence
from agent.outbox import Outbox
from agent.store.errors import BooksClosedError, BooksFullError

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0


class SilenceWatch:
    """Keeps the books' note of it true. What the books noted before a start stays so until it is known better."""

    def __init__(self, clerk: Clerk, outbox: Outbox, clock: Clock) -> None:
        self._clerk = clerk
        self._outbox = outbox
        self._clock = clock

    async def run(self) -> None:
        """Look, for ever. What cannot be entered now is tried again."""
        while True:
            with contextlib.suppress(BooksFullError, BooksClosedError, AskFailedError):
                await self.look()
            await self._clock.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Enter it if it is not as it was noted."""
        noted = self._clerk.books.conditions.lease_stale
        silent_s, lease_s = self._outbox.silent_s, self._clerk.books.leases.lease_ms / 1000
        if silent_s >= lease_s and not noted:
            await self._clerk.enter(HqSilence(silent=True, why=f"nothing was heard for {lease_s:.0f} s"))
            log.warning("hq_silent", silent_s=round(silent_s))
        elif noted and self._outbox.heard_at is not None and silent_s < lease_s:
            await self._clerk.enter(HqSilence(silent=False, why="heard again"))
            log.info("hq_heard_again")
