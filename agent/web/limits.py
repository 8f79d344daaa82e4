"""How much one address may ask of the store: so often, and so much at once. Bounded, whoever asks."""

import asyncio
import contextlib
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

#: Addresses that are remembered; a store has fewer devices, and who makes up more gains a fresh allowance at most.
_MOST_ADDRESSES: Final = 1024
#: Requests of one address that are worked on at once; others wait, and those of other addresses do not wait for them.
MOST_AT_ONCE: Final = 24
#: Streams of one address that are open at once.
MOST_STREAMS: Final = 16
_IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second for long, and `burst` at once."""

    per_s: float
    burst: int


class Allowances:
    """What each address has left of a rate."""

    def __init__(self, rate: Rate, now_s: Callable[[], float]) -> None:
        self._rate = rate
        self._now_s = now_s
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Take one; 0 when there was one, else the seconds until there is."""
        now_s = self._now_s()
        left, at_s = self._left.pop(address, (float(self._rate.burst), now_s))
        left = min(float(self._rate.burst), left + (now_s - at_s) * self._rate.per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._rate.per_s
        self._left[address] = (left if wait_s else left - 1, now_s)
        if len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return wait_s


class Turns:
    """Lets an address have `most` requests worked on at once. An address is forgotten with its last request."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lanes: dict[str, _Lane] = {}

    def is_free(self, address: str) -> bool:
        """Would a request of this address be worked on at once?"""
        lane = self._lanes.get(address)
        return lane is None or not lane.turn.locked()

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Inside, a request of this address has its turn."""
        lane = self._lanes.setdefault(address, _Lane(asyncio.Semaphore(self._most)))
        lane.asked += 1
        try:
            async with lane.turn:
                yield
        finally:
            lane.asked -= 1
            if not lane.asked:
                del self._lanes[address]


@dataclass(slots=True)
class _Lane:
    turn: asyncio.Semaphore
    asked: int = 0


def address_of(client: tuple[str, int] | None) -> str:
    """Where somebody asks from."""
    return (client[0] if client else "").partition("%")[0].removeprefix("::ffff:")


def network_of(address: str) -> str:
    """Whose allowance it is. Of IPv6 the network's: a machine there has as many addresses as it likes."""
    if ":" not in address:
        return address
    try:
        return str(ipaddress.IPv6Network((address, _IPV6_NETWORK_BITS), strict=False).network_address)
    except ValueError:
        return address
