"""One conversation with a Zebra reader behind a broker, without any I/O: messages in, events out, messages to send.

A reader that pushes says nothing when it has nothing to say, and a broker keeps talking for one that is gone. So the
reader is asked what it is and what it does, at the beginning and again and again: its answers are the sign of life,
tell what time it believes it is, and whether it still reads. What came before the first answers is from before.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Final

from drivers.errors import DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.json_fields import BadEvent
from drivers.mqtt_line import Arrived
from drivers.reader_time import ReaderTime
from drivers.zebra_iot.codec import Answer, Status, TagEvent
from drivers.zebra_iot.settings import Settings

#: From the subscription to the answers. A sled that was asleep needs some seconds.
SETUP_S: Final = 15.0
#: Until the first answers come, for a reader that has not found back to the broker yet.
ASK_AGAIN_S: Final = 1.0
#: Two answers are missed, and half an interval of grace.
SILENT_INTERVALS: Final = 2.5
#: Events remembered to know those that come twice. QoS 1 repeats what was not acknowledged, which is seconds old.
REMEMBERED: Final = 8192


class Session:
    """One connection. Times are seconds of one monotonic clock."""

    def __init__(self, settings: Settings, now: float) -> None:
        self.up = False
        self.repeated = 0
        self._settings = settings
        self._speaks = settings.dialect
        self._topics = settings.topics
        self._time = ReaderTime(settings.stale_s)
        self._out: list[tuple[str, bytes]] = []
        self._told: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._begun = f"{now * 1e6:.0f}"
        self._asked: dict[str, str] = {}
        self._count = 0
        self._about = ""
        self._reading: bool | None = None
        self._connected: Mapping[int, bool] = {}
        self._heard_tags = False
        self._patience_ends = now + SETUP_S
        self._ask_at = now + ASK_AGAIN_S
        self._ask("get_version")
        self._ask("get_status")

    @property
    def due(self) -> float:
        """When `tick` wants to be called at the latest."""
        return min(self._patience_ends, self._ask_at)

    def to_send(self) -> list[tuple[str, bytes]]:
        """Topics and payloads to be sent now; they are forgotten here."""
        out, self._out = self._out, []
        return out

    def tick(self, now: float) -> None:
        """Ask again when it is time. Raises DeviceLost when the reader has been silent for too long."""
        if now >= self._patience_ends:
            raise DeviceLost(*self._silence(), "silent")
        if now < self._ask_at:
            return
        if self.up:
            self._asked.clear()
            self._ask("get_status")
            self._ask_at = now + self._settings.status_every_s
        else:
            for name in dict.fromkeys(self._asked.values()):
                self._ask(name)
            self._ask_at = now + ASK_AGAIN_S

    def receive(self, arrived: Arrived, now: float) -> Iterator[Event]:
        """What a message brings. Must be exhausted before the next. Raises a DeviceError after the events before it."""
        topics = self._topics
        if arrived.retained:
            if arrived.topic != topics.state:  # a sled's broker may keep it
                yield Dropped("a message that the broker had kept: nobody knows since when")
            return
        try:
            if arrived.topic == topics.data:
                yield from self._tags(arrived.payload, now)
            elif arrived.topic in (topics.answers, topics.control_answers):
                yield from self._answer(self._speaks.answer(arrived.payload), now)
            else:
                yield from self._report(arrived.payload, now)
        except BadEvent as why:
            yield Dropped(f"{arrived.topic.rpartition('/')[2]}: {why}")
            return
        if self.up:
            self._patience_ends = now + SILENT_INTERVALS * self._settings.status_every_s

    def _ask(self, name: str) -> None:
        self._count += 1
        ident = f"nearshelf-{self._begun}-{self._count}"
        self._asked[ident] = name
        topic = self._topics.control if name == "start" else self._topics.commands
        self._out.append((topic, self._speaks.command(name, ident)))

    def _tags(self, payload: bytes, now: float) -> Iterator[Event]:
        batch = self._speaks.tags(payload)
        self._heard_tags = True
        for why in batch.bad:
            yield Dropped(why)
        events = [event for event in batch.events if self._is_new(event)]
        fresh = [event.read for event in events if not self._time.is_stale(event.read.seen_at_us, now)]
        if events and not self.up:
            yield Dropped(f"{len(events)} reads from before this connection was set up")
        elif len(fresh) < len(events):
            yield Dropped(f"{len(events) - len(fresh)} reads that the reader had kept: they are too old")
        yield Tags(fresh) if fresh and self.up else Heard()

    def _is_new(self, event: TagEvent) -> bool:
        """Numbers begin anew when a reader is switched on, so they count only together with the rest."""
        if event.number is None:
            return True
        key = (event.number, event.read.epc, event.read.antenna, event.read.seen_at_us)
        if key in self._told:
            self.repeated += 1
            return False
        self._told[key] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _report(self, payload: bytes, now: float) -> Iterator[Event]:
        report = self._speaks.report(payload)
        if report.gone:
            raise DeviceLost("the reader left the broker", "Is it switched off, asleep, or out of the Wi-Fi's reach?")
        if report.time_us is not None:
            self._time.heard(report.time_us, now)
        yield Heard()

    def _answer(self, answer: Answer, now: float) -> Iterator[Event]:
        asked = self._asked.get(answer.ident)
        self._asked = {ident: name for ident, name in self._asked.items() if name != asked}
        if asked == "get_version":
            self._about = self._speaks.about(answer.content)
        elif asked == "get_status":
            if not answer.ok:
                raise DeviceRefused(f"the reader refused get_status: {answer.why}", "See the reader's own web page.")
            status = self._speaks.status(answer.content)
            self._reading = status.reading
            if status.time_us is not None:
                self._time.said(status.time_us, now)
            yield from self._cables(status)
            if self.up and self._settings.start and self._reading is False:
                yield Noted("reader_had_stopped_reading", {})
                self._ask("start")
        elif asked == "start" and not answer.ok and self._reading is False and not self._speaks.reads_already(answer):
            raise DeviceRefused(
                f"the reader refused to start: {answer.why}",
                "Look at its operating mode and region, or set `start = false` and start it at its own page.",
            )
        if asked is None or self.up:
            yield Heard()  # others may ask the reader too
        elif not self._asked:
            if asked != "start" and self._settings.start and not self._reading:
                self._ask("start")
            else:
                self.up = True
                self._ask_at = now + self._settings.status_every_s
                yield Online(f"{self._about}, at {self._settings.broker}")

    def _cables(self, status: Status) -> Iterator[Event]:
        """Of each antenna whose cable was pulled or plugged in since the last status."""
        for antenna, connected in status.connected.items():
            if self._connected.get(antenna, connected) != connected:
                yield Noted("antenna_connected" if connected else "antenna_disconnected", {"antenna": antenna})
        self._connected = status.connected

    def _silence(self) -> tuple[str, str]:
        if self.up:
            silence_s = SILENT_INTERVALS * self._settings.status_every_s
            return f"the reader was silent for {silence_s:g} s", "Check its power and its network, and the broker's."
        unanswered = " and ".join(sorted(set(self._asked.values())))
        why = f"the broker is there, the reader does not answer {unanswered}"
        if self._heard_tags:
            return f"{why}, though it sends tags", "Set up its topics for management and control too: see the README."
        topic = self._topics.commands
        return (
            why,
            f"Is it on, connected to this broker, and does it listen to {topic}? Does the broker let us write it?",
        )
