"""Says from beside, while the event loop stands still, where: one part that never waits, likely a driver, stops all.

The loop cannot say it itself. systemd's watchdog ends such an agent and starts it anew; without this line nobody would
know whose mistake it was.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

log = structlog.get_logger()

#: Long before systemd's watchdog; far beyond the longest turn of anything that is well.
STALLED_S: Final = 5.0
_FRAMES: Final = 3


@contextmanager
def noticed(stalled_s: float = STALLED_S) -> Iterator[None]:
    """While the context lasts, log `loop_stalled` once for each time that the running loop stands still."""
    watch = _Watch(asyncio.get_running_loop(), stalled_s)
    watch.beat()
    thread = threading.Thread(target=watch.look, name="stalls", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.over.set()


class _Watch:
    """A heartbeat on the loop, and a thread that listens to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stalled_s: float) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._loops_thread = threading.get_ident()
        self._stalled_s = stalled_s
        self._beat_s = time.monotonic()

    def beat(self) -> None:
        self._beat_s = time.monotonic()
        if not self.over.is_set():
            self._loop.call_later(self._stalled_s / 5, self.beat)

    def look(self) -> None:
        """Runs on a thread of its own."""
        told_s = 0.0
        while not self.over.wait(self._stalled_s / 5):
            beat_s = self._beat_s
            if time.monotonic() - beat_s > self._stalled_s and beat_s != told_s:
                told_s = beat_s
                log.error("loop_stalled", at=self._where(), for_s=round(time.monotonic() - beat_s, 1))

    def _where(self) -> str:
        """The innermost functions that the loop's thread is in, the last first."""
        frame = sys._current_frames().get(self._loops_thread)  # noqa: SLF001 - the one way to see another thread
        stack = traceback.extract_stack(frame)[-_FRAMES:] if frame is not None else []
        return " < ".join(f"{one.name} ({one.filename}:{one.lineno})" for one in reversed(stack))
