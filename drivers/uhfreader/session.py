"""One connection to a UHFReader, without any I/O: bytes in, events out, and bytes to send.

The reader is asked what it is and in which mode, and told what is to be otherwise. In answer mode it is asked for one
inventory after the other, antenna by antenna; in active mode it speaks on its own, and is asked what it is whenever it
says nothing. A reader that did not answer is set up anew; what stays silent is lost.
"""

import enum
from collections.abc import Callable, Iterator
from typing import Final

from drivers.conversing import Requests, Unanswered, fell_silent, unheard
from drivers.errors import DeviceRefused
from drivers.events import Dropped, Event, Heard, Noted, Online, Tags
from drivers.framing import Ear, Noise
from drivers.readings import TagRead
from drivers.uhfreader import codec
from drivers.uhfreader.codec import BROADCAST, WHY, BadAnswer, Frame, command, frames
from drivers.uhfreader.settings import Settings
from drivers.uhfreader.setup import About, about_from, first_questions, orders, question_of_mode

ANSWER_S: Final = 0.5
TRIES: Final = 3
#: After an inventory's time, and again after each frame that says that more follow.
GRACE_S: Final = 0.5
#: Inventories begin no faster, be the reader ever so quick to say that there is nothing.
PACE_S: Final = 0.02
#: So long a reader in active mode may say nothing before it is asked whether it is there.
QUIET_S: Final = 2.0
#: Bytes of one frame follow each other within 15 ms, by the manual; a terminal server is slower.
PAUSE_S: Final = 0.1

_ENDS: Final = (codec.DONE, codec.TIMED_OUT, codec.MEMORY_FULL)
_EMPTY: Final = (codec.NO_TAG, codec.POOR, codec.FAILED)


class Stage(enum.Enum):
    SETUP = enum.auto()
    #: Answer mode: it is asked.
    ASKING = enum.auto()
    #: Active mode: it speaks on its own.
    LISTENING = enum.auto()
    LEFT = enum.auto()


class Session:
    """One connection; see `drivers.conversing.Conversation`."""

    def __init__(self, settings: Settings) -> None:
        self.stage = Stage.SETUP
        self._settings = settings
        self._ear = Ear(frames(), PAUSE_S)
        self._requests = Requests(first_questions(), ANSWER_S, TRIES)
        self._about: About | None = None
        self._ordered = False
        self._out = bytearray()
        self._online = False
        self._early = 0
        self._refusals = 0
        self._turn = 0
        self._missing: set[int] = set()
        #: Until when the inventory under way may take, and when the next may begin.
        self._inventory_until_s: float | None = None
        self._inventory_at_s = 0.0
        self._heard_s = 0.0

    @property
    def left(self) -> bool:
        return self.stage is Stage.LEFT

    @property
    def wake_s(self) -> float:
        if self.stage is Stage.SETUP:
            at_s = self._requests.wake_s
        elif self.stage is Stage.LISTENING:
            at_s = self._heard_s + QUIET_S
        else:
            at_s = self._inventory_until_s or self._inventory_at_s
        return min(at_s, self._ear.wake_s)

    def to_send(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def hang_up(self) -> None:
        """An inventory ends by itself; active mode is how the reader was set up, and it keeps that."""
        self.stage = Stage.LEFT

    def receive(self, piece: bytes, now_s: float) -> Iterator[Event]:
        for one in self._ear.hear(piece, now_s):
            if isinstance(one, Noise):
                yield Dropped(f"{one.size} bytes that are no frame")
            elif self._settings.address not in (BROADCAST, one.address) and one is not codec.BEAT:
                yield Dropped(f"an answer of reader {one.address}")
            else:
                self._heard_s = now_s
                yield from self._take(one, now_s)
        yield from self._look_at_the_clock(now_s)

    def _look_at_the_clock(self, now_s: float) -> Iterator[Event]:
        if self.stage is Stage.LISTENING and now_s >= self._heard_s + QUIET_S:
            self._set_up_anew()
        if self.stage is Stage.ASKING and self._inventory_until_s is not None and now_s >= self._inventory_until_s:
            self._set_up_anew()
        if self.stage is Stage.SETUP:
            self._ask(now_s)
            if self._requests.current is None and not self._ordered and self._about is not None:
                self._order(b"")
                self._ask(now_s)
            if self._requests.current is None:
                yield from self._begin()
        if self.stage is Stage.ASKING and self._inventory_until_s is None and now_s >= self._inventory_at_s:
            self._inventory(now_s)

    def _set_up_anew(self) -> None:
        self.stage = Stage.SETUP
        self._ordered = False
        self._requests = Requests(first_questions(), ANSWER_S, max(TRIES, round(self._settings.silence_s / ANSWER_S)))

    def _ask(self, now_s: float) -> None:
        try:
            request = self._requests.due(now_s)
        except Unanswered as why:
            if self._online:
                raise fell_silent(self._settings.silence_s) from why
            raise unheard(why, self._ear.unframed, self._settings.wiring.baud) from why
        if request is not None:
            self._send(request.code, request.data)

    def _send(self, code: int, data: bytes) -> None:
        self._out += command(self._settings.address, code, data)

    def _begin(self) -> Iterator[Event]:
        self.stage = Stage.LISTENING if self._settings.active else Stage.ASKING
        self._inventory_until_s = None
        if self._early:
            yield Dropped(f"{self._early} reads from before this connection was set up")
            self._early = 0
        if not self._online and self._about is not None:
            self._online = True
            yield Online(self._about.words)

    def _inventory(self, now_s: float) -> None:
        settings = self._settings
        data = b""
        if self._model == 288:
            antenna = settings.antennas[self._turn % len(settings.antennas)]
            mask = bytes([1, 0, 0, 0])  # of the EPC memory, from bit 0, no bits: none
            data = bytes([settings.q, settings.session]) + mask + bytes([0, 0x7F + antenna, settings.scan_ms // 100])
            self._turn += 1
        self._send(codec.INVENTORY, data)
        self._inventory_at_s = now_s + PACE_S
        self._inventory_until_s = now_s + settings.scan_ms / 1000 + GRACE_S

    @property
    def _model(self) -> int:
        return self._about.model if self._about is not None else 18

    def _take(self, frame: Frame, now_s: float) -> Iterator[Event]:
        if frame.code == codec.PUSHED:
            yield from self._pushed(frame)
        elif self.stage is Stage.SETUP:
            yield Heard()
            self._answer(frame)
        elif self.stage is Stage.ASKING and self._inventory_until_s is not None:
            yield from self._inventoried(frame, now_s)
        else:
            yield Dropped(f"an answer to {frame.code:02X}, which nobody waits for")

    def _pushed(self, frame: Frame) -> Iterator[Event]:
        if frame.status == codec.HEARTBEAT:
            yield Heard()
        elif frame.status != 0:
            yield Dropped(f"a report of kind {frame.status:02X}")
        elif not self._online:
            self._early += 1
        elif self._model == 288:
            yield from self._reads(codec.pushed_by_288, frame.data)
        else:
            yield from self._reads(lambda data: [TagRead(data)] if data else [], frame.data)

    def _reads(self, understand: Callable[[bytes], list[TagRead]], data: bytes) -> Iterator[Event]:
        try:
            reads = understand(data)
        except BadAnswer as why:
            yield Dropped(str(why))
            return
        yield Tags(reads) if reads else Heard()

    def _inventoried(self, frame: Frame, now_s: float) -> Iterator[Event]:
        status, ends = frame.status, True
        if status in (codec.UNKNOWN_COMMAND, codec.WRONG_LENGTH, codec.WRONG_PARAMETER):
            self._refusals += 1
            if self._refusals == TRIES:
                raise DeviceRefused(f"the reader refused to look for tags: {WHY[status]}", "Compare `model`.")
            yield Dropped("the reader did not understand us")
        elif frame.code != codec.INVENTORY:
            yield Dropped(f"an answer to {frame.code:02X}, which nobody waits for")
            return
        elif status == codec.NO_ANTENNA:
            yield from self._antenna(missing=True)
        elif status in _EMPTY:
            yield Heard()
        elif status in _ENDS or status == codec.MORE_FOLLOWS:
            yield from self._antenna(missing=False)
            yield from self._reads(codec.tags_of_288 if self._model == 288 else codec.tags_of_18, frame.data)
            ends = status != codec.MORE_FOLLOWS
        elif status != codec.STATISTICS:
            yield Dropped(f"an inventory with status {status:02X}")
        if status not in WHY:
            self._refusals = 0
        self._inventory_until_s = None if ends else now_s + self._settings.scan_ms / 1000 + GRACE_S

    def _antenna(self, *, missing: bool) -> Iterator[Event]:
        """Said once when it is gone."""
        antenna = self._settings.antennas[(self._turn - 1) % len(self._settings.antennas)]
        if missing and antenna not in self._missing:
            self._missing.add(antenna)
            yield Noted("antenna_disconnected", {"antenna": antenna})
        elif not missing:
            self._missing.discard(antenna)
        yield Heard()

    def _answer(self, frame: Frame) -> None:
        request = self._requests.current
        if request is None or frame.code not in (request.code, 0):
            return
        about_mode = request.code in (codec.GET_MODE_18, codec.GET_MODE_288)
        if frame.status != 0 and not about_mode:
            if request.optional:
                self._requests.answered()
            elif self._requests.refused():
                why = WHY.get(frame.status, f"status {frame.status:02X}")
                raise DeviceRefused(f"the reader refused to {request.what}: {why}", "Compare the settings with it.")
            return
        if request.code == codec.ABOUT:
            self._about = about_from(frame.data, self._settings.model)
            if self._about is None:
                return  # asked again
            self._requests.add([question_of_mode(self._about)])
        elif about_mode and self._about is not None:
            self._order(frame.data if frame.status == 0 else b"")
        self._requests.answered()

    def _order(self, mode: bytes) -> None:
        """Tell what is to change; a reader that knows no modes, or says nothing of them, is in answer mode."""
        self._ordered = True
        if self._about is not None:
            self._requests.add(orders(self._settings, self._about, mode))
