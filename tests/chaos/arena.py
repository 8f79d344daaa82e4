"""One store with its HQ and a real broker, people at work at many times the usual pace, and someone who kills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from simulators import verdict
from simulators.branch import IN_DOUBT, Branch
from simulators.people import Pace, People
from simulators.programs import Program
from tests.brokers import Mosquitto
from tests.chaos.channel import Channel

CHAIN = "demo"

#: Fast enough that there is something under way at any moment.
PACE = Pace(
    delivery_s=1.0,
    carry_s=0.05,
    receive_s=0.03,
    shelve_s=0.05,
    shop_s=0.05,
    oddity_s=2.0,
    opening_units=40,
    rest_s=1.5,
    enough=1000,
)

HQ_TOML = """\
[hq]
chain = "{chain}"
database = "sqlite+aiosqlite:///hq.db"
broker = "{broker}"
mqtt_version = "5"

[web]
host = "127.0.0.1"
port = 0
"""


@dataclass
class Figures:
    """What a scenario has seen; printed at its end."""

    scenario: str
    seed: int
    kills: int = 0
    kills_while_starting: int = 0
    restart_s: list[float] = field(default_factory=list)

    def line(self, arena: "Arena") -> str:
        """Plain figures, and the seed, with which people and killer begin the same way again."""
        branch = arena.branch
        slowest = f"{max(self.restart_s):.2f}" if self.restart_s else "–"
        return (
            f"{self.scenario}: seed {self.seed}, {self.kills} times ({self.kills_while_starting} while starting), "
            f"{branch.events} events, {len(arena.channel.deals)} deals over the net, "
            f"{branch.happened[IN_DOUBT]} scans in doubt, "
            f"{branch.till.sent_again} papers sent again, slowest restart {slowest} s"
        )


@dataclass
class Arena:
    """Who there is."""

    broker: Mosquitto
    hq: Program
    branch: Branch
    people: People
    channel: Channel
    day: asyncio.Task[None]
    #: How long shop, books and HQ may take to say the same once the last customer has left.
    agree_within_s: float = 30.0

    async def work_for(self, seconds: float) -> None:
        """Let people work. Raises what went wrong with them, or with their agent."""
        await asyncio.wait({self.day}, timeout=seconds)
        self.branch.agent.must_live()
        if self.day.done():
            self.day.result()

    async def agree(self) -> verdict.StoreVerdict:
        """Closing time; then wait until shop, books and HQ say the same, and return what they say in the end."""
        self.people.close()
        self.channel.close()
        while not self.day.done():
            await self.work_for(0.5)
        self.day.result()
        (found,) = await verdict.judge([self.branch], self.hq.web, self.agree_within_s, self.agree_within_s)
        return found


async def _both(people: People, channel: Channel) -> None:
    async with asyncio.TaskGroup() as day:
        day.create_task(people.work(), name="people")
        day.create_task(channel.work(), name="channel")


@asynccontextmanager
async def arena(folder: Path, seed: int) -> AsyncIterator[Arena]:
    """Everything running and busy; everything gone afterwards."""
    broker = Mosquitto(folder)
    hq = Program("HQ", "hq_bridge", folder / "hq.toml", folder / "hq.log")
    branch = Branch(1, folder, CHAIN, broker.address, "5", seed)
    people = People(branch, seed, PACE)
    hq.settings.write_text(HQ_TOML.format(chain=CHAIN, broker=broker.address))
    try:
        await broker.start()
        await hq.start()
        await branch.start()
        skus = tuple(product.sku for product in branch.shop.products)
        channel = Channel(branch.agent.web, skus, seed)
        day = asyncio.create_task(_both(people, channel), name="the day")
        try:
            yield Arena(broker, hq, branch, people, channel, day)
        finally:
            day.cancel()
            await asyncio.wait({day})
    finally:
        await branch.agent.kill()
        await branch.stop()
        await hq.kill()
        broker.kill()
