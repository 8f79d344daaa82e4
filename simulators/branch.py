"""One simulated store: the real agent, the simulated devices it is connected to, and the world they stand in."""

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.goods import Product, catalogue_csv, range_of_goods
from simulators.handheld import PEOPLE_COLUMNS, Badge
from simulators.llrp_reader import SimulatedReader
from simulators.programs import Program, ProgramFailed
from simulators.serial_scanner import SerialScanner
from simulators.shop import ANTENNA_OF_PLACE, Shop, Unit
from simulators.till import Till

#: Counted among what happened: a scan that its user had to look up on the screen.
IN_DOUBT = "scan in doubt"

_SERIALS_PER_STORE = 10_000_000

#: A real reader makes more; these are enough for a tag to settle in a second, and leave the machine to the agents.
_ROUNDS_PER_S = 4.0

#: A tag that was put down less long ago is left alone: the store may not know yet where it is.
_SETTLED_S = 3.0

_AGENT_TOML = """\
[store]
id = "{store}"
chain = "{chain}"

[books]
path = "books.db"
catalogue = "catalogue.csv"

[hq]
broker = "{broker}"
mqtt_version = "{mqtt_version}"
{commands}
[web]
host = "127.0.0.1"
port = 0

[[device]]
name = "portal"
kind = "llrp"
[device.settings]
address = "{reader}"
keepalive_s = 10
[[device.zone]]
antenna = 1
place = "BACKROOM"
[[device.zone]]
antenna = 2
place = "FLOOR"

[[device]]
name = "dock-scanner"
kind = "barcode_serial"
purpose = "receive"
repeat_ms = 0  # these people are faster than hands
[device.settings]
port = "{dock}"
acknowledge = true

[[device]]
name = "shelf-scanner"
kind = "barcode_serial"
purpose = "shelve"
repeat_ms = 0
[device.settings]
port = "{shelf}"
acknowledge = true
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened in the shop and was answered.

    `source` is the name its posting must have, if it makes one, of `qty` units of `sku`.
    """

    kind: str
    at: int
    source: str = ""
    sku: str = ""
    qty: int = 0


class WorldClock:
    """Seconds that do not pass while the world is held still: nobody moves goods while the shop's computer is down."""

    def __init__(self) -> None:
        self._held_since: float | None = None
        self._held_s = 0.0

    def now(self) -> float:
        return (time.monotonic() if self._held_since is None else self._held_since) - self._held_s

    def hold(self) -> None:
        if self._held_since is None:
            self._held_since = time.monotonic()

    def go_on(self) -> None:
        if self._held_since is not None:
            self._held_s += time.monotonic() - self._held_since
            self._held_since = None


class Branch:
    """One store. `start` brings up devices and agent; what then happens in it is `people`'s business."""

    def __init__(
        self,
        number: int,
        folder: Path,
        chain: str,
        broker: str,
        mqtt_version: str,
        seed: int,
        *,
        commands: Path | None = None,
        staff: Sequence[Badge] = (),
    ) -> None:
        """`commands` is the public key by which HQ's commands are known; `staff` may sign in at handhelds."""
        self.store = f"SH-{number:04}"
        self.folder = folder / self.store
        self.folder.mkdir()
        self.shop = Shop(range_of_goods(), number * _SERIALS_PER_STORE)
        self.clock = WorldClock()
        self.dock = SerialScanner(self.folder / "dock-scanner")
        self.shelf = SerialScanner(self.folder / "shelf-scanner")
        self.reader = SimulatedReader(antennas=2, rounds_per_s=_ROUNDS_PER_S, seed=seed * 1000 + number)
        self.agent = Program("agent " + self.store, "agent", self.folder / "agent.toml", self.folder / "agent.log")
        self.happened: Counter[str] = Counter()
        self.journal: deque[Happened] = deque(maxlen=100_000)
        self._broker = broker
        obeys = "" if commands is None else f'commands = "{commands}"\n'
        self._about = {"chain": chain, "mqtt_version": mqtt_version, "commands": obeys}
        self._staff = staff
        self._till: Till | None = None

    @property
    def till(self) -> Till:
        assert self._till is not None, "the till opens when the agent has an address"
        return self._till

    async def start(self) -> None:
        """Returns when the agent is ready."""
        self.dock.plug()
        self.shelf.plug()
        await self.reader.start()
        (self.folder / "catalogue.csv").write_text(catalogue_csv(self.shop.products), encoding="utf-8")
        self.agent.settings.write_text(
            _AGENT_TOML.format(
                store=self.store,
                broker=self._broker,
                reader=self.reader.address,
                dock=self.dock.path,
                shelf=self.shelf.path,
                **self._about,
            )
        )
        await self._hire()
        await self.agent.start()
        self._till = Till("T1", self.agent.web)

    async def _hire(self) -> None:
        """Make the staff known to the store, as its manager would."""
        if not self._staff:
            return
        people = self.folder / "people.csv"
        people.write_text("\n".join([PEOPLE_COLUMNS, *(badge.row for badge in self._staff), ""]), encoding="utf-8")
        command = (sys.executable, "-m", "agent", "people", "import", str(self.agent.settings), str(people))
        done = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        printed, _ = await done.communicate()
        if done.returncode != 0:
            raise ProgramFailed(f"{self.store} cannot hire: {printed.decode()}")

    async def stop(self) -> None:
        """Stop the agent in order, then put the devices away. Safe to call at any stage of `start`."""
        try:
            await self.agent.stop()
        finally:
            if self._till is not None:
                await self._till.close()
            await self.reader.stop()
            self.dock.unplug()
            self.shelf.unplug()

    def pick_up(self, product: Product, place: str) -> Unit | None:
        """A tagged unit that has lain there for a while, into somebody's hands and out of the reader's field."""
        rested = self.shop.rested(place, self.clock.now() - _SETTLED_S)
        unit = next((unit for unit in rested if unit.product is product), None)
        if unit is not None:
            self.shop.take(unit)
            self.reader.take(unit.epc)
        return unit

    def put_down(self, unit: Unit, origin: str, target: str) -> None:
        """It lies in `target` now, where an antenna hears it."""
        self.shop.put(unit, origin, target, self.clock.now())
        self.reader.place(unit.epc, ANTENNA_OF_PLACE[target])

    @property
    def events(self) -> int:
        """How many things have happened; a doubt is none."""
        return self.happened.total() - self.happened[IN_DOUBT]

    async def kill_agent(self) -> None:
        """Kill -9. The world stands still, and whoever waits for a scanner's beep looks up."""
        await self._without_agent(self.agent.kill())

    async def stop_agent(self) -> None:
        """The same, politely. Raises `ProgramFailed` when it does not end well."""
        await self._without_agent(self.agent.stop())

    async def _without_agent(self, end: Awaitable[None]) -> None:
        self.clock.hold()
        await end
        self.dock.give_up()
        self.shelf.give_up()

    async def restart_agent(self) -> float:
        """Start it again, and the world with it; the seconds until it was ready."""
        took_s = await self.agent.start()
        self.clock.go_on()
        return took_s

    def note(self, kind: str, at: int, source: str = "", sku: str = "", qty: int = 0) -> None:
        """Something happened, at `at` ms since 1970."""
        self.happened[kind] += 1
        self.journal.append(Happened(kind, at, source, sku, qty))


def now_ms() -> int:
    """The wall clock, in ms since 1970."""
    return time.time_ns() // 1_000_000
