"""Kill -9 at random moments while reads, scans and sales flow: nothing acknowledged is lost, nothing posted twice.

`NEARSHELF_KILLS` says how many times each (20), `NEARSHELF_SEED` where chance begins (the clock).
"""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.chaos.arena import arena
from tests.chaos.killing import SCENARIOS, agent_kills

KILLS = int(os.environ.get("NEARSHELF_KILLS", "20"))


def a_seed() -> int:
    if shutil.which("mosquitto") is None:
        pytest.skip("NO MOSQUITTO HERE, so nothing was killed: apt-get install mosquitto")
    seed = int(os.environ.get("NEARSHELF_SEED", time.time_ns() % 1_000_000))
    print(f"NEARSHELF_SEED={seed} begins the same way again")
    return seed


@pytest.mark.chaos
@pytest.mark.timeout(60 + 30 * KILLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_what_was_acknowledged_survives_and_happens_once(
    scenario: str, tmp_path: Path, figures: list[str]
) -> None:
    figures.append(await SCENARIOS[scenario](tmp_path, KILLS, a_seed()))


@pytest.mark.chaos
async def test_an_agent_that_says_yes_too_early_is_found_out(tmp_path: Path) -> None:
    """Otherwise the tests above could not fail. A lost scan's number goes to the next one: either may be said."""
    seed = a_seed()
    async with arena(tmp_path, seed) as there:
        there.agree_within_s = 3.0
        await there.branch.agent.kill()
        there.branch.agent.module = "tests.chaos.hasty_agent"
        await there.branch.restart_agent()
        with pytest.raises(AssertionError, match=r"was acknowledged and is lost|is posted as .*, and was"):
            await agent_kills(there, 5, seed)
