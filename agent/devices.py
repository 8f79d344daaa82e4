"""Finds drivers by entry point and keeps each configured device running, whatever it does.

A device that is lost is tried again for ever, ever more slowly up to a bound; one that refused is tried slowly, because
a person must look. Loss and return are logged once each. A broken driver costs its device, never the shop.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Literal, cast

import structlog

from agent.clock import Clock
from agent.config import DeviceConfig
from agent.intake import Intake, Stand
from agent.store.errors import BooksLostError
from drivers.errors import BadSettings, DeviceError, DeviceRefused
from drivers.port import Device, OpenDevice
from drivers.readings import BarcodeScan, ScanAnswer, TagRead

log = structlog.get_logger()

GROUP = "nearshelf.drivers"

_RETRY_FIRST_S = 0.5
_RETRY_MOST_S = 30.0
#: A device that refused needs a person; asking often only fills its log.
_RETRY_REFUSED_S = 30.0
#: A connection that lasted this long ends the back-off.
_STEADY_S = 30.0
#: What a device may say of itself, in characters.
_LONGEST_TEXT = 200

DeviceState = Literal["starting", "up", "down", "refused"]


@dataclass(slots=True)
class Health:
    """How one device does, for people. Times are unix milliseconds, `None` for never."""

    name: str
    kind: str
    since: int
    state: DeviceState = "starting"
    about: str = ""
    readings: int = 0
    rate_per_s: float = 0.0
    last_reading_at: int | None = None
    sign_of_life_at: int | None = None
    connects: int = 0
    dropped: int = 0
    scans_refused: int = 0
    refusal: str = ""
    why: str = ""
    hint: str = ""


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
            kinds = ", ".join(known_kinds())
            mistakes.append(f"device[{nth}].kind: {config.kind!r} is not installed; there are {kinds}")
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


class Keeper:
    """Keeps one device running and knows how it does."""

    def __init__(
        self,
        device: Device,
        config: DeviceConfig,
        intake: Intake,
        clock: Clock,
        between: Callable[[float, float], float],
    ) -> None:
        self.health = Health(config.name, config.kind, clock.now_ms())
        self._device = device
        self._stand = Stand(config.name, config.places, config.purpose, config.repeat_ms / 1000)
        self._intake = intake
        self._clock = clock
        self._between = between  # a random number between two, for the jitter
        self._up_s: float | None = None
        self._rate_from = (clock.monotonic_s(), 0)

    async def run(self) -> None:
        """Run the device, and run it again, for ever."""
        delay_s = _RETRY_FIRST_S
        while True:
            self._up_s = None
            why = await self._live()
            if self._lasted_s() >= _STEADY_S:
                delay_s = _RETRY_FIRST_S
            wait_s = _RETRY_REFUSED_S if isinstance(why, DeviceRefused) else self._between(delay_s / 2, delay_s)
            self._went_down(why, wait_s)
            delay_s = min(delay_s * 2, _RETRY_MOST_S)
            await self._clock.sleep(wait_s)

    async def _live(self) -> Exception:
        """One life of the device; what ended it."""
        try:
            await self._device.run(self)
        except DeviceError as error:
            return error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return RuntimeError("it cancelled itself")
        except BooksLostError:
            raise  # the agent's own end, not the device's
        except Exception as error:
            log.exception("driver_broke", device=self.health.name, kind=self.health.kind)
            return error
        return RuntimeError("it returned")

    def _lasted_s(self) -> float:
        return 0.0 if self._up_s is None else self._clock.monotonic_s() - self._up_s

    def look(self) -> Health:
        """The health now, with the rate since the last look of a second or more."""
        now_s = self._clock.monotonic_s()
        from_s, readings = self._rate_from
        if now_s - from_s >= 1:
            self.health.rate_per_s = round((self.health.readings - readings) / (now_s - from_s), 1)
            self._rate_from = (now_s, self.health.readings)
        return self.health

    # What the driver calls (drivers.port.Sink).

    def online(self, about: str) -> None:
        health = self.health
        if health.state in ("down", "refused"):
            log.info(
                "device_back", device=health.name, about=_short(about), away_ms=self._clock.now_ms() - health.since
            )
        health.state, health.about, health.since = "up", _short(about), self._clock.now_ms()
        health.why = health.hint = ""
        health.connects += 1
        health.sign_of_life_at = health.since
        self._up_s = self._clock.monotonic_s()

    def heard(self) -> None:
        self.health.sign_of_life_at = self._clock.now_ms()

    def dropped(self, why: str) -> None:
        self.health.dropped += 1
        self.health.hint = f"part of what it sent was left out: {_short(why)}"

    async def tags(self, reads: Sequence[TagRead]) -> None:
        self._count(len(reads))
        self._intake.tags(self._stand, reads)

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        self._count(1)
        answer = await self._intake.scan(self._stand, scan)
        if not answer.accepted:
            self.health.scans_refused += 1
            self.health.refusal = _short(answer.message)
        return answer

    def _count(self, readings: int) -> None:
        self.health.readings += readings
        self.health.last_reading_at = self.health.sign_of_life_at = self._clock.now_ms()

    def _went_down(self, why: Exception, retry_in_s: float) -> None:
        health = self.health
        state: DeviceState = "refused" if isinstance(why, DeviceRefused) else "down"
        health.why = _short(why.why if isinstance(why, DeviceError) else f"the driver broke: {why}")
        health.hint = _short(
            why.hint if isinstance(why, DeviceError) else "See the log; this is a mistake of the driver."
        )
        if health.state != state:
            log.warning("device_lost", device=health.name, state=state, why=health.why, retry_in_s=round(retry_in_s, 1))
            health.state, health.since = state, self._clock.now_ms()


def _short(text: str) -> str:
    """Text of a device, fit for logs and pages."""
    printable = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:_LONGEST_TEXT])
    return printable[:_LONGEST_TEXT]
