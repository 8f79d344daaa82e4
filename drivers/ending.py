"""How a driver ends what it has begun, also when it is cancelled meanwhile."""

import asyncio
from collections.abc import Coroutine


async def to_the_end(work: Coroutine[None, None, None], name: str) -> None:
    """Await work that limits its own time; a cancellation meanwhile is raised when it is done."""
    task = asyncio.create_task(work, name=name)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as again:
            cancelled = again
    task.result()
    if cancelled is not None:
        raise cancelled
