"""Every topic, built and parsed in one place.

Chain and store names are `[A-Za-z0-9-]{1,32}`. The shard, crc32(store) & 63 in two hex digits, lets several consumers
divide the stores by topic filter, because shared subscriptions do not keep the order of a store's rows.
"""

import re
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

ROOT = "nearshelf/v1"

UpChannel = Literal["log", "hello", "state", "answer"]
DownChannel = Literal["heard", "command"]

_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")
_UP = re.compile(
    rf"{ROOT}/([A-Za-z0-9-]{{1,32}})/([0-9a-f]{{2}})/([A-Za-z0-9-]{{1,32}})"
    r"/up/(log|hello|state|answer|snapshot/[A-Za-z0-9-]{1,32}/[0-9]{1,4})"
)


def is_name(text: str) -> bool:
    """May `text` name a chain or a store?"""
    return _NAME.fullmatch(text) is not None


def shard_of(store: str) -> str:
    """The two hex digits that say which of 64 shards the store belongs to."""
    return f"{crc32(store.encode()) & 63:02x}"


@dataclass(frozen=True, slots=True)
class StoreTopics:
    """The topics of one store. Raises ValueError on a name that would not be one topic level."""

    chain: str
    store: str

    def __post_init__(self) -> None:
        for name in (self.chain, self.store):
            if not is_name(name):
                raise ValueError(f"{name!r} cannot name a chain or store: 1 to 32 of A-Z a-z 0-9 -")

    def up(self, channel: UpChannel) -> str:
        return f"{ROOT}/{self.chain}/{shard_of(self.store)}/{self.store}/up/{channel}"

    def snapshot(self, name: str, part: int) -> str:
        """Part 0 is the manifest."""
        return f"{ROOT}/{self.chain}/{shard_of(self.store)}/{self.store}/up/snapshot/{name}/{part}"

    def down(self, channel: DownChannel) -> str:
        return f"{ROOT}/{self.chain}/{shard_of(self.store)}/{self.store}/down/{channel}"


def hq_state(chain: str) -> str:
    return f"{ROOT}/{chain}/hq/state"


def event(chain: str, kind: str, store: str) -> str:
    """Where rows of one kind of one store are told once HQ has committed them."""
    return f"{ROOT}/{chain}/events/{kind}/{store}"


def all_up(chain: str) -> str:
    """The filter under which HQ hears every store of a chain."""
    return f"{ROOT}/{chain}/+/+/up/#"


def parse_up(topic: str) -> tuple[StoreTopics, str] | None:
    """Whose topic, and which of its `up` channels; None for a stranger's topic or a wrong shard.

    A snapshot's channel is `snapshot/<name>/<part>`.
    """
    match = _UP.fullmatch(topic)
    if match is None:
        return None
    chain, shard, store, channel = match.groups()
    return (StoreTopics(chain, store), channel) if shard == shard_of(store) else None
