"""What must not be left in the middle."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T], name: str) -> T:
    """Do `work` to its end even when we are cancelled meanwhile: half a transaction would be nobody's.

    We are cancelled after it. What `work` raises matters more than that we were cancelled.
    """
    task = asyncio.create_task(work, name=name)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        task.result()
        raise
