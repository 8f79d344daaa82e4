"""HQ's commands over a real broker, to a store that follows a script: sent until answered, once, on a newer lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy.engine import URL

from hq_bridge.commands import MOST_AHEAD
from hq_bridge.config import ConfigMistakes, load
from tests.brokers import Mosquitto
from tests.hq_bridge.processes import HqProcess, hq_process, write_config
from tests.hq_bridge.published import DOCUMENT, holds_to, is_as_published
from tests.waiting import until
from wire.codec import decode_ask, decode_command, encode
from wire.messages import MAX_NUMBER, Answer, Hello, HqAsk, PauseAsk, StoreState
from wire.mqtt import Link, parse_broker
from wire.signing import Verifier
from wire.topics import StoreTopics

TOPICS = StoreTopics("demo", "SH-0001")
KEY = Ed25519PrivateKey.generate()


class ScriptedStore:
    """Says here on a lease; answers commands as `outcomes` say, and not at all when they have run out.

    Counters up to `newest` are another's: nothing is decided of such a command.
    """

    def __init__(self, broker: Mosquitto) -> None:
        self.lease = 1
        self.newest = 0
        self.asked: list[HqAsk] = []
        self.outcomes: list[str] = []
        self.link = Link(
            parse_broker(broker.address),
            "store",
            topics=[TOPICS.down("command")],
            on_message=self._command,
            on_up=self.say_here,
            now_ms=lambda: 0,
        )

    def say_here(self) -> None:
        self.link.publish(TOPICS.up("state"), encode(StoreState("here", 7, 0, 0, "test", self.lease)), retain=True)
        self.link.publish(TOPICS.up("hello"), encode(Hello(7, 1, 0, "0" * 16, 0, "test", "boot", {})))

    def _command(self, topic: str, payload: bytes) -> None:
        command = decode_command(payload)
        Verifier(KEY.public_key()).check(TOPICS, command)
        ask = decode_ask(command.ask)
        self.asked.append(ask)
        if ask.counter <= self.newest:
            self._answer(Answer(ask.id, ask.counter, "stale", "known", 7, 0, 0, self.newest))
        elif self.outcomes:
            outcome = self.outcomes.pop(0) if ask.lease == self.lease else "stale"
            self._answer(Answer(ask.id, ask.counter, outcome, "so be it", 7, 0, 0))  # type: ignore[arg-type]

    def _answer(self, answer: Answer) -> None:
        self.link.publish(TOPICS.up("answer"), encode(answer))


@asynccontextmanager
async def line(folder: Path, broker: Mosquitto, database: URL) -> AsyncIterator[tuple[HqProcess, ScriptedStore]]:
    """HQ as a process, and a store it has heard of."""
    key = folder / "commands.key"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    store = ScriptedStore(broker)
    task = asyncio.create_task(store.link.run())
    try:
        async with hq_process(write_config(folder, broker.address, commands=key, database=database)) as hq:
            await hq.store_where("SH-0001", state="here")
            yield hq, store
    finally:
        task.cancel()
        await asyncio.wait({task})


async def published(answer: httpx.Response) -> None:
    await answer.aread()
    is_as_published(answer)


ORDER = {
    "id": "o-1", "kind": "order", "order": "O1", "channel": "web",
    "lines": [{"line": 1, "sku": "TEA-1", "qty": 1}],
}  # fmt: skip
PAUSE = {"id": "p-1", "kind": "pause", "paused": True, "why": "stocktaking", "by": "hq"}


async def test_a_command_is_asked_once_and_its_answer_kept(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        store.outcomes = ["done"]
        status, said = await hq.command("SH-0001", **PAUSE)
        assert (status, said["state"], said["counter"]) == (202, "asked", 1)
        answered = await hq.answered("p-1")
        assert (answered["state"], answered["why"]) == ("done", "so be it")
        assert await hq.command("SH-0001", **PAUSE) == (200, answered)
        assert store.asked == [PauseAsk("p-1", 1, 1, True, "stocktaking", "hq")]


async def test_on_a_stale_lease_it_is_asked_again_on_the_newest(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        store.outcomes, store.lease = ["done"], 2  # which HQ has not been told
        await hq.command("SH-0001", **PAUSE)
        await until(lambda: store.asked)
        waiting = await until(lambda: hq.command_where("p-1", why="so be it"))
        assert waiting["state"] == "asked"
        store.say_here()
        assert (await hq.answered("p-1"))["state"] == "done"
        assert [ask.lease for ask in store.asked] in ([1, 2], [1, 1, 2])


async def test_an_order_is_never_asked_on_another_lease_than_that_it_was_routed_on(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    """Else a store that comes back could accept what HQ has long given to another one."""
    async with line(tmp_path, mosquitto, url) as (hq, store):
        await hq.command("SH-0001", **ORDER)
        await until(lambda: store.asked)  # and gives no answer
        hq.process.kill()
        await hq.process.wait()
        store.lease = 2
        async with hq_process(tmp_path / "hq.toml") as again:
            store.say_here()
            await again.store_where("SH-0001", lease=2)
            store.outcomes = ["done"] * 3  # that on lease 1 is stale now
            answered = await again.answered("o-1")
            assert (answered["state"], answered["ask"]["lease"]) == ("stale", 1)
            assert await again.command("SH-0001", **ORDER) == (200, answered)
            assert {ask.lease for ask in store.asked} == {1}
            await again.command("SH-0001", **ORDER | {"id": "o-2"})
            assert (await again.answered("o-2"))["state"] == "done"


async def test_a_store_that_is_away_is_asked_for_no_order(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        away = StoreState("away", 7, 0, 0, "test", 1)
        await store.link.publish(TOPICS.up("state"), encode(away), retain=True)
        await hq.store_where("SH-0001", state="away")
        status, said = await hq.command("SH-0001", **ORDER)
        assert (status, "is away" in said["error"]) == (409, True)
        assert (await hq.command("SH-0001", **PAUSE))[0] == 202  # which waits until it is here


async def test_hq_killed_before_the_answer_asks_again_under_the_same_counter(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, store):
        await hq.command("SH-0001", **PAUSE)
        await until(lambda: store.asked)
        hq.process.kill()
        await hq.process.wait()
        store.outcomes = ["done"]
        async with hq_process(tmp_path / "hq.toml") as again:
            assert (await again.answered("p-1"))["state"] == "done"
            assert {ask.counter for ask in store.asked} == {1}
            store.outcomes = ["refused"]
            assert (await again.command("SH-0001", **PAUSE | {"id": "p-2"}))[1]["counter"] == 2
            assert (await again.answered("p-2"))["state"] == "refused"


async def test_an_hq_whose_counters_are_old_goes_on_beyond_the_store_s(
    tmp_path: Path, mosquitto: Mosquitto, url: URL
) -> None:
    """As after a backup was put in place: the store knows 40 commands that HQ does not."""
    async with line(tmp_path, mosquitto, url) as (hq, store):
        store.newest, store.outcomes = 40, ["done"] * 3
        for name, counter in (("p-1", 41), ("p-2", 42), ("p-3", 43)):
            assert (await hq.command("SH-0001", **PAUSE | {"id": name}))[0] == 202
            answered = await hq.answered(name)
            assert (answered["state"], answered["counter"], answered["ask"]["counter"]) == ("done", counter, counter)
            assert await hq.command("SH-0001", **PAUSE | {"id": name}) == (200, answered)
        assert [ask.counter for ask in store.asked] == [1, 41, 42, 43]
        hq.process.kill()
        await hq.process.wait()
        async with hq_process(tmp_path / "hq.toml") as again:  # the moved one is in the database under its new counter
            store.outcomes = ["done"]
            await again.command("SH-0001", **PAUSE | {"id": "p-4"})
            assert (await again.answered("p-4"))["counter"] == 44


async def test_a_forged_answer_cannot_use_up_the_counters(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    """Whoever has the broker says that the store knows them all: a counter goes on by so many at most, now and then."""
    async with line(tmp_path, mosquitto, url) as (hq, store):
        await hq.command("SH-0001", **PAUSE)
        await until(lambda: store.asked)
        forged = [Answer("p-1", counter, "stale", "", 7, 0, 0, MAX_NUMBER) for counter in (1, MOST_AHEAD + 2)]
        for answer in forged * 20:
            await store.link.publish(TOPICS.up("answer"), encode(answer))
        await until(lambda: len(store.asked) > 1)
        store.outcomes = ["done"]
        answered = await hq.answered("p-1")
        assert answered["counter"] == MOST_AHEAD + 2
        assert {ask.counter for ask in store.asked} == {1, MOST_AHEAD + 2}


@pytest.mark.nonsense("state")  # an empty message, by which a broker forgets what it kept
async def test_a_restarted_hq_cites_the_lease_it_heard_before(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    """Also when the broker has forgotten the store's last sign of life."""
    async with line(tmp_path, mosquitto, url) as (hq, store):
        before = await hq.store_where("SH-0001", lease=1)
        hq.process.kill()
        await hq.process.wait()
        await store.link.publish(TOPICS.up("state"), b"", retain=True)
        async with hq_process(tmp_path / "hq.toml") as again:
            found = await again.store_where("SH-0001", state="unknown")
            assert (found["lease"], found["lease_heard_at"]) == (1, before["lease_heard_at"])
            assert found["lease_age_ms"] > 0
            store.outcomes = ["done"]
            await again.command("SH-0001", **PAUSE)
            assert (await again.answered("p-1"))["state"] == "done"
            assert store.asked[-1].lease == 1


async def test_each_kind_of_command_is_asked_as_it_is_published(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    grant = {"id": "g-1", "kind": "grant", "holder": "app", "sku": "TEA-1", "qty": 1}
    operation = DOCUMENT["paths"]["/v1/stores/{store}/commands"]["post"]
    async with line(tmp_path, mosquitto, url) as (hq, _):
        for wanted in (PAUSE, grant, ORDER):
            holds_to(operation["requestBody"]["content"]["application/json"]["schema"], wanted)
            status, said = await hq.command("SH-0001", **wanted)
            lease = 1 if wanted is ORDER else 0
            assert (status, said["ask"]) == (202, wanted | {"counter": said["counter"], "lease": lease})
            assert await hq.get(f"/v1/commands/{wanted['id']}") == said


async def test_what_cannot_be_asked_is_refused_with_a_reason(tmp_path: Path, mosquitto: Mosquitto, url: URL) -> None:
    async with line(tmp_path, mosquitto, url) as (hq, _):
        assert (await hq.command("SH-0001", **PAUSE))[0] == 202
        for store, wanted, status, why in (
            ("SH-0001", PAUSE | {"paused": False}, 409, "was asked for before with other content"),
            ("SH-0009", PAUSE | {"id": "p-2"}, 400, "never heard of"),
            ("SH-0001", PAUSE | {"id": ""}, 400, "1 to 128 characters"),
            ("SH-0001", PAUSE | {"id": "p-3", "kind": "dance"}, 400, "dance"),
            ("SH-0001", PAUSE | {"id": "p-3", "paused": 1}, 400, "bool"),
        ):
            got, said = await hq.command(store, **wanted)
            assert (got, why in said["error"]) == (status, True), said
        async with httpx.AsyncClient(base_url=hq.web, event_hooks={"response": [published]}) as stranger:
            assert (await stranger.post("/v1/stores/SH-0001/commands", json=PAUSE)).status_code == 401
            assert (await stranger.post("/v1/stores/SH-0001/commands", content=b"x" * 70_000)).status_code == 401
            assert (await stranger.get("/v1/commands/p-9")).status_code == 404
            trusted = {"authorization": "Bearer tests-know-this-token"}
            for body, status in ((b"x" * 70_000, 413), (b"[]", 400), (b"\xff", 400), (b"[" * 5000, 400)):
                answer = await stranger.post("/v1/stores/SH-0001/commands", content=body, headers=trusted)
                assert answer.status_code == status


@pytest.mark.parametrize("token", ["short", "with\\nnewline-and-more", "中文中文中文中文中文中文中文中文"])
def test_a_token_that_protects_nothing_is_a_mistake(tmp_path: Path, token: str) -> None:
    file = tmp_path / "hq.toml"
    file.write_text(f'[hq]\nchain = "demo"\nbroker = "mqtt://127.0.0.1"\n[web]\ntoken = "{token}"\n', "utf-8")
    with pytest.raises(ConfigMistakes, match=r"\[web\] token"):
        load(file)
