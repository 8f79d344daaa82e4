"""Messages larger than the line carries: refused by the shipped broker, and by both ends when a broker lets them by."""

import asyncio

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.torture.line.chain import CHAIN, HQ, Line
from tests.torture.line.judge import caught_up
from tests.waiting import until
from wire.codec import MAX_PAYLOAD
from wire.mqtt import parse_broker
from wire.tls import Credentials
from wire.topics import StoreTopics

#: Beyond what may be said, and below where whoever reads hangs up.
_SIZE = MAX_PAYLOAD + 16 * 1024
_EACH = 20


async def oversized(there: Line, bad: StoreTopics, credentials: Credentials) -> int:
    """Nothing arrives past the shipped broker; past one without its limit both ends count it. Returns how many were."""
    assert there.secured is not None
    settings = there.folder / "mosquitto.conf"
    shipped = settings.read_text()
    store = there.stores[0]
    to_store = StoreTopics(CHAIN, store.name)
    at_hq, at_store = await _unreadable_at_hq(there), (await store.look("/v1/health"))["line"]["unreadable"]
    await _say(there, credentials, bad.up("log"), 1)
    assert "message_size_limit 262144" in shipped, "the shipped broker has no limit"
    assert await _unreadable_at_hq(there) == at_hq, "the shipped broker let it by"
    there.broker.stop()
    settings.write_text(shipped.replace("message_size_limit 262144", "message_size_limit 2097152"))
    await there.broker.start()
    await caught_up(there)  # so they are back on the line
    await _say(there, credentials, bad.up("log"), _EACH)
    await _say(there, there.credentials[HQ], to_store.down("heard"), _EACH)

    async def are_counted() -> bool:
        await there.work_for(0.01)
        unreadable = (await store.look("/v1/health"))["line"]["unreadable"]
        return await _unreadable_at_hq(there) >= at_hq + _EACH and unreadable >= at_store + _EACH

    await until(are_counted, 60)
    there.broker.stop()
    settings.write_text(shipped)
    await there.broker.start()
    return 1 + 2 * _EACH


async def _unreadable_at_hq(there: Line) -> int:
    counted: int = (await there.ask_hq("/v1/stores"))["counts"]["unreadable"]
    return counted


async def _say(there: Line, credentials: Credentials, topic: str, times: int) -> None:
    """Wire's own line would refuse to; so does a broker, by ending the connection."""
    assert there.secured is not None
    await asyncio.to_thread(_publish, there.secured.address, credentials, topic, times)
    await there.work_for(0.0)


def _publish(address: str, credentials: Credentials, topic: str, times: int) -> None:
    broker = parse_broker(address)
    client = paho.Client(CallbackAPIVersion.VERSION2, "oversized", protocol=paho.MQTTv5)
    client.tls_set_context(credentials.context())
    client.connect(broker.host, broker.port)
    told = [client.publish(topic, b" " * _SIZE, qos=1) for _ in range(times)]
    for _ in range(1000):
        if client.loop(0.01) != paho.MQTT_ERR_SUCCESS or all(each.is_published() for each in told):
            break
    client.disconnect()
