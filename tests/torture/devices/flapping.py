"""Readers that flap for a day at 1,000 tags a second: nobody gives up, nothing grows.

Everything is real but the hours: the driver, its keeper, the intake and the books on one side, simulated readers on the
other, and TCP between them, on a loop whose time leaps from deadline to deadline.
"""

import asyncio
import gc
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from struct import pack
from typing import Final, Protocol

import structlog
from structlog.typing import EventDict

from agent.config import DeviceConfig
from agent.core.asks import Delivery, DeliveryLine
from agent.core.places import BACKROOM
from agent.core.tags import TagRules
from agent.devices import Keeper
from agent.intake import Intake
from drivers.llrp.codec import tlv
from drivers.llrp.driver import open_device
from drivers.port import Device
from simulators.llrp_capabilities import NEWER, PLAIN
from simulators.llrp_reader import SimulatedReader
from tests import fast_forward
from tests.agent.shops import Shop, opened
from tests.core import shop as goods

TAGS, REPORTS_PER_S = 100, 10
HOUR_S: Final = 3600.0
#: What the memory of a process may differ by, between the first third of its samples and the last: a flood more or
#: less just before moves a single one by as much.
MOST_GROWTH_KIB: Final = 3 * 1024
#: Of what a reader sent while it was connected, what may be lost at each fault: what was on the line.
SENT_AGAIN: Final = 0.97
_BEGAN_MS: Final = 1_760_000_000_000
_SEEN: Final = b"\x84seen-now"  # stands where LastSeenTimestampUTC will
EPCS: Final = [goods.epc_of(goods.SHIRT, serial) for serial in range(TAGS)]
#: Announced too, and never there: whoever believes that they were read believes what is not true.
GHOSTS: Final = [goods.epc_of(goods.SHIRT, serial) for serial in range(TAGS, 2 * TAGS)]


class LeapingClock:
    """The agent's clock, and the readers', on the running loop's time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def monotonic_s(self) -> float:
        return self._loop.time()

    def now_ms(self) -> int:
        return _BEGAN_MS + round(self.monotonic_s() * 1000)

    def now_us(self) -> int:
        return self.now_ms() * 1000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Sample:
    """What this process holds."""

    memory_kib: int
    objects: int
    files: int
    tasks: int


@dataclass(slots=True)
class Outcome:
    """What became of the readers."""

    hours: float
    readers: int
    faults: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    doubtful: int = 0
    read: int = 0
    connects: int = 0
    logs: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        first, last = self.samples[0], self.samples[-1]
        return (
            f"{self.readers} readers for {self.hours:g} h: {sum(self.faults.values()):,} faults ({_told(self.faults)}),"
            f" {self.connects:,} connects, {self.read:,} of {self.sent:,} tags, log: {_told(self.logs) or 'nothing'};"
            f" memory {first.memory_kib:,} → {last.memory_kib:,} KiB, objects {first.objects:,} → {last.objects:,},"
            f" files {first.files} → {last.files}, tasks {first.tasks} → {last.tasks}"
        )


class Flapping(Protocol):
    """A reader that reports as it should, and now and then does what readers do.

    `sent`: tags that must be read; `doubtful`: those that may be, as while it is being set up or not understood.
    """

    kind: str
    sent: int
    doubtful: int
    faults: Counter[str]

    async def begin(self, name: str) -> Device:
        """Be there; the driver's device that reads it."""

    async def report(self) -> None:
        """Report all tags, REPORTS_PER_S times a second, for ever."""

    async def flap(self) -> None:
        """Break, again and again, for ever; after each fault be there again."""

    async def end(self) -> None:
        """Be there no more."""


class FlappingReader:
    """An LLRP reader."""

    kind = "llrp"

    def __init__(self, chance: random.Random, clock: LeapingClock) -> None:
        model = chance.choice((PLAIN, NEWER))
        self.reader = SimulatedReader(rounds_per_s=0.001, model=model, now_us=clock.now_us)
        self.sent = self.doubtful = 0
        self.faults: Counter[str] = Counter()
        self._garbled_until = 0  # up to this connection, what was sent was not to our driver, or after noise
        self._chance = chance
        self._clock = clock
        reports = b"".join(tlv(240, b"\x8d" + epc + b"\x81\x00\x01\x86\xc4" + _SEEN) for epc in EPCS)
        self._report = reports

    async def begin(self, name: str) -> Device:
        await self.reader.start()
        return open_device(name, {"address": self.reader.address, "keepalive_s": 5})

    async def end(self) -> None:
        await self.reader.stop()

    async def report(self) -> None:
        while True:
            await asyncio.sleep(1 / REPORTS_PER_S)
            if self.reader.started.is_set() and not self.reader.mute:
                now = pack(">BQ", 0x84, self._clock.now_us())
                with suppress(AssertionError, OSError):  # the client has just gone
                    await self.reader.replay([self._report.replace(_SEEN, now)])
                    if self.reader.was_told_to_read and self.reader.counts["connects"] > self._garbled_until:
                        self.sent += TAGS
                    else:
                        self.doubtful += TAGS

    async def flap(self) -> None:
        faults: list[Callable[[], Awaitable[None]]] = [
            self.dropped, self.rebooted, self.said_goodbye, self.without_power, self.mute, self.taken, self.noisy,
        ]  # fmt: skip
        while True:
            await asyncio.sleep(self._chance.uniform(5, 90))
            fault = self._chance.choice(faults)
            self.faults[fault.__name__] += 1
            await fault()

    async def dropped(self) -> None:
        await self.reader.drop()

    async def rebooted(self) -> None:
        await self.reader.reboot()

    async def said_goodbye(self) -> None:
        host, port = self.reader.address.removeprefix("tcp://").split(":")
        await self.reader.stop()
        await asyncio.sleep(self._chance.uniform(0, 5))
        await self.reader.start(host, int(port))

    async def without_power(self) -> None:
        self.reader.cut_power()
        await asyncio.sleep(self._chance.uniform(5, 120))
        await self.reader.reboot()

    async def mute(self) -> None:
        """A black hole, or a reader that hangs: the connection stands, and nothing comes."""
        self.reader.mute = True
        await asyncio.sleep(self._chance.uniform(1, 60))
        self.reader.mute = False

    async def taken(self) -> None:
        """Another client is there first."""
        host, port = self.reader.address.removeprefix("tcp://").split(":")
        await self.reader.drop()
        self._garbled_until = self.reader.counts["connects"] + 1
        _, writer = await asyncio.open_connection(host, int(port))
        await asyncio.sleep(self._chance.uniform(1, 60))
        writer.transport.abort()

    async def noisy(self) -> None:
        """Bytes of somebody else in the stream: what follows cannot be understood until the next connection."""
        self._garbled_until = self.reader.counts["connects"]
        with suppress(AssertionError):  # nobody to hear it
            await self.reader.send_raw(self._chance.randbytes(self._chance.randrange(1, 2000)))


Make = Callable[[random.Random, LeapingClock], Flapping]


def flap_alone(make: Make, seed: int, hours: float, readers: int) -> Outcome:
    """In a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory(prefix="nearshelf-flapping-") as folder:
        return fast_forward.run(flap(Path(folder), hours, readers, seed, make), grace_s=None)


async def flap(folder: Path, hours: float, readers: int, seed: int, make: Make = FlappingReader) -> Outcome:
    """Let so many readers flap for so many hours of the loop's time."""
    outcome, clock = Outcome(hours, readers), LeapingClock()
    async with opened(folder / "books.db", clock=clock) as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(1, "sku", "SHIRT", tuple(EPCS + GHOSTS)),)))
        with counted_logs(outcome.logs):
            await _run(shop, outcome, clock, random.Random(seed), make)
        if shop.books.balances.get(("SHIRT", BACKROOM)) != TAGS:
            outcome.complaints.append("not exactly the tags that are there became stock")
    _judge(outcome)
    return outcome


async def _run(shop: Shop, outcome: Outcome, clock: LeapingClock, chance: random.Random, make: Make) -> None:
    intake = Intake(shop.clerk, clock, TagRules())
    flapping = [make(random.Random(chance.random()), clock) for _ in range(outcome.readers)]
    keepers, work = [], [asyncio.ensure_future(intake.run())]
    for nth, one in enumerate(flapping):
        config = DeviceConfig(f"portal-{nth}", one.kind, {}, {1: BACKROOM}, None)
        device = await one.begin(config.name)
        keepers.append(Keeper(device, config, intake, clock, chance.uniform))
        work += [asyncio.ensure_future(part) for part in (keepers[-1].run(), one.report(), one.flap())]
    for _ in range(max(2, round(outcome.hours))):
        await asyncio.sleep(outcome.hours * HOUR_S / max(2, round(outcome.hours)))
        outcome.samples.append(sample())
        outcome.sent = sum(one.sent for one in flapping)
        outcome.doubtful = sum(one.doubtful for one in flapping)
        outcome.read = sum(keeper.health.readings for keeper in keepers)
        told_so_far(outcome, keepers)
    outcome.complaints += [f"{task} ended" for task in work if task.done()]
    for task in work:
        task.cancel()
    await asyncio.wait(work)
    for one, keeper in zip(flapping, keepers, strict=True):
        await one.end()
        outcome.faults += one.faults
        outcome.connects += keeper.health.connects


@contextmanager
def counted_logs(logs: Counter[str]) -> Iterator[None]:
    """What is logged is counted and forgotten."""

    def count(_: object, __: str, told: EventDict) -> EventDict:
        logs[told["event"]] += 1
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[count])
    try:
        yield
    finally:
        structlog.configure(processors=before)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))


def sample() -> Sample:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        len(gc.get_objects()),
        len(os.listdir("/proc/self/fd")),
        len(asyncio.all_tasks()),
    )


def told_so_far(outcome: Outcome, keepers: Sequence[Keeper]) -> None:
    """What a run has come to by now, on stderr: one that is cut off has said something."""
    hours = outcome.hours * len(outcome.samples) / max(2, round(outcome.hours))
    kinds = ", ".join(sorted({keeper.health.kind for keeper in keepers}))
    now = outcome.samples[-1]
    tags = f"{outcome.read:,} of {outcome.sent:,} tags"
    held = f"memory {now.memory_kib:,} KiB, objects {now.objects:,}, files {now.files}"
    print(f"{kinds}: {hours:.3g} h of {outcome.hours:g} h: {tags}, {held}", file=sys.stderr, flush=True)


def judge_growth(outcome: Outcome) -> None:
    """Complain of what grew."""
    first, last = outcome.samples[0], outcome.samples[-1]
    third = max(1, len(outcome.samples) // 3)
    begun, ended = (
        median(one.memory_kib for one in part) for part in (outcome.samples[:third], outcome.samples[-third:])
    )
    if (ended - begun) * 1.5 > MOST_GROWTH_KIB:  # from the middle of the one to that of the other are two thirds
        outcome.complaints.append("memory grew")
    if last.objects > first.objects * 1.05 + 500:
        outcome.complaints.append("objects grew in number")
    if last.files > first.files + 4 * outcome.readers or last.tasks > first.tasks + 4 * outcome.readers:
        outcome.complaints.append("files or tasks grew in number")


def judge_reading(outcome: Outcome) -> None:
    """Complain of tags that were sent to us and did not arrive."""
    if not outcome.sent or outcome.read < SENT_AGAIN * outcome.sent:
        outcome.complaints.append("tags that were sent were not read")
    if outcome.read > outcome.sent + outcome.doubtful:
        outcome.complaints.append("tags were read that were not sent, or twice")


def _judge(outcome: Outcome) -> None:
    judge_growth(outcome)
    judge_reading(outcome)
    if outcome.connects < sum(outcome.faults.values()) / 4:
        outcome.complaints.append("it was hardly ever connected again")
