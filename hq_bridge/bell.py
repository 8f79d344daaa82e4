"""Tells whoever follows the books which stores have moved on."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Ear:
    """Somebody who waits for stores to move; of one store, or of all."""

    def __init__(self, only: str | None) -> None:
        self._only = only
        self._moved: set[str] = set()
        self._rang = asyncio.Event()

    def hear(self, stores: set[str]) -> None:
        """These have moved. Costs next to nothing: it is called for each listener at each commit."""
        if self._only is None:
            self._moved |= stores
        elif self._only in stores:
            self._moved.add(self._only)
        else:
            return
        self._rang.set()

    async def moved(self, within_s: float) -> set[str]:
        """The stores that moved since the last call, at least one; none when the time is over."""
        try:
            async with asyncio.timeout(within_s):
                await self._rang.wait()
        except TimeoutError:
            return set()
        self._rang.clear()
        moved, self._moved = self._moved, set()
        return moved


class Bell:
    """Rung by the writer after each commit."""

    def __init__(self) -> None:
        self._ears: set[Ear] = set()

    def ring(self, stores: Iterable[str]) -> None:
        """The rows of these stores have been committed. Never waits."""
        if self._ears and (moved := set(stores)):
            for ear in self._ears:
                ear.hear(moved)

    @contextmanager
    def listening(self, only: str | None = None) -> Iterator[Ear]:
        """An ear for one store, or for all, while the context lasts."""
        ear = Ear(only)
        self._ears.add(ear)
        try:
            yield ear
        finally:
            self._ears.discard(ear)
