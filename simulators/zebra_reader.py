"""Zebra readers that aren't there: a fixed one with the IoT Connector, and a handheld sled, behind a real broker.

Each does what can be seen of it at the broker: answers commands, tells of the tags in its field in its own JSON, one by
one or in batches, says that it lives, keeps what it read while the broker was away and sends it all when it is back.
Faults and quirks are attributes.
"""

import asyncio
import json
import random
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

#: What a fixed reader keeps while nobody takes it.
KEPT_MAX: Final = 150_000


class ZebraReader:
    """What both have in common. `topic` is the fixed reader's prefix, or the sled's tenant/serial.

    `rounds_per_s`: inventory rounds while it reads, each finding a tag with probability `read_rate`; 0: only by
    `round()`. `batch`: events in one message. `clock_s`: how far its clock is ahead. `mute`: it answers nothing.
    `refusals`: what it answers to a command by name. `spoil`: is given each event's JSON and returns what is sent.
    `twice`: each message is delivered twice. `keeps`: what it reads while it is cut off it sends later. `ca`: the
    file of its broker's authority.
    """

    heartbeat_s = 60.0

    def __init__(
        self,
        broker: str,
        topic: str,
        *,
        rounds_per_s: float = 10.0,
        read_rate: float = 0.9,
        batch: int = 1,
        clock_s: float = 0.0,
        seed: int = 0,
        reads: bool = False,
        username: str = "",
        password: str = "",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.field: dict[bytes, int] = {}
        self.counts: Counter[str] = Counter()
        self.rounds_per_s, self.read_rate, self.batch, self.clock_s = rounds_per_s, read_rate, batch, clock_s
        self.reads = reads
        self.mute = self.twice = False
        self.keeps = True
        self.refusals: dict[str, str] = {}
        self.spoil: Callable[[str], str] = lambda event: event
        self.username, self.password, self.ca = username, password, ""
        self.topic = topic
        self._broker = urlsplit(broker)
        self._chance = random.Random(seed)
        self._now_s = now_s
        self._kept: deque[bytes] = deque(maxlen=KEPT_MAX)
        self._number = 0
        self._client: paho.Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop
        self.online = asyncio.Event()

    # The shop's side.

    def place(self, epc: bytes, antenna: int = 1) -> None:
        """The tag is now in this antenna's field."""
        self.field[epc] = antenna

    def take(self, epc: bytes) -> None:
        """The tag is gone."""
        self.field.pop(epc, None)

    # The reader's life.

    async def switch_on(self) -> None:
        """Connect to the broker, and again whenever it goes; returns when it has been reached."""
        self._loop = asyncio.get_running_loop()
        client = paho.Client(CallbackAPIVersion.VERSION2, self.topic, protocol=paho.MQTTv311)
        client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]  # it takes parts of seconds
        if self.username:
            client.username_pw_set(self.username, self.password)
        if self.ca:
            client.tls_set(self.ca)
        if will := self.will():
            client.will_set(*will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client
        client.connect(self._broker.hostname or "", self._broker.port or 1883, keepalive=5)
        client.loop_start()
        self._tasks = [asyncio.create_task(work, name="simulated reader") for work in (self._read_on(), self._beat())]
        await self.online.wait()

    async def switch_off(self, *, politely: bool = True) -> None:
        """Gone: with DISCONNECT, or as when the power is cut, and the broker publishes the last will."""
        client, self._client = self._client, None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if client is not None:
            client.on_connect = client.on_disconnect = client.on_message = None
            sock = client.socket()
            if politely:
                client.disconnect()
            elif isinstance(sock, socket.socket):
                sock.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(client.loop_stop)
            if sock is not None:
                sock.close()  # paho leaves one that was shut down to the garbage collector
        self.online.clear()

    async def reboot(self) -> None:
        """Off and on again: its numbers begin anew, it has forgotten what it kept, and does not read."""
        await self.switch_off(politely=False)
        self._number, self.reads = 0, False
        self._kept.clear()
        await self.switch_on()

    async def round(self) -> None:
        """One inventory round, and the messages that come of it."""
        found = [(epc, antenna) for epc, antenna in self.field.items() if self._chance.random() < self.read_rate]
        self.counts["reads"] += len(found)
        for start in range(0, len(found), self.batch):
            self._tell(self.message(found[start : start + self.batch]))
        await asyncio.sleep(0)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> paho.MQTTMessageInfo:
        """Send these very bytes, whatever they are."""
        assert self._client is not None, "it is switched off"
        return self._client.publish(topic, payload, qos=1, retain=retain)

    # What each kind does its own way.

    def will(self) -> tuple[str, bytes, int, bool] | None:
        """Topic, payload, QoS and retain flag of the last will."""
        return None

    def message(self, found: list[tuple[bytes, int]]) -> bytes:
        """The tags found, as one message on the data topic."""
        raise NotImplementedError

    def heartbeat(self) -> tuple[str, dict[str, Any]]:
        """Topic and content of a sign of life."""
        raise NotImplementedError

    def data_topic(self) -> str:
        raise NotImplementedError

    def command_topics(self) -> list[str]:
        raise NotImplementedError

    def answer(self, topic: str, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Topic and content of the answer to a command."""
        raise NotImplementedError

    # Inside. paho calls on its own thread.

    def _on_connect(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._reached)

    def _on_disconnect(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self.online.clear)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._commanded, message.topic, bytes(message.payload))

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def now(self) -> datetime:
        """By its own clock."""
        return datetime.fromtimestamp(self._now_s() + self.clock_s, UTC)

    def rssi(self) -> int:
        return -45 - int(self._chance.random() * 20)

    def _reached(self) -> None:
        if self._client is None:
            return
        self._client.subscribe([(topic, 1) for topic in self.command_topics()])
        self.counts["connects"] += 1
        self.online.set()
        self.greet()
        while self._kept:
            self._send(self._kept.popleft())

    def greet(self) -> None:
        """What it says when it has reached the broker."""

    def _tell(self, message: bytes) -> None:
        if self.online.is_set():
            self._send(message)
        elif self.keeps:
            self._kept.append(message)

    def _send(self, message: bytes) -> None:
        for _ in range(2 if self.twice else 1):
            self.counts["messages"] += 1
            self.publish(self.data_topic(), message)

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(1 / self.rounds_per_s if self.rounds_per_s else 0.05)
            if self.reads and self.rounds_per_s:
                await self.round()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_s)
            if not self.mute:
                topic, content = self.heartbeat()
                self.publish(topic, json.dumps(content).encode())

    def _commanded(self, topic: str, payload: bytes) -> None:
        asked = json.loads(payload)
        self.counts[asked["command"]] += 1
        if not self.mute:
            where, content = self.answer(topic, asked)
            self.publish(where, json.dumps(content).encode())


class FixedReader(ZebraReader):
    """An FX9600 whose four interfaces are configured as the driver's README says.

    `pulled`: antennas without their cable. `misspells`: it says `radioActivitiy`, as some firmware does. `timeless`:
    its status has a time nobody can read.
    """

    misspells = timeless = False
    pulled: tuple[str, ...] = ()

    def data_topic(self) -> str:
        return f"{self.topic}/data"

    def command_topics(self) -> list[str]:
        return [f"{self.topic}/mgmt/cmd", f"{self.topic}/ctrl/cmd"]

    def _stamp(self) -> str:
        return f"{self.now():%Y-%m-%dT%H:%M:%S}.{self.now().microsecond // 1000:03}+0000"

    def message(self, found: list[tuple[bytes, int]]) -> bytes:
        events = []
        for epc, antenna in found:
            data = {
                "CRC": "0b18", "PC": f"{len(epc) // 2 << 11:04x}", "antenna": antenna, "channel": 866.3,
                "eventNum": self.next_number(), "format": "epc", "idHex": epc.hex(), "peakRssi": self.rssi(),
                "phase": 148.039794921875, "reads": 1,
            }  # fmt: skip
            events.append(self.spoil(json.dumps({"data": data, "timestamp": self._stamp(), "type": "CUSTOM"})))
        return (events[0] if self.batch == 1 else f"[{','.join(events)}]").encode()

    def heartbeat(self) -> tuple[str, dict[str, Any]]:
        radio = {"radioActivity": "active" if self.reads else "inactive", "radioConnection": "connected"}
        return f"{self.topic}/events", {
            "component": "RC", "eventNum": self.next_number(), "timestamp": self._stamp(), "type": "heartbeat",
            "data": {"radio_control": radio, "system": {"temperature": 31}},
        }  # fmt: skip

    def answer(self, topic: str, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name, said = asked["command"], {}
        refusal = self.refusals.get(name)
        if refusal is not None:
            said = {"code": 12, "description": refusal}
        elif name == "get_version":
            said = {"model": "FX9600", "readerApplication": "3.32.7.0", "serialNumber": "84248dee5721"}
        elif name == "get_status":
            activity = "radioActivitiy" if self.misspells else "radioActivity"
            said = {
                activity: "active" if self.reads else "inactive", "radioConnection": "connected", "temperature": 31,
                "antennas": dict.fromkeys("1234", "connected") | dict.fromkeys(self.pulled, "disconnected"),
                "systemTime": f"{self.now():%m/%d/%Y %H:%M}" if self.timeless else f"{self.now():%Y-%m-%dT%H:%M:%SZ}",
            }  # fmt: skip
        elif name in ("start", "stop"):
            self.reads = name == "start"
        response = "success" if refusal is None else "failure"
        content = {"command": name, "command_id": asked["command_id"], "response": response, "payload": said}
        return topic.replace("/cmd", "/resp"), content


class Sled(ZebraReader):
    """An RFD40 in somebody's hand: it reads while the trigger is pulled, or when it is told to START."""

    def __init__(self, broker: str, topic: str, **how: Any) -> None:
        super().__init__(broker, topic, **{"batch": 20, **how})
        self.tenant, self.serial = topic.rsplit("/", 1)

    def _at(self, middle: str) -> str:
        return f"{self.tenant}/{middle}/{self.serial}"

    def data_topic(self) -> str:
        return self._at("DATA/clients/data1event")

    def command_topics(self) -> list[str]:
        return [self._at("MGMT/clients/cmnd"), self._at("CTRL/clients/cmnd")]

    def will(self) -> tuple[str, bytes, int, bool] | None:
        return self._at("MGMT/clients/rfid"), self._state("DISCONNECTED"), 0, True

    def greet(self) -> None:
        self.publish(self._at("MGMT/clients/rfid"), self._state("CONNECTED"), retain=True)

    def _state(self, state: str) -> bytes:
        said = {"connectionState": state, "deviceModel": "RFD40", "deviceSerialNo": self.serial, "mqttVersion": "3.1.1"}
        return json.dumps(said).encode()

    def message(self, found: list[tuple[bytes, int]]) -> bytes:
        records = [
            self.spoil(
                json.dumps({"EPCid": epc.hex().upper(), "eventNum": self.next_number(), "peakRssi": self.rssi(),
                            "seenCount": 1, "channel": 911.75, "phase": 0})
            )
            for epc, _ in found
        ]  # fmt: skip
        stamp = f"{self.now():%Y-%m-%dT%H:%M:%SZ}"
        body = f'{{"type":"BALANCED_PERFORMANCE","timestamp":"{stamp}","data":{{"tagData":[{",".join(records)}]}}}}'
        return body.encode()

    def heartbeat(self) -> tuple[str, dict[str, Any]]:
        status = {"rfidStatus": "INPROGRESS" if self.reads else "IDLE", "tagCount": self.counts["reads"]}
        return self._at("MGMT/clients/event"), {
            "eventName": "heartbeat", "timestamp": f"{self.now():%Y-%m-%dT%H:%M:%SZ}",
            "eventNumber": self.next_number(), "data": {"inventoryStatus": status},
        }  # fmt: skip

    def answer(self, topic: str, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name, said, code = asked["command"], {}, 0
        why = self.refusals.get(name, "Success")
        if name in self.refusals:
            code = 5
        elif name == "get_version":
            said = {"readerVersion": {"model": "RFD40", "firmwareVersion": "PAAFKS00-013-R02"}}
        elif name == "get_status":
            activity = "ACTIVE" if self.reads else "INACTIVE"
            clock = self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            said = {"deviceStatus": {"radioActivity": activity, "systemTime": clock, "powerSource": "BATTERY"}}
        elif name == "control_operation":
            wanted = asked["ctrlOprPayload"]["operation"] == "START"
            if wanted == self.reads:
                code, why = (11, "Inventory in progress") if wanted else (12, "No radio operation in progress")
            self.reads = wanted
        content = {"command": name, "requestId": asked["requestId"], "apiVersion": "V1.21", **said}
        return topic.replace("/cmnd/", "/resp/"), {**content, "response": {"code": code, "description": why}}
