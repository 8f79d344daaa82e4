"""`python -m tests.torture.line [SCENARIO …]`: torture the line at full length, `--jobs` scenarios side by side.

Each prints its figures when it is done; at the end all stand in a table, and in build/torture-line.json.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from tests.torture.line.figures import Length, Outcome, table
from tests.torture.line.namespaces import apart, ip
from tests.torture.line.outage import ENOUGH_ROWS
from tests.torture.line.scenarios import ALONE, CONTROL, NAMES, control, lacks, run
from tests.witness import bench

REPORT = Path(__file__).parents[3] / "build" / "torture-line.json"


def main() -> int:
    """Exit status 1 if anything did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.line", description=__doc__)
    asked.add_argument("scenario", nargs="*", help=f"only these: {', '.join(NAMES)}")
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked.add_argument("--jobs", type=int, default=2, help="scenarios side by side: 2")
    asked.add_argument("--witnessed", action="store_true", help="hold what crosses the line to the contract, too")
    asked.add_argument("--here", type=Path, help=argparse.SUPPRESS)  # one job: where its outcome is written
    for name, usual in asdict(Length()).items():
        asked.add_argument(f"--{name.replace('_', '-')}", type=type(usual), default=usual, help=f"{usual}")
    plan = asked.parse_args()
    unknown = [name for name in plan.scenario if name not in NAMES]
    if unknown:
        asked.error(f"there is no {', '.join(unknown)}; there are {', '.join(NAMES)}")
    length = Length(**{name: getattr(plan, name) for name in asdict(Length())})
    if plan.here:
        return _here(tuple(plan.scenario), length, plan.seed, plan.here, witnessed=plan.witnessed)
    print(f"seed {plan.seed}", flush=True)
    jobs = [(name,) for name in plan.scenario or NAMES]
    outcomes = asyncio.run(side_by_side(jobs, length, plan.seed, plan.jobs, witnessed=plan.witnessed))
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)) + b"\n")
    failed = [one.scenario for one in outcomes if one.wrong]
    print(table(outcomes))
    verdict = f"did NOT hold: {', '.join(failed)}" if failed else "held"
    print(f"the line {verdict}; --seed {plan.seed} begins the same way; {REPORT}")
    return 1 if failed else 0


async def side_by_side(
    jobs: Sequence[tuple[str, ...]], length: Length, seed: int, at_once: int, *, witnessed: bool = False
) -> list[Outcome]:
    """Each job a process in a network of its own, its scenarios sharing their programs; told in the order of `jobs`.

    What measures is run alone, when the others are done, unless it is too short to measure anything.
    """
    room = asyncio.Semaphore(at_once)
    alone = ALONE if length.rows >= ENOUGH_ROWS else None

    async def one(names: tuple[str, ...]) -> Outcome:
        async with room:
            outcome = await _job(names, length, seed, witnessed=witnessed)
            print(told(outcome), flush=True)
            return outcome

    several = {names: asyncio.create_task(one(names), name=str(names)) for names in jobs if alone not in names}
    if several:
        await asyncio.wait(several.values())
    return [await several[names] if names in several else await one(names) for names in jobs]


async def _job(names: tuple[str, ...], length: Length, seed: int, *, witnessed: bool) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"nearshelf-line-{names[0]}-"))
    answer, log = folder / "outcome.json", folder / "job.log"
    how_much = [f"--{name.replace('_', '-')}={much}" for name, much in asdict(length).items()]
    how_much += ["--witnessed"] * witnessed
    with log.open("wb") as told_to:
        job = await asyncio.create_subprocess_exec(
            *(*apart(), sys.executable, "-m", "simulators.leash", str(os.getpid())),
            *("tests.torture.line", *names, f"--seed={seed}", f"--here={answer}", *how_much),
            stdout=told_to,
            stderr=told_to,
        )
    try:
        await job.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            job.kill()
    try:
        outcome = msgspec.json.decode(answer.read_bytes(), type=Outcome)
    except (OSError, msgspec.MsgspecError):
        outcome = Outcome(", ".join(names), seed, [log.read_text(errors="replace")[-4000:]])
    if outcome.wrong:
        outcome.wrong.append(f"everything is in {folder}")
    else:
        shutil.rmtree(folder)
    return outcome


def _here(names: tuple[str, ...], length: Length, seed: int, answer: Path, *, witnessed: bool) -> int:
    """One job, in this process."""
    if apart():
        ip("link", "set", "lo", "up")
    if lacking := next(filter(None, map(lacks, names)), ""):
        outcome = Outcome(", ".join(names), seed, [lacking])
    else:
        work = control(answer.parent, seed) if names == (CONTROL,) else run(names, answer.parent, length, seed)
        with bench() if witnessed else contextlib.nullcontext() as witnesses:
            outcome = asyncio.run(work)
        try:
            if witnesses is not None:
                witnesses.judge(set())
        except AssertionError as error:
            outcome.wrong.append(str(error))
    answer.write_bytes(msgspec.json.encode(outcome))
    return 0


def told(outcome: Outcome) -> str:
    """All of an outcome, for people."""
    most = ", ".join(f"{what} {much:,.0f}" for what, much in outcome.held.items())
    lines = [table([outcome]).splitlines()[1], *outcome.notes, *outcome.wrong[:40]]
    return "\n    ".join([*lines, f"at the most: {most}"] if most else lines)


if __name__ == "__main__":
    sys.exit(main())
