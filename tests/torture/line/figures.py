"""How much of each scenario, and what was seen in it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.torture.line.chain import TOKEN, Line, Store
from tests.waiting import until


@dataclass(frozen=True)
class Length:
    """`times` each, cuts and unkindness of so many seconds, `messages` of nonsense, `rows` that wait."""

    times: int = 50
    cut_s: float = 60.0
    unkind_s: float = 600.0
    denied_s: float = 60.0
    backup_age_s: float = 300.0
    messages: int = 100_000
    rows: int = 200_000


#: For every change.
SHORT = Length(times=1, cut_s=2.0, unkind_s=4.0, denied_s=2.0, backup_age_s=2.0, messages=3_000, rows=6_000)


@dataclass
class Figures:
    """What a scenario has seen. `notes` are its own figures."""

    caught_up_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def line(self, there: Line, converged_s: float) -> str:
        """Plain figures."""
        told = [f"{sum(len(store.sold) for store in there.stores)} rows of receipts, 0 lost, 0 twice"]
        if self.caught_up_s:
            middle, most = statistics.median(self.caught_up_s), max(self.caught_up_s)
            told.append(f"{len(self.caught_up_s)} times HQ had caught up after {middle:.2f} s, at most {most:.2f} s")
        told.append(f"all equal {converged_s:.2f} s after the last receipt")
        return ", ".join([*told, *self.notes])


async def commanded(there: Line, stores: Sequence[Store], *names: str) -> None:
    """HQ asks stores for what changes nothing, and is answered."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=there.hq.web, headers=headers, trust_env=False) as hq:

        async def is_done(name: str) -> bool:
            await there.work_for(0.01)
            return bool((await hq.get(f"/v1/commands/{name}")).json()["state"] == "done")

        for store in stores:
            for name in names:
                wanted = {"id": f"{name}-{store.name}", "kind": "pause", "paused": False, "why": name, "by": "torture"}
                asked = await hq.post(f"/v1/stores/{store.name}/commands", json=wanted)
                assert asked.status_code in (200, 202), asked.text
            for name in names:
                await until(lambda name=f"{name}-{store.name}": is_done(name), 30)  # type: ignore[misc]
