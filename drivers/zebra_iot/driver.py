"""The driver of Zebra readers behind a broker: one MQTT connection around a `Session`, with a clock."""

import asyncio
from collections.abc import Mapping

from drivers.events import tell
from drivers.mqtt_line import MqttLine
from drivers.port import Sink
from drivers.zebra_iot.session import Session
from drivers.zebra_iot.settings import Settings, settings_from


def open_device(name: str, settings: Mapping[str, object]) -> "ZebraReader":
    """Check the settings; BadSettings names every mistake. Connects to nothing."""
    return ZebraReader(name, settings_from(settings))


class ZebraReader:
    """A reader that pushes to a broker. Each `run` is one connection to that broker."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Subscribe, ask the reader, report its reads; see `drivers.port.Device`."""
        settings, clock = self._settings, asyncio.get_running_loop().time
        async with await MqttLine.open(settings.broker, f"nearshelf-{self._name}", settings.topics.heard()) as line:
            session = Session(settings, clock())
            while True:
                for topic, payload in session.to_send():
                    line.publish(topic, payload)
                arrived = await line.next(session.due)
                if arrived is not None:
                    for event in session.receive(arrived, clock()):
                        await tell(event, sink, self._name)
                session.tick(clock())
                await asyncio.sleep(0)
