"""A short cut of each torture: `make torture ONLY=books` has the full length. `NEARSHELF_SEED` says where to begin."""

import os
import time

from tests.torture.bit_flips import flip
from tests.torture.io_failures import fail_each
from tests.torture.power_cuts import Tally, control, cut_a_day
from tests.torture.safeguards import QUICK, switch_off

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


def test_any_flipped_bit_of_a_ledger_row_is_found() -> None:
    flips = flip(SEED, 60)
    assert flips.by_sql + flips.in_bytes == 60
    assert not flips.missed, (str(flips), flips.missed)


def test_safeguards_that_are_switched_off_are_noticed() -> None:
    """The quick ones; `make torture ONLY=books` tries all."""
    for finding in switch_off(QUICK):
        assert finding.noticed_by, str(finding)
