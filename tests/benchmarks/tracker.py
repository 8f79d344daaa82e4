"""The tag tracker: what a read costs from the driver's hands to the verdict of where its tag is, and what a tag weighs.

Reports of thirty, every tag of the store in random order, at two antennas; at home, as nearly all nearly always are.
CPU time, without the pauses in which reads gather. With a thousand tags beside it: no report looks at all tags.
"""

import asyncio
import gc
import random
import tempfile
import time
import tracemalloc
from pathlib import Path
from statistics import median
from struct import pack
from typing import Final

from agent.clock import SystemClock
from agent.core.tags import Tag, TagRules
from agent.intake import Intake, Stand
from drivers.readings import TagRead
from tests.agent.shops import opened
from tests.benchmarks.figures import Figure, figure, line

TAGS: Final = 50_000
FEW_TAGS: Final = 1000
A_REPORT: Final = 30
#: Reports that gather before they are weighed, as of four readers at 1,200 tags a second.
GATHERED: Final = 4
#: Of the loop, until what was gathered is weighed.
TURNS: Final = 4
READS: Final = 60_000
ROUNDS: Final = 3
PLACES: Final = {1: "FLOOR", 2: "FLOOR", 3: "BACKROOM"}


class Hurried(SystemClock):
    """In which reads need not wait for others."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def a_tag(nth: int) -> Tag:
    return Tag(bytes.fromhex("3034257bf4f3acef") + pack(">I", nth), "SKU-1", "in_stock", "FLOOR", 1)


def reports(tags: list[bytes], seed: int) -> list[list[TagRead]]:
    chance = random.Random(seed)
    reads = [TagRead(chance.choice(tags), chance.choice((1, 2)), -55.0, 10**15, 1) for _ in range(READS)]
    return [reads[at : at + A_REPORT] for at in range(0, READS, A_REPORT)]


async def us_per_read(tags: int, seed: int) -> float:
    """Microseconds of CPU for each read."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder) / "books.sqlite") as shop:
            shop.books.tags.update((tag.epc, tag) for tag in map(a_tag, range(tags)))
            intake = Intake(shop.clerk, Hurried(), TagRules())
            stand = Stand("portal", PLACES, None)
            weighing = asyncio.create_task(intake.run())
            data = reports(list(shop.books.tags), seed)
            gc.collect()
            used = time.process_time()
            for at in range(0, len(data), GATHERED):
                for report in data[at : at + GATHERED]:
                    intake.tags(stand, report)
                for _ in range(TURNS):
                    await asyncio.sleep(0)
            used = time.process_time() - used
            weighing.cancel()
            heard = sum(tag.heard_s is not None for tag in shop.books.tags.values())
            assert heard == len({read.epc for report in data for read in report})
    return used / READS * 1e6


def bytes_per_tag() -> float:
    """What a tag in the books weighs, its key and what was heard of it included."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tags = {tag.epc: tag for tag in map(a_tag, range(TAGS))}
    for nth, tag in enumerate(tags.values()):
        tag.heard_s, tag.heard_in, tag.rival, tag.rival_reads = 1e6 + nth, 1000 + nth, "BACKROOM", 1
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(tags)


def figures() -> list[Figure]:
    """Measure; takes about twenty seconds."""
    many = [asyncio.run(us_per_read(TAGS, seed)) for seed in range(ROUNDS)]
    few = [asyncio.run(us_per_read(FEW_TAGS, seed)) for seed in range(ROUNDS)]
    return [
        figure("tracker_us_per_read", round(median(many), 2), "us"),
        figure("tracker_us_per_read_of_1000_tags", round(median(few), 2), "us"),
        figure("tracker_bytes_per_tag", round(bytes_per_tag()), "B"),
    ]


if __name__ == "__main__":
    for one in figures():
        print(line(one))
