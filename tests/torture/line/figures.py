"""How much of each scenario, and what was seen in it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import msgspec

from tests.torture.line.chain import TOKEN, Line, Store
from tests.waiting import until


@dataclass(frozen=True)
class Length:
    """`times` each, cuts and unkindness of so many seconds, `backup_rows` since a backup was made, `messages` of
    nonsense, `rows` that wait.
    """

    times: int = 50
    cut_s: float = 60.0
    unkind_s: float = 600.0
    denied_s: float = 60.0
    backup_rows: int = 720_000  # an hour at the usual pace
    messages: int = 100_000
    rows: int = 200_000


#: For every change.
SHORT = Length(times=1, cut_s=2.0, unkind_s=4.0, denied_s=2.0, backup_rows=3_000, messages=2_000, rows=6_000)


@dataclass
class Figures:
    """What a scenario has seen. `notes` are its own figures."""

    caught_up_s: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Outcome(msgspec.Struct):
    """What became of a scenario. `caught_up` is when HQ had all there was after each disturbance, `converged_s` when
    everything was equal after the last receipt; `held` the most on disk and in memory; `wrong` what did not hold.
    """

    scenario: str
    seed: int
    wrong: list[str] = []
    rows: int = 0
    rows_per_s: float = 0.0
    lost: int = 0
    twice: int = 0
    times: int = 0
    caught_up_median_s: float | None = None
    caught_up_most_s: float | None = None
    converged_s: float | None = None
    spent_s: float = 0.0
    held: dict[str, float] = {}
    notes: list[str] = []

    def reckon(self, there: Line, seen: Figures) -> None:
        """Take the plain figures."""
        self.rows = sum(len(store.sold) for store in there.stores)
        self.rows_per_s = there.paced / there.paced_s if there.paced_s else 0.0
        self.notes = seen.notes
        self.times = len(seen.caught_up_s)
        if seen.caught_up_s:
            self.caught_up_median_s, self.caught_up_most_s = statistics.median(seen.caught_up_s), max(seen.caught_up_s)


_HEADINGS = ("", "times", "rows", "rows/s", "lost", "twice", "caught up: median", "most", "converged", "took")


def table(outcomes: Sequence[Outcome]) -> str:
    """For people, one line each; seconds but for counts."""
    lines = [
        (
            f"{one.scenario}{'  DID NOT HOLD' if one.wrong else ''}",
            f"{one.times or ''}",
            f"{one.rows:,}",
            f"{one.rows_per_s:.0f}",
            str(one.lost),
            str(one.twice),
            _seconds(one.caught_up_median_s),
            _seconds(one.caught_up_most_s),
            _seconds(one.converged_s),
            f"{one.spent_s:.0f} s",
        )
        for one in outcomes
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in (_HEADINGS, *lines)
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


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
