"""An event loop whose time leaps to the next deadline whenever nothing is left to do: hours of waiting in seconds.

Sockets and terminals are real, as long as both ends are on this loop: what one wrote, the other can read at once.
"""

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: Real time that work on threads is given before it is looked at again.
_THREADS_S = 0.01


class FastForwardLoop(asyncio.SelectorEventLoop):
    """`grace_s` of real time passes before each leap, for whatever the kernel still has under way.

    None: nothing is. What was written to a loopback connection has arrived when `write` returns; what is late now
    and then comes at the next leap. Giving way takes milliseconds on a machine at its limit, which leaps must not cost.
    """

    def __init__(self, grace_s: float | None = 0.001) -> None:
        self._ahead_s = 0.0
        self._grace_s = grace_s
        self._on_threads = 0
        # Asked by poll, a terminal hands over first what the kernel still carries for it; epoll says what has arrived.
        self._real = selectors.PollSelector()
        super().__init__(_Leaping(self._real, self._wait))

    def time(self) -> float:
        return super().time() + self._ahead_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """As usual; time does not leap while a thread works."""
        self._on_threads += 1
        done: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        done.add_done_callback(self._thread_done)
        return done

    def _thread_done(self, _: asyncio.Future[Any]) -> None:
        self._on_threads -= 1

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := self._real.select(0):
            return ready
        if timeout is None or self._on_threads:
            return self._real.select(_THREADS_S if self._on_threads else None)
        if timeout <= 0:
            return []
        if self._grace_s is not None:
            os.sched_yield()  # the kernel may owe us what was just written, on a busy machine
            ready = self._real.select(self._grace_s)
        if not ready:
            self._ahead_s += timeout
        return ready


class _Leaping(selectors.BaseSelector):
    """The real selector, but for how it waits."""

    def __init__(
        self,
        real: selectors.BaseSelector,
        wait: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
    ) -> None:
        self._real = real
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return self._wait(timeout)

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.get_key(fileobj)

    def get_map(self) -> Any:
        return self._real.get_map()


def run(work: Coroutine[Any, Any, T], grace_s: float | None = 0.001) -> T:
    """Run `work` to its end on such a loop."""
    with asyncio.Runner(loop_factory=lambda: FastForwardLoop(grace_s)) as runner:
        return runner.run(work)
