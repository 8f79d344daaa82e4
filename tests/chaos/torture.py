"""`python -m tests.chaos.torture --cycles 100`: the killing scenarios at full length, one line of figures each."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.chaos.killing import SCENARIOS


def main() -> int:
    """Exit status 1 if anything that was acknowledged was lost or happened twice."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cycles", type=int, default=100, help="kills in each scenario")
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    asked.add_argument("--scenario", choices=SCENARIOS, action="append", help="only this one; may be repeated")
    plan = asked.parse_args()
    failed = False
    for scenario in plan.scenario or SCENARIOS:
        folder = Path(tempfile.mkdtemp(prefix=f"nearshelf-torture-{scenario}-"))
        began = time.monotonic()
        try:
            line = asyncio.run(SCENARIOS[scenario](folder, plan.cycles, plan.seed))
            shutil.rmtree(folder)
        except Exception:
            failed = True
            traceback.print_exc()
            line = f"{scenario}: FAILED, seed {plan.seed}; everything is in {folder}"
        print(f"{line}, {time.monotonic() - began:.0f} s in all", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
