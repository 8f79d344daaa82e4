"""A fixed RFID reader that isn't there: LLRP 1.0.1 over real TCP, for one client at a time.

It does what a reader's client can see: says first whether the connection was accepted, keeps ROSpecs as they are added,
enabled and started, reads the tags in each antenna's field round by round, and reports them as the client's
ROReportSpec asks. Faults are attributes: `mute`, `refusals`, `drop()`.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from struct import pack
from typing import Final

from drivers.errors import DeviceSpokeNonsense
from drivers.llrp.codec import BadMessage, Message, Splitter, message, tlv
from drivers.llrp.schema import MESSAGE
from drivers.llrp.values import Values, payload, values
from simulators.llrp_capabilities import capabilities

ACCEPTED, CLIENT_EXISTS, ATTEMPTED_AGAIN = 0, 2, 4
DISABLED, INACTIVE, ACTIVE = 0, 1, 2
SUCCESS, PARAMETER_ERROR, FIELD_ERROR, MISSING_PARAMETER, UNSUPPORTED_MESSAGE, INVALID = 0, 100, 101, 103, 109, 300
READ_BYTES: Final = 64 * 1024
ROSPECS_MAX: Final = 32

#: What a reader reports when the client's ROSpec does not say: each tag at once, with everything.
REPORT_BY_DEFAULT: Final[Values] = {
    "Trigger": 2,
    "N": 1,
    "TagReportContentSelector": {
        "EnableROSpecID": True, "EnableAntennaID": True, "EnablePeakRSSI": True, "EnableFirstSeenTimestamp": True,
        "EnableLastSeenTimestamp": True, "EnableTagSeenCount": True, "EnableChannelIndex": True,
    },
}  # fmt: skip


@dataclass(slots=True)
class Heard:
    """One tag at one antenna since the last report."""

    first_us: int
    last_us: int
    rssi_dbm: int
    count: int = 1


@dataclass(slots=True)
class Inventory:
    """A ROSpec the client has added, its state, and what it has heard and not yet reported."""

    spec: Values
    state: int = DISABLED
    heard: dict[tuple[bytes, int], Heard] = field(default_factory=dict)
    flushed_at: float = 0.0

    def antennas(self) -> set[int]:
        return {antenna for spec in self.spec["AISpecs"] or () for antenna in spec["AntennaIDs"] or ()}

    def report_after(self, report: Values) -> tuple[int, float]:
        """After how many tags, and after how many seconds, the client wants a report; 0: never.

        Triggers 1 and 2 are N tags or the end of an AISpec or ROSpec, 3–6 (LLRP 1.1) N seconds or milliseconds.
        An AISpec that ends after so many tags or so long is begun again at once, whatever the start trigger.
        """
        trigger, n = report["Trigger"], report["N"]
        if trigger in (3, 4, 5, 6):
            return 0, n if trigger in (3, 4) else n / 1000
        if trigger == 0:
            return 0, 0.0
        ends = [spec["StopTrigger"] for spec in self.spec["AISpecs"] or ()] if trigger == 1 else []
        counted = [end["TagObservationTrigger"] for end in ends if end["TagObservationTrigger"]]
        tags = [n, *(end["NumberOfTags"] for end in counted)]
        lasting_ms = [end["DurationTriggerValue"] for end in ends] + [end["Timeout"] for end in counted]
        return min(filter(None, tags), default=0), min(filter(None, lasting_ms), default=0) / 1000


class SimulatedReader:
    """One reader. `rounds_per_s` inventory rounds, each reading a tag with probability `read_rate`.

    With `rounds_per_s=0` nothing is read but by `round()`. With `omits_repeats`, a parameter that equals the one before
    is left out, as LLRP 1.1 §14.2.3 allows.
    """

    def __init__(
        self,
        *,
        antennas: int = 4,
        rounds_per_s: float = 10.0,
        read_rate: float = 0.9,
        seed: int = 0,
        omits_repeats: bool = False,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.antennas = antennas
        self.rounds_per_s = rounds_per_s
        self.read_rate = read_rate
        self.omits_repeats = omits_repeats
        self.mute = False
        self.refusals: dict[str, tuple[int, str]] = {}
        self.field: dict[bytes, int] = {}
        self.counts: Counter[str] = Counter()
        self.inventories: dict[int, Inventory] = {}
        self.keepalive_s = 0.0
        self.report_by_default = REPORT_BY_DEFAULT
        self.started = asyncio.Event()
        self.address = ""
        self.now_us = now_us
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._client: _Client | None = None
        self._reading: asyncio.Task[None] | None = None
        self.serving: set[asyncio.Task[None]] = set()
        self._last: dict[str, object] = {}

    # The shop's side: tags come, go and move.

    def place(self, epc: bytes, antenna: int) -> None:
        """The tag is now in this antenna's field, and in no other's."""
        assert 1 <= antenna <= self.antennas, antenna
        self.field[epc] = antenna

    def move(self, epc: bytes, antenna: int) -> None:
        """As `place`, for a tag that is somewhere already."""
        assert epc in self.field, epc.hex()
        self.place(epc, antenna)

    def take(self, epc: bytes) -> None:
        """The tag is gone from every field."""
        self.field.pop(epc, None)

    # The reader's life.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; returns the address as `tcp://host:port`."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=READ_BYTES)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"tcp://{host}:{port}"
        self._reading = asyncio.create_task(self._read_on(), name="simulated reader: inventory")
        return self.address

    async def stop(self) -> None:
        """Say goodbye to the client, close everything, and forget the ROSpecs, as a reader switched off does."""
        if self._server is not None:
            self._server.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._client is not None:
            self._client.event({"ConnectionCloseEvent": {}})
            self._client.close()
        if self.serving:
            await asyncio.wait(self.serving)
        if self._server is not None:
            await self._server.wait_closed()
        self.inventories.clear()
        self.started.clear()

    @property
    def idle(self) -> bool:
        """Nobody is connected."""
        return not self.serving

    async def drop(self) -> None:
        """Cut the connection without a word, and return when it is gone."""
        client = self._client
        if client is not None:
            client.abort()
            await client.gone.wait()

    async def replay(self, payloads: Iterable[bytes], name: str = "ROAccessReport") -> None:
        """Send recorded payloads as messages to the client, once it has started a ROSpec."""
        await self.started.wait()
        assert self._client is not None, "the client left"
        for one in payloads:
            self._client.send(name, one)
            self.counts["replayed"] += 1
            await self._client.drained()

    async def send_raw(self, data: bytes) -> None:
        """Send the client these very bytes, whatever they are."""
        assert self._client is not None, "no client"
        self._client.write(data)
        await self._client.drained()

    async def round(self) -> None:
        """One inventory round over every antenna, and the reports that are due after it."""
        now = self.now_us()
        for inventory in list(self.inventories.values()):
            if inventory.state == ACTIVE:
                self._hear(inventory, now)
                await self._report_if_due(inventory)

    # Inside.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        client = _Client(self, reader, writer)
        if self._client is not None:
            self.counts["turned_away"] += 1
            client.event({"ConnectionAttemptEvent": CLIENT_EXISTS})
            self._client.event({"ConnectionAttemptEvent": ATTEMPTED_AGAIN})
            await client.left()
            return
        self._client = client
        self._last.clear()
        self.counts["connects"] += 1
        try:
            client.event({"ConnectionAttemptEvent": ACCEPTED})
            await client.converse()
        finally:
            self._client = None
            await client.left()

    async def _read_on(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            pace = self.rounds_per_s
            due = max(due + 1 / pace, loop.time() - 1.0) if pace else loop.time() + 0.05
            await asyncio.sleep(due - loop.time())
            if pace and self._client is not None and not self.mute:
                await self.round()

    def _hear(self, inventory: Inventory, now_us: int) -> None:
        heard, antennas, chance = inventory.heard, inventory.antennas(), self._chance
        for epc, antenna in self.field.items():
            if chance.random() >= self.read_rate or not (0 in antennas or antenna in antennas):
                continue
            self.counts["reads"] += 1
            rssi = -45 - int(chance.random() * 20)
            seen = heard.get((epc, antenna))
            if seen is None:
                heard[epc, antenna] = Heard(now_us, now_us, rssi)
            else:
                seen.last_us, seen.rssi_dbm = now_us, max(seen.rssi_dbm, rssi)
                seen.count = min(seen.count + 1, 0xFFFF)

    async def _report_if_due(self, inventory: Inventory) -> None:
        tags, every_s = inventory.report_after(inventory.spec["ROReportSpec"] or self.report_by_default)
        while tags and len(inventory.heard) >= tags:
            await self._report(inventory, tags)
        now = asyncio.get_running_loop().time()
        if every_s and now - inventory.flushed_at >= every_s:
            inventory.flushed_at = now
            if inventory.heard:
                await self._report(inventory, len(inventory.heard))

    async def _report(self, inventory: Inventory, most: int) -> None:
        """One message with at most `most` tags of those heard; nobody there to hear it: they are lost."""
        keys = list(inventory.heard)[:most]
        tags = [(*key, inventory.heard.pop(key)) for key in keys]
        if self._client is None:
            return
        selector = (inventory.spec["ROReportSpec"] or self.report_by_default)["TagReportContentSelector"] or {}
        body = b"".join(self._tag_report(inventory.spec["ROSpecID"], selector, *tag) for tag in tags)
        self._client.send("ROAccessReport", body)
        self.counts["tags"] += len(tags)
        await self._client.drained()

    def _tag_report(self, rospec: int, selector: Values, epc: bytes, antenna: int, seen: Heard) -> bytes:
        """A TagReportData with what the selector wants (LLRP 1.1 §14.2.3.1), in the order of the table."""
        whole = b"\x8d" + epc if len(epc) == 12 else tlv(241, pack(">H", 8 * len(epc)) + epc)
        wanted = (
            ("EnableROSpecID", pack(">BI", 0x89, rospec)),
            ("EnableSpecIndex", pack(">BH", 0x8E, 1)),
            ("EnableInventoryParamSpecID", pack(">BH", 0x8A, 1)),
            ("EnableAntennaID", pack(">BH", 0x81, antenna)),
            ("EnablePeakRSSI", pack(">Bb", 0x86, seen.rssi_dbm)),
            ("EnableChannelIndex", pack(">BH", 0x87, 1 + antenna)),
            ("EnableFirstSeenTimestamp", pack(">BQ", 0x82, seen.first_us)),
            ("EnableLastSeenTimestamp", pack(">BQ", 0x84, seen.last_us)),
            ("EnableTagSeenCount", pack(">BH", 0x88, seen.count)),
        )
        for name, parameter in wanted:
            if selector.get(name) and not (self.omits_repeats and self._last.get(name) == parameter):
                whole += parameter
                self._last[name] = parameter
        return tlv(240, whole)

    async def answer(self, client: "_Client", asked: Message) -> None:
        """Do what the client asks, and say how it went."""
        name = asked.name
        self.counts[name] += 1
        if self.mute or name in ("KeepAliveAck", "EnableEventsAndReports"):
            return
        if name == "GetReport":
            for inventory in list(self.inventories.values()):
                await self._report(inventory, len(inventory.heard))
            return
        response = f"{name}Response"
        try:
            if name in self.refusals:
                raise Refused(*self.refusals[name])
            said = values(name, asked.payload) if response in MESSAGE else {}
            answer = self._obey(name, said)
        except (Refused, BadMessage) as why:
            status = why.status if isinstance(why, Refused) else PARAMETER_ERROR
            if status == UNSUPPORTED_MESSAGE or response not in MESSAGE:
                response = "ErrorMessage"
            client.send(response, payload(response, {"LLRPStatus": _status(status, str(why))}), asked.ident)
            return
        client.send(response, payload(response, {"LLRPStatus": _status(SUCCESS), **answer}), asked.ident)
        for inventory in list(self.inventories.values()):
            if inventory.state != ACTIVE and inventory.heard:
                await self._report(inventory, len(inventory.heard))
        if any(inventory.state == ACTIVE for inventory in self.inventories.values()):
            self.started.set()
        else:
            self.started.clear()
        if name == "CloseConnection":
            client.close()

    def _obey(self, name: str, said: Values) -> Values:
        """What the response holds beside its status. Raises Refused."""
        match name:
            case "GetReaderCapabilities":
                return capabilities(self.antennas, said["ReaderCapabilitiesRequestedData"])
            case "SetReaderConfig":
                return self._configure(said)
            case "GetReaderConfig":
                every_ms = round(self.keepalive_s * 1000)
                keepalive = {"Trigger": 1 if every_ms else 0, "Interval": every_ms}
                return {"KeepAliveSpec": keepalive, "ROReportSpec": self.report_by_default, "EventsAndReports": False}
            case "AddROSpec":
                return self._add(said["ROSpec"])
            case "GetROSpecs":
                held = self.inventories.values()
                return {"ROSpecs": [{**one.spec, "ROSpecCurrentState": one.state} for one in held]}
            case "EnableROSpec" | "StartROSpec" | "StopROSpec" | "DisableROSpec" | "DeleteROSpec":
                return self._change(name, said["ROSpecID"])
            case "CloseConnection" | "DeleteAccessSpec" | "GetAccessSpecs":
                return {}
        raise Refused(UNSUPPORTED_MESSAGE, f"{name} is not supported")

    def _configure(self, said: Values) -> Values:
        if said["ResetToFactoryDefaults"]:
            self.keepalive_s, self.report_by_default = 0.0, REPORT_BY_DEFAULT
            self.inventories.clear()
        if keepalive := said["KeepAliveSpec"]:
            self.keepalive_s = keepalive["Interval"] / 1000 if keepalive["Trigger"] == 1 else 0.0
        if said["ROReportSpec"]:
            self.report_by_default = said["ROReportSpec"]
        return {}

    def _add(self, spec: Values | None) -> Values:
        if spec is None or not spec["ROSpecID"] or spec["ROSpecCurrentState"] != DISABLED:
            raise Refused(FIELD_ERROR, "a ROSpec needs an ID above 0 and begins disabled")
        bounds = spec["ROBoundarySpec"] or {}
        ends = [bounds.get("StartTrigger"), *(part["StopTrigger"] for part in spec["AISpecs"] or ())]
        if None in ends:
            raise Refused(MISSING_PARAMETER, "a ROSpec needs a start trigger, and each AISpec a stop trigger")
        if spec["ROSpecID"] in self.inventories:
            raise Refused(FIELD_ERROR, f"ROSpec {spec['ROSpecID']} is already here")
        if len(self.inventories) >= ROSPECS_MAX:
            raise Refused(FIELD_ERROR, f"there is room for {ROSPECS_MAX} ROSpecs")
        inventory = Inventory(spec)
        unknown = inventory.antennas() - set(range(self.antennas + 1))
        if unknown:
            raise Refused(FIELD_ERROR, f"there is no antenna {min(unknown)}")
        self.inventories[spec["ROSpecID"]] = inventory
        return {}

    def _change(self, name: str, rospec: int) -> Values:
        """Move one ROSpec, or with 0 all of them, through its states (LLRP 1.1 §6.1)."""
        if rospec and rospec not in self.inventories:
            raise Refused(INVALID, f"there is no ROSpec {rospec}")
        for ident in [rospec] if rospec else list(self.inventories):
            inventory = self.inventories[ident]
            if name == "DeleteROSpec":
                del self.inventories[ident]
            elif name == "DisableROSpec":
                inventory.state = DISABLED
            elif name == "EnableROSpec":
                begins = inventory.spec["ROBoundarySpec"]["StartTrigger"]["Trigger"]
                inventory.state = ACTIVE if begins in (1, 2) else max(inventory.state, INACTIVE)
            elif inventory.state == DISABLED:
                raise Refused(INVALID, f"ROSpec {ident} is disabled")
            else:
                inventory.state = ACTIVE if name == "StartROSpec" else INACTIVE
        return {}


class Refused(Exception):
    """The reader says no, with an LLRP status and its words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Client:
    """The other end of one connection."""

    def __init__(self, owner: SimulatedReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.gone = asyncio.Event()
        self._owner = owner
        self._reader = reader
        self._writer = writer
        self._ident = 0

    def write(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    def send(self, name: str, content: bytes = b"", ident: int | None = None) -> None:
        """Send a message; one of the reader's own accord gets the next id."""
        if ident is None:
            self._ident = ident = self._ident + 1
        self.write(message(name, ident, content))
        self._owner.counts[f"sent {name}"] += 1

    def event(self, what: Values) -> None:
        """Tell the client of an event, with the time."""
        told = {"UTCTimestamp": self._owner.now_us(), **what}
        self.send("ReaderEventNotification", payload("ReaderEventNotification", {"ReaderEventNotificationData": told}))

    async def drained(self) -> None:
        """Wait while the client is slower than the reader."""
        with suppress(OSError):
            await self._writer.drain()

    async def converse(self) -> None:
        """Answer until the client goes or talks nonsense."""
        keepalives = asyncio.create_task(self._keep_alive(), name="simulated reader: keepalives")
        splitter = Splitter()
        try:
            with suppress(OSError, DeviceSpokeNonsense):
                while piece := await self._reader.read(READ_BYTES):
                    for asked in splitter.feed(piece):
                        await self._owner.answer(self, asked)
                        await self.drained()
        finally:
            keepalives.cancel()
            await asyncio.wait([keepalives])

    async def _keep_alive(self) -> None:
        while True:
            every_s = self._owner.keepalive_s
            await asyncio.sleep(every_s or 0.05)
            if every_s and not self._owner.mute:
                self.send("KeepAlive")

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def left(self) -> None:
        """Close, and wait until it is closed; what a client does not take within a second is thrown away."""
        self.close()
        with suppress(OSError):
            try:
                async with asyncio.timeout(1.0):
                    await self._writer.wait_closed()
            except TimeoutError:
                self.abort()
        self.gone.set()


def _status(status: int, why: str = "") -> Values:
    return {"Status": status, "ErrorDescription": why}
