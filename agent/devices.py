"""Finds drivers by entry point and keeps each configured device running, whatever it does.

A device that is lost is tried again for ever, ever more slowly up to a bound; one that refused is tried slowly, because
a person must look. Loss and return are logged once each. A broken driver costs its device, never the shop.
"""

import asyncio
import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import cast

import structlog

from agent.clock import Clock
from agent.config import DeviceConfig
from agent.device_health import DeviceState, Health, Meter, short
from agent.intake import Intake, Stand
from agent.store.errors import BooksLostError
from drivers.errors import BadSettings, DeviceError, DeviceLost, DeviceRefused
from drivers.port import Device, OpenDevice, Sink
from drivers.readings import BarcodeScan, ScanAnswer, TagRead

log = structlog.get_logger()

GROUP = "nearshelf.drivers"

_RETRY_FIRST_S = 0.5
_RETRY_MOST_S = 30.0
#: A device that refused needs a person; asking often only fills its log.
_RETRY_REFUSED_S = 30.0
#: A connection that lasted this long ends the back-off.
_STEADY_S = 30.0
#: A device that flaps is told of again after this long.
_SAY_AGAIN_S = 600.0
#: After so many reads a driver rests, so that one that never waits leaves the others, and the thread that writes the
#: books, their turn: some 5 ms of work, and a rest of 1 ms. A call weighs as much as this many reads.
_MOST_AT_ONCE = 10_000
_A_CALL = 20
_REST_S = 0.001


def known_kinds() -> list[str]:
    """The drivers installed here."""
    return sorted(entry.name for entry in entry_points(group=GROUP))


def open_devices(configs: Sequence[DeviceConfig]) -> tuple[list[Device], list[str]]:
    """A device for each configuration, and every mistake in their settings. Connects nothing."""
    opened: list[Device] = []
    mistakes: list[str] = []
    for nth, config in enumerate(configs):
        found = entry_points(group=GROUP, name=config.kind)
        if not found:
            near = difflib.get_close_matches(config.kind, known_kinds(), n=1)
            meant = f"did you mean {near[0]}? There" if near else "there"
            kinds = ", ".join(known_kinds())
            mistakes.append(f"device[{nth}].kind: {config.kind!r} is not installed; {meant} are {kinds}")
            continue
        try:
            # The agent knows drivers by the shape of their door only.
            open_device = cast(OpenDevice, next(iter(found)).load())
            opened.append(open_device(config.name, config.settings))
        except BadSettings as error:
            mistakes += [f"device[{nth}].settings.{mistake}" for mistake in error.mistakes]
        except Exception as error:  # anybody's driver may be installed
            mistakes.append(f"device[{nth}].kind: {config.kind!r} is installed but cannot be loaded: {error}")
    return opened, mistakes


@dataclass(frozen=True, slots=True)
class Limits:
    """What a driver may take, in seconds: one that does not connect and does not fail hangs. Their own are shorter."""

    first_sign_s: float = 120.0
    leave_s: float = 5.0


class Keeper:
    """Keeps one device running and knows how it does."""

    def __init__(
        self,
        device: Device,
        config: DeviceConfig,
        intake: Intake,
        clock: Clock,
        between: Callable[[float, float], float],
        limits: Limits = Limits(),
    ) -> None:
        self.health = Health(config.name, config.kind, clock.now_ms())
        self._device = device
        self._stand = Stand(config.name, config.places, config.purpose, config.repeat_ms / 1000)
        self._intake = intake
        self._clock = clock
        self._between = between  # a random number between two, for the jitter
        self._limits = limits
        self._up_s: float | None = None
        self._meter = Meter(clock.monotonic_s())
        self._at_once = 0
        self._said = _Said()

    async def run(self) -> None:
        """Run the device, and run it again, for ever. Cancelled, it ends within 5 s, whatever the driver does."""
        delay_s = _RETRY_FIRST_S
        while True:
            self._up_s = None
            why = await self._live()
            steady = self._lasted_s() >= _STEADY_S
            if steady:
                delay_s = _RETRY_FIRST_S
            wait_s = _RETRY_REFUSED_S if isinstance(why, DeviceRefused) else self._between(delay_s / 2, delay_s)
            self._went_down(why, wait_s, steady=steady)
            delay_s = min(delay_s * 2, _RETRY_MOST_S)
            await self._clock.sleep(wait_s)

    async def _live(self) -> Exception:
        """One life of the device; what ended it."""
        name = self.health.name
        life = asyncio.create_task(run_once(self._device, self), name=f"device:{name}:life")
        signs = self.health.sign_of_life_at
        try:
            await asyncio.wait([life], timeout=self._limits.first_sign_s)
            hangs = not life.done() and self._up_s is None and self.health.sign_of_life_at == signs
            if not hangs:
                await asyncio.wait([life])
                return self._ended(life)
            life.cancel()
            await asyncio.wait([life], timeout=self._limits.leave_s)
            if not life.done():
                # A second life beside it would be two of us at one device.
                self._went_down(_hung(self._limits.first_sign_s, "does not even end"), 0.0, steady=False)
                await asyncio.wait([life])
            return _hung(self._limits.first_sign_s, "was ended")
        except asyncio.CancelledError:
            life.cancel()
            await asyncio.wait([life], timeout=self._limits.leave_s)
            if not life.done():
                log.warning("driver_hung", device=name, kind=self.health.kind)
            raise

    def _ended(self, life: asyncio.Task[None]) -> Exception:
        """Why a life is over. Raises what is the agent's own end and not the device's."""
        if life.cancelled():
            return RuntimeError("it cancelled itself")
        error = life.exception()
        found = list(_leaves(error)) if error is not None else []
        for one in found:
            if isinstance(one, BooksLostError):
                raise one
        for kind in (DeviceRefused, DeviceError):
            for one in found:
                if isinstance(one, kind):
                    return one
        if error is None:
            return RuntimeError("it returned")
        broke = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
        self._said.broke(self.health, broke)
        return broke

    def _lasted_s(self) -> float:
        return 0.0 if self._up_s is None else self._clock.monotonic_s() - self._up_s

    def look(self) -> Health:
        """The health now."""
        self.health.rate_per_s = self._meter.per_s(self._clock.monotonic_s())
        return self.health

    # What the driver calls (drivers.port.Sink).

    def online(self, about: str) -> None:
        self._said.back(self.health, about, self._clock.now_ms())
        self.health.came_up(about, self._clock.now_ms())
        self._up_s = self._clock.monotonic_s()

    def heard(self) -> None:
        self.health.sign_of_life_at = self._clock.now_ms()

    def dropped(self, why: str) -> None:
        self.health.dropped += 1
        self.health.dropped_why = short(why)

    async def tags(self, reads: Sequence[TagRead]) -> None:
        self._count(len(reads))
        self._intake.tags(self._stand, reads)
        if reads and (seen_at_us := reads[-1].seen_at_us) is not None:
            self.health.seen_at(seen_at_us, self.health.last_reading_at or 0)
        self._at_once += len(reads) + _A_CALL
        if self._at_once >= _MOST_AT_ONCE:
            self._at_once = 0
            await asyncio.sleep(_REST_S)

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        self._count(1)
        answer = await self._intake.scan(self._stand, scan)
        if not answer.accepted:
            self.health.scans_refused += 1
            self.health.refusal = short(answer.message)
        return answer

    def _count(self, readings: int) -> None:
        self.health.readings += readings
        self.health.last_reading_at = self.health.sign_of_life_at = self._clock.now_ms()
        self._meter.add(readings, self._clock.monotonic_s())

    def _went_down(self, why: Exception, retry_in_s: float, *, steady: bool) -> None:
        state: DeviceState = "refused" if isinstance(why, DeviceRefused) else "down"
        was, now = self.health.state, self._clock.now_ms()
        self.health.went_down(why, state, now, now + round(retry_in_s * 1000))
        if was != state:
            self._said.lost(self.health, retry_in_s, self._clock.monotonic_s(), steady=steady)


class _Said:
    """What the log was told of one device: a loss and a return once each, and of one that flaps, that it does."""

    def __init__(self) -> None:
        self._lost_s = float("-inf")
        self._is_lost = False
        self._unsaid = 0
        self._mistake = ""

    def lost(self, health: Health, retry_in_s: float, now_s: float, *, steady: bool) -> None:
        if not steady and now_s - self._lost_s < _SAY_AGAIN_S and not self._is_lost and health.connects:
            self._unsaid += 1
            return
        log.warning(
            "device_lost",
            device=health.name,
            state=health.state,
            trouble=health.trouble,
            why=health.why,
            retry_in_s=round(retry_in_s, 1),
            **({"unsaid": self._unsaid} if self._unsaid else {}),
        )
        self._lost_s, self._is_lost, self._unsaid = now_s, True, 0

    def back(self, health: Health, about: str, now: int) -> None:
        if self._is_lost:
            log.info("device_back", device=health.name, about=short(about), away_ms=now - health.since)
        self._is_lost, self._mistake = False, ""

    def broke(self, health: Health, error: Exception) -> None:
        """A driver that makes the same mistake at each try fills no log with it."""
        if repr(error) != self._mistake:
            log.error("driver_broke", device=health.name, kind=health.kind, exc_info=error)
            self._mistake = repr(error)


async def run_once(device: Device, sink: Sink) -> None:
    """One life of a device. Raises whatever the driver does, save what would end the whole program."""
    try:
        await device.run(sink)
    except SystemExit as error:  # asyncio would let it end the whole agent
        raise RuntimeError(f"it asked the agent to end: {error}") from error


def _hung(within_s: float, how: str) -> DeviceLost:
    return DeviceLost(
        f"the driver gave no sign of life for {within_s:g} s and {how}",
        "This is a mistake of the driver. Restarting the agent may help; report it.",
        "driver_hung",
    )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
