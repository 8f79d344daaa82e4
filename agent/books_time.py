"""The books' own time, in milliseconds: it runs while the machine runs, and never jumps.

A hold lives for an interval of it. A restart of the agent is bridged by the machine's monotonic clock. Across a reboot
nobody knows how long it was, because the wall clock may be anything: the books go on where they stood, so that nothing
that was promised expires because a clock was set.
"""

from typing import NamedTuple

from agent.clock import Clock


class Stamp(NamedTuple):
    """The books' time when it was written down, the machine's monotonic clock then, and which boot that was."""

    books_ms: int
    monotonic_ms: int
    boot: str


class BooksTime:
    """Goes on from the last stamp, or from 0."""

    def __init__(self, clock: Clock, boot: str, last: Stamp | None) -> None:
        #: From then on it has gone as the wall clock has; just before, it stood still and nobody knew for how long.
        self.steady_since_ms = 0 if last is None or (boot and last.boot == boot) else last.books_ms + 1
        self._clock = clock
        self._boot = boot
        now_ms = self._monotonic_ms()
        self._start_ms = now_ms if last is None else now_ms - last.books_ms
        if last is not None and boot and last.boot == boot:
            self._start_ms -= max(0, now_ms - last.monotonic_ms)

    def stamp(self) -> Stamp:
        """Now."""
        now_ms = self._monotonic_ms()
        return Stamp(now_ms - self._start_ms, now_ms, self._boot)

    def _monotonic_ms(self) -> int:
        return int(self._clock.monotonic_s() * 1000)
