"""`make torture ONLY=devices` cut short: minutes instead of a day, each in a process whose memory is its own."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.torture.devices.flapping import FlappingReader, Outcome, flap_alone
from tests.torture.devices.flapping_zebra import flapping_either
from tests.torture.devices.modules import flap_modules_alone


def alone(work: Callable[[], Outcome]) -> Outcome:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work).result()


def test_readers_that_flap_are_never_given_up_and_nothing_grows() -> None:
    outcome = alone(partial(flap_alone, FlappingReader, 7, hours=0.15, readers=2))
    assert outcome.complaints == [], outcome
    assert sum(outcome.faults.values()) > 8
    assert outcome.read > 300_000


def test_zebra_readers_that_flap_behind_their_brokers_are_never_given_up_and_only_what_is_true_is_read() -> None:
    outcome = alone(partial(flap_alone, flapping_either, 10, hours=0.04, readers=2))
    assert outcome.complaints == [], outcome
    assert sum(outcome.faults.values()) >= 3
    assert outcome.read > 100_000


def test_serial_modules_that_flap_are_never_given_up_and_nothing_grows() -> None:
    outcome = alone(partial(flap_modules_alone, 8, hours=0.02))
    assert outcome.complaints == [], outcome
    assert sum(outcome.faults.values()) >= 3
    assert outcome.read > 50_000
