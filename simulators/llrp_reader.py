"""A fixed RFID reader that isn't there: LLRP 1.0.1 or 1.1 over real TCP or TLS, for one client at a time.

It does what a reader's client can see: says first whether the connection was accepted, keeps ROSpecs as they are added,
enabled and started, by the client or by its inputs, reads the tags in each antenna's field round by round, and reports
them as the client's ROReportSpec asks. ROSpecs outlive their client. What a maker's readers do besides is its `model`;
faults are attributes and methods: `mute`, `refusals`, `drop()`, `reboot()`, `cut_power()`.
"""

import asyncio
import random
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final

from drivers.llrp.codec import BadMessage, Message
from drivers.llrp.schema import MESSAGE
from drivers.llrp.values import Values, payload, values
from simulators.llrp_capabilities import (
    HOP_TABLE,
    PLAIN,
    POWERS_CDBM,
    Model,
    antenna_configurations,
    capabilities,
)
from simulators.llrp_client import READ_BYTES, VERSION_ASKED, Client
from simulators.llrp_rospecs import (
    ACTIVE,
    DISABLED,
    IMPINJ,
    INACTIVE,
    REPORT_BY_DEFAULT,
    Heard,
    Inventory,
    Reporting,
)

ACCEPTED, CLIENT_EXISTS, ATTEMPTED_AGAIN = 0, 2, 4
SUCCESS, PARAMETER_ERROR, FIELD_ERROR, MISSING_PARAMETER, UNSUPPORTED_MESSAGE, INVALID = 0, 100, 101, 103, 109, 300
UNKNOWN_PARAMETER, UNSUPPORTED_VERSION = 107, 110
ROSPECS_MAX: Final = 32
GPI_EVENT, ROSPEC_EVENT, ANTENNA_EVENT = 1, 2, 8
ENABLE_EXTENSIONS, EXTENSIONS_ENABLED = 21, 22  # of Impinj's custom messages


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
        model: Model = PLAIN,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.antennas = antennas
        self.rounds_per_s = rounds_per_s
        self.read_rate = read_rate
        self.model = model
        self.mute = False
        self.refusals: dict[str, tuple[int, str]] = {}
        self.field: dict[bytes, int] = {}
        #: Tags that hold no EPC but an ISO 15961 number, by their application family.
        self.families: dict[bytes, int] = {}
        self.inputs: dict[int, bool] = dict.fromkeys(range(1, model.inputs + 1), False)
        self.counts: Counter[str] = Counter()
        self.inventories: dict[int, Inventory] = {}
        self.keepalive_s = 0.0
        self.report_by_default = REPORT_BY_DEFAULT
        self.started = asyncio.Event()
        self.address = ""
        self.now_us = now_us
        self.serving: set[asyncio.Task[None]] = set()
        self._reporting = Reporting(
            omits_repeats=omits_repeats, has_utc=model.has_utc, afi_of=lambda epc: self.families.get(epc)
        )
        self._chance = random.Random(seed)
        self._tls: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None
        self._client: Client | None = None
        self._reading: asyncio.Task[None] | None = None
        self._events: set[int] = set()
        self._kept: deque[tuple[str, bytes]] = deque(maxlen=model.keeps_messages)
        self._is_holding = False

    # The shop's side: tags come, go and move, light barriers are passed.

    def place(self, epc: bytes, antenna: int) -> None:
        """The tag is now in this antenna's field, and in no other's."""
        assert 1 <= antenna <= self.antennas, antenna
        self.field[epc] = antenna

    def move(self, epc: bytes, antenna: int) -> None:
        """As `place`, for a tag that is somewhere already."""
        assert epc in self.field, epc.hex()
        self.place(epc, antenna)

    def take(self, epc: bytes) -> None:
        """The tag is gone from every field, and has its power back when it comes again."""
        self.field.pop(epc, None)
        for inventory in self.inventories.values():
            inventory.quiet.discard(epc)

    async def set_input(self, port: int, *, high: bool) -> None:
        """An input changes its level."""
        assert port in self.inputs, port
        if self.inputs[port] == high:
            return
        self.inputs[port] = high
        self._tell(GPI_EVENT, {"GPIEvent": {"Port": port, "Event": high}})
        for ident, inventory in list(self.inventories.items()):
            if inventory.state == INACTIVE and inventory.starts_on(port, high):
                self._set_state(ident, ACTIVE)
            elif inventory.state == ACTIVE and inventory.stops_on(port, high):
                self._set_state(ident, INACTIVE)
        await self._flush_stopped()

    # The reader's life.

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> str:
        """Listen; returns the address as `tcp://host:port`, or `tls://` if there is a context for that."""
        self._tls = tls
        self._server = await asyncio.start_server(self._serve, host, port, limit=READ_BYTES, ssl=tls)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{'tls' if tls else 'tcp'}://{host}:{port}"
        self._reading = asyncio.create_task(self._read_on(), name="simulated reader: inventory")
        return self.address

    async def stop(self) -> None:
        """Say goodbye to the client, close everything, and forget the ROSpecs, as a reader switched off does."""
        if self._client is not None:
            self._client.event({"ConnectionCloseEvent": {}})
            self._client.close()
        await self._halt()

    async def reboot(self) -> None:
        """Go without a word, forget everything, and come up again at the same address."""
        if self._client is not None:
            self._client.abort()
        await self._halt()
        host, port = self.address.split("://")[1].split(":")
        await self.start(host, int(port), self._tls)

    def cut_power(self) -> None:
        """From now on nothing is answered, sent or accepted, and nobody is told. `reboot()` brings the power back."""
        self.mute = True
        if self._server is not None:
            self._server.close()

    async def _halt(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self.serving:
            await asyncio.wait(self.serving)
        if self._server is not None:
            await self._server.wait_closed()
        self.inventories.clear()
        self._kept.clear()
        self._events.clear()
        self.keepalive_s, self.report_by_default, self.mute = 0.0, REPORT_BY_DEFAULT, False
        self.started.clear()

    @property
    def idle(self) -> bool:
        """Nobody is connected."""
        return not self.serving

    @property
    def was_told_to_read(self) -> bool:
        """By the client that is connected: a ROSpec outlives the client before, and nobody may want its reads."""
        return self._client is not None and self._client.has_started

    def timestamp(self) -> Values:
        """The time as an event tells it."""
        return {"UTCTimestamp" if self.model.has_utc else "Uptime": self.now_us()}

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
        now, monotonic = self.now_us(), asyncio.get_running_loop().time()
        for ident, inventory in list(self.inventories.items()):
            if inventory.state == ACTIVE:
                self._hear(inventory, now)
                await self._report_if_due(inventory)
                if inventory.ends_at is not None and monotonic >= inventory.ends_at:
                    self._set_state(ident, INACTIVE)
        await self._flush_stopped()

    # Inside.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        client = Client(self, reader, writer)
        if self._client is not None:
            self.counts["turned_away"] += 1
            client.event({"ConnectionAttemptEvent": CLIENT_EXISTS})
            self._client.event({"ConnectionAttemptEvent": ATTEMPTED_AGAIN})
            await client.left()
            return
        self._client = client
        self._reporting.forget()
        self._is_holding = bool(self._kept)
        self.counts["connects"] += 1
        try:
            client.event({"ConnectionAttemptEvent": ACCEPTED})
            await client.converse(self.answer)
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
            if pace and not self.mute and (self._client is not None or self.model.keeps_messages):
                await self.round()

    def _hear(self, inventory: Inventory, now_us: int) -> None:
        heard, antennas, chance = inventory.heard, inventory.antennas(), self._chance
        once = inventory.is_single_target()
        for epc, antenna in self.field.items():
            if chance.random() >= self.read_rate or not (0 in antennas or antenna in antennas):
                continue
            if once:
                if epc in inventory.quiet:
                    continue
                inventory.quiet.add(epc)
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
        """One message with at most `most` tags of those heard; nobody there to hear it: it is kept, or lost."""
        keys = list(inventory.heard)[:most]
        tags = [(*key, inventory.heard.pop(key)) for key in keys]
        selector = (inventory.spec["ROReportSpec"] or self.report_by_default)["TagReportContentSelector"] or {}
        body = self._reporting.message(inventory, selector, tags)
        if self._client is None or self._is_holding:
            self._kept.append(("ROAccessReport", body))
            return
        self._client.send("ROAccessReport", body)
        self.counts["tags"] += len(tags)
        await self._client.drained()

    async def _flush_stopped(self) -> None:
        """What a ROSpec has heard is reported at its end."""
        for inventory in list(self.inventories.values()):
            if inventory.state != ACTIVE and inventory.heard:
                await self._report(inventory, len(inventory.heard))
        if any(inventory.state == ACTIVE for inventory in self.inventories.values()):
            self.started.set()
        else:
            self.started.clear()

    def _set_state(self, ident: int, state: int) -> None:
        inventory = self.inventories[ident]
        before, inventory.state = inventory.state, state
        lasts_s = inventory.lasts_s()
        inventory.ends_at = asyncio.get_running_loop().time() + lasts_s if state == ACTIVE and lasts_s else None
        if (before == ACTIVE) != (state == ACTIVE):
            inventory.quiet.clear()
            self._tell(ROSPEC_EVENT, {"ROSpecEvent": {"Event": int(state != ACTIVE), "ROSpecID": ident}})

    def _tell(self, kind: int, what: Values) -> None:
        if kind in self._events and self._client is not None:
            self._client.event(what)

    async def answer(self, client: Client, asked: Message) -> None:
        """Do what the client asks, and say how it went."""
        name = asked.name
        self.counts[name] += 1
        if self.mute or self._minds_version(client, asked) or name == "KeepAliveAck":
            return
        if name == "EnableEventsAndReports":
            await self._release(client)
            return
        if name == "GetReport":
            for inventory in list(self.inventories.values()):
                await self._report(inventory, len(inventory.heard))
            return
        response = "CustomMessage" if name == "CustomMessage" else f"{name}Response"
        try:
            if name in self.refusals:
                raise Refused(*self.refusals[name])
            said = values(name, asked.payload) if response in MESSAGE else {}
            answer = self._extend(client, said) if name == "CustomMessage" else self._obey(name, said)
        except (Refused, BadMessage) as why:
            status = why.status if isinstance(why, Refused) else PARAMETER_ERROR
            if status == UNSUPPORTED_MESSAGE or response not in MESSAGE or name == "CustomMessage":
                response = "ErrorMessage"
            client.send(response, payload(response, {"LLRPStatus": _status(status, str(why))}), asked.ident)
            return
        client.send(response, payload(response, {"LLRPStatus": _status(SUCCESS), **answer}), asked.ident)
        client.has_started |= name == "StartROSpec"
        if name == "SetProtocolVersion":
            client.version = said["TargetVersion"]
        await self._flush_stopped()
        if name == "CloseConnection":
            client.close()

    def _minds_version(self, client: Client, asked: Message) -> bool:
        """A header of a version that is not spoken gets a no, or the end."""
        if asked.version == client.version or (self.model.newest_version > 1 and asked.name in VERSION_ASKED):
            return False
        self.counts["other version"] += 1
        if self.model.cuts_at_unknown_version:
            client.abort()
        no = _status(UNSUPPORTED_VERSION, f"version {asked.version} is not spoken")
        client.send("ErrorMessage", payload("ErrorMessage", {"LLRPStatus": no}), asked.ident)
        return True

    async def _release(self, client: Client) -> None:
        """Send what was kept while nobody was connected, oldest first."""
        self._is_holding = False
        while self._kept:
            client.send(*self._kept.popleft())
            self.counts["sent late"] += 1
            await client.drained()

    def _extend(self, client: Client, said: Values) -> Values:
        """Impinj's message that switches its extensions on."""
        if not self.model.has_extensions or (said["VendorID"], said["MessageSubtype"]) != (IMPINJ, ENABLE_EXTENSIONS):
            raise Refused(UNSUPPORTED_MESSAGE, "this extension is not supported")
        client.has_extensions = True
        well = payload("ErrorMessage", {"LLRPStatus": _status(SUCCESS)})
        return {"VendorID": IMPINJ, "MessageSubtype": EXTENSIONS_ENABLED, "Data": well}

    def _obey(self, name: str, said: Values) -> Values:
        """What the response holds beside its status. Raises Refused."""
        match name:
            case "GetSupportedVersion" if self.model.newest_version > 1:
                return {"CurrentVersion": 1, "MaxSupportedVersion": self.model.newest_version}
            case "SetProtocolVersion" if 1 <= said["TargetVersion"] <= self.model.newest_version:
                return {}
            case "GetReaderCapabilities":
                return capabilities(self.antennas, said["ReaderCapabilitiesRequestedData"], self.model)
            case "SetReaderConfig":
                return self._configure(said)
            case "GetReaderConfig":
                every_ms = round(self.keepalive_s * 1000)
                keepalive = {"Trigger": 1 if every_ms else 0, "Interval": every_ms}
                return {
                    "AntennaConfigurations": antenna_configurations(self.antennas),
                    "KeepAliveSpec": keepalive,
                    "ROReportSpec": self.report_by_default,
                    "EventsAndReports": False,
                }
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
        for state in (said["ReaderEventNotificationSpec"] or {}).get("EventNotificationStates") or ():
            change = self._events.add if state["NotificationEnabled"] else self._events.discard
            change(state["ReaderEventType"])
        for port in [one["Port"] for one in said["GPIPortCurrentStates"] or ()]:
            if port not in self.inputs:
                raise Refused(FIELD_ERROR, f"there is no input {port}")
        return {}

    def _add(self, spec: Values | None) -> Values:
        if spec is None or not spec["ROSpecID"] or spec["ROSpecCurrentState"] != DISABLED:
            raise Refused(FIELD_ERROR, "a ROSpec needs an ID above 0 and begins disabled")
        bounds = spec["ROBoundarySpec"] or {}
        ends = [
            *map(bounds.get, ("StartTrigger", "StopTrigger")),
            *(part["StopTrigger"] for part in spec["AISpecs"] or ()),
        ]
        if None in ends:
            raise Refused(
                MISSING_PARAMETER, "a ROSpec needs a start and a stop trigger, and each AISpec a stop trigger"
            )
        if spec["ROSpecID"] in self.inventories:
            raise Refused(FIELD_ERROR, f"ROSpec {spec['ROSpecID']} is already here")
        if len(self.inventories) >= ROSPECS_MAX:
            raise Refused(FIELD_ERROR, f"there is room for {ROSPECS_MAX} ROSpecs")
        inventory = Inventory(spec)
        unknown = inventory.antennas() - set(range(self.antennas + 1))
        if unknown:
            raise Refused(FIELD_ERROR, f"there is no antenna {min(unknown)}")
        self._check_radio(inventory)
        self.inventories[spec["ROSpecID"]] = inventory
        return {}

    def _check_radio(self, inventory: Inventory) -> None:
        """Powers and modes must be those of the tables, and extensions switched on before they are used."""
        for one in inventory.configurations():
            transmitter, command = one["RFTransmitter"], one["C1G2InventoryCommand"] or {}
            if transmitter and not 1 <= transmitter["TransmitPowerIndex"] <= len(POWERS_CDBM):
                raise Refused(FIELD_ERROR, f"there is no power {transmitter['TransmitPowerIndex']}")
            if transmitter and transmitter["HopTableID"] != HOP_TABLE:
                raise Refused(FIELD_ERROR, f"there is no hop table {transmitter['HopTableID']}")
            control = command.get("RFControl")
            if control and control["RFModeID"] not in self.model.rf_modes:
                raise Refused(FIELD_ERROR, f"there is no RF mode {control['RFModeID']}")
        if inventory.customs() and (self._client is None or not self._client.has_extensions):
            raise Refused(UNKNOWN_PARAMETER, "custom parameters before the extensions were enabled")

    def _change(self, name: str, rospec: int) -> Values:
        """Move one ROSpec, or with 0 all of them, through its states (LLRP 1.1 §6.1)."""
        all_of_them = rospec == 0 and not (name == "DeleteROSpec" and self.model.deletes_one_by_one)
        if not all_of_them and rospec not in self.inventories:
            raise Refused(INVALID, f"there is no ROSpec {rospec}")
        for ident in list(self.inventories) if all_of_them else [rospec]:
            inventory = self.inventories[ident]
            if name == "DeleteROSpec":
                self._set_state(ident, DISABLED)
                del self.inventories[ident]
            elif name == "DisableROSpec":
                self._set_state(ident, DISABLED)
            elif name == "EnableROSpec":
                begins = inventory.spec["ROBoundarySpec"]["StartTrigger"]["Trigger"]
                self._set_state(ident, ACTIVE if begins in (1, 2) else max(inventory.state, INACTIVE))
            elif inventory.state == DISABLED:
                raise Refused(INVALID, f"ROSpec {ident} is disabled")
            else:
                self._set_state(ident, ACTIVE if name == "StartROSpec" else INACTIVE)
        return {}


class Refused(Exception):
    """The reader says no, with an LLRP status and its words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _status(status: int, why: str = "") -> Values:
    return {"Status": status, "ErrorDescription": why}
