"""A short cut of each torture: `make torture ONLY=books` has the full length. `NEARSHELF_SEED` says where to begin."""

import os
import time

from tests.torture.io_failures import fail_each
from tests.torture.power_cuts import Tally, control, cut_a_day

SEED = int(os.environ.get("NEARSHELF_SEED", time.time_ns() % 1_000_000))


def test_what_was_acknowledged_survives_any_power_cut() -> None:
    tally = Tally()
    for seed in range(SEED, SEED + 5):
        tally.add(cut_a_day(seed, 100))
    assert tally.is_good, (str(tally), tally.complaints[:10])


def test_with_fewer_syncs_most_power_cuts_lose_something() -> None:
    """Otherwise the test above could not fail."""
    tally = Tally()
    for seed in range(SEED, SEED + 2):
        tally.add(control(seed, 20))
    assert tally.lost > tally.cuts / 2, str(tally)


def test_no_failing_operation_loses_what_was_acknowledged() -> None:
    failures = fail_each(SEED, turns=5, every=5)
    assert failures.stopped > 5, str(failures)
    assert failures.refused > 5, str(failures)
    assert failures.after.is_good, (str(failures), failures.after.complaints[:10])
