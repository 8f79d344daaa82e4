"""An Impinj reader that flaps: its IoT device interface, by a real HTTP server on the leaping loop."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from drivers.impinj_iot.driver import open_device
from drivers.port import Device
from simulators.impinj_reader import ImpinjReader
from tests.torture.devices.flapping import EPCS, REPORTS_PER_S, TAGS, LeapingClock


class FlappingImpinj:
    """A reader with the IoT device interface."""

    kind = "impinj_iot"

    def __init__(self, chance: random.Random, clock: LeapingClock) -> None:
        self.reader = ImpinjReader(rounds_per_s=0.001, now_s=lambda: clock.now_ms() / 1000)
        self.sent = self.doubtful = 0
        self.faults: Counter[str] = Counter()
        self._chance = chance

    async def begin(self, name: str) -> Device:
        await self.reader.switch_on()
        return open_device(name, {"address": self.reader.address, "status_every_s": 10})

    async def end(self) -> None:
        await self.reader.switch_off()

    async def report(self) -> None:
        while True:
            await asyncio.sleep(1 / REPORTS_PER_S)
            if self.reader.runs and self.reader.is_heard:
                self.reader.say_bytes("".join(f"{self.reader.line(epc, 1)}\r\n" for epc in EPCS).encode())
                self.sent += TAGS

    async def flap(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self.ended, self.rebooted, self.without_power, self.mute, self.stopped_by_hand, self.busy, self.noisy,
        ]  # fmt: skip
        while True:
            await asyncio.sleep(self._chance.uniform(5, 90))
            fault = self._chance.choice(faults)
            self.faults[fault.__name__] += 1
            await fault()

    async def ended(self) -> None:
        self.reader.end_streams()

    async def rebooted(self) -> None:
        await self.reader.reboot()

    async def without_power(self) -> None:
        port = int(self.reader.address.rsplit(":", 1)[1])
        await self.reader.switch_off()
        self.reader.runs = None
        await asyncio.sleep(self._chance.uniform(5, 120))
        await self.reader.switch_on(port)

    async def mute(self) -> None:
        """A black hole, or a reader that hangs: the connections stand, and nothing comes."""
        self.reader.mute()
        await asyncio.sleep(self._chance.uniform(1, 60))
        self.reader.unmute()

    async def stopped_by_hand(self) -> None:
        self.reader.stop_by_hand()

    async def busy(self) -> None:
        """It answers that it cannot, and streams on."""
        self.reader.refusals["/status"] = 503, "busy"
        await asyncio.sleep(self._chance.uniform(1, 60))
        self.reader.refusals.clear()

    async def noisy(self) -> None:
        """A line that is none."""
        self.reader.say_bytes(self._chance.randbytes(self._chance.randrange(1, 2000)))
