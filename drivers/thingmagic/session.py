"""One connection to a ThingMagic module, without any I/O: bytes in, events out, and bytes to send.

First a stream that a crash left on is stopped: while it runs, its tags come between the answers. Then the module is
asked what it is, started if it is still in its boot loader, set up, and told to read without end; it gives a sign of
life each second. One that falls silent, says that it has started, or ends its stream is set up anew; what stays silent
is lost.
"""

import enum
from collections.abc import Iterator
from typing import Final

from drivers.conversing import Request, Requests, Unanswered, fell_silent, unheard
from drivers.errors import DeviceLost, DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.framing import Ear, Noise
from drivers.thingmagic import codec
from drivers.thingmagic.codec import WAKE, WHY, BadRecord, Frame, command, frames, kind_of, tag_read
from drivers.thingmagic.settings import Settings

ANSWER_S: Final = 0.3
TRIES: Final = 2
#: A module that was heard at all may need so long to end its stream.
PATIENCE_S: Final = 3.0
#: From its boot loader it takes a while.
BOOT_S: Final = 2.0
#: For so long after the start its answer may come again, if the line is slow and we have asked twice.
SLOW_S: Final = 1.0
#: Two signs of life were missed, and half a second more.
QUIET_S: Final = 2.5
#: Bytes of one frame follow each other; after such a pause the rest will not come.
PAUSE_S: Final = 0.1

_MODELS: Final = {0x18: "M6e", 0x19: "M6e-i", 0x20: "M6e Micro", 0x30: "M6e Nano", 0x38: "M7e"}
_BOOT_LOADER: Final = 1
_READ_FILTER: Final = 0x0C
_SESSION, _TARGET, _Q = 0x00, 0x01, 0x12
#: What a module says while it reads on.
_COMPLAINTS: Final = (codec.TOO_HOT, codec.BAD_MATCH, codec.NO_ANTENNA)


class Moved(DeviceLost):
    """The module goes on at the baud rate of the settings: connect again."""


class Stage(enum.Enum):
    SETUP = enum.auto()
    READING = enum.auto()
    #: We have said stop, or are as good as gone.
    LEAVING = enum.auto()
    LEFT = enum.auto()


class Session:
    """One connection at one baud rate; see `drivers.conversing.Conversation`."""

    def __init__(self, settings: Settings, baud: int) -> None:
        self.stage = Stage.SETUP
        self._settings = settings
        self._baud = baud
        self._ear = Ear(frames(), PAUSE_S)
        self._requests = Requests(_first_requests(), ANSWER_S, TRIES)
        self._out = bytearray()
        self._about = "ThingMagic module"
        self._power_dbm: float | None = None
        self._online = False
        self._early = 0
        self._noted: set[int] = set()
        self._patient_until_s: float | None = None
        self._heard_s = self._began_s = 0.0

    @property
    def left(self) -> bool:
        return self.stage is Stage.LEFT

    @property
    def wake_s(self) -> float:
        at_s = self._requests.wake_s if self.stage is Stage.SETUP else self._heard_s + QUIET_S
        return min(at_s, self._ear.wake_s)

    def to_send(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def hang_up(self) -> None:
        """Stop the stream, unless nobody ever answered: then this may be no module, or not its baud rate."""
        if self._patient_until_s is None:
            self.stage = Stage.LEFT
        else:
            self.stage = Stage.LEAVING
            self._out += command(codec.STREAM, codec.STOP)

    def receive(self, piece: bytes, now_s: float) -> Iterator[Event]:
        for one in self._ear.hear(piece, now_s):
            if isinstance(one, Noise):
                yield Dropped(f"{one.size} bytes that are no frame")
                continue
            if self._patient_until_s is None:
                self._patient_until_s = now_s + PATIENCE_S
            self._heard_s = now_s
            yield from self._take(one)
        if self.stage is Stage.READING and now_s >= self._heard_s + QUIET_S:
            self._set_up_anew(now_s)
        if self.stage is Stage.SETUP:
            self._ask(now_s)

    def _set_up_anew(self, now_s: float) -> None:
        self.stage = Stage.SETUP
        self._patient_until_s = now_s + max(self._settings.silence_s - QUIET_S, TRIES * ANSWER_S)
        self._requests = Requests(_first_requests(), ANSWER_S, TRIES)

    def _ask(self, now_s: float) -> None:
        try:
            request = self._requests.due(now_s)
        except Unanswered as why:
            if self._patient_until_s is not None and now_s < self._patient_until_s:
                self._requests = Requests(_first_requests(), ANSWER_S, TRIES)
                request = self._requests.due(now_s)
            elif self._online:
                raise fell_silent(self._settings.silence_s) from why
            elif self._patient_until_s is not None:
                raise DeviceLost(why.why, "It was heard, and does not answer: switch it off and on.", "silent") from why
            else:
                raise unheard(why, self._ear.unframed, self._baud) from why
        if request is not None:
            self._out += (WAKE if self._requests.tries > 1 else b"") + command(request.code, request.data)

    def _begin(self, now_s: float) -> Iterator[Event]:
        self.stage = Stage.READING
        self._heard_s = self._began_s = now_s
        if self._early:
            yield Dropped(f"{self._early} reads of a stream that somebody had left on")
            self._early = 0
        if not self._online:
            self._online = True
            power = "" if self._power_dbm is None else f", {self._power_dbm:g} dBm"
            yield Online(f"{self._about}{power}")

    def _take(self, frame: Frame) -> Iterator[Event]:
        if frame.opcode == codec.READ:
            yield from self._read(frame)
        elif self.stage is Stage.LEAVING:
            if frame.opcode == codec.STREAM:
                self.stage = Stage.LEFT
        elif self.stage is Stage.SETUP:
            yield Heard()
            self._answer(frame)
            if self._requests.current is None:
                yield from self._begin(self._heard_s)
        elif frame.opcode == codec.STREAM and self._heard_s < self._began_s + SLOW_S:
            yield Heard()
        elif frame.opcode in (codec.BOOT, codec.STREAM):
            # It has started, or its stream has ended.
            yield Heard()
            self._set_up_anew(self._heard_s)
        else:
            yield Dropped(f"an answer to {frame.opcode:02X}, which nobody waits for")

    def _read(self, frame: Frame) -> Iterator[Event]:
        if frame.status == codec.ALIVE:
            yield Heard()
        elif frame.status in _COMPLAINTS:
            if frame.status not in self._noted:
                self._noted.add(frame.status)
                yield Noted("reader_reported_exception", {"words": WHY[frame.status]})
            yield Heard()
        elif frame.status != codec.OK:
            yield Dropped(f"a read with error {frame.status:04X}")
        else:
            yield from self._record(frame.data)

    def _record(self, data: bytes) -> Iterator[Event]:
        try:
            kind = kind_of(data)
            read = tag_read(data) if kind == codec.TAG else None
        except BadRecord as why:
            yield Dropped(str(why))
            return
        if read is None:
            yield Heard()
            if kind == codec.ENDED and self.stage is Stage.READING:
                self._set_up_anew(self._heard_s)
        elif not self._online:
            self._early += 1
        elif self.stage is Stage.LEAVING:
            return
        elif read.epc:
            yield Tags((read,))
        else:
            yield Dropped("a tag without an EPC")

    def _answer(self, frame: Frame) -> None:
        request = self._requests.current
        if request is None or frame.opcode != request.code:
            return
        if frame.status != codec.OK and not request.optional:
            if self._requests.refused():
                why = WHY.get(frame.status, f"error {frame.status:04X}")
                raise DeviceRefused(f"the module refused to {request.what}: {why}", _hint(request, frame.status))
            return
        self._requests.answered()
        if request.code == codec.VERSION:
            self._about = _about(frame.data)
        elif request.code == codec.PROGRAM:
            if frame.data[:1] and frame.data[0] & 3 == _BOOT_LOADER:
                self._requests.add([Request("start", codec.BOOT, within_s=BOOT_S)])
            self._requests.add(_setup(self._settings, self._baud))
        elif request.code == codec.SET_BAUD:
            self._patient_until_s = None  # nobody is here any more
            raise Moved(f"the module goes on with {self._settings.wiring.baud} baud")
        elif request.code == codec.GET_REGION and frame.data == b"\0":
            raise DeviceRefused("the module has no region, and without one it does not send", "Set `region`.")
        elif request.code == codec.GET_POWER and len(frame.data) >= 3:
            self._power_dbm = int.from_bytes(frame.data[1:3], "big") / 100


def _hint(request: Request, status: int) -> str:
    if status == codec.WRONG_REGION:
        return "A Nano has na2 and na3 instead of na; modules made for Europe have eu3. Correct `region`."
    if status == codec.NO_ANTENNA:
        return "Screw an antenna to every port of `antennas`."
    return f"Compare the settings with what the module can do; it was asked to {request.what}."


def _about(data: bytes) -> str:
    """Boot loader, hardware, date and version of the firmware: four bytes each."""
    if len(data) < 16:
        return "ThingMagic module"
    version = ".".join(f"{part:X}" for part in data[12:16])
    return f"ThingMagic {_MODELS.get(data[4], f'model {data[4]:02X}')} {version}"


def _first_requests() -> list[Request]:
    return [
        Request("stop", codec.STREAM, codec.STOP, optional=True),
        Request("say what it is", codec.VERSION),
        Request("say which program it runs", codec.PROGRAM),
    ]


def _setup(settings: Settings, baud: int) -> list[Request]:
    """What a module is told, in this order; without power it forgets all of it."""
    requests = []
    if baud != settings.wiring.baud:
        rate = settings.wiring.baud.to_bytes(4, "big")
        requests.append(Request(f"speak with {settings.wiring.baud} baud", codec.SET_BAUD, rate))
    requests.append(Request("read Gen2", codec.SET_PROTOCOL, bytes([0, codec.GEN2])))
    if settings.region is None:
        requests.append(Request("say its region", codec.GET_REGION))
    else:
        requests.append(Request("work in this region", codec.SET_REGION, bytes([settings.region])))
    ports = b"".join(bytes([antenna, antenna]) for antenna in settings.antennas)  # to send, and to receive
    requests.append(Request("use these antennas", codec.SET_ANTENNAS, b"\x02" + ports))
    if settings.power_dbm is not None:
        power = round(settings.power_dbm * 100).to_bytes(2, "big")
        requests.append(Request("send with this power", codec.SET_POWER, power))
    q = b"\0" if settings.q is None else bytes([1, settings.q])
    return [
        *requests,
        # With the filter on, a tag that stays is told of once.
        Request("tell of every read", codec.SET_OPTION, bytes([1, _READ_FILTER, 0]), optional=True),
        Request("use this session", codec.SET_GEN2, bytes([codec.GEN2, _SESSION, settings.session])),
        Request("use target A", codec.SET_GEN2, bytes([codec.GEN2, _TARGET, 1, 0]), optional=True),
        Request("use this q", codec.SET_GEN2, bytes([codec.GEN2, _Q]) + q, optional=settings.q is None),
        Request("say its power", codec.GET_POWER, b"\0", optional=True),
        Request("read", codec.STREAM, codec.START),
    ]
