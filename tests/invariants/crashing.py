"""The same shop on a disk that can lose its power: what was acknowledged when, and what is left after a cut."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

from agent.core.asks import Answer, Ask
from agent.core.commands import FromHq, Obeyed
from agent.store.connection import SETTINGS, Store
from tests.invariants.shop import Shop
from tests.torture.crash_vfs import CUTS, Disk, Platters
from tests.torture.power_cuts import Tally, a_folder, judge
from tests.torture.workload import Day, Promise, note, open_store


class CrashingShop(Shop):
    """Notes in the disk's own trace when everybody who asked in a turn had been answered."""

    def __init__(self, path: Path, settings: dict[str, str | int] = SETTINGS) -> None:
        self._settings = settings
        self._day = Day(0, Disk())
        self._promise = Promise()
        super().__init__(path)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        async with open_store(self._day.disk, self._settings, 20) as (store, self._writer):
            note(self._day, self._writer, self._promise.copy())
            yield store

    def ask(self, *asks: Ask | FromHq) -> Sequence[Answer | Obeyed]:
        self._day.will_ask([ask for ask in asks if not isinstance(ask, FromHq)])
        return super().ask(*asks)

    def answered(self, asks: Sequence[Ask | FromHq], answers: Sequence[Answer | Obeyed]) -> None:
        for ask, answer in zip(asks, answers, strict=True):
            if not isinstance(ask, FromHq) and not isinstance(answer, Obeyed):
                self._promise.note(ask, answer)
        note(self._day, self._writer, self._promise.copy())

    def complaints_after_cuts(self, chance: Random, cuts: int) -> list[str]:
        """Cut the power at so many points, and say what is then not as it must be."""
        complaints: list[str] = []
        platters = Platters(self._day.disk.trace)
        points = sorted(chance.randint(0, len(self._day.disk.trace)) for _ in range(cuts))
        with a_folder() as folder:
            for nth, point in enumerate(points):
                platters.advance(point)
                kind = chance.choice(CUTS)
                left = platters.after(kind, chance)
                found = judge(self._day, left, platters.noted, Path(folder) / str(nth), Tally())
                complaints += [f"operation {point}, {kind}: {one}" for one in found]
        return complaints
