"""Lets go of old history, a month of landing at a time, so that the disk is bounded. Stock and cursors stay."""

import asyncio

import structlog

from hq_bridge.clock import NowMs
from hq_bridge.months import Month
from hq_bridge.store import Database
from hq_bridge.whole import whole

log = structlog.get_logger()

_LOOK_EVERY_S = 3600
_DAY_MS = 86_400_000


class Retention:
    """Months whose every day is older than `keep_days` go."""

    def __init__(self, database: Database, keep_days: int, now_ms: NowMs) -> None:
        self._database = database
        self._keep_ms = keep_days * _DAY_MS
        self._now_ms = now_ms
        self._due: set[Month] = set()

    async def run(self) -> None:
        """Look now and every hour, until cancelled. Raises DatabaseLost."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Let go of what this look and the one before call old: a clock that is wrong for a moment costs nothing."""
        before = self._now_ms() - self._keep_ms
        due = {month for month in await self._database.months() if month.ends <= before}
        for month in sorted(due & self._due):
            if await whole(self._database.retire(month), "hq retention"):
                log.info("history_forgotten", month=str(month))
            else:
                log.info("history_busy", month=str(month))
        self._due = due
        await whole(self._database.forget_orders(before), "hq retention")
        while await whole(self._database.clear_some(), "hq retention"):
            pass  # a little at a time: rows land in between
