"""Events over a real broker: whatever is killed, each subscriber gets every row, in order, and repeats by their id."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.brokers import Mosquitto, running_mosquitto
from tests.hq_bridge.processes import hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.waiting import until
from tests.wire.test_contract import VALIDATORS
from wire.mqtt import Link, parse_broker


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """One that drops nothing of what a subscriber has yet to read."""
    async with running_mosquitto(tmp_path, "max_queued_messages 100000") as broker:
        yield broker


class Subscriber:
    """Everything that came under `events/`, per store, in the order it came."""

    def __init__(self, address: str) -> None:
        self.ids: dict[str, list[str]] = {}
        self.payloads: list[tuple[str, bytes]] = []
        self.link = Link(
            parse_broker(address),
            "subscriber",
            topics=["nearshelf/v1/demo/events/+/+"],
            on_message=self._on_message,
            now_ms=lambda: 0,
        )

    def _on_message(self, topic: str, payload: bytes) -> None:
        found = re.search(rb'"id":"([^"]+)"', payload)
        assert found is not None
        self.ids.setdefault(topic.rsplit("/", 1)[1], []).append(found[1].decode())
        self.payloads.append((topic, payload))

    def are_events(self) -> bool:
        """Is every one as the contract says, on its topic? Asked at the end: a broker drops what is read too slowly."""
        for topic, payload in self.payloads:
            event = json.loads(payload)
            VALIDATORS["event"].validate(event)
            assert topic == f"nearshelf/v1/demo/events/{event['data']['kind']}/{event['partitionkey']}"
        return True

    def once(self, store: str) -> list[str]:
        """Its ids without repeats."""
        return list(dict.fromkeys(self.ids.get(store, [])))


@asynccontextmanager
async def subscribed(address: str) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(address)
    task = asyncio.create_task(subscriber.link.run())
    await until(lambda: subscriber.link.state == "here")
    try:
        yield subscriber
    finally:
        task.cancel()
        await asyncio.wait({task})


def _ids(shop: Shop, first: int = 1) -> list[str]:
    return [f"{shop.topics.store}/{shop.epoch}/{seq}" for seq in range(first, shop.head + 1)]


def _in_order(ids: list[str]) -> bool:
    """Also where rows come again: never a step forward over a row."""
    seqs = [int(each.split("/")[2]) for each in ids]
    return all(after <= before + 1 for before, after in itertools.pairwise(seqs))


async def test_rows_are_told_to_the_broker_in_order(mosquitto: Mosquitto, tmp_path: Path, url: URL) -> None:
    shops = [Shop(f"SH-{n}", seed=n) for n in range(3)]
    config = write_config(tmp_path, mosquitto.address, database=url, events=True)
    async with subscribed(mosquitto.address) as subscriber, hq_process(config):
        for shop in shops:
            shop.trade(300)
        async with (
            on_the_line(ShopLine(shops[0], mosquitto.address)),
            on_the_line(ShopLine(shops[1], mosquitto.address)),
            on_the_line(ShopLine(shops[2], mosquitto.address)),
        ):
            await until(lambda: sum(map(len, subscriber.ids.values())) == 900)
    assert subscriber.ids == {shop.topics.store: _ids(shop) for shop in shops}
    assert subscriber.are_events()


async def _told(subscriber: Subscriber, line: ShopLine, count: int, seq: int = 0) -> None:
    """Wait until so many rows were told, and row `seq`; the store says hello again while HQ lacks some."""

    def looked() -> bool:
        if next(looks) % 20 == 19 and line.upto < line.shop.head and line.link.state == "here":
            line.say_hello()
        told = subscriber.once("SH-0001")
        return len(told) >= count and (not seq or f"SH-0001/7/{seq}" in told)

    looks = itertools.count()
    await until(looked, 30)


async def test_killed_again_and_again_hq_tells_every_row(mosquitto: Mosquitto, tmp_path: Path, url: URL) -> None:
    shop = Shop()
    config = write_config(tmp_path, mosquitto.address, database=url, events=True)
    async with subscribed(mosquitto.address) as subscriber, on_the_line(ShopLine(shop, mosquitto.address)) as line:
        for kill in range(1, 5):
            async with hq_process(config) as hq:
                shop.trade(400)
                await _told(subscriber, line, 400 * kill - 250)
                hq.process.kill()
                await hq.ended()
        async with hq_process(config):
            await _told(subscriber, line, shop.head)
    assert subscriber.once("SH-0001") == _ids(shop)
    assert _in_order(subscriber.ids["SH-0001"])
    print(f"told {len(subscriber.ids['SH-0001'])} events for {shop.head} rows over 4 kills")


async def test_a_broker_that_was_away_is_told_the_rest(mosquitto: Mosquitto, tmp_path: Path) -> None:
    shop = Shop()
    config = write_config(tmp_path, mosquitto.address, events=True)
    async with (
        subscribed(mosquitto.address) as subscriber,
        hq_process(config) as hq,
        on_the_line(ShopLine(shop, mosquitto.address)) as line,
    ):
        shop.trade(300)
        await _told(subscriber, line, 100)
        mosquitto.kill()
        await hq.store_where("SH-0001", state="here")
        await mosquitto.start()
        await until(lambda: subscriber.link.state == "here")
        shop.trade(100)
        await _told(subscriber, line, 200, shop.head)
    # A broker that is killed forgets what it acknowledged and had not passed on: a subscriber sees that as a hole.
    assert subscriber.once("SH-0001")[-100:] == _ids(shop)[-100:]


async def test_telling_begins_when_it_is_switched_on(mosquitto: Mosquitto, tmp_path: Path, url: URL) -> None:
    shop, newcomer = Shop(), Shop("SH-0002", seed=2)
    shop.trade(50)
    quiet = write_config(tmp_path, mosquitto.address, database=url)
    async with subscribed(mosquitto.address) as subscriber, on_the_line(ShopLine(shop, mosquitto.address)) as line:
        async with hq_process(quiet) as hq:
            await hq.store_where("SH-0001", cursor=50)
        loud = write_config(tmp_path, mosquitto.address, database=url, events=True)
        async with hq_process(loud) as hq:
            await hq.store_where("SH-0001", state="here")
            shop.trade(20)
            newcomer.trade(10)
            line.say_hello()
            async with on_the_line(ShopLine(newcomer, mosquitto.address)):
                await until(lambda: len(subscriber.ids.get("SH-0002", [])) == 10)
                await until(lambda: len(subscriber.ids.get("SH-0001", [])) == 20)
    assert subscriber.ids == {"SH-0001": _ids(shop, 51), "SH-0002": _ids(newcomer)}
