"""What is wrong with each configured device, in the words of whoever must fix it. Books nothing.

While the agent runs, it is asked how its devices do, and none is touched: most take one client only. Otherwise each
driver is run as the agent would run it, with an ear instead of the books at its other end.
"""

import asyncio
import http.client
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from agent.clock import Clock
from agent.config import Config, DeviceConfig
from agent.device_health import CLOCK_OFF_S, Health, short
from agent.devices import open_devices, run_once
from drivers.errors import DeviceError, trouble_of
from drivers.port import Device
from drivers.readings import BarcodeScan, ScanAnswer, TagRead

Level = Literal["well", "look", "wrong"]
LEVELS: Final[tuple[Level, ...]] = ("well", "look", "wrong")

#: Longer than any driver takes to connect and to set its device up.
_ONLINE_WITHIN_S: Final = 40.0
_LEAVE_S: Final = 5.0
#: After each report, so that a driver that never waits does not outrun the time it is listened to.
_REST_S: Final = 0.001
_ASK_WITHIN_S: Final = 2.0
#: A reader of a running agent that has heard nothing for this long is worth a look.
_QUIET_MS: Final = 600_000
_MOST_SHOWN: Final = 5
_MOST_TAGS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `trouble` is a word for it: of `drivers.errors.TROUBLES`, or one of this module's own."""

    level: Level
    trouble: str
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found at one device."""

    name: str
    kind: str
    findings: Sequence[Finding]

    @property
    def level(self) -> Level:
        return max((one.level for one in self.findings), key=LEVELS.index, default="well")


async def examine(config: Config, listen_s: float, clock: Clock) -> list[Diagnosis]:
    """Look at every device, all at once. Takes `listen_s` longer than the slowest needs to connect."""
    running = await asyncio.to_thread(running_agent, config)
    known = {health.name: health for health in running} if running is not None else {}
    async with asyncio.TaskGroup() as group:
        looks = [
            group.create_task(_look(nth, one, known.get(one.name), listen_s, clock), name=f"look:{one.name}")
            for nth, one in enumerate(config.devices)
        ]
    return [look.result() for look in looks]


async def _look(nth: int, config: DeviceConfig, health: Health | None, listen_s: float, clock: Clock) -> Diagnosis:
    opened, mistakes = open_devices([config])
    if mistakes:
        told = [mistake.replace("device[0]", f"device[{nth}]", 1) for mistake in mistakes]
        findings = [Finding("wrong", "settings", mistake, "Correct the configuration.") for mistake in told]
    elif health is not None:
        findings = list(of_health(config, health, clock.now_ms()))
    else:
        findings = await listened(opened[0], config, listen_s, clock)
    return Diagnosis(config.name, config.kind, findings)


# While the agent runs.


def running_agent(config: Config) -> list[Health] | None:
    """How the agent that runs on this configuration says its devices do; None when none answers."""
    if not config.web_port:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(config.web_host, config.web_host)  # noqa: S104
    asked = http.client.HTTPConnection(host, config.web_port, timeout=_ASK_WITHIN_S)
    try:
        asked.request("GET", "/v1/health")
        told = msgspec.json.decode(asked.getresponse().read())
        return msgspec.convert(told["devices"], list[Health]) if told["store"] == config.store else None
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, LookupError, TypeError):
        return None
    finally:
        asked.close()


def of_health(config: DeviceConfig, health: Health, now_ms: int) -> Iterator[Finding]:
    """What the agent's word on a device means."""
    if health.state in ("down", "refused"):
        tried = f" (the agent has tried {health.tries} times)" if health.tries > 1 else ""
        yield Finding("wrong", health.trouble or "broke", health.why + tried, health.hint)
        return
    if health.state == "starting":
        yield Finding("look", "starting", "the agent is connecting to it", "Ask again in a moment.")
        return
    yield Finding("well", "", f"the agent is connected: {health.about}")
    last = health.last_reading_at
    if last is not None:
        yield Finding("well", "", f"{health.readings} readings, the last {(now_ms - last) // 1000} s ago")
    if config.places and now_ms - (last or health.since) > _QUIET_MS:
        yield _deaf(f"no tag for {(now_ms - (last or health.since)) // 60_000} min")
    if health.losses:
        yield Finding(
            "look" if health.losses > health.connects / 2 > 5 else "well",
            "broke",
            f"lost {health.losses} times, last: {health.lost_why}",
        )
    if health.dropped:
        yield _left_out({health.dropped_why: health.dropped}, understood=health.readings)
    yield from _clock(health.clock_off_s)


# While it does not.


@dataclass(slots=True)
class Ear:
    """Listens to one device (`drivers.port.Sink`). A scan is refused, so that nobody believes it was booked."""

    clock: Clock
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    about: str = ""
    signs: int = 0
    by_antenna: Counter[int | None] = field(default_factory=Counter)
    epcs: set[bytes] = field(default_factory=set)
    scans: list[BarcodeScan] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    clock_off_s: float | None = None

    def online(self, about: str) -> None:
        self.about = short(about)
        self.connected.set()

    def heard(self) -> None:
        self.signs += 1

    def dropped(self, why: str) -> None:
        why = short(why)
        self.left_out[why if why in self.left_out or len(self.left_out) < _MOST_SHOWN else "and more"] += 1

    async def tags(self, reads: Sequence[TagRead]) -> None:
        self.by_antenna.update(read.antenna for read in reads)
        if len(self.epcs) < _MOST_TAGS:
            self.epcs.update(read.epc for read in reads)
        if reads and (seen_at_us := reads[-1].seen_at_us) is not None:
            self.clock_off_s = seen_at_us / 1e6 - self.clock.now_ms() / 1e3
        await asyncio.sleep(_REST_S)

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        if "\\x" in scan.text:  # how drivers show bytes that are no text
            self.dropped("a line of bytes that are no text")
        else:
            self.scans = [*self.scans, scan][-_MOST_SHOWN:]
        await asyncio.sleep(_REST_S)
        return ScanAnswer(accepted=False, message="the doctor listens; nothing is booked")


async def listened(device: Device, config: DeviceConfig, listen_s: float, clock: Clock) -> list[Finding]:
    """Run the device for a while, and say what was heard, or why nothing could be."""
    ear = Ear(clock)
    life = asyncio.create_task(run_once(device, ear), name=f"device:{config.name}")
    coming = asyncio.create_task(ear.connected.wait(), name=f"device:{config.name}:online")
    try:
        await asyncio.wait([life, coming], timeout=_ONLINE_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if ear.connected.is_set():
            await asyncio.wait([life], timeout=listen_s)
        ended = life.done()
    finally:
        coming.cancel()
        life.cancel()
        await asyncio.wait([life], timeout=_LEAVE_S)
    findings = list(_heard(ear, config, listen_s)) if ear.connected.is_set() else []
    if ended:
        findings.append(_ended(life))
    elif not ear.connected.is_set():
        why = f"the driver neither connected nor failed within {_ONLINE_WITHIN_S:g} s"
        findings.append(Finding("wrong", "driver_hung", why, "This is a mistake of the driver: report it."))
    return findings


def _ended(life: asyncio.Task[None]) -> Finding:
    error = RuntimeError("it cancelled itself") if life.cancelled() else life.exception()
    if isinstance(error, DeviceError):
        return Finding("wrong", trouble_of(error), error.why, error.hint)
    what = f"the driver broke: {error!r}" if error else "the driver returned"
    return Finding("wrong", "driver_broke", short(what), "This is a mistake of the driver: report it.")


def _heard(ear: Ear, config: DeviceConfig, listen_s: float) -> Iterator[Finding]:
    yield Finding("well", "", f"connected: {ear.about}")
    reads = sum(ear.by_antenna.values())
    if reads:
        yield Finding("well", "", f"{len(ear.epcs)} tags, read {reads} times in {listen_s:g} s")
        yield from _antennas(ear, config)
    elif config.places:
        yield _deaf(f"no tag within {listen_s:g} s")
    for scan in ear.scans:
        yield Finding("well", "", f"scanned {short(scan.text)}{f' ({scan.aim})' if scan.aim else ''}; not booked")
    if ear.scans and config.purpose is None:
        yield Finding(
            "wrong", "no_purpose", "a scan here does nothing", 'Give the device a `purpose`: "receive" or "shelve".'
        )
    if ear.left_out:
        yield _left_out(ear.left_out, understood=reads + len(ear.scans))
    elif not reads and not ear.scans and not config.places:
        yield _unscanned(ear, listen_s)
    yield from _clock(ear.clock_off_s)


def _antennas(ear: Ear, config: DeviceConfig) -> Iterator[Finding]:
    only = len(config.places) == 1
    for antenna, reads in sorted(ear.by_antenna.items(), key=str):
        if antenna not in config.places and not (antenna is None and only):
            named = "an unnamed antenna" if antenna is None else f"antenna {antenna}"
            what = f"{named} read tags {reads} times, and covers no place: they count nowhere"
            yield Finding(
                "wrong", "no_zone", what, f"Add a [[device.zone]] with antenna = {antenna or 1} and its place."
            )
    for antenna, place in sorted(config.places.items()):
        if antenna not in ear.by_antenna and not (None in ear.by_antenna and only):
            yield _deaf(f"antenna {antenna} ({place}) heard no tag")


def _deaf(what: str) -> Finding:
    do = "Hold a tag before the antenna. If nothing comes: its cable, and `antennas` and power in the settings."
    return Finding("look", "silent", what, do)


def _unscanned(ear: Ear, listen_s: float) -> Finding:
    if ear.signs:
        what = "something came, and no whole scan"
        return Finding(
            "wrong", "nonsense", what, "Compare baud rate, parity and `terminator` with the scanner's own settings."
        )
    do = "Pull its trigger while the doctor listens (--seconds 20). If nothing comes: its cable, its baud rate."
    return Finding("look", "silent", f"nothing was scanned within {listen_s:g} s", do)


def _left_out(left_out: Mapping[str, int], understood: int) -> Finding:
    told = "; ".join(f"{why} ({times} times)" for why, times in left_out.items())
    if understood:
        return Finding("look", "nonsense", f"part of what it sent was left out: {told}")
    do = "Compare `kind`, and for serial lines baud rate, parity and `terminator`, with what the device is set to."
    return Finding("wrong", "nonsense", f"nothing of what it sent was understood: {told}", do)


def _clock(off_s: float | None) -> Iterator[Finding]:
    if off_s is not None and abs(off_s) > CLOCK_OFF_S:
        what = f"its clock is {_span(abs(off_s))} {'ahead' if off_s > 0 else 'behind'}"
        yield Finding("look", "clock_off", what, "Let the device take the time from a time server (NTP).")


def _span(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def as_json(diagnoses: Sequence[Diagnosis]) -> list[dict[str, Any]]:
    """What `--json` prints."""
    return [{"level": one.level, **msgspec.to_builtins(one)} for one in diagnoses]
