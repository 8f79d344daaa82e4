"""The witness notices what is not as the contract says, wherever on the line it is said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import Mosquitto, mosquitto
from tests.secured import secured_mosquitto
from tests.waiting import until
from tests.wire.test_codec import GOLDEN
from tests.witness import bench, condensed, fault_in
from wire.mqtt import Link, parse_broker
from wire.tls import Credentials
from wire.topics import StoreTopics, event, hq_state

__all__ = ["mosquitto"]

STORE = StoreTopics("demo", "SH-0001")
FILES = {path.stem: path.read_bytes() for path in GOLDEN}


def golden(name: str) -> bytes:
    """The first golden message of that name."""
    return next(FILES[stem] for stem in sorted(FILES) if stem.rsplit("-v", 1)[0] == name)


def but(message: str, **changes: object) -> bytes:
    """A golden message with fields changed."""
    return msgspec.json.encode({**msgspec.json.decode(golden(message)), **changes})


@asynccontextmanager
async def talking(address: str, credentials: Credentials | None = None) -> AsyncIterator[Link]:
    link = Link(parse_broker(address), "talker", credentials=credentials, on_message=lambda *_: None, now_ms=lambda: 0)
    task = asyncio.create_task(link.run())
    await until(lambda: link.state == "here")
    yield link
    task.cancel()
    await asyncio.wait({task})


RIGHT = {
    "log": (STORE.up("log"), golden("batch"), False),
    "hello": (STORE.up("hello"), golden("hello"), False),
    "state": (STORE.up("state"), golden("state"), True),
    "answer": (STORE.up("answer"), golden("answer"), False),
    "heard": (STORE.down("heard"), golden("heard"), False),
    "command": (STORE.down("command"), golden("command"), False),
    "hqState": (hq_state("demo"), golden("hq-state"), True),
    "events": (event("demo", "stock", "SH-0001"), golden("event"), False),
}
WRONG = {
    "not JSON": (STORE.up("log"), b"{", False, "not a JSON object"),
    "no rows": (STORE.up("log"), but("batch", rows=[]), False, "$.rows"),
    "a text as a number": (STORE.up("hello"), but("hello", head="19"), False, "$.head"),
    "a number beyond doubles": (STORE.down("heard"), but("heard", upto=2**53), False, "$.upto"),
    "retained": (STORE.up("hello"), golden("hello"), True, "retained"),
    "not retained": (STORE.up("state"), golden("state"), False, "not retained"),
    "another's shard": ("nearshelf/v1/demo/00/SH-0001/up/log", golden("batch"), False, "shard"),
    "no such channel": (f"{STORE.up('log')}s", golden("batch"), False, "no channel"),
    "another version": ("nearshelf/v2/demo/hq/state", golden("hq-state"), True, "no channel"),
    "another part": (STORE.snapshot("s-1", 7), golden("snapshot-part"), False, "part is"),
    "a part as the manifest": (STORE.snapshot("s-1", 0), golden("snapshot-part"), False, "part is 1"),
    "another store's event": (event("demo", "stock", "SH-2"), golden("event"), False, "partitionkey is"),
    "another kind's event": (event("demo", "case", "SH-0001"), golden("event"), False, "another kind"),
}


@pytest.mark.parametrize("which", RIGHT)
async def test_a_right_message_is_none_to_complain_of(mosquitto: Mosquitto, which: str) -> None:
    topic, payload, retained = RIGHT[which]
    async with talking(mosquitto.address) as link:
        await link.publish(topic, payload, retain=retained)
    assert mosquitto.witness is not None
    await mosquitto.witness.caught_up()
    assert mosquitto.witness.channels() == {which}
    assert mosquitto.witness.faults() == {}


async def _judged(folder: Path, topic: str, payload: bytes, retained: bool) -> str:
    """What the judge says of one message sent to a broker."""
    with bench() as witnesses:
        broker = Mosquitto(folder)
        await broker.start()
        try:
            async with talking(broker.address) as link:
                await link.publish(topic, payload, retain=retained)
            assert broker.witness is not None
            await broker.witness.caught_up()
        finally:
            broker.kill()
    with pytest.raises(AssertionError, match="not as the contract says") as judged:
        witnesses.judge(set())
    return str(judged.value)


@pytest.mark.parametrize("which", WRONG)
async def test_a_wrong_message_is_found(tmp_path: Path, which: str) -> None:
    topic, payload, retained, what = WRONG[which]
    judged = await _judged(tmp_path, topic, payload, retained)
    assert topic in judged
    assert what in judged


async def test_a_wrong_last_will_is_found(tmp_path: Path) -> None:
    with bench() as witnesses:
        broker = Mosquitto(tmp_path)
        await broker.start()
        store = paho.Client(CallbackAPIVersion.VERSION2, "store")
        store.will_set(STORE.up("state"), but("state", state="gone"), qos=1, retain=True)
        store.connect("127.0.0.1", broker.port)
        await until(lambda: store.loop(0.01) == paho.MQTT_ERR_SUCCESS and store.is_connected())
        line = store.socket()
        assert line is not None
        line.close()
        assert broker.witness is not None
        await until(broker.witness.channels)
        broker.kill()
    with pytest.raises(AssertionError, match="'gone' is not one of"):
        witnesses.judge(set())


async def test_it_hears_behind_certificates_and_rules_and_after_the_broker_was_killed(tmp_path: Path) -> None:
    with bench() as witnesses:
        async with secured_mosquitto(tmp_path) as secured:
            await secured.broker.restart()
            async with talking(secured.address, secured.hq()) as hq:
                await hq.publish(STORE.down("heard"), but("heard", epoch=0))
    with pytest.raises(AssertionError, match=r"\$\.epoch"):
        witnesses.judge(set())
    witnesses.judge({"heard"})
    with pytest.raises(AssertionError, match=r"all was well on \['log'\]"):
        witnesses.judge({"heard", "log"})


@pytest.mark.nonsense("log")
async def test_nonsense_is_excused_by_its_channel(mosquitto: Mosquitto) -> None:
    async with talking(mosquitto.address) as link:
        await link.publish(STORE.up("log"), b"nonsense")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_is_kept_of_a_message_is_as_right_as_all_of_it(path: Path) -> None:
    value = msgspec.json.decode(path.read_bytes())
    shape, small = condensed(value)
    assert condensed(small)[0] == shape
    assert len(msgspec.json.encode(small)) <= len(msgspec.json.encode(value))
    assert hash(shape) == hash(condensed(value)[0])


def test_an_odd_row_among_many_alike_is_kept() -> None:
    batch = msgspec.json.decode(golden("batch"))
    rows = [{**batch["rows"][0], "seq": seq} for seq in range(1, 1000)]
    for wrong in ({"qty": "1"}, {"sku": None}, {"at": 2**60}, {"sku": "x" * 300}, {"seq": -1}):
        odd = {**batch, "rows": [*rows, {**rows[0], **wrong}]}
        _, small = condensed(odd)
        assert len(small["rows"]) == 2
        assert fault_in("batch", small) is not None
