"""The writer's own thread: it does what it is handed, in order, and each outcome is known in one step of the loop.

Two wake-ups an errand and little else: an executor's futures cost a lonely sale as much again.
"""

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """Started at once; it ends after `finish`, or with the process."""

    def __init__(self, name: str) -> None:
        self._errands: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], T], and_then: Callable[[T], None] | None = None) -> "asyncio.Future[T]":
        """What `work` returns or raises. Once handed over it is done, also when nobody waits for it any more.

        `and_then` runs on the event loop with what `work` returned, in the step in which that becomes known.
        """
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def errand() -> None:
            try:
                result = work()
            except BaseException as error:
                tell = _raises(outcome, error)
            else:
                tell = _returns(outcome, result, and_then)
            with contextlib.suppress(RuntimeError):  # the loop is closed: there is nobody to tell
                loop.call_soon_threadsafe(tell)

        self._errands.put(errand)
        return outcome

    def finish(self) -> None:
        """Return when the thread has done what it was handed, and has ended."""
        self._errands.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (errand := self._errands.get()) is not None:
            errand()
            del errand  # and with it the turn that it has entered


def _raises(outcome: "asyncio.Future[T]", error: BaseException) -> Callable[[], None]:
    def tell() -> None:
        if not outcome.done():
            outcome.set_exception(error)

    return tell


def _returns(outcome: "asyncio.Future[T]", result: T, and_then: Callable[[T], None] | None) -> Callable[[], None]:
    def tell() -> None:
        try:
            if and_then is not None:
                and_then(result)
        finally:
            if not outcome.done():
                outcome.set_result(result)

    return tell
