"""Who may say and hear what over the broker we ship: each certificate, topic and operation, judged at the receiver.

A PUBACK or SUBACK proves nothing: mosquitto acknowledges on MQTT 3.1.1 what it refuses, and grants subscriptions that
hear nothing.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.secured import secured_mosquitto
from tests.waiting import until
from wire.mqtt import BrokerRefused, Link, MqttVersion, parse_broker
from wire.tls import Credentials
from wire.topics import StoreTopics, hq_state

STORES = ("SH-1", "SH-2", "hq", "broker")
EVERYBODY = (*STORES, "nearshelf.hq", "reader.erp", "reader.nobody")
UP = ("log", "hello", "state", "answer", "snapshot/7/0")
DOWN = ("heard", "command")


def _base(store: str) -> str:
    return StoreTopics("demo", store).up("log").removesuffix("/up/log")


def _table() -> dict[str, tuple[set[str], set[str]]]:
    """Every topic: who may write it, who may read it. Written down without a look at the rules."""
    table = {hq_state("demo"): ({"nearshelf.hq"}, set(EVERYBODY))}
    for kind in ("stock", "case"):
        table[f"nearshelf/v1/demo/events/{kind}/SH-1"] = {"nearshelf.hq"}, {"reader.erp"}
    for store in STORES:
        for channel in UP:
            readers = {"nearshelf.hq"} | ({"reader.erp"} if channel in ("log", "state") else set())
            table[f"{_base(store)}/up/{channel}"] = {store}, readers
        for channel in DOWN:
            table[f"{_base(store)}/down/{channel}"] = {"nearshelf.hq"}, {store}
        table[f"{_base(store)}/sideways"] = set(), set()
    for stray in ("nearshelf/v1/demo", "nearshelf/v2/demo/00/SH-1/up/log", "elsewhere", f"{_base('SH-1')}/up"):
        table[stray] = set(), set()
    return table


class Somebody:
    """A client with its certificate, who tries to hear everything."""

    def __init__(self, address: str, name: str, credentials: Credentials, version: MqttVersion) -> None:
        self.name = name
        self.heard: set[tuple[str, str]] = set()  # who said it, where
        self.link = Link(
            parse_broker(address),
            name,
            version=version,
            credentials=credentials,
            topics=["#"],
            on_message=lambda topic, payload: self.heard.add((payload.decode(), topic)),
            now_ms=lambda: 0,
        )


@pytest.mark.nonsense("log", "hello", "state", "snapshot", "answer", "heard", "command", "hqState", "events")
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_everybody_says_and_hears_only_what_is_theirs(tmp_path: Path, version: MqttVersion) -> None:
    table = _table()
    async with secured_mosquitto(tmp_path) as secured:
        people = [Somebody(secured.address, store, secured.store(store), version) for store in STORES]
        people.append(Somebody(secured.address, "nearshelf.hq", secured.hq(), version))
        people += [
            Somebody(secured.address, f"reader.{name}", secured.reader(name), version) for name in ("erp", "nobody")
        ]
        tasks = [asyncio.create_task(one.link.run()) for one in people]
        await until(lambda: all(one.link.state == "here" for one in people))
        for one in people:
            for topic in table:
                with suppress(BrokerRefused):  # MQTT 5 says so; 3.1.1 does not
                    await one.link.publish(topic, one.name.encode())
        # The broker hands out in the order in which it took: who hears the last word has heard all there was to hear.
        await next(one for one in people if one.name == "nearshelf.hq").link.publish(hq_state("demo"), b"last word")
        await until(lambda: all(("last word", hq_state("demo")) in one.heard for one in people))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    said = {(writer, topic): readers for topic, (writers, readers) in table.items() for writer in writers}
    wrong = [
        f"{reader} {'hears' if heard else 'does not hear'} {writer} at {topic}"
        for reader, mine in ((one.name, one.heard) for one in people)
        for topic in table
        for writer in EVERYBODY
        for heard in [(writer, topic) in mine]
        if heard != (reader in said.get((writer, topic), set()))
    ]
    assert wrong == []
    assert sum(len(one.heard) for one in people) > 40  # the table is not empty, and neither is what was heard
