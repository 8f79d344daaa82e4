"""The same events over MQTT, for whoever would rather subscribe there: in order per store, after the commit.

At least once: how far each store has been told is kept now and then, and after a kill of HQ the last ones come again,
with the same ids. Nothing is gathered for a broker that is slow or away; the history is read when it is there again.
"""

import asyncio
from collections import deque
from typing import NamedTuple

import structlog

from hq_bridge.books import Mark
from hq_bridge.events import Following, Told, Trail
from hq_bridge.ingest import Ingest
from hq_bridge.store import Database
from hq_bridge.whole import whole
from wire import topics
from wire.codec import MAX_PAYLOAD
from wire.mqtt import BrokerLost, BrokerRefused, Link

log = structlog.get_logger()

_WINDOW = 10  # under way at once; what HQ says to stores goes the same way and must not wait for more
_IDLE_S = 0.25
_GIVE_WAY_S = 0.05  # after each window while rows wait to be landed: some 200 events per second go out then
_KEEP_EVERY_S = 0.25
_REFUSED_PAUSE_S = 30.0


class _UnderWay(NamedTuple):
    store: str
    mark: Mark
    told: asyncio.Future[None]


class Republisher:
    """Tells the broker what HQ has committed."""

    def __init__(self, chain: str, database: Database, ingest: Ingest, trail: Trail, link: Link) -> None:
        self._chain = chain
        self._database = database
        self._ingest = ingest
        self._trail = trail
        self._link = link
        self._up = asyncio.Event()
        self._told: dict[str, Mark] = {}
        self._to_keep: dict[str, Mark] = {}
        self._under_way: deque[_UnderWay] = deque()

    def line_is_up(self) -> None:
        """Call on each connect."""
        self._up.set()

    async def begin(self) -> None:
        """Call before rows land: goes on where an earlier run ended, or begins here. Raises DatabaseLost."""
        kept = await self._database.told()
        if kept is None:
            kept = self._trail.heads()
            await self._database.keep_told(kept)
        self._told = kept

    async def run(self) -> None:
        """Tell until cancelled. Raises DatabaseLost."""
        with self._ingest.bell.listening() as ear:
            await self._tell(Following(self._trail, ear, dict(self._told), self._trail.heads()))

    async def keep(self) -> None:
        """Note how far the broker was told, until cancelled; cancel it after `run`. Raises DatabaseLost."""
        try:
            while True:
                await asyncio.sleep(_KEEP_EVERY_S)
                await self._keep_now()
        except asyncio.CancelledError:
            await self._keep_now()
            raise

    async def _tell(self, following: Following) -> None:
        while True:
            await self._up.wait()
            store = ""
            try:
                found = await following.next(_IDLE_S)
                if found is None:
                    await self._settle()
                    continue
                store, piece = found
                if piece.gone is not None:
                    log.warning("events_gone", store=store, epoch=piece.gone.epoch, first=piece.gone.first)
                for told in piece.events:
                    await self._publish(store, told)
                if not piece.events:
                    await self._settle()
                    self._note(store, piece.end)
            except BrokerLost as error:
                self._go_back(following, store)
                if isinstance(error, BrokerRefused):
                    log.warning("events_refused", why=str(error))
                    await asyncio.sleep(_REFUSED_PAUSE_S)

    async def _publish(self, store: str, told: Told) -> None:
        """Raises BrokerLost, also for an earlier one."""
        if len(self._under_way) >= _WINDOW:
            await self._settle()
            if self._ingest.is_busy:
                await asyncio.sleep(_GIVE_WAY_S)
        if len(told.payload) > MAX_PAYLOAD:
            log.warning("event_too_large", store=store, epoch=told.mark.epoch, seq=told.mark.seq)
            return
        topic = topics.event(self._chain, told.kind, store)
        self._under_way.append(_UnderWay(store, told.mark, self._link.publish(topic, told.payload)))

    async def _settle(self) -> None:
        """Wait until the broker has everything that is under way. Raises BrokerLost."""
        while self._under_way:
            await self._under_way[0].told
            sent = self._under_way.popleft()
            self._note(sent.store, sent.mark)

    def _note(self, store: str, mark: Mark) -> None:
        self._told[store] = self._to_keep[store] = mark

    def _go_back(self, following: Following, store: str) -> None:
        """To what the broker has said it has."""
        if self._link.state != "here":
            self._up.clear()
        for each in {sent.store for sent in self._under_way} | ({store} if store else set()):
            following.go_back(each, self._told.get(each, Mark(0, 0)))
        self._under_way.clear()

    async def _keep_now(self) -> None:
        if self._to_keep:
            marks, self._to_keep = self._to_keep, {}
            await whole(self._database.keep_told(marks), "hq told")
