"""Three real JetStream nodes as we configure them: what was appended is read, in order and once, whoever is killed."""

import asyncio
from collections import defaultdict
from contextlib import aclosing
from pathlib import Path

import pytest

from hq_bridge.engine import EngineLost
from hq_bridge.jetstream import JetStream
from tests.nodes import Cluster, running_cluster
from wire.topics import StoreTopics, shard_of

STORES = ("SH-1", "SH-2", "SH-3")
WHILE_KILLED = 150


async def engine_of(cluster: Cluster) -> JetStream:
    """Once the nodes have found each other."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await cluster.engine()
            except EngineLost:
                continue


class Ingress:
    """Appends numbered payloads of every store, each under its name until it is acknowledged."""

    def __init__(self, engine: JetStream) -> None:
        self._engine = engine
        self.appended: dict[str, int] = dict.fromkeys(STORES, 0)

    async def append(self, count: int) -> None:
        await asyncio.gather(*[self._append(store, count) for store in STORES])

    async def _append(self, store: str, count: int) -> None:
        topics = StoreTopics("demo", store)
        for _ in range(count):
            number = self.appended[store] + 1
            while True:
                try:
                    await self._engine.append(topics, f"{store}/1/{number}", b"%d" % number)
                    break
                except EngineLost:
                    continue
            self.appended[store] = number


async def read_all(engine: JetStream, store: str, until_number: int) -> list[int]:
    """What a lander gets of a store, from the beginning."""
    found: list[int] = []
    async with asyncio.timeout(60), aclosing(engine.read(shard_of(store), 0)) as entries:
        async for entry in entries:
            if entry.store.store == store:
                found.append(int(entry.payload))
                if found[-1] == until_number:
                    break
    return found


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_or_doubled_while_each_node_is_killed(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster, await engine_of(cluster) as engine:
        ingress = Ingress(engine)
        live: dict[str, list[int]] = defaultdict(list)

        async def follow(store: str) -> None:
            async with aclosing(engine.read(shard_of(store), 0)) as entries:
                async for entry in entries:
                    live[entry.store.store].append(int(entry.payload))

        following = [asyncio.create_task(follow(store)) for store in STORES]
        await asyncio.gather(ingress.append(WHILE_KILLED), nobody_else_gets_in(cluster))
        for node in cluster.nodes:
            node.kill()
            await ingress.append(WHILE_KILLED)
            await node.start()
            await ingress.append(WHILE_KILLED)
        expected = {store: list(range(1, number + 1)) for store, number in ingress.appended.items()}
        assert {store: await read_all(engine, store, number) for store, number in ingress.appended.items()} == expected
        async with asyncio.timeout(60):
            while any(live[store] != expected[store] for store in STORES):
                await asyncio.wait(following, timeout=0.05)
        for task in following:
            task.cancel()
        await asyncio.wait(following)


async def nobody_else_gets_in(cluster: Cluster) -> None:
    """Neither a store's certificate nor none."""
    plain = [server.replace("tls:", "nats:") for server in cluster.servers]
    tries = [
        JetStream.connect(cluster.servers, "demo", credentials=cluster.stranger),
        JetStream.connect(plain, "demo"),
    ]
    for outcome in await asyncio.gather(*tries, return_exceptions=True):
        assert isinstance(outcome, EngineLost), outcome
