"""How a store's agent reaches the broker, and what can happen on the way.

Either on the loopback, past a TCP middleman; or from a network namespace of the agent's own, through a pair of virtual
Ethernet devices that can be pulled out at either end; or from there through a middleman who has the IP packets in his
hands (TUN) and loses, doubles, delays and reorders them by a seed.
"""

import asyncio
import fcntl
import os
import struct
from collections import Counter
from random import Random
from typing import Literal, Protocol

from tests.torture.line.middleman import Middleman
from tests.torture.line.namespaces import Namespace, ip

Kind = Literal["proxy", "cable", "tunnel"]

_TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_PACKET = 4096
#: Packets taken from a device before everybody else has a turn.
_AT_ONCE = 64
_LOST = _DOUBLED = _HELD_BACK = 0.1
_DELAY_S = (0.005, 0.03)
#: Long enough for others to overtake.
_HELD_BACK_S = (0.03, 0.15)


class Road(Protocol):
    """From a store to the broker. `done` counts what happened on it."""

    done: Counter[str]
    #: Whether packets, or what they carry, are treated badly from now on.
    unkind: bool

    @property
    def within(self) -> tuple[str, ...]:
        """What to put before the agent's command."""

    @property
    def shop(self) -> str:
        """The address at which the shop's tills reach the agent."""

    async def start(self) -> str:
        """Returns the broker's address, as `host:port`, seen from the store."""

    def cut(self) -> None:
        """From now on nothing arrives at either end."""

    def mend(self) -> None: ...

    def close(self) -> None: ...


class Proxy(Middleman):
    """Past a middleman who has the bytes in his hands."""

    within: tuple[str, ...] = ()
    shop = "127.0.0.1"


class Cable:
    """The agent in a network of its own, with one cable to the shop's tills and one to the broker."""

    def __init__(self, port: int, rng: Random, nth: int) -> None:
        self.done: Counter[str] = Counter()
        self.unkind = False
        self.shop = f"10.8.{nth}.2"
        self._nth = nth
        self._port = port
        self._rng = rng
        self._store = Namespace()
        self._pulled = False

    @property
    def within(self) -> tuple[str, ...]:
        return self._store.within

    @property
    def _ours(self) -> str:
        """The broker's end."""
        return f"hq{self._nth}"

    async def start(self) -> str:
        self._plug(f"shop{self._nth}", "lan", f"10.8.{self._nth}")
        self._lay()
        return f"10.9.{self._nth}.1:{self._port}"

    def _lay(self) -> None:
        self._plug(self._ours, "wan", f"10.9.{self._nth}")

    def _plug(self, ours: str, theirs: str, net: str) -> None:
        ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self._store.path)
        self._address(ours, theirs, net)

    def _address(self, ours: str, theirs: str, net: str) -> None:
        ip("address", "add", f"{net}.1/24", "dev", ours)
        ip("link", "set", ours, "up")
        self._store.ip("address", "add", f"{net}.2/24", "dev", theirs)
        self._store.ip("link", "set", theirs, "up")

    def cut(self) -> None:
        """Pull it out at the broker's end or at the store's: the other only finds that nothing comes any more."""
        self._pulled = self._rng.random() < 0.5
        self.done["cut at the store" if self._pulled else "cut at HQ"] += 1
        self._set("down")

    def mend(self) -> None:
        self._set("up")

    def _set(self, state: str) -> None:
        if self._pulled:
            self._store.ip("link", "set", "wan", state)
        else:
            ip("link", "set", self._ours, state)

    def close(self) -> None:
        self._store.close()


class Tunnel(Cable):
    """The agent in a network of its own; every packet to the broker and back passes through our hands."""

    def _lay(self) -> None:
        here, there = _tun(self._ours), _tun(f"wan{self._nth}")
        ip("link", "set", f"wan{self._nth}", "netns", self._store.path)
        self._store.ip("link", "set", f"wan{self._nth}", "name", "wan")
        self._address(self._ours, "wan", f"10.9.{self._nth}")
        self._files = here, there
        loop = asyncio.get_running_loop()
        loop.add_reader(here, self._carry, here, there)
        loop.add_reader(there, self._carry, there, here)

    def close(self) -> None:
        for file in self._files:
            asyncio.get_running_loop().remove_reader(file)
            os.close(file)
        self._files = ()
        super().close()

    _files: tuple[int, ...] = ()

    def _carry(self, source: int, to: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet = os.read(source, _PACKET)
            except OSError:
                return
            self.done["packets"] += 1
            if self.unkind:
                self._unkindly(packet, to)
            else:
                self._put(packet, to)

    def _unkindly(self, packet: bytes, to: int) -> None:
        rng = self._rng
        if rng.random() < _LOST:
            self.done["lost"] += 1
            return
        doubled = rng.random() < _DOUBLED
        self.done["doubled"] += doubled
        for _ in range(1 + doubled):
            wait_s = rng.uniform(*_DELAY_S)
            if rng.random() < _HELD_BACK:
                self.done["held back"] += 1
                wait_s += rng.uniform(*_HELD_BACK_S)
            asyncio.get_running_loop().call_later(wait_s, self._put, packet, to)

    def _put(self, packet: bytes, to: int) -> None:
        if to in self._files:
            try:
                os.write(to, packet)
            except OSError:
                self.done["nobody there"] += 1


def _tun(name: str) -> int:
    """A device whose packets are read and written here (linux/if_tun.h)."""
    file = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return file


def road(kind: Kind, port: int, rng: Random, nth: int) -> Road:
    """The `nth` store's, to the broker at `port`."""
    match kind:
        case "proxy":
            return Proxy(port, rng)
        case "cable":
            return Cable(port, rng, nth)
        case "tunnel":
            return Tunnel(port, rng, nth)
