"""Serial modules that flap for a day at up to 1,000 tags a second: nobody gives up, nothing grows.

Real pseudo-terminals, drivers, keepers and books; only the hours are made shorter.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from agent.config import DeviceConfig
from agent.core.asks import Delivery, DeliveryLine
from agent.core.places import BACKROOM
from agent.core.tags import TagRules
from agent.devices import Keeper, open_devices
from agent.intake import Intake
from simulators.r200_module import R200Module
from simulators.serial_module import SerialModule
from simulators.thingmagic_module import ThingMagicModule
from simulators.uhfreader import SimulatedUhfReader
from tests import fast_forward
from tests.agent.shops import Shop, opened
from tests.torture.devices.flapping import (
    EPCS,
    HOUR_S,
    LeapingClock,
    Outcome,
    counted_logs,
    judge_growth,
    judge_reading,
    sample,
    told_so_far,
)

#: A module works this often, which is coarse, and cheap enough for days.
TICK_S = 0.1
#: After a fault, it must read again within this: the longest back-off, and all baud rates tried.
BACK_S = 60.0
STEADY_S, LOOK_S = 3.0, 1.0
_FAST = 921_600


class FlappingModule:
    """A module that reads as it should, and now and then does what modules do."""

    def __init__(self, module: SerialModule, keeper: Keeper, outcome: Outcome, chance: random.Random) -> None:
        self.module = module
        self._keeper = keeper
        self._outcome = outcome
        self._chance = chance
        module.tick_s = TICK_S

    async def flap(self) -> None:
        """Break, again and again, for ever; after each fault be there again. In between all it reads must arrive."""
        faults: list[Callable[[], Awaitable[None]]] = [self.unplugged, self.without_power, self.mute, self.noisy]
        if isinstance(self.module, ThingMagicModule):
            faults.append(self.at_another_rate)
        while True:
            await self._reads_again()
            sent, read = self._sent(), self._keeper.health.readings
            self._outcome.doubtful += 2 * len(EPCS)  # what a tick brought just before arrives just after
            try:
                await asyncio.sleep(self._chance.uniform(5, 90))
            finally:
                self._outcome.sent += self._sent() - sent
                self._outcome.read += self._keeper.health.readings - read
            fault = self._chance.choice(faults)
            self._outcome.faults[fault.__name__] += 1
            try:
                await fault()
            finally:
                self.module.mute, self.module.noise, self.module.damage = False, 0.0, 0.0

    def _sent(self) -> int:
        """Tags it has read, without those that found its line full: a tick brings a hundred at once."""
        return self.module.counts["reads"] - self.module.counts["lost"]

    async def _reads_again(self) -> None:
        """It is up and reads, second after second: what was on its way when it broke comes first, and is no proof."""
        health, deadline, steady_s = self._keeper.health, asyncio.get_running_loop().time() + BACK_S, 0.0
        while steady_s < STEADY_S:
            if asyncio.get_running_loop().time() > deadline:
                self._outcome.complaints.append(f"{health.kind} did not read again: {health.why}")
                return
            readings = health.readings
            await asyncio.sleep(LOOK_S)
            steady_s = steady_s + LOOK_S if health.state == "up" and health.readings > readings else 0

    async def unplugged(self) -> None:
        self.module.unplug(self._chance.randbytes(7))
        try:
            await asyncio.sleep(self._chance.uniform(0, 60))
        finally:
            self.module.plug()

    async def without_power(self) -> None:
        self.module.power_cycle()

    async def mute(self) -> None:
        self.module.mute = True
        await asyncio.sleep(self._chance.uniform(1, 60))

    async def noisy(self) -> None:
        self.module.noise, self.module.damage = 0.5, 0.3
        await asyncio.sleep(self._chance.uniform(1, 30))

    async def at_another_rate(self) -> None:
        """Somebody else had it: it hangs on another program's port for a while, and is left at its rate."""
        self.module.unplug()
        await asyncio.sleep(self._chance.uniform(0.5, 5))
        self.module.baud = self._chance.choice((9600, 38_400, 230_400))
        self.module.plug()


def flap_modules_alone(seed: int, hours: float) -> Outcome:
    """In a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory(prefix="nearshelf-flapping-") as folder:
        return fast_forward.run(flap_modules(Path(folder), hours, seed), grace_s=None)


async def flap_modules(folder: Path, hours: float, seed: int) -> Outcome:
    """Let a module of each kind flap for so many hours of the loop's time."""
    outcome, clock = Outcome(hours, 3), LeapingClock()
    async with opened(folder / "books.db", clock=clock) as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(len(EPCS), "sku", "SHIRT", tuple(EPCS)),)))
        with counted_logs(outcome.logs):
            await _run(shop, outcome, clock, folder, random.Random(seed))
        if shop.books.balances.get(("SHIRT", BACKROOM)) != len(EPCS):
            outcome.complaints.append("the tags did not become stock")
    judge_growth(outcome)
    judge_reading(outcome)
    return outcome


async def _run(shop: Shop, outcome: Outcome, clock: LeapingClock, folder: Path, chance: random.Random) -> None:
    intake = Intake(shop.clerk, clock, TagRules())
    kinds: dict[str, tuple[R200Module | SimulatedUhfReader | ThingMagicModule, dict[str, object]]] = {
        "r200": (R200Module(folder / "r200", rounds_per_s=1000, baud=_FAST), {"baud": _FAST, "region": "eu"}),
        "uhfreader": (SimulatedUhfReader(folder / "uhfreader"), {"power_dbm": 20}),
        "thingmagic": (ThingMagicModule(folder / "thingmagic", reads_per_s=1000), {"baud": _FAST, "region": "eu3"}),
    }
    keepers, flaps, work = [], [], [asyncio.ensure_future(intake.run())]
    for kind, (module, settings) in kinds.items():
        for epc in EPCS:
            module.place(epc)
        module.plug()
        config = DeviceConfig(kind, kind, {"port": str(module.path), **settings}, {1: BACKROOM}, None)
        ((device,), _) = open_devices([config])
        keepers.append(Keeper(device, config, intake, clock, chance.uniform))
        flapping = FlappingModule(module, keepers[-1], outcome, random.Random(chance.random()))
        flaps.append(asyncio.ensure_future(flapping.flap()))
        work.append(asyncio.ensure_future(keepers[-1].run()))
    for _ in range(max(2, round(outcome.hours))):
        await asyncio.sleep(outcome.hours * HOUR_S / max(2, round(outcome.hours)))
        outcome.samples.append(sample())
        told_so_far(outcome, keepers)
    await _stop(flaps)
    before = [keeper.health.readings for keeper in keepers]
    await asyncio.sleep(BACK_S)
    outcome.complaints += [f"{task} ended" for task in work if task.done()]
    for kind, keeper, readings in zip(kinds, keepers, before, strict=True):
        outcome.connects += keeper.health.connects
        if keeper.health.state != "up" or keeper.health.readings == readings:
            outcome.complaints.append(f"{kind} does not read again: {keeper.health.why}")
    await _stop(work)
    for module, _ in kinds.values():
        await module.stop()


async def _stop(tasks: Sequence[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
