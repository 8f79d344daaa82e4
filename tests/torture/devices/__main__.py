"""`python -m tests.torture.devices`: readers flap for 24 simulated hours at 1,000 tags/s each; prints its figures."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.torture.devices.flapping import FlappingReader, flap_alone
from tests.torture.devices.flapping_impinj import FlappingImpinj
from tests.torture.devices.flapping_zebra import flapping_fixed, flapping_sled
from tests.torture.devices.modules import flap_modules_alone


def main() -> int:
    """Exit status 1 if anything did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture.devices", description=__doc__)
    asked.add_argument("--hours", type=float, default=24.0)
    asked.add_argument("--readers", type=int, default=2, help="in each store")
    asked.add_argument("--stores", type=int, default=2, help="one after the other begins with another seed")
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    plan = asked.parse_args()
    readers = partial(flap_alone, FlappingReader, hours=plan.hours, readers=plan.readers)
    stores = [("readers", seed, readers) for seed in range(plan.seed, plan.seed + plan.stores)]
    stores.append(("an Impinj reader", plan.seed, partial(flap_alone, FlappingImpinj, hours=plan.hours, readers=1)))
    for what, make in (("a fixed Zebra reader", flapping_fixed), ("a Zebra sled", flapping_sled)):
        stores.append((what, plan.seed, partial(flap_alone, make, hours=plan.hours, readers=1)))
    stores.append(("serial modules", plan.seed, partial(flap_modules_alone, hours=plan.hours)))
    held = True
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        begun = [(what, seed, pool.submit(work, seed)) for what, seed, work in stores]
        for what, seed, done in begun:
            outcome = done.result()
            verdict = "FAILED" if outcome.complaints else "held"
            print(f"flapping {what}: {verdict}, seed {seed}\n  {outcome}", flush=True)
            for complaint in outcome.complaints:
                print(f"  ! {complaint}", flush=True)
            held &= not outcome.complaints
    print(f"the devices {'held' if held else 'did NOT hold'}; --seed {plan.seed} begins the same way again")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
