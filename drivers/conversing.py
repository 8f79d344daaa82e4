"""What the drivers of serial modules share: requests one after the other, and the line around a session."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.ending import to_the_end
from drivers.errors import DeviceError, DeviceLost
from drivers.events import Event, Tags, tell
from drivers.port import Sink
from drivers.readings import TagRead
from drivers.serial_line import SerialLine, Wiring

#: For taking our few bytes, and for a module to stop reading at the end.
SEND_S: Final = 2.0
LEAVE_S: Final = 0.5
#: Work per wake-up: what a line of 921,600 baud brings in 40 ms.
READ_BYTES: Final = 4096
#: Bytes come one by one from some ports. They are gathered this long: most of the work is waking up.
GATHER_S: Final = 0.01

_NEVER: Final = float("inf")


class Conversation(Protocol):
    """A session of a module. `now_s` is the loop's clock, which only goes forward."""

    @property
    def wake_s(self) -> float:
        """When `receive` is to be called at the latest, with nothing if nothing came."""

    @property
    def left(self) -> bool:
        """There is nothing more to say or to wait for."""

    def receive(self, piece: bytes, now_s: float) -> Iterator[Event]:
        """What a piece of the stream, cut anywhere, or the time brings. May raise a DeviceError after its events."""

    def to_send(self) -> bytes:
        """What is to be sent now; it is forgotten here."""

    def hang_up(self) -> None:
        """Tell the module to stop reading."""


class Unanswered(DeviceLost):
    """The module did not answer the first thing it was asked: perhaps the line is set wrong."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask: `what` in words that follow "asked to". An `optional` one may be refused, or not answered.

    `within_s` is for what takes longer than the others.
    """

    what: str
    code: int
    data: bytes = b""
    optional: bool = False
    within_s: float = 0.0


class Requests:
    """Requests asked one after the other, each again when no answer came in time, or a no that may be noise's doing."""

    def __init__(self, requests: Sequence[Request], answer_s: float, tries: int) -> None:
        self.wake_s = 0.0
        self.tries = 0
        self._waiting = list(requests)
        self._answer_s = answer_s
        self._tries_most = tries

    @property
    def current(self) -> Request | None:
        """The request that waits for its answer."""
        return self._waiting[0] if self._waiting else None

    def due(self, now_s: float) -> Request | None:
        """What is to be asked now. Raises Unanswered when it was asked often enough."""
        while self._waiting and now_s >= self.wake_s:
            if self.tries < self._tries_most:
                self.tries += 1
                self.wake_s = now_s + max(self._answer_s, self._waiting[0].within_s)
                return self._waiting[0]
            if not self._waiting[0].optional:
                raise Unanswered(f"the reader does not answer, asked to {self._waiting[0].what}")
            self.answered()
        return None

    def add(self, more: Sequence[Request]) -> None:
        """What is to be asked when all before it is answered."""
        if not self._waiting:
            self.wake_s = 0.0
        self._waiting += more

    def answered(self) -> None:
        """The current request is done."""
        del self._waiting[0]
        self.tries = 0
        self.wake_s = 0.0 if self._waiting else _NEVER

    def refused(self) -> bool:
        """The current request got a no. False if it is worth another try, and True if that was the last."""
        self.wake_s = 0.0
        return self.tries >= self._tries_most


def unheard(why: Unanswered, unframed: int, baud: int) -> Unanswered:
    """`why` with a hint that fits what was heard instead: so many bytes that are no frame, or nothing."""
    if unframed:
        hint = f"Only noise came, {unframed} bytes: is {baud} the module's baud rate, and is this the right module?"
    else:
        hint = "Has the module power? Are its lines RX and TX crossed with ours, and is the baud rate right?"
    return Unanswered(why.why, hint, "nonsense" if unframed else "silent")


def fell_silent(silence_s: float) -> DeviceLost:
    """For a module that answered before. Raise it `from` the error."""
    return DeviceLost(f"the reader was silent for {silence_s:g} s", "Check its power and its cable.", "silent")


async def converse(wiring: Wiring, session: Conversation, sink: Sink, device: str) -> None:
    """Open the line and run `session` on it. Never returns; raises a `DeviceError` or is cancelled.

    Whichever way it ends, the module is told to stop, for at most LEAVE_S, and the line is closed.
    """
    clock = asyncio.get_running_loop().time
    async with await SerialLine.open(wiring, "reader") as line:
        try:
            piece = b""
            while True:
                await _tell_all(session.receive(piece, clock()), sink, device)
                if out := session.to_send():
                    await line.write(out, SEND_S)
                piece = await _read(line, session.wake_s)
                await asyncio.sleep(GATHER_S if 0 < len(piece) < READ_BYTES else 0)
        finally:
            await to_the_end(_leave(line, session), f"device:{device}:leave")


async def _tell_all(events: Iterator[Event], sink: Sink, device: str) -> None:
    """Hand the events on in their order, reads that follow each other as one report. Raises what they end with."""
    reads: list[TagRead] = []
    try:
        for event in events:
            if isinstance(event, Tags):
                reads += event.reads
                continue
            if reads:
                await sink.tags(reads)
                reads = []
            await tell(event, sink, device)
    finally:
        if reads:
            await sink.tags(reads)


async def _read(line: SerialLine, until_s: float) -> bytes:
    """The next bytes; none when the time has come first."""
    try:
        async with asyncio.timeout_at(None if until_s == _NEVER else until_s):
            return await line.read(READ_BYTES)
    except TimeoutError:
        return b""


async def _leave(line: SerialLine, session: Conversation) -> None:
    clock = asyncio.get_running_loop().time
    with suppress(DeviceError, TimeoutError):
        async with asyncio.timeout(LEAVE_S):
            session.hang_up()
            await line.write(session.to_send(), LEAVE_S)
            while not session.left:
                for _ in session.receive(await line.read(READ_BYTES), clock()):
                    pass
