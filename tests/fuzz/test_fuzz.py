"""Every parser of bytes from outside is fuzzed; here a moment each and without the fuzzer: `make fuzz` has minutes."""

import random
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz import bad
from tests.fuzz.__main__ import MOST_GROWTH_KIB, fuzz
from tests.fuzz.targets import ROOT, Target, nonsense, soak, targets

FOLDERS = sorted(path.parent.name for path in (ROOT / "drivers").glob("*/codec.py"))
TRIES = 300


def test_every_drivers_codec_is_fuzzed() -> None:
    fuzzed = {one.module.split(".")[-2] for one in targets()}
    assert set(FOLDERS) - fuzzed == set()


@pytest.mark.parametrize("target", targets(), ids=str)
def test_nonsense_breaks_no_parser(target: Target) -> None:
    function = target.function()
    for data in nonsense(target.seeds(), random.Random(TRIES), TRIES):
        try:
            function(data)
        except Exception as error:
            raise AssertionError(f"{target} broke on {data.hex()}") from error


def test_growth_is_noticed() -> None:
    assert soak(bad.keeps, [b""], 0.6).grown_kib > MOST_GROWTH_KIB
    assert soak(bad.holds, [b"x"], 0.1).grown_kib <= MOST_GROWTH_KIB


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris comes with make fuzz")
@pytest.mark.parametrize(
    ("name", "wrong"),
    [("crashes", "IndexError: past the end"), ("hangs", "timeout"), ("keeps", "out-of-memory"), ("holds", "")],
)
def test_the_fuzzer_finds_each_mistake(name: str, wrong: str) -> None:
    verdict = fuzz(Target(bad.__name__, name), 120 if wrong else 5)  # a mistake ends it
    assert wrong in verdict.wrong
    assert bool(verdict.wrong) == bool(wrong), verdict
    assert verdict.executions > 0 or wrong
    for left in Path(ROOT / "build" / "fuzz" / "found").glob(f"{name}-*"):
        left.unlink()
