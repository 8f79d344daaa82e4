"""What HQ says to stores and to everybody: `heard` after a commit, and whether HQ is here."""

import asyncio
from collections import OrderedDict

from wire import topics
from wire.codec import encode
from wire.messages import Heard, HqState
from wire.mqtt import MAX_INFLIGHT, BrokerLost, Link
from wire.topics import StoreTopics

_GOODBYE_WITHIN_S = 1.0


class Answers:
    """`say` is what Ingest calls: the newest answer to each store goes out, a few at a time.

    An answer that waits is replaced by a newer one to the same store, which says all of it; so never more wait than
    there are stores. What is lost with the line is said again: the store asks with its next hello.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: OrderedDict[StoreTopics, Heard] = OrderedDict()
        self._under_way = 0

    def say(self, store: StoreTopics, heard: Heard) -> None:
        """Tell a store how far HQ has committed. Never waits."""
        self._waiting[store] = heard
        self._send()

    def forget(self) -> None:
        """The line is new: what was not said is out of date."""
        self._waiting.clear()

    def _send(self) -> None:
        while self._waiting and self._under_way < MAX_INFLIGHT:
            store, heard = self._waiting.popitem(last=False)
            try:
                told = self._link.publish(store.down("heard"), encode(heard))
            except BrokerLost:
                self._waiting.clear()
                return
            self._under_way += 1
            told.add_done_callback(self._sent)

    def _sent(self, told: asyncio.Future[None]) -> None:
        self._under_way -= 1
        self._send()


class Presence:
    """HQ's own retained state. Its `boot` changes with each connection, so that stores say hello again."""

    def __init__(self, chain: str, boot: str, at: int) -> None:
        self._topic = topics.hq_state(chain)
        self._boot = boot
        self._connections = 0
        self.will = (self._topic, encode(HqState("away", boot, at)))

    def here(self, link: Link, at: int) -> None:
        """Call on each connect."""
        self._connections += 1
        link.publish(self._topic, encode(HqState("here", f"{self._boot}-{self._connections}", at)), retain=True)

    async def away(self, link: Link, at: int) -> None:
        """Say so, if the line is there, within a second."""
        try:
            async with asyncio.timeout(_GOODBYE_WITHIN_S):
                await link.publish(self._topic, encode(HqState("away", self._boot, at)), retain=True)
        except (BrokerLost, TimeoutError):
            return
