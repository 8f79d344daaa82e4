"""A module's driver on a real pseudo-terminal or socket, with the simulated module at the other end."""

import asyncio
import os
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.asks import Delivery, DeliveryLine
from agent.core.tags import TagRules
from agent.devices import Keeper, open_devices
from agent.intake import Intake
from drivers.conversing import Conversation
from drivers.errors import DeviceError
from drivers.events import Event, Online, Tags
from drivers.readings import TagRead
from simulators.serial_module import SerialModule
from tests.agent.shops import Shop
from tests.core import shop as goods
from tests.drivers.llrp.listening import Listening
from tests.waiting import until

#: Tags of one article; and one whose EPC is as long as Gen2 allows.
EPCS = [goods.epc_of(goods.SHIRT, serial) for serial in range(1, 31)]
LONG_EPC = bytes(range(0x30, 0x30 + 62))


class Simulated:
    """A session and a module with nothing between them but the time, which is told."""

    def __init__(self, session: Conversation, module: SerialModule, now_s: float = 0.0) -> None:
        self.session = session
        self.module = module
        self.now_s = now_s
        self.events: list[Event] = []

    def run(self, seconds: float, step_s: float = 0.01) -> None:
        """Let so much time pass. Raises what the session raises, its events before it kept."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.module.tick(self.now_s)
            for event in self.session.receive(self.module.taken(), self.now_s):
                self.events.append(event)  # those before an error count
            if sent := self.session.to_send():
                self.module.hear(sent)
            self.now_s += step_s

    def hear(self, said: Callable[[], bytes], seconds: float = 60) -> None:
        """Let the session hear something else than its module, twenty times a second."""
        for _ in range(int(seconds * 20)):
            for event in self.session.receive(said(), self.now_s):
                self.events.append(event)  # those before an error count
            self.now_s += 0.05

    @property
    def reads(self) -> list[TagRead]:
        return [read for event in self.events if isinstance(event, Tags) for read in event.reads]

    @property
    def online(self) -> list[str]:
        return [event.about for event in self.events if isinstance(event, Online)]


@asynccontextmanager
async def driving(module: SerialModule, kind: str, **settings: object) -> AsyncIterator[tuple[Listening, Any]]:
    """The driver `kind` running against the module. At the end its task is cancelled, unless it has ended."""
    sink = Listening()
    port = str(module.path) if module.path is not None else f"socket://127.0.0.1:{module.port}"
    device = resolve_name(f"drivers.{kind}.driver:open_device")("module", {"port": port, **settings})
    task = asyncio.create_task(device.run(sink))
    try:
        yield sink, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, DeviceError):
            await task


async def the_end_of(task: asyncio.Task[None]) -> BaseException | None:
    """What a driver's run ended with."""
    await asyncio.wait([task], timeout=10)
    assert task.done(), "the driver should have noticed"
    return task.exception()


def sampled(kind: str, **settings: object) -> DeviceConfig:
    """The first device of a driver's sample.toml, on another port."""
    (sample, *_) = tomllib.loads((files("drivers") / kind / "sample.toml").read_text(encoding="utf-8"))["device"]
    places = {zone["antenna"]: zone["place"] for zone in sample["zone"]}
    return DeviceConfig(sample["name"], sample["kind"], {**sample["settings"], **settings}, places, None)


async def deliver(shop: Shop) -> None:
    """All of EPCS comes to the back room."""
    await shop.clerk.enter(Delivery("D1", (DeliveryLine(len(EPCS), "sku", "SHIRT", tuple(EPCS)),)))


class Quick(SystemClock):
    """Real time, but a lost device is tried again soon."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.02))


@asynccontextmanager
async def kept(shop: Shop, config: DeviceConfig) -> AsyncIterator[Keeper]:
    """The device as the agent keeps it: found by its entry point, tried again for ever, its reads in the books."""
    (device,), mistakes = open_devices([config])
    assert mistakes == []
    clock = Quick()
    intake = Intake(shop.clerk, clock, TagRules(settle_s=0.05))
    keeper = Keeper(device, config, intake, clock, lambda low, high: high)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(keeper.run()), tasks.create_task(intake.run())]
        try:
            yield keeper
        finally:
            for task in running:
                task.cancel()


async def assert_it_comes_back_under_another_name(
    module: SerialModule, keeper: Keeper, link: Path, frame: bytes
) -> None:
    """Pulled out in the middle of this frame, and back as another /dev/tty that the same by-id link names."""
    assert module.path == link
    readings = keeper.health.readings
    was = os.readlink(link)
    module.unplug(frame[: len(frame) // 2])
    await until(lambda: keeper.health.state == "down")
    assert "plugged in" in keeper.health.hint
    with name_taken(was):
        module.plug()
        assert os.readlink(link) != was
        await until(lambda: keeper.health.state == "up" and keeper.health.readings > readings)


@contextmanager
def name_taken(terminal: str) -> Iterator[None]:
    """Somebody else has the old /dev/pts/N meanwhile: the lowest free number goes to the next who asks."""
    held: list[int] = []
    try:
        while not held or (os.ttyname(held[-1]) != terminal and len(held) < 40):
            held += os.openpty()
        yield
    finally:
        for fd in held:
            os.close(fd)
