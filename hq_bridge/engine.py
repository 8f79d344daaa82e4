"""The way past one machine: a log that many ingress processes append to and landers read from a position.

A narrow port, so that what is behind it can be exchanged; `jetstream` is the one adapter. The engine is a pipe as the
broker is: a lander keeps its position in the same transaction as the rows, stores hear only of that commit, and what
an engine loses is sent again by the stores.
"""

from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from wire.topics import StoreTopics


class Entry(NamedTuple):
    """One payload of a store at its position; positions grow along a shard, with holes."""

    position: int
    store: StoreTopics
    payload: bytes


class EngineLost(Exception):
    """Raised when an append may or may not have happened: do it again under the same name."""


class EngineForgot(Exception):
    """Raised when the engine no longer has what follows a position: stores must send again from their cursors."""


class Engine(Protocol):
    """Append and read, nothing else."""

    async def append(self, store: StoreTopics, name: str, payload: bytes) -> int:
        """Append to the store's shard; the position, once a majority of nodes has it on disk.

        A `name` (`store/epoch/first`) that was appended minutes ago is not appended again; later than that it may be,
        and the reader drops what it has by (store, epoch, seq). Raises EngineLost.
        """
        ...

    def read(self, shard: str, after: int) -> AsyncGenerator[Entry, None]:
        """Everything of a shard beyond a position, in order and without end. Raises EngineForgot."""
        ...
