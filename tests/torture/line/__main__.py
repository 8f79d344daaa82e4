"""`python -m tests.torture.line [SCENARIO …]`: torture the line at full length; each prints its figures."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.torture.line.figures import Length
from tests.torture.line.scenarios import CONTROL, SCENARIOS, control, run


def main() -> int:
    """Exit status 1 if anything did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.line", description=__doc__)
    names = [*SCENARIOS, CONTROL]
    asked.add_argument("scenario", nargs="*", help=f"only these: {', '.join(names)}")
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    for name, usual in asdict(Length()).items():
        asked.add_argument(f"--{name.replace('_', '-')}", type=type(usual), default=usual, help=f"{usual}")
    plan = asked.parse_args()
    unknown = [name for name in plan.scenario if name not in names]
    if unknown:
        asked.error(f"there is no {', '.join(unknown)}; there are {', '.join(names)}")
    length = Length(**{name: getattr(plan, name) for name in asdict(Length())})
    failed = [name for name in plan.scenario or names if not _held(name, length, plan.seed)]
    print(
        f"the line {'did NOT hold: ' + ', '.join(failed) if failed else 'held'}; --seed {plan.seed} begins the same way"
    )
    return 1 if failed else 0


def _held(name: str, length: Length, seed: int) -> bool:
    folder = Path(tempfile.mkdtemp(prefix=f"nearshelf-line-{name}-"))
    began = time.monotonic()
    try:
        work = control(folder, seed) if name == CONTROL else run((name,), folder, length, seed)
        print(f"{asyncio.run(work)}; {time.monotonic() - began:.0f} s in all", flush=True)
    except Exception:
        traceback.print_exc()
        print(f"{name}: FAILED, seed {seed}; everything is in {folder}", flush=True)
        return False
    shutil.rmtree(folder)
    return True


if __name__ == "__main__":
    sys.exit(main())
