"""`make torture ONLY=devices` cut short: a quarter of an hour instead of a day."""

from pathlib import Path

from tests import fast_forward
from tests.torture.devices.flapping import flap
from tests.torture.devices.modules import flap_modules


def test_readers_that_flap_are_never_given_up_and_nothing_grows(tmp_path: Path) -> None:
    outcome = fast_forward.run(flap(tmp_path, 0.25, 2, seed=7), grace_s=0)
    assert outcome.complaints == [], outcome
    assert sum(outcome.faults.values()) > 12
    assert outcome.read > 500_000


def test_serial_modules_that_flap_are_never_given_up_and_nothing_grows(tmp_path: Path) -> None:
    outcome = fast_forward.run(flap_modules(tmp_path, 0.02, seed=8), grace_s=0)
    assert outcome.complaints == [], outcome
    assert sum(outcome.faults.values()) >= 3
    assert outcome.read > 50_000
