"""One connection to an R200 module, without any I/O: bytes in, events out, and bytes to send.

First a poll that somebody left on is stopped, which also wakes a module that sleeps; then the module is asked what it
is, set up, and told to poll. A poll ends by itself after 65,535 rounds, and a module that lost its power forgets its
settings: both are silent, and both are set up anew. What stays silent is lost.
"""

import enum
from collections.abc import Iterator
from typing import Final

from drivers.conversing import Request, Requests, Unanswered, fell_silent, unheard
from drivers.errors import DeviceRefused
from drivers.events import Dropped, Event, Heard, Online, Tags
from drivers.framing import Ear, Noise
from drivers.r200 import codec
from drivers.r200.codec import Frame, framed, frames, is_tag, query, tag_read
from drivers.r200.settings import Settings

ANSWER_S: Final = 0.3
TRIES: Final = 3
#: A module that polls says something several times a second, be it that no tag answered.
QUIET_S: Final = 1.0
#: Bytes of one frame follow each other; after such a pause the rest will not come.
PAUSE_S: Final = 0.1

_START: Final = b"\x22\xff\xff"  # a reserved byte, and as many rounds as can be
_HOP, _NO_SELECT = b"\xff", b"\x01"
_WHY: Final = {codec.UNKNOWN_COMMAND: "it does not know the command"}
_LONGEST_WORDS: Final = 40


class Stage(enum.Enum):
    SETUP = enum.auto()
    POLLING = enum.auto()
    #: We have said stop, or are as good as gone.
    LEAVING = enum.auto()
    LEFT = enum.auto()


class Session:
    """One connection; see `drivers.conversing.Conversation`."""

    def __init__(self, settings: Settings) -> None:
        self.stage = Stage.SETUP
        self._settings = settings
        self._ear = Ear(frames(settings.profiles), PAUSE_S)
        #: Of several, each is tried; the first that answers is the module's.
        self._profiles = list(settings.profiles)
        self._requests = Requests(_setup(settings), ANSWER_S, TRIES * len(settings.profiles))
        self._out = bytearray()
        self._words: list[str] = []
        self._power_dbm: float | None = None
        self._online = False
        self._early = 0
        self._not_understood = 0
        self._heard_s = 0.0

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
        self.stage = Stage.LEAVING
        for profile in self._profiles:
            self._out += framed(profile, codec.COMMAND, codec.STOP)

    def receive(self, piece: bytes, now_s: float) -> Iterator[Event]:
        for one in self._ear.hear(piece, now_s):
            if isinstance(one, Noise):
                yield Dropped(f"{one.size} bytes that are no frame")
            else:
                yield from self._take(one, now_s)
        yield from self._look_at_the_clock(now_s)

    def _look_at_the_clock(self, now_s: float) -> Iterator[Event]:
        if self.stage is Stage.POLLING and now_s >= self._heard_s + QUIET_S:
            self.stage = Stage.SETUP
            tries = max(TRIES, 1 + round((self._settings.silence_s - QUIET_S) / ANSWER_S))
            self._requests = Requests(_setup(self._settings), ANSWER_S, tries)
            self._words.clear()
        if self.stage is Stage.SETUP:
            self._ask(now_s)
            if self._requests.current is None:
                yield from self._poll(now_s)

    def _ask(self, now_s: float) -> None:
        try:
            request = self._requests.due(now_s)
        except Unanswered as why:
            if self._online:
                raise fell_silent(self._settings.silence_s) from why
            raise unheard(why, self._ear.unframed, self._settings.wiring.baud) from why
        if request is not None:
            profile = self._profiles[(self._requests.tries - 1) % len(self._profiles)]
            self._out += framed(profile, codec.COMMAND, request.code, request.data)

    def _poll(self, now_s: float) -> Iterator[Event]:
        """Start, and say so once: a module that is set up anew was never away."""
        self.stage = Stage.POLLING
        self._heard_s = now_s
        self._out += framed(self._profiles[0], codec.COMMAND, codec.POLL, _START)
        if self._early:
            yield Dropped(f"{self._early} reads of a poll that somebody had left on")
            self._early = 0
        if not self._online:
            self._online = True
            power = "" if self._power_dbm is None else f", {self._power_dbm:g} dBm"
            yield Online(f"{' '.join(self._words) or 'R200 module'}{power}")

    def _take(self, frame: Frame, now_s: float) -> Iterator[Event]:
        if frame.kind == codec.COMMAND:
            yield Dropped("our own words: the line echoes")
        elif is_tag(frame):
            yield from self._tag(frame, now_s)
        elif frame.kind == codec.NOTICE:
            yield Dropped(f"a notice of a kind that is not known, {frame.code:02X}")
        elif self.stage is Stage.LEAVING:
            if frame.code == codec.STOP:
                self.stage = Stage.LEFT
        elif self.stage is Stage.SETUP:
            yield from self._answer(frame, now_s)
        elif frame.code == codec.FAILED and frame.data[:1] == bytes([codec.UNKNOWN_COMMAND]):
            self._not_understood += 1
            if self._not_understood == TRIES:
                raise DeviceRefused("the module does not know how to poll", "Is it of the R200 family?")
            yield Dropped("the module did not understand us")
        else:  # no tag in this round, or a channel was busy: it polls
            self._polls(now_s)
            yield Heard()

    def _tag(self, frame: Frame, now_s: float) -> Iterator[Event]:
        if self.stage is Stage.POLLING:
            self._polls(now_s)
        if not self._online:
            self._early += 1
        elif self.stage is Stage.LEAVING:
            return
        elif (read := tag_read(frame.data)) is None:
            yield Dropped("a tag whose CRC is wrong")
        elif read.epc:
            yield Tags((read,))
        else:
            yield Dropped("a tag without an EPC")

    def _polls(self, now_s: float) -> None:
        self._heard_s = now_s
        self._not_understood = 0

    def _answer(self, frame: Frame, now_s: float) -> Iterator[Event]:
        request = self._requests.current
        yield Heard()
        if request is None or not _answers(request, frame):
            return
        self._profiles = [frame.profile]
        if frame.code == codec.FAILED or _is_no(frame):
            if not request.optional:
                if self._requests.refused():
                    why = _WHY.get(frame.data[0], f"error {frame.data[0]:02X}")
                    raise DeviceRefused(f"the module refused to {request.what}: {why}", "Compare it with its manual.")
                return
        elif frame.code == codec.ABOUT:
            self._words.append(_words(frame.data[1:]))
        elif frame.code == codec.GET_POWER and len(frame.data) == 2:
            self._power_dbm = int.from_bytes(frame.data, "big") / 100
        self._requests.answered()


def _answers(request: Request, frame: Frame) -> bool:
    if frame.code == codec.FAILED:
        # A poll that is still on tells between our requests that no tag answered.
        return bool(frame.data) and frame.data[0] not in (codec.NO_TAG, codec.NO_FREE_CHANNEL)
    return frame.code == request.code or (frame.code, request.code) == (codec.SET_SELECT, codec.SET_SELECT_MODE)


def _is_no(frame: Frame) -> bool:
    return frame.code not in (codec.ABOUT, codec.GET_POWER) and frame.data[:1] not in (b"", b"\x00")


def _words(data: bytes) -> str:
    """What the module says of itself, fit for people."""
    text = data.decode("ascii", "replace").strip("\0 ")
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST_WORDS])


def _setup(settings: Settings) -> list[Request]:
    """What a module is asked, in this order."""
    requests = [
        Request("stop", codec.STOP),
        Request("say what it is", codec.ABOUT, b"\x00", optional=True),
        Request("say its firmware", codec.ABOUT, b"\x01", optional=True),
        # Another program may have left a Select on, and with it most tags would be silent.
        Request("read every tag", codec.SET_SELECT_MODE, _NO_SELECT, optional=True),
        Request("use this session and q", codec.SET_QUERY, query(settings.session, settings.q)),
    ]
    if settings.region is not None:
        requests.append(Request("work in this region", codec.SET_REGION, bytes([settings.region])))
        requests.append(Request("hop between channels", codec.SET_HOPPING, _HOP, optional=True))
    if settings.power_dbm is not None:
        power = round(settings.power_dbm * 100).to_bytes(2, "big")
        requests.append(Request("send with this power", codec.SET_POWER, power))
    return [*requests, Request("say its power", codec.GET_POWER, optional=True)]
