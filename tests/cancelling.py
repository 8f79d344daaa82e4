"""Cancel a coroutine at its steps, so that every await in it is cancelled once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any


async def cancelled_at_every_step(
    start: Callable[[], Coroutine[Any, Any, Any]], most_steps: int = 2000
) -> AsyncIterator[int]:
    """Run `start()` again and again, cancelled after 0, 1, 2 … steps of the loop, until it ends by itself first.

    Yields after each run, with its number of steps, for the test to look at what it left behind.
    """
    for steps in range(most_steps):
        task = asyncio.ensure_future(start())
        for _ in range(steps):
            await asyncio.sleep(0)
        by_itself = task.done()
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]  # it is not None
        yield steps
        if by_itself:
            return
    raise AssertionError(f"it had not ended after {most_steps} steps")


async def cancelled_after(steps: int, endless: Coroutine[Any, Any, None]) -> None:
    """Cancel what never ends by itself after so many steps of the loop; raises what it raises instead of ending."""
    task = asyncio.create_task(endless)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (trouble := task.exception()) is not None:
        raise trouble
    assert task.cancelled(), f"cancelled at step {steps}, it went on"
