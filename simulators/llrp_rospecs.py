"""What a client has told the simulated reader to do: ROSpecs, their triggers, and what they have heard."""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack, unpack
from typing import Final

from drivers.llrp.codec import tlv
from drivers.llrp.values import Values

DISABLED, INACTIVE, ACTIVE = 0, 1, 2
IMPINJ: Final = 25882
CUSTOM: Final = 1023
SEARCH_MODE, REPORT_CONTENT, PEAK_RSSI = 23, 50, 57
SINGLE_TARGET: Final = (1, 3)  # each tag answers once; 3 is TagFocus
ON_GPI: Final = 3  # a ROSpec's start trigger
AFTER_A_TIME, ON_STOP_GPI = 1, 2  # and its stop triggers

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
    ends_at: float | None = None
    #: Tags that have answered and will not again, where the client asked for that.
    quiet: set[bytes] = field(default_factory=set)

    def antennas(self) -> set[int]:
        return {antenna for spec in self.spec["AISpecs"] or () for antenna in spec["AntennaIDs"] or ()}

    def configurations(self) -> list[Values]:
        """The AntennaConfigurations of all its AISpecs."""
        inventories = [one for part in self.spec["AISpecs"] or () for one in part["InventoryParameterSpecs"] or ()]
        return [one for inventory in inventories for one in inventory["AntennaConfigurations"] or ()]

    def customs(self) -> list[Values]:
        """Every custom parameter where Impinj's may stand."""
        commands = [one["C1G2InventoryCommand"] or {} for one in self.configurations()]
        holders = [*commands, self.spec["ROReportSpec"] or {}]
        return [custom for holder in holders for custom in holder.get("Custom") or ()]

    def is_single_target(self) -> bool:
        modes = [unpack(">H", one["Data"])[0] for one in self.customs() if one["Subtype"] == SEARCH_MODE]
        return any(mode in SINGLE_TARGET for mode in modes)

    def wants_fine_rssi(self) -> bool:
        return any(one["Subtype"] == REPORT_CONTENT for one in self.customs())

    def starts_on(self, port: int, high: bool) -> bool:
        start = self.spec["ROBoundarySpec"]["StartTrigger"]
        gpi = start["GPITrigger"]
        return start["Trigger"] == ON_GPI and gpi is not None and (gpi["Port"], gpi["Event"]) == (port, high)

    def stops_on(self, port: int, high: bool) -> bool:
        stop = self.spec["ROBoundarySpec"]["StopTrigger"]
        gpi = stop["GPITriggerValue"]
        return stop["Trigger"] == ON_STOP_GPI and gpi is not None and (gpi["Port"], gpi["Event"]) == (port, high)

    def lasts_s(self) -> float:
        """How long it reads at most once started; 0: until it is stopped."""
        stop = self.spec["ROBoundarySpec"]["StopTrigger"]
        if stop["Trigger"] == AFTER_A_TIME:
            return float(stop["DurationTriggerValue"] / 1000)
        if stop["Trigger"] == ON_STOP_GPI and stop["GPITriggerValue"] is not None:
            return float(stop["GPITriggerValue"]["Timeout"] / 1000)
        return 0.0

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


class Reporting:
    """Writes TagReportData as the client's selector wants them (LLRP 1.1 §14.2.3.1), in the order of the table."""

    def __init__(self, *, omits_repeats: bool, has_utc: bool, afi_of: Callable[[bytes], int | None]) -> None:
        self._omits_repeats = omits_repeats
        self._has_utc = has_utc
        self._afi_of = afi_of
        self._last: dict[str, bytes] = {}

    def forget(self) -> None:
        """A new connection begins: nothing may be left out that was not said on it."""
        self._last.clear()

    def message(self, inventory: Inventory, selector: Values, tags: list[tuple[bytes, int, Heard]]) -> bytes:
        """The payload of one RO_ACCESS_REPORT."""
        return b"".join(self._tag(inventory, selector, *tag) for tag in tags)

    def _tag(self, inventory: Inventory, selector: Values, epc: bytes, antenna: int, seen: Heard) -> bytes:
        whole = b"\x8d" + epc if len(epc) == 12 else tlv(241, pack(">H", 8 * len(epc)) + epc)
        first, last = (0x82, 0x84) if self._has_utc else (0x83, 0x85)
        wanted = (
            ("EnableROSpecID", pack(">BI", 0x89, inventory.spec["ROSpecID"])),
            ("EnableSpecIndex", pack(">BH", 0x8E, 1)),
            ("EnableInventoryParamSpecID", pack(">BH", 0x8A, 1)),
            ("EnableAntennaID", pack(">BH", 0x81, antenna)),
            ("EnablePeakRSSI", pack(">Bb", 0x86, seen.rssi_dbm)),
            ("EnableChannelIndex", pack(">BH", 0x87, 1 + antenna)),
            ("EnableFirstSeenTimestamp", pack(">BQ", first, seen.first_us)),
            ("EnableLastSeenTimestamp", pack(">BQ", last, seen.last_us)),
            ("EnableTagSeenCount", pack(">BH", 0x88, seen.count)),
        )
        for name, parameter in wanted:
            if selector.get(name) and not (self._omits_repeats and self._last.get(name) == parameter):
                whole += parameter
                self._last[name] = parameter
        memory = selector.get("C1G2EPCMemorySelector")
        if memory and memory["PCBitsEnabled"]:
            afi = self._afi_of(epc)
            whole += pack(">BH", 0x8C, len(epc) // 2 << 11 | (0 if afi is None else 0x0100 | afi))
        if inventory.wants_fine_rssi():
            whole += tlv(CUSTOM, pack(">IIh", IMPINJ, PEAK_RSSI, 100 * seen.rssi_dbm + 25))
        return tlv(240, whole)
