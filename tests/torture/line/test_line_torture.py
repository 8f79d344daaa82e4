"""A short cut of each torture of the line: `make torture ONLY=line` has the full length.

`NEARSHELF_SEED` says where chance begins (the clock). Scenarios that want the same programs share them.
"""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.faketime import FAKETIME
from tests.torture.line.figures import SHORT
from tests.torture.line.scenarios import SCENARIOS, control, run

TOGETHER = [
    ("broker", "hq", "unheard", "agent", "cut", "middleman", "hq-restored", "store-restored", "clocks"),
    ("hostile", "clocks-tls"),
    ("broker-wiped",),
    ("acl",),
    ("outage",),
]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]


def a_seed() -> int:
    if shutil.which("mosquitto") is None:
        pytest.skip("NO MOSQUITTO HERE, so nothing of this was tested: apt-get install mosquitto")
    seed = int(os.environ.get("NEARSHELF_SEED", time.time_ns() % 1_000_000))
    print(f"NEARSHELF_SEED={seed} begins the same way again")
    return seed


def test_every_scenario_has_its_short_cut() -> None:
    assert sorted(SCENARIOS) == sorted(name for names in TOGETHER for name in names)


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
async def test_whatever_happens_to_the_line_hq_ends_where_the_stores_are(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    seed = a_seed()
    if not FAKETIME.exists():
        names = tuple(name for name in names if not name.startswith("clocks"))
        print("NO FAKETIME HERE, so no clock was wrong: apt-get install faketime")
    print(await run(names, tmp_path, SHORT, seed))


async def test_an_hq_that_loses_rows_is_found_out(tmp_path: Path) -> None:
    """Otherwise the tests above could not fail."""
    print(await control(tmp_path, a_seed()))
