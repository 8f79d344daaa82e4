"""Tests wait for facts, never for time to pass."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(fact: Callable[[], Awaitable[T | None]], within_s: float = ...) -> T: ...
@overload
async def until(fact: Callable[[], T | None], within_s: float = ...) -> T: ...
async def until(fact: Callable[[], Any], within_s: float = 10.0) -> Any:
    """The first true value of `fact`; AssertionError with its last value when the deadline passes."""
    deadline = time.monotonic() + within_s
    pause_s = 0.001
    while True:
        value = fact()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"{fact} was still {value!r} after {within_s} s"
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
