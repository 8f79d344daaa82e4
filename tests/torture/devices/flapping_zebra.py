"""Zebra readers that flap: a fixed one and a sled, behind a broker that comes and goes, all on the leaping loop."""

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from drivers.mqtt_line import PACKET_BYTES_MAX
from drivers.port import Device
from drivers.zebra_iot.driver import open_device
from simulators.zebra_reader import FixedReader, Sled, ZebraReader
from tests.torture.devices.broker import Client, LeapingBroker, hello
from tests.torture.devices.flapping import EPCS, GHOSTS, REPORTS_PER_S, TAGS, LeapingClock

#: Reads are too old after this.
STALE_S: Final = 3.0
HEARTBEAT_S: Final = 60
#: Between two messages of a flood.
FLOOD_STEP_S: Final = 0.005
_NUMBER: Final = re.compile(rb'("eventNum": )\d+')
_TIME: Final = re.compile(rb'("timestamp": ?")([^"]+)')
_SEEN: Final = b"seen-now"  # stands where the time will


class FlappingZebra:
    """A reader that pushes. What it kept through an outage, and what its broker kept, holds tags that are not there."""

    kind = "zebra_iot"

    def __init__(self, chance: random.Random, clock: LeapingClock, reader: ZebraReader) -> None:
        self.broker = LeapingBroker(self._asked)
        self.reader = reader
        self.sent = self.doubtful = 0
        self.faults: Counter[str] = Counter()
        self._listens: Client | None = None  # the connection on which what is told must be read
        self._in_reach = True  # of its broker
        self._mute = self._twice = False
        self._numbers = 0
        self._name = ""
        self._chance = chance
        self._clock = clock
        self._tags, self._ghosts = _pattern(reader, EPCS), _pattern(reader, GHOSTS)

    async def begin(self, name: str) -> Device:
        await self.broker.start()
        self.broker.retained[self.reader.data_topic()] = self._message(self._ghosts)
        self._name = f"nearshelf-{name}"
        return open_device(
            name,
            {
                "broker": f"mqtt://127.0.0.1:{self.broker.port}",
                "reader": "sled" if isinstance(self.reader, Sled) else "fixed",
                "topic": self.reader.topic,
                "start": True,
                "status_every_s": 5,
                "stale_s": STALE_S,
            },
        )

    async def end(self) -> None:
        self.broker.stop()

    async def report(self) -> None:
        beat_at = self._clock.monotonic_s()
        while True:
            await asyncio.sleep(1 / REPORTS_PER_S)
            if self._is_heard() and self.reader.reads:
                self._tell()
            if self._is_heard() and self._clock.monotonic_s() >= beat_at:
                beat_at += HEARTBEAT_S
                topic, content = self.reader.heartbeat()
                self.broker.say(topic, json.dumps(content).encode())

    def _is_heard(self) -> bool:
        return self._in_reach and not self._mute

    def _tell(self, ago_s: float = 0.0) -> None:
        """Tell of all tags, as seen so long ago. Who listens must have read them, unless the line breaks just now."""
        if self.reader.batch > 1:
            messages = [self._message(self._tags, ago_s)]
        else:
            messages = [self.reader.message([(epc, 1)]) for epc in EPCS]
        for message in messages:
            client = self.broker.say(self.reader.data_topic(), message, twice=self._twice)
            if client is not None and client is self._listens:
                self.sent += TAGS // len(messages)
            elif client is not None:
                self.doubtful += TAGS // len(messages)

    def _message(self, pattern: bytes, ago_s: float = 0.0) -> bytes:
        self.reader.clock_s -= ago_s
        stamped = _TIME.search(self.reader.message([(EPCS[0], 1)]))
        self.reader.clock_s += ago_s
        assert stamped is not None
        first, self._numbers = self._numbers, self._numbers + TAGS
        return pattern.replace(_SEEN, stamped[2]) % tuple(range(first, self._numbers))

    def _asked(self, client: Client, topic: str, payload: bytes) -> None:
        """A command came through the broker."""
        if self._is_heard():
            asked = json.loads(payload)
            where, content = self.reader.answer(topic, asked)
            self.broker.say(where, json.dumps(content).encode())
            if asked["command"] != "get_version" and self.reader.reads:
                self._listens = client

    async def flap(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self.broker_gone, self.black_hole, self.cut_off, self.hiccup, self.rebooted, self.mute, self.taken_over,
            self.stopped_by_hand, self.twice, self.one_by_one, self.rubbish, self.noisy_line, self.clock_set,
            self.refusing,
        ]  # fmt: skip
        while True:
            await asyncio.sleep(self._chance.uniform(5, 90))
            fault = self._chance.choice(faults)
            self.faults[fault.__name__] += 1
            await fault()

    async def broker_gone(self) -> None:
        self.broker.stop()
        await asyncio.sleep(self._chance.uniform(0, 60))
        await self.broker.start()

    async def black_hole(self) -> None:
        """The way to the broker: the connection stands, and nothing comes."""
        self.broker.into_black_hole()
        await asyncio.sleep(self._chance.uniform(1, 60))
        self.broker.out_of_black_hole()

    async def cut_off(self) -> None:
        """The reader loses its broker, and comes back with all that it read meanwhile, which is too old by then."""
        self._out_of_reach()
        kept = round(self._chance.uniform(0.5, 60) * REPORTS_PER_S)
        away_s = kept / REPORTS_PER_S + STALE_S + 2
        await self._clock.sleep(away_s)
        self._in_reach = True
        began_s = self._clock.monotonic_s()
        for nth in range(kept):
            ago_s = away_s + self._clock.monotonic_s() - began_s - nth / REPORTS_PER_S
            self.broker.say(self.reader.data_topic(), self._message(self._ghosts, ago_s))
            await asyncio.sleep(FLOOD_STEP_S)

    async def hiccup(self) -> None:
        """The reader is away for so short a time that what it read is still true."""
        self._in_reach = False
        kept = self._chance.randrange(1, 20)
        await asyncio.sleep(kept / REPORTS_PER_S)
        self._in_reach = True
        if self.reader.reads:
            for nth in range(kept):
                self._tell((kept - nth) / REPORTS_PER_S)

    async def rebooted(self) -> None:
        """Its numbers begin anew, and it does not read until it is told to."""
        self._out_of_reach()
        self.reader.reads = False
        self._numbers = 0
        await asyncio.sleep(self._chance.uniform(2, 60))
        self._in_reach = True

    def _out_of_reach(self) -> None:
        self._in_reach = False
        if (will := self.reader.will()) is not None:
            self.broker.say(*will[:2])

    async def mute(self) -> None:
        self._mute = True
        await asyncio.sleep(self._chance.uniform(1, 60))
        self._mute = False

    async def taken_over(self) -> None:
        """Somebody else comes to the broker under our name, and stays for a while, or until we are back."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.broker.port)
        writer.write(hello(self._name))
        await asyncio.sleep(self._chance.uniform(0.1, 30))
        writer.transport.abort()

    async def stopped_by_hand(self) -> None:
        self.reader.reads = False

    async def twice(self) -> None:
        """The broker repeats what it thinks was not acknowledged."""
        self._twice = True
        await asyncio.sleep(self._chance.uniform(1, 30))
        self._twice = False

    async def one_by_one(self) -> None:
        """Batching is off for a while."""
        batch, self.reader.batch = self.reader.batch, 1
        await asyncio.sleep(self._chance.uniform(1, 10))
        self.reader.batch = batch

    async def rubbish(self) -> None:
        """Messages that are none, on any topic, or one that is far too large."""
        whole = self._message(self._tags)
        for topic in (*(self._listens.topics if self._listens else ()), self.reader.data_topic()):
            for rubbish in (
                self._chance.randbytes(self._chance.randrange(2000)),
                whole[: self._chance.randrange(len(whole))],
                b"[" * 50_000,
                b'{"data":{"idHex":"' + b"e2" * 10_000,
            ):
                self.broker.say(topic, rubbish)
            self.doubtful += TAGS
        if self._chance.random() < 0.2:
            self._listens = None
            self.broker.say(self.reader.data_topic(), bytes(PACKET_BYTES_MAX + 1))

    async def noisy_line(self) -> None:
        """Bytes of somebody else between packets: what follows cannot be understood until the next connection."""
        if (client := self.broker.subscriber(self.reader.data_topic())) is not None:
            self._listens = None
            client.topics.clear()
            client.transport.write(b"\xf0" + self._chance.randbytes(self._chance.randrange(1, 2000)))

    async def clock_set(self) -> None:
        """Its clock leaps: what it reads is believed again when it has said its time, or has kept to it."""
        self._listens = None
        self.reader.clock_s = self._chance.uniform(-1, 1) * 86_400

    async def refusing(self) -> None:
        command = self._chance.choice(("get_status", "start", "control_operation"))
        self.reader.refusals[command] = "busy"
        await asyncio.sleep(self._chance.uniform(1, 60))
        self.reader.refusals.clear()


def flapping_fixed(chance: random.Random, clock: LeapingClock) -> FlappingZebra:
    """A fixed reader with the IoT Connector, its events batched."""
    reader = FixedReader("", "shop/FX9600-door", batch=TAGS, now_s=lambda: clock.now_ms() / 1000)
    return FlappingZebra(chance, clock, reader)


def flapping_sled(chance: random.Random, clock: LeapingClock) -> FlappingZebra:
    """An RFD40 in somebody's hand."""
    return FlappingZebra(chance, clock, Sled("", "shop/RFD40-1", batch=TAGS, now_s=lambda: clock.now_ms() / 1000))


def flapping_either(chance: random.Random, clock: LeapingClock) -> FlappingZebra:
    return chance.choice((flapping_fixed, flapping_sled))(chance, clock)


def _pattern(reader: ZebraReader, epcs: Sequence[bytes]) -> bytes:
    """A message of these tags, with places for its time and its numbers."""
    message = reader.message([(epc, 1) for epc in epcs])
    return _TIME.sub(rb"\1" + _SEEN, _NUMBER.sub(rb"\1%d", message))
