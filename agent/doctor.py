"""What is wrong with each configured device, in the words of whoever must fix it. Books nothing.

While the agent runs, it is asked how its devices do, and none is touched: most take one client only. Otherwise each
driver is run as the agent would run it, with an ear instead of the books at its other end.
"""

import asyncio
import http.client
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from agent.clock import Clock
from agent.config import Config, DeviceConfig
from agent.device_health import CLOCK_OFF_S, Health, short
from agent.devices import open_devices, run_once
from agent.doctor_words import Words
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


async def examine(config: Config, listen_s: float, clock: Clock, words: Words) -> list[Diagnosis]:
    """Look at every device, all at once. Takes `listen_s` longer than the slowest needs to connect."""
    running = await asyncio.to_thread(running_agent, config)
    known = {health.name: health for health in running} if running is not None else {}
    async with asyncio.TaskGroup() as group:
        looks = [
            group.create_task(_look(nth, one, known.get(one.name), listen_s, clock, words), name=f"look:{one.name}")
            for nth, one in enumerate(config.devices)
        ]
    return [look.result() for look in looks]


async def _look(
    nth: int, config: DeviceConfig, health: Health | None, listen_s: float, clock: Clock, words: Words
) -> Diagnosis:
    opened, mistakes = open_devices([config])
    if mistakes:
        told = [mistake.replace("device[0]", f"device[{nth}]", 1) for mistake in mistakes]
        findings = [
            Finding("wrong", "settings", words.why("settings", mistake), words.say("correct")) for mistake in told
        ]
    elif health is not None:
        findings = list(of_health(config, health, clock.now_ms(), words))
    else:
        findings = await listened(opened[0], config, listen_s, clock, words)
    return Diagnosis(config.name, config.kind, findings)


# While the agent runs.


def running_agent(config: Config) -> list[Health] | None:
    """How the agent that runs on this configuration says its devices do; None when none answers."""
    if not config.web_port:
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(config.web_host, config.web_host)  # noqa: S104
    asked = _connection(host, config)
    try:
        asked.request("GET", "/v1/health")
        told = msgspec.json.decode(asked.getresponse().read())
        return msgspec.convert(told["devices"], list[Health]) if told["store"] == config.store else None
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, LookupError, TypeError):
        return None
    finally:
        asked.close()


def _connection(host: str, config: Config) -> http.client.HTTPConnection:
    if config.web_tls is None:
        return http.client.HTTPConnection(host, config.web_port, timeout=_ASK_WITHIN_S)
    # Under which name it is asked here says nothing: it must show the very certificate that it is to show.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(config.web_tls.folder / "cert.pem")
    return http.client.HTTPSConnection(host, config.web_port, timeout=_ASK_WITHIN_S, context=context)


def of_health(config: DeviceConfig, health: Health, now_ms: int, words: Words) -> Iterator[Finding]:
    """What the agent's word on a device means."""
    if health.state in ("down", "refused"):
        trouble = health.trouble or "broke"
        why = words.why(trouble, health.why)
        why = words.say("tried", why=why, tries=health.tries) if health.tries > 1 else why
        yield Finding("wrong", trouble, why, words.todo(trouble, health.hint))
        return
    if health.state == "starting":
        yield Finding("look", "starting", words.say("starting"), words.say("ask_again"))
        return
    yield Finding("well", "", words.say("agent_connected", about=health.about))
    last = health.last_reading_at
    if last is not None:
        ago = words.span((now_ms - last) / 1000)
        yield Finding("well", "", words.say("readings", readings=health.readings, ago=ago))
    if config.places and (quiet_ms := now_ms - (last or health.since)) > _QUIET_MS:
        yield _deaf(words.say("no_tag_for", span=words.span(quiet_ms / 1000)), words)
    if health.losses:
        yield Finding(
            "look" if health.losses > health.connects / 2 > 5 else "well",
            "broke",
            words.say("lost", losses=health.losses, why=health.lost_why),
        )
    if health.dropped:
        yield _left_out({health.dropped_why: health.dropped}, health.readings, words)
    yield from _clock(health.clock_off_s, words)


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


async def listened(device: Device, config: DeviceConfig, listen_s: float, clock: Clock, words: Words) -> list[Finding]:
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
    findings = list(_heard(ear, config, listen_s, words)) if ear.connected.is_set() else []
    if ended:
        findings.append(_ended(life, words))
    elif not ear.connected.is_set():
        why = words.say("hangs", seconds=_ONLINE_WITHIN_S)
        findings.append(Finding("wrong", "driver_hung", why, words.say("report_driver")))
    return findings


def _ended(life: asyncio.Task[None], words: Words) -> Finding:
    error = RuntimeError("it cancelled itself") if life.cancelled() else life.exception()
    if isinstance(error, DeviceError):
        trouble = trouble_of(error)
        return Finding("wrong", trouble, words.why(trouble, error.why), words.todo(trouble, error.hint))
    what = words.say("broke", error=repr(error)) if error else words.say("returned")
    return Finding("wrong", "driver_broke", short(what), words.say("report_driver"))


def _heard(ear: Ear, config: DeviceConfig, listen_s: float, words: Words) -> Iterator[Finding]:
    yield Finding("well", "", words.say("connected", about=ear.about))
    reads = sum(ear.by_antenna.values())
    if reads:
        yield Finding("well", "", words.say("tags", tags=len(ear.epcs), reads=reads, seconds=listen_s))
        yield from _antennas(ear, config, words)
    elif config.places:
        yield _deaf(words.say("no_tag_within", seconds=listen_s), words)
    for scan in ear.scans:
        text = f"{short(scan.text)}{f' ({scan.aim})' if scan.aim else ''}"
        yield Finding("well", "", words.say("scanned", text=text))
    if ear.scans and config.purpose is None:
        yield Finding("wrong", "no_purpose", words.say("no_purpose"), words.say("add_purpose"))
    if ear.left_out:
        yield _left_out(ear.left_out, reads + len(ear.scans), words)
    elif not reads and not ear.scans and not config.places:
        yield _unscanned(ear, listen_s, words)
    yield from _clock(ear.clock_off_s, words)


def _antennas(ear: Ear, config: DeviceConfig, words: Words) -> Iterator[Finding]:
    only = len(config.places) == 1
    for antenna, reads in sorted(ear.by_antenna.items(), key=str):
        if antenna not in config.places and not (antenna is None and only):
            what = words.say("no_zone_unnamed" if antenna is None else "no_zone", antenna=antenna, reads=reads)
            yield Finding("wrong", "no_zone", what, words.say("add_zone", antenna=antenna or 1))
    for antenna, place in sorted(config.places.items()):
        if antenna not in ear.by_antenna and not (None in ear.by_antenna and only):
            yield _deaf(words.say("no_tag_at", antenna=antenna, place=place), words)


def _deaf(what: str, words: Words) -> Finding:
    return Finding("look", "silent", what, words.say("hold_a_tag"))


def _unscanned(ear: Ear, listen_s: float, words: Words) -> Finding:
    if ear.signs:
        return Finding("wrong", "nonsense", words.say("no_whole_scan"), words.say("compare_line"))
    return Finding("look", "silent", words.say("not_scanned", seconds=listen_s), words.say("pull_trigger"))


def _left_out(left_out: Mapping[str, int], understood: int, words: Words) -> Finding:
    told = "; ".join(words.say("times", why=why, times=times) for why, times in left_out.items())
    if understood:
        return Finding("look", "nonsense", words.of_page("device_dropped_why", why=told))
    return Finding("wrong", "nonsense", words.say("nothing_understood", told=told), words.say("compare_kind"))


def _clock(off_s: float | None, words: Words) -> Iterator[Finding]:
    if off_s is not None and abs(off_s) > CLOCK_OFF_S:
        off = "device_clock_ahead" if off_s > 0 else "device_clock_behind"
        what = words.of_page(off, age=words.span(abs(off_s)))
        yield Finding("look", "clock_off", what, words.of_page("device_clock_todo"))


def as_json(diagnoses: Sequence[Diagnosis]) -> list[dict[str, Any]]:
    """What `--json` prints."""
    return [{"level": one.level, **msgspec.to_builtins(one)} for one in diagnoses]
