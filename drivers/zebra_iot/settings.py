"""The `[device.settings]` of a Zebra reader behind a broker: checked all at once, never by connecting."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.access import access_from
from drivers.mqtt_line import Broker
from drivers.settings import Asked
from drivers.zebra_iot.codec import Dialect, Fixed, Sled

PORTS: Final = {"mqtts": 8883, "mqtt": 1883}
_TOPIC: Final = re.compile(r"[^+#\0]{1,200}")
#: What stands between the beginning and the end of each topic; of sleds as Zebra's documents have it.
_MIDDLES: Final = {
    False: {
        "data": "/data",
        "events": "/events",
        "commands": "/mgmt/cmd",
        "answers": "/mgmt/resp",
        "control": "/ctrl/cmd",
        "control_answers": "/ctrl/resp",
    },
    True: {
        "data": "/DATA/clients/data1event",
        "events": "/MGMT/clients/event",
        "commands": "/MGMT/clients/cmnd",
        "answers": "/MGMT/clients/resp",
        "control": "/CTRL/clients/cmnd",
        "control_answers": "/CTRL/clients/resp",
        "state": "/MGMT/clients/rfid",
    },
}


@dataclass(frozen=True, slots=True)
class Topics:
    """Where the reader speaks and listens. `state` is where a sled says that it comes and goes."""

    data: str
    events: str
    commands: str
    answers: str
    control: str
    control_answers: str
    state: str = ""

    def heard(self) -> list[str]:
        """Those to subscribe to, each once."""
        every = (self.data, self.events, self.answers, self.control_answers, self.state)
        return list(dict.fromkeys(topic for topic in every if topic))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the driver is told. `start`: it makes the reader read; else a trigger or the reader itself does."""

    broker: Broker
    dialect: Dialect
    topics: Topics
    start: bool
    status_every_s: float = 30.0
    stale_s: float = 30.0


def settings_from(given: Mapping[str, object]) -> Settings:
    """Raises BadSettings with every mistake."""
    asked = Asked(given)
    address = asked.address("broker", PORTS)
    tls = address.scheme == "mqtts"
    access = access_from(asked, tls=tls)
    sled = asked.choice("reader", "fixed", {"fixed": False, "sled": True})
    settings = Settings(
        broker=Broker(address.hostname or "", address.port or 0, tls, access),
        dialect=Sled() if sled else Fixed(),
        topics=_topics(asked, sled=sled),
        start=asked.flag("start", otherwise=not sled),
        status_every_s=asked.number("status_every_s", 30.0, 0.2, 3600),
        stale_s=asked.number("stale_s", 30.0, 1, 86_400),
    )
    asked.done()
    return settings


def _topics(asked: Asked, *, sled: bool) -> Topics:
    """From `topic`, save those that `topics` names; a sled puts its tenant before each and its serial number behind."""
    topic = asked.text("topic", None, 200, "shop/FX9600-portal; of a sled its tenant/serial, shop/RFD40-212735201D0053")
    base, _, serial = topic.rpartition("/") if sled else (topic, "", "")
    if topic and (not _TOPIC.fullmatch(topic) or (sled and not (base and serial))):
        asked.wrong("topic", f"{topic!r} is not {'tenant/serial number' if sled else 'a topic without + and #'}")
    usual = {name: (base + middle + ("/" + serial if sled else "")) for name, middle in _MIDDLES[sled].items()}
    other = asked.take("topics", {})
    if not isinstance(other, dict):
        asked.wrong("topics", f'{other!r} is not a table of topics, such as {{ data = "shop/tags" }}')
        other = {}
    for name, given in other.items():
        if name not in usual:
            asked.wrong(f"topics.{name}", f"no such topic; there are {', '.join(usual)}")
        elif not isinstance(given, str) or not _TOPIC.fullmatch(given):
            asked.wrong(f"topics.{name}", f"{given!r} is not a topic without + and #")
        else:
            usual[name] = given
    return Topics(**usual)
