"""The line to a device's broker: bounded, whoever is slow; over TLS too."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.access import Access
from drivers.mqtt_line import WAITING_BYTES_MAX, WAITING_MAX, Arrived, Broker, MqttLine
from tests.brokers import Mosquitto, mosquitto
from tests.drivers.issuing import guarded_mosquitto
from tests.waiting import until

__all__ = ["mosquitto"]


async def taken(line: MqttLine, count: int) -> list[Arrived]:
    """The next messages."""
    clock = asyncio.get_running_loop().time
    found = [await line.next(clock() + 10) for _ in range(count)]
    assert None not in found
    return [one for one in found if one is not None]


@pytest.mark.parametrize("size", [10, 10_000])
async def test_what_nobody_takes_waits_in_the_broker_and_nothing_of_it_is_lost(tmp_path: Path, size: int) -> None:
    async with AsyncExitStack() as held:
        guarded, files = await held.enter_async_context(guarded_mosquitto(tmp_path, {"nearshelf": "n", "FX": "f"}))
        (tmp_path / "n").write_text("n")
        (tmp_path / "F").write_text("f")
        ears, mouth = (
            Broker(
                "127.0.0.1", guarded.port, True, Access(str(files / "ca.pem"), "", "", name, str(tmp_path / name[0]))
            )
            for name in ("nearshelf", "FX")
        )
        line = await held.enter_async_context(await MqttLine.open(ears, "ears", ["shop/FX/data"]))
        says = await held.enter_async_context(await MqttLine.open(mouth, "mouth", ["shop/FX/mgmt/cmd"]))
        for nth in range(1200):
            says.publish("shop/FX/data", nth.to_bytes(4, "big").ljust(size))
            await asyncio.sleep(0)
        await until(lambda: not line._reading)
        assert len(line._waiting) <= WAITING_MAX
        assert sum(len(one.payload) for one in line._waiting) <= WAITING_BYTES_MAX + size
        assert [int.from_bytes(one.payload[:4], "big") for one in await taken(line, 1200)] == list(range(1200))
        assert line._waiting_bytes == 0


async def test_nothing_to_take_is_none_when_the_time_has_come(mosquitto: Mosquitto) -> None:
    async with await MqttLine.open(Broker("127.0.0.1", mosquitto.port, False, Access()), "x", ["a"]) as line:
        assert await line.next(asyncio.get_running_loop().time()) is None
        line.publish("a", b"1")
        (one,) = await taken(line, 1)
        assert (one.topic, one.payload, one.retained) == ("a", b"1", False)
