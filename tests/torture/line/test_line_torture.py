"""A short cut of each torture of the line: `make torture ONLY=line` has the full length.

`NEARSHELF_SEED` says where chance begins (the clock). Scenarios that want the same programs share them.
"""

import asyncio
import os
import time

import pytest

from tests.torture.line.__main__ import side_by_side, told
from tests.torture.line.figures import SHORT, Outcome
from tests.torture.line.scenarios import CONTROL, NAMES, SCENARIOS, lacks

TOGETHER = [
    ("clocks",),
    ("proxy", "broker", "hq", "unheard", "agent"),
    ("hostile",),
    ("broker-wiped", "hq-restored", "store-restored"),
    ("cut",),
    ("packets",),
    ("acl",),
    ("outage",),
    (CONTROL,),
]
_AT_ONCE = 4

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_every_scenario_has_its_short_cut() -> None:
    assert sorted(NAMES) == sorted(name for names in TOGETHER for name in names)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Of every scenario that this machine can run."""
    seed = int(os.environ.get("NEARSHELF_SEED", time.time_ns() % 1_000_000))
    print(f"NEARSHELF_SEED={seed} begins the same way again")
    jobs = [able for names in TOGETHER if (able := tuple(name for name in names if not lacks(name)))]
    found = asyncio.run(side_by_side(jobs, SHORT, seed, _AT_ONCE, witnessed=True))
    return {name: outcome for names, outcome in zip(jobs, found, strict=True) for name in names}


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_happens_to_the_line_hq_ends_where_the_stores_are(name: str, outcomes: dict[str, Outcome]) -> None:
    if name not in outcomes:
        pytest.skip(lacks(name))
    assert not outcomes[name].wrong, told(outcomes[name])


def test_an_hq_that_loses_rows_is_found_out(outcomes: dict[str, Outcome]) -> None:
    """Otherwise the tests above could not fail."""
    if CONTROL not in outcomes:
        pytest.skip(lacks(CONTROL))
    assert not outcomes[CONTROL].wrong, told(outcomes[CONTROL])
