"""Looks after the books while the shop works: room on the disk, a copy a day, snapshots, and months for the archive."""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import structlog

from agent.clerk import AskFailedError, Clerk
from agent.clock import Clock
from agent.config import BooksCare
from agent.core.asks import Notice
from agent.store import archives, backups, bygone, counts, over, personal, snapshots
from agent.store.ballast import Ballast
from agent.store.connection import Store
from agent.store.errors import BooksFullError

log = structlog.get_logger()

_LOOK_EVERY_S: Final = 1.0
#: Looks at the room between two looks at the calendar.
_WORK_EVERY: Final = 10
_HOUR_MS: Final = 3600 * 1000
_DAY_MS: Final = 24 * _HOUR_MS
_FORGET_EVERY_S: Final = 3600.0
#: After a copy that failed.
_COPY_AGAIN_S: Final = 3600.0


class Upkeep:
    """Keeps `ballast`, copies and archives; `copied_at` (unix ms) is when the newest copy was made."""

    def __init__(self, store: Store, clerk: Clerk, care: BooksCare, clock: Clock) -> None:
        copies = backups.found(store.path, care.backups)
        self.copied_at = int(copies[0].stat().st_mtime * 1000) if copies else None
        self._store = store
        self._clerk = clerk
        self._care = care
        self._clock = clock
        self._copied = backups.reached(copies[0]) if copies else None
        self._told_room = "enough"
        self._copy_not_before_s = self._forget_not_before_s = float("-inf")
        self._is_verified = False

    @property
    def ballast(self) -> Ballast:
        return self._store.ballast

    async def run(self) -> None:
        """Look after the books, for ever."""
        rounds = 0
        while True:
            with contextlib.suppress(BooksFullError):  # said by the room; tried again when there is some
                await self._look_at_the_room()
                if rounds % _WORK_EVERY == 0:
                    await self._daily()
                    await self._look_over()
                    await self._archive()
                    await self._forget()
            rounds += 1
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _say(self, kind: str, about: str, detail: str, *, over: bool = False) -> None:
        try:
            await self._clerk.enter(Notice(kind, about, detail, over=over))
        except AskFailedError:
            return  # logged by the clerk

    async def _look_at_the_room(self) -> None:
        ballast = self._store.ballast
        await asyncio.to_thread(ballast.make)
        room, about = ballast.room, str(ballast.path.parent)
        if room != self._told_room:
            self._told_room = room
            if room == "enough":
                log.info("disk_has_room", free_bytes=ballast.free())
            else:
                log.error("disk_full", room=room, free_bytes=ballast.free())
        if (room != "enough") != (("disk_full", about) in self._clerk.books.cases):
            await self._say("disk_full", about, "the reserve is given up", over=room == "enough")

    def _is_copied(self, day: str) -> bool:
        """Is there a copy of this day? And of this epoch: nothing salvaged would continue another one's chain.

        Under a clock that stands still, or starts in 1970 each morning, a day is 24 hours of the books' own time.
        """
        if self._copied is None or self._copied.epoch != self._clerk.books.epoch:
            return False
        ran_ms = self._clerk.time.stamp().books_ms - self._copied.books_ms
        return backups.daily_name(self._store.path, self._care.backups, day).exists() and ran_ms < _DAY_MS

    async def _daily(self) -> None:
        """Once a day, and in each new epoch: a snapshot, then a copy that has it."""
        now = self._clock.now_ms()
        day = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")
        if self._clock.monotonic_s() < self._copy_not_before_s or self._is_copied(day):
            return
        self._copy_not_before_s = self._clock.monotonic_s() + _COPY_AGAIN_S
        while await self._store.write(lambda tx: archives.forget_zeros(tx, archives.DELETED_AT_ONCE)):
            await self._clock.sleep(0.05)
        while await bygone.forget(self._store, now):
            await self._clock.sleep(0.05)
        snapshot = await asyncio.to_thread(snapshots.take, self._store.path, now)
        await self._store.write(lambda tx: snapshots.keep(tx, snapshot))
        if self._store.ballast.free() < 2 * self._store.path.stat().st_size:
            log.warning("backup_put_off", free_bytes=self._store.ballast.free())
            return
        self._care.backups.mkdir(parents=True, exist_ok=True)
        copy = backups.free_name(self._store.path, self._care.backups, day)
        why = await self._in_a_process(str(copy))
        if why:
            log.error("backup_failed", why=why)
            await self._say("backup_failed", "daily", why)
            return
        backups.forget(self._store.path, self._care.backups, copy)
        self._is_verified = True
        self.copied_at, self._copy_not_before_s = now, float("-inf")
        self._copied = await asyncio.to_thread(backups.reached, copy)
        log.info("books_copied", copy=copy.name, bytes=copy.stat().st_size)
        await self._say("backup_failed", "daily", "", over=True)

    async def _look_over(self) -> None:
        """Once after each start all of the books is verified: with the day's copy or, if that was there, by itself."""
        if self._is_verified:
            return
        self._is_verified = True
        why = await self._in_a_process()
        if why:
            log.error("books_wrong", why=why)
        await self._say("books_wrong", "books", why, over=not why)

    async def _in_a_process(self, *copy: str) -> str:
        """Copy and verify, or verify only: why it failed; nothing when it did not."""
        command = (sys.executable, "-m", "agent.copying", str(self._store.path), *copy)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        try:
            said = await process.stderr.read()
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return said.decode(errors="replace").strip()[-1000:] if process.returncode else ""

    async def _forget(self) -> None:
        """Once an hour: neither the names of couriers nor what became of orders is needed for ever."""
        if self._clock.monotonic_s() < self._forget_not_before_s:
            return
        self._forget_not_before_s = self._clock.monotonic_s() + _FORGET_EVERY_S
        now_ms, kept_ms = self._clerk.time.stamp().books_ms, self._care.order_days * _DAY_MS
        people = partial(personal.forget, self._store, now_ms - self._care.personal_hours * _HOUR_MS)
        orders = partial(over.forget, self._store, now_ms - kept_ms, self._clock.now_ms() - kept_ms)
        if rows := await self._all_of(people):
            log.info("personal_data_forgotten", rows=rows)
        if rows := await self._all_of(orders):
            log.info("orders_forgotten", rows=rows)

    async def _all_of(self, forget: Callable[[], Awaitable[int]]) -> int:
        """Forget a portion after another until nothing is left to forget; how many rows."""
        forgotten = 0
        while some := await forget():
            forgotten += some
            await self._clock.sleep(0.05)
        return forgotten

    async def _archive(self) -> None:
        """One month at a time, and the deleting in small turns."""
        before = self._clock.now_ms() - self._care.keep_days * _DAY_MS
        until = await self._store.write(lambda tx: archives.due(tx, before))
        if until is not None:
            epoch = self._clerk.books.epoch
            try:
                archive = await asyncio.to_thread(archives.write, self._store.path, epoch, until)
            except (archives.LedgerBrokenError, OSError) as error:
                log.error("archive_failed", why=str(error))
                return
            await self._store.write(lambda tx: archives.enter(tx, archive))
            log.info("postings_archived", file=archive.file, first=archive.first, last=archive.last)
        while await self._store.write(archives.forget):
            await self._clock.sleep(0.05)
        while await self._store.write(lambda tx: archives.forget_former(tx, before)):
            await self._clock.sleep(0.05)
        while await self._store.write(lambda tx: counts.forget(tx, before)):
            await self._clock.sleep(0.05)
