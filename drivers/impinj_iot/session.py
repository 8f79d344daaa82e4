"""One conversation with an Impinj reader's IoT device interface, without any I/O: answers and stream in, requests out.

The reader is asked what it is and does; then the stream is opened, and the preset started, so that nothing it reads is
missed. From then on the stream is watched, and the reader asked again and again: whether it still runs our preset, and
what time it believes it is.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.impinj_iot.codec import Antenna, Inventory, Lines, Other, Overflow, event_of
from drivers.impinj_iot.settings import Settings
from drivers.json_fields import BadEvent, members, parsed, time_us, words
from drivers.reader_time import ReaderTime
from drivers.readings import TagRead

#: From the first request to the stream. Starting and stopping takes a reader some seconds.
SETUP_S: Final = 35.0
#: So many times in a row may a request go wrong while the stream is there.
FAILURES_MAX: Final = 2
#: What a status says of a reader that reads, or will by itself.
_AT_WORK: Final = {"running", "starting", "armed"}


@dataclass(frozen=True, slots=True)
class Request:
    """To be sent; `path` is below /api/v1."""

    method: str
    path: str


_IS_IT_ONE: Final = "Is this an Impinj reader with the IoT device interface switched on?"

STATUS: Final = Request("GET", "/status")
SYSTEM: Final = Request("GET", "/system")
IMAGE: Final = Request("GET", "/system/image")
STOP: Final = Request("POST", "/profiles/stop")
#: Answered only when it was not opened.
STREAM: Final = Request("GET", "/data/stream")


class Stage(enum.Enum):
    #: What is it, and what does it do?
    ASKING = enum.auto()
    #: The stream is to be opened.
    OPENING = enum.auto()
    #: The preset is to be started.
    STARTING = enum.auto()
    #: Reads are ours.
    READING = enum.auto()


class Session:
    """One connection. Times are seconds of one monotonic clock."""

    def __init__(self, settings: Settings, now: float) -> None:
        self.stage = Stage.ASKING
        self._settings = settings
        self._start = Request("POST", f"/profiles/inventory/presets/{settings.preset}/start")
        self._time = ReaderTime(settings.stale_s)
        self._lines = Lines()
        self._out = [STATUS, SYSTEM, IMAGE]
        self._model = self._firmware = ""
        self._runs = ""  # the preset that the reader runs; empty: none
        self._failures = self._conflicts = 0
        self._ask_at = float("inf")
        self._patience_ends = now + SETUP_S

    @property
    def due(self) -> float:
        """When `tick` wants to be called at the latest."""
        return min(self._patience_ends, self._ask_at)

    def to_send(self) -> list[Request]:
        """Requests to be made, one after the other; they are forgotten here."""
        out, self._out = self._out, []
        return out

    def tick(self, now: float) -> None:
        """Ask for the status when it is time. Raises DeviceLost when the reader has been silent for too long."""
        if now >= self._patience_ends:
            if self.stage is not Stage.READING:
                raise DeviceLost(f"the reader was not ready within {SETUP_S:g} s", "Restart the reader.", "silent")
            why = f"the reader's stream was silent for {self._settings.silence_s:g} s"
            raise DeviceLost(why, "Check its power and the network.", "silent")
        if now >= self._ask_at:
            self._ask_at = now + self._settings.status_every_s
            self._out.append(STATUS)

    def opened(self, now: float) -> Iterator[Event]:
        """The stream is there."""
        if self._settings.preset and self._runs != self._settings.preset:
            self._begin()
        else:
            yield from self._at_work(now)

    def receive(self, piece: bytes, now: float) -> Iterator[Event]:
        """What a piece of the stream, cut anywhere, brings. Must be exhausted before the next."""
        reads: list[TagRead] = []
        stale = 0
        if self.stage is Stage.READING:
            self._patience_ends = now + self._settings.silence_s
        for line in self._lines.feed(piece):
            if not line:
                if line is None:
                    yield Dropped("a line of the stream that is too long")
                continue
            try:
                event = event_of(line)
            except BadEvent as why:
                yield Dropped(str(why))
                continue
            if not isinstance(event, TagRead):
                yield from self._told(event, now)
            elif self._time.is_stale(event.seen_at_us, now):
                stale += 1
            else:
                reads.append(event)
        if stale:
            yield Dropped(f"{stale} reads that the reader had kept: they are too old")
        yield Tags(reads) if reads else Heard()

    def answered(self, asked: Request, code: int, body: bytes, now: float) -> Iterator[Event]:
        """What an answer brings. Raises a DeviceError, after the events before it."""
        if code in (401, 403):
            raise _not_let_in(code, self._settings.access.username)
        if 300 <= code < 400:
            raise DeviceRefused("the reader sends us elsewhere", "Since firmware 7.4 it wants https://, not http://.")
        said = _said(body)
        if code >= 500:
            raise DeviceLost(f"the reader is not ready: {_why(code, said)}", "If it stays so, restart the reader.")
        self._failures = 0
        if asked == STATUS:
            yield from self._status(code, said, now)
        elif asked == SYSTEM:
            self._model = words(said.get("productModel"), 40)
        elif asked == IMAGE:
            self._firmware = words(said.get("primaryFirmware"), 40)
            self.stage = Stage.OPENING
        elif asked == self._start:
            yield from self._started(code, said, now)
        elif asked == STREAM:
            raise DeviceRefused(f"the reader does not open its stream: {_why(code, said)}", _IS_IT_ONE)
        yield Heard()

    def failed(self, asked: Request, why: DeviceError) -> None:
        """A request was not answered. Raises `why` when that is one too many."""
        self._failures += 1
        if self.stage is not Stage.READING or self._failures >= FAILURES_MAX:
            raise why
        if asked == self._start:
            self._out.append(asked)

    def _status(self, code: int, said: dict[str, Any], now: float) -> Iterator[Event]:
        interface = words(said.get("interface"), 40)
        if interface.lower() == "llrp":
            raise DeviceRefused(
                f"the reader's RFID interface is {interface}",
                "Set it to the Impinj IoT device interface on the reader's web page, or use the driver llrp.",
            )
        if code != 200:
            raise DeviceRefused(f"the reader does not say how it is: {_why(code, said)}", _IS_IT_ONE)
        at = time_us(said.get("time"))
        if at is not None:
            self._time.said(at, now)
        preset = said.get("activePreset")
        runs = words(preset.get("id"), 128) if isinstance(preset, dict) else ""
        self._runs = runs if words(said.get("status"), 40) in _AT_WORK else ""
        if self.stage is Stage.READING and self._settings.preset and self._runs != self._settings.preset:
            yield Noted("reader_had_stopped_reading", {"runs": self._runs})
            self._begin()

    def _begin(self) -> None:
        """Have it run our preset; what it runs instead is stopped first."""
        if self.stage is Stage.OPENING:
            self.stage = Stage.STARTING
        if self._start not in self._out:
            self._out += [STOP, self._start] if self._runs else [self._start]

    def _started(self, code: int, said: dict[str, Any], now: float) -> Iterator[Event]:
        if code == 409 and self._conflicts == 0:  # it runs something all the same
            self._conflicts += 1
            self._out += [STOP, self._start]
        elif 200 <= code < 300:
            self._conflicts = 0
            self._runs = self._settings.preset
            if self.stage is Stage.STARTING:
                yield from self._at_work(now)
        elif code == 404:
            raise DeviceRefused(
                f"the reader has no preset {self._settings.preset!r}",
                "Correct `preset`, or make it on the reader's web page.",
            )
        else:
            raise DeviceRefused(f"the reader refused to start: {_why(code, said)}", "Look at the preset on its page.")

    def _at_work(self, now: float) -> Iterator[Event]:
        self.stage = Stage.READING
        self._ask_at = now + self._settings.status_every_s
        self._patience_ends = now + self._settings.silence_s
        firmware = f", firmware {self._firmware}" if self._firmware else ""
        yield Online(f"Impinj {self._model or 'reader'}{firmware}, preset {self._runs or 'none'}")

    def _told(self, event: Inventory | Antenna | Overflow | Other, now: float) -> Iterator[Event]:
        match event:
            case Inventory(status) if status not in _AT_WORK and self.stage is Stage.READING:
                self._ask_at = now  # let it say what it does, and start it if it must be
            case Antenna(port, connected):
                yield Noted("antenna_connected" if connected else "antenna_disconnected", {"antenna": port})
            case Overflow():
                yield Dropped("the reader's buffer ran over: it threw reads away")


def _not_let_in(code: int, user: str) -> DeviceRefused:
    who = f"user {user!r}" if user else "anybody without a name"
    return DeviceRefused(f"the reader does not let in {who} ({code})", "Check `username` and `password_file`.", "login")


def _said(body: bytes) -> dict[str, Any]:
    """The members of an answer's object; none when it is no such thing."""
    try:
        return members(parsed(body), "an answer")
    except BadEvent:
        return {}


def _why(code: int, said: dict[str, Any]) -> str:
    """An error in the reader's words."""
    return words(said.get("message")) or words(said.get("invalidPropertyId")) or f"HTTP {code}"
