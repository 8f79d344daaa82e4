"""Three stores, their HQ and a broker, each a real process, under a steady load of receipts; and what was answered."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from simulators.goods import catalogue_csv, range_of_goods
from simulators.programs import Program
from simulators.till import Till
from tests.brokers import Mosquitto
from tests.secured import Secured
from tests.torture.line.roads import Kind, Road, road
from wire.mqtt import MqttVersion
from wire.tls import Credentials

CHAIN = "demo"
HQ = "HQ"
STORES = ("SH-0001", "SH-0002", "SH-0003")
#: Rows a second, over all stores.
ROWS_PER_S = 200
LINES = 4
_HEAP = 250
_GOODS = [product for product in range_of_goods() if not product.tagged]
#: What the tills sell, and one SKU that they leave alone.
*SKUS, KEPT = (product.sku for product in _GOODS)
#: What a scanner reads.
GTINS = tuple(product.gtin for product in _GOODS[:-1])
#: Who asks HQ to do something must know it.
TOKEN = "the-torturers-token"

_AGENT = """\
[store]
id = "{store}"
chain = "demo"
[books]
path = "books.db"
catalogue = "catalogue.csv"
[hq]
broker = "{broker}"
mqtt_version = "{version}"
{more}
[web]
host = "{host}"
port = 0
[[channel]]
name = "web"
hold_minutes = 30
"""
_HQ = """\
[hq]
chain = "demo"
broker = "{broker}"
mqtt_version = "{version}"
{more}
[web]
port = 0
token = "{token}"
"""


@dataclass
class Store:
    """One store: its agent, its till, its road to HQ, and every receipt that was answered, in order."""

    name: str
    folder: Path
    agent: Program
    line: Road
    rng: Random
    till: Till | None = None
    #: Sells besides the steady pace, in heaps.
    heaps: Till | None = None
    #: When each was answered, on the monotonic clock, by receipt.
    answered: dict[str, float] = field(default_factory=dict)
    #: Name of each row → (SKU, qty), of answered receipts.
    sold: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: Does its till leave the steady pace to the others?
    rests: bool = False

    async def start(self) -> None:
        await self.agent.start()
        if self.till is None:
            self.till, self.heaps = Till("T1", self.agent.web), Till("T2", self.agent.web)

    async def sell(self, lines: int = LINES) -> float:
        """One receipt, until it is answered; returns the seconds that took."""
        assert self.till is not None
        return await self._sell(self.till, lines)

    async def sell_heaps(self, rows: int) -> None:
        """So many rows more, as fast as it goes."""
        assert self.heaps is not None
        wanted = len(self.sold) + rows
        while len(self.sold) < wanted:
            await self._sell(self.heaps, _HEAP)

    async def _sell(self, till: Till, lines: int) -> float:
        receipt = till.next_paper()
        wants = [(sku, self.rng.randint(1, 3)) for sku in self.rng.choices(SKUS, k=lines)]
        began = time.monotonic()
        await till.sell(
            receipt,
            time.time_ns() // 1_000_000,
            [{"line": nth, "sku": sku, "qty": qty} for nth, (sku, qty) in enumerate(wants, 1)],
        )
        self.answered[receipt] = time.monotonic()
        self.sold.update({f"sale:{receipt}/{nth}": want for nth, want in enumerate(wants, 1)})
        return self.answered[receipt] - began

    async def look(self, path: str) -> dict[str, Any]:
        assert self.till is not None
        return await self.till.look(path)


@dataclass
class Line:
    """Everybody there is, and the load on them."""

    seed: int
    rng: Random
    folder: Path
    broker: Mosquitto
    secured: Secured | None
    hq: Program
    #: Where a broker that keeps messages keeps them.
    kept: Path
    #: Of HQ and of each store, by name; empty when nobody has one.
    credentials: dict[str, Credentials] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)
    load: asyncio.Task[None] | None = None
    closing: bool = False
    #: Rows of the steady pace, and the seconds it went on for.
    paced: int = 0
    paced_s: float = 0.0

    async def work_for(self, seconds: float) -> None:
        """Let the tills sell. Raises what went wrong with them, or with an agent."""
        if self.load is None:
            self.load = asyncio.create_task(self._sell_all(), name="tills")
        await asyncio.wait({self.load}, timeout=seconds)
        for store in self.stores:
            store.agent.must_live()
        if self.load.done():
            self.load.result()

    async def close(self) -> None:
        """No new receipts; those under way are answered."""
        self.closing = True
        if self.load is not None:
            async with asyncio.timeout(60):
                await self.load

    async def _sell_all(self) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as tills:
            for store in self.stores:
                tills.create_task(self._sell(store), name=f"till of {store.name}")
        self.paced_s += time.monotonic() - began

    async def _sell(self, store: Store) -> None:
        """At its share of the pace; what an absent or slow agent made late stands on the next receipts."""
        due, looked = float(LINES), time.monotonic()
        while not self.closing:
            per_s = ROWS_PER_S / sum(not each.rests for each in self.stores)
            now = time.monotonic()
            due, looked = due + (now - looked) * per_s, now
            if store.rests:
                due = 0.0
            elif due >= LINES:
                lines = min(int(due), _HEAP)
                await store.sell(lines)
                self.paced += lines
                due -= lines
            await asyncio.sleep(max(0.0, (LINES - due) / per_s))

    async def ask_hq(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.hq.web, trust_env=False) as hq:
            found: dict[str, Any] = (await hq.get(path)).raise_for_status().json()
            return found


def _tls(credentials: dict[str, Credentials], name: str) -> str:
    return f'tls = "{credentials[name].folder}"' if credentials else ""


def _keys(folder: Path) -> tuple[Path, Path]:
    """HQ's key to sign commands with, and the one to check them with."""
    key = Ed25519PrivateKey.generate()
    secret, public = folder / "commands.key", folder / "commands.pub"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def _store(name: str, folder: Path, line: Road, address: str, seed: int, version: MqttVersion, more: str) -> Store:
    folder = folder / name
    folder.mkdir()
    (folder / "catalogue.csv").write_text(catalogue_csv(_GOODS), encoding="utf-8")
    scheme = "mqtts" if more.startswith("tls") else "mqtt"
    (folder / "agent.toml").write_text(
        _AGENT.format(store=name, broker=f"{scheme}://{address}", version=version, more=more, host=line.shop)
    )
    agent = Program(f"agent {name}", "agent", folder / "agent.toml", folder / "agent.log", within=line.within)
    return Store(name, folder, agent, line, Random(f"{seed}/{name}"))


@asynccontextmanager
async def line(
    folder: Path,
    seed: int,
    *,
    version: MqttVersion = "5",
    secure: bool = False,
    keeps: bool = False,
    by: Kind = "proxy",
) -> AsyncIterator[Line]:
    """All of it running and reached; gone afterwards. The broker keeps its messages on disk if it `keeps`."""
    async with AsyncExitStack() as stack:
        secured = Secured(folder) if secure else None
        kept = folder / "kept"
        kept.mkdir()
        keeping = f"persistence true\npersistence_location {kept}/\nautosave_interval 1\n" if keeps else ""
        host = "127.0.0.1" if by == "proxy" else "0.0.0.0"
        more = keeping + (secured.config() if secured else "")
        reader = secured.witness if secured else None
        broker = Mosquitto(folder, more, anonymous=not secure, host=host, reader=reader)
        if secured:
            secured.broker = broker
        stack.callback(broker.kill)
        await broker.start()
        hq = Program("HQ", "hq_bridge", folder / "hq.toml", folder / "hq.log")
        credentials = {} if secured is None else {HQ: secured.hq(), **{name: secured.store(name) for name in STORES}}
        keys = _keys(folder)
        about = _tls(credentials, HQ) or f'commands = "{keys[0]}"'
        address = secured.address if secured else broker.address
        hq.settings.write_text(_HQ.format(broker=address, version=version, more=about, token=TOKEN))
        stack.push_async_callback(hq.kill)
        await hq.start()
        there = Line(seed, Random(f"{seed}/killer"), folder, broker, secured, hq, kept, credentials)
        for nth, name in enumerate(STORES, 1):
            way = road(by, broker.port, Random(f"{seed}/{name}/road"), nth)
            stack.callback(way.close)
            to_broker = await way.start()
            more = _tls(credentials, name) or f'commands = "{keys[1]}"'
            store = _store(name, folder, way, to_broker, seed, version, more)
            there.stores.append(store)
            stack.push_async_callback(store.agent.kill)
        await asyncio.gather(*[store.start() for store in there.stores])
        try:
            yield there
        finally:
            if there.load is not None:
                there.load.cancel()
                await asyncio.wait({there.load})
            for store in there.stores:
                for till in filter(None, (store.till, store.heaps)):
                    await till.close()
