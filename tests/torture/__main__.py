"""`python -m tests.torture [PART …]`: torture the books at full length; each part prints its figures and its seed."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from typing import NamedTuple, TypeVar

from tests.torture.bit_flips import Flips, flip
from tests.torture.io_failures import fail_each
from tests.torture.kills import KILLS_OF_A_SHOP, kill_in_a_shop
from tests.torture.power_cuts import Tally, control, cut_a_day
from tests.torture.safeguards import SAFEGUARDS, switch_off

A = TypeVar("A")
R = TypeVar("R")

CUTS, CUTS_A_DAY = 22_000, 110
CONTROLS, CONTROLS_A_DAY = 300, 10
FAILING_DAYS = 4
FLIPS, FLIPS_A_DAY = 1000, 125
KILLS = 1000


class Outcome(NamedTuple):
    """What a part has to say, and whether it held."""

    held: bool
    line: str
    complaints: list[str]


def power_cuts(seed: int) -> Outcome:
    days = range(seed, seed + CUTS // CUTS_A_DAY)
    tally = Tally()
    for one in side_by_side(partial(cut_a_day, cuts=CUTS_A_DAY), days):
        tally.add(one)
    return Outcome(tally.is_good and tally.cuts >= 20_000, str(tally), tally.complaints)


def control_cuts(seed: int) -> Outcome:
    tally = Tally()
    for one in side_by_side(partial(control, cuts=CONTROLS_A_DAY), range(seed, seed + CONTROLS // CONTROLS_A_DAY)):
        tally.add(one)
    share = tally.lost / tally.cuts
    return Outcome(share > 0.5, f"control, synchronous=NORMAL, must lose: {share:.0%} of {tally}", [])


def io_failures(seed: int) -> Outcome:
    found = list(side_by_side(fail_each, range(seed, seed + FAILING_DAYS)))
    complaints = [complaint for one in found for complaint in one.after.complaints]
    held = all(one.after.is_good and one.tried > one.operations for one in found)
    return Outcome(held, "\n  ".join(map(str, found)), complaints)


def bit_flips(seed: int) -> Outcome:
    flips = Flips()
    for one in side_by_side(partial(flip, flips=FLIPS_A_DAY), range(seed, seed + FLIPS // FLIPS_A_DAY)):
        flips.add(one)
    return Outcome(not flips.missed and flips.by_sql + flips.in_bytes >= 1000, str(flips), flips.missed)


def kills(seed: int) -> Outcome:
    found = list(side_by_side(kill_in_a_shop, range(seed, seed + KILLS // KILLS_OF_A_SHOP)))
    complaints = [one.complaint for one in found if one.complaint]
    return Outcome(not complaints, "\n  ".join([f"{KILLS} kills", *(one.figures for one in found)]), complaints)


def mutations(seed: int) -> Outcome:
    found = list(switch_off(SAFEGUARDS))
    unnoticed = [one for one in found if not one.noticed_by]
    lines = [f"{len(found)} safeguards switched off, {len(found) - len(unnoticed)} noticed", *map(str, found)]
    return Outcome(len(found) >= 12 and not unnoticed, "\n  ".join(lines), [])


def side_by_side(work: Callable[[A], R], each: Iterable[A]) -> Iterable[R]:
    """`work` of each, in as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, each)


def _trace() -> str:
    return traceback.format_exc(limit=-6)


PARTS: dict[str, Callable[[int], Outcome]] = {
    "power-cuts": power_cuts,
    "control": control_cuts,
    "io-failures": io_failures,
    "bit-flips": bit_flips,
    "mutations": mutations,
    "kills": kills,
}


def main() -> int:
    """Exit status 1 if anything did not hold."""
    asked = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    asked.add_argument("part", nargs="*", help=f"only these: {', '.join(PARTS)}")
    asked.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    plan = asked.parse_args()
    unknown = [part for part in plan.part if part not in PARTS]
    if unknown:
        asked.error(f"there is no {', '.join(unknown)}; there are {', '.join(PARTS)}")
    all_held = True
    for part, seed in zip(plan.part or PARTS, repeat(plan.seed)):
        began = time.monotonic()
        try:
            outcome = PARTS[part](seed)
        except Exception:
            outcome = Outcome(held=False, line="could not be run", complaints=[_trace()])
        all_held &= outcome.held
        verdict = "held" if outcome.held else "FAILED"
        print(f"{part}: {verdict} in {time.monotonic() - began:.0f} s, seed {seed}\n  {outcome.line}", flush=True)
        for complaint in outcome.complaints[:20]:
            print(f"  ! {complaint}", flush=True)
    print(f"the books {'held' if all_held else 'did NOT hold'}; --seed {plan.seed} begins the same way again")
    return 0 if all_held else 1


if __name__ == "__main__":
    sys.exit(main())
