"""Kill -9 at random moments while reads, scans and sales flow: nothing acknowledged is lost, nothing posted twice.

`NEARSHELF_KILLS` says how many times each (20), `NEARSHELF_SEED` where chance begins (the clock).
"""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.chaos.killing import SCENARIOS

KILLS = int(os.environ.get("NEARSHELF_KILLS", "20"))


@pytest.mark.chaos
@pytest.mark.timeout(60 + 30 * KILLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_what_was_acknowledged_survives_and_happens_once(scenario: str, tmp_path: Path) -> None:
    if shutil.which("mosquitto") is None:
        pytest.skip("NO MOSQUITTO HERE, so nothing was killed: apt-get install mosquitto")
    seed = int(os.environ.get("NEARSHELF_SEED", time.time_ns() % 1_000_000))
    print(f"\nNEARSHELF_SEED={seed} runs this again")
    print(await SCENARIOS[scenario](tmp_path, KILLS, seed))
