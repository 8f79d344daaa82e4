"""Kill the real agent at full length: several shops, each with a seed of its own, a hundred kills each."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.chaos.killing import kill_the_agent

KILLS_OF_A_SHOP = 100


class Killed(NamedTuple):
    """One shop's figures, and what did not hold; its folder stays when something did not."""

    figures: str
    complaint: str


def kill_in_a_shop(seed: int) -> Killed:
    folder = Path(tempfile.mkdtemp(prefix=f"nearshelf-kills-{seed}-"))
    try:
        figures = asyncio.run(kill_the_agent(folder, KILLS_OF_A_SHOP, seed))
    except Exception as error:
        return Killed(f"seed {seed}: FAILED, everything is in {folder}", f"{type(error).__name__}: {error}")
    shutil.rmtree(folder)
    return Killed(figures, "")
