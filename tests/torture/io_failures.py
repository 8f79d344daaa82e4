"""Fail each single operation of a day's disk: what was acknowledged is there after the restart, and nothing by half."""

import asyncio
import errno
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.torture.crash_vfs import CUTS, Fails, Platters
from tests.torture.power_cuts import Tally, a_folder, judge
from tests.torture.workload import Day, a_day

TURNS = 8
_CHECKPOINT_PAGES = 20


def once_eio(kth: int) -> Fails:
    """The k-th operation fails, whatever it is; those after it work."""
    return lambda nth, kind: errno.EIO if nth == kth else None


def full_from(kth: int) -> Fails:
    """From the k-th operation on the disk is full, until somebody makes room."""
    return lambda nth, kind: errno.ENOSPC if nth >= kth and kind in ("write", "create") else None


KINDS = {"EIO": once_eio, "ENOSPC": full_from}


@dataclass(slots=True)
class Failures:
    """How many failures were tried, how many of them stopped the agent, and what was wrong after the restart."""

    operations: int = 0
    tried: int = 0
    stopped: int = 0
    refused: int = 0
    after: Tally = field(default_factory=Tally)

    def __str__(self) -> str:
        after = self.after
        return (
            f"each of {self.operations} operations failed with {' and '.join(KINDS)}: {self.tried} failures, "
            f"{self.stopped} stopped the agent, {self.refused} had a turn refused that went through later; "
            f"after {after.cuts} restarts {after.lost} lost something acknowledged, {after.half_done} something half "
            f"done, {after.refused} not to be opened, {after.wrong} do not add up"
        )


def fail_each(seed: int, turns: int = TURNS, every: int = 1) -> Failures:
    """Live the day once for each operation (or each `every`-th) and each kind of failure."""
    whole = asyncio.run(a_day(seed, turns, checkpoint_pages=_CHECKPOINT_PAGES))
    assert whole.stopped is None, whole.stopped
    failures = Failures(operations=whole.disk.operations)
    with a_folder() as name:
        for kth in range(1, whole.disk.operations + 1, every):
            for kind, fails in KINDS.items():
                day = asyncio.run(a_day(seed, turns, checkpoint_pages=_CHECKPOINT_PAGES, fails=fails(kth)))
                failures.tried += day.disk.failed > 0
                failures.stopped += day.stopped is not None
                failures.refused += day.refused
                _restart(day, whole, f"operation {kth}, {kind}", Path(name) / f"{kth}-{kind}", failures.after)
    return failures


def _restart(day: Day, whole: Day, where: str, folder: Path, tally: Tally) -> None:
    """With all that was written, as after a kill, and with what a power cut in the same moment leaves."""
    if day.stopped is not None:  # the turn under way may be there or not: nobody was told
        day.states += whole.states[len(day.states) : len(day.states) + 1]
    platters, rng = Platters(day.disk.trace), Random(f"{day.seed} {where}")
    platters.advance(len(day.disk.trace))
    folder.mkdir()
    for cut in ("all", "synced", rng.choice(CUTS)):
        tally.cuts += 1
        found = judge(day, platters.after(cut, rng), platters.noted, folder / f"{tally.cuts}", tally)
        tally.complaints += [f"seed {day.seed}, {where}, then {cut}: {one}" for one in found]
