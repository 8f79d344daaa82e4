"""What a reader says it can do, and what of the settings that makes: power as an index, a mode as a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.errors import DeviceRefused
from drivers.llrp.settings import RF_MODES, Settings
from drivers.llrp.status import quoted
from drivers.llrp.values import Values

#: IANA enterprise numbers, as in GeneralDeviceCapabilities.
IMPINJ: Final = 25882
MAKERS: Final = {161: "Zebra", IMPINJ: "Impinj"}
#: Powers are told in steps of a hundredth of a dBm.
CENTI: Final = 100


@dataclass(frozen=True, slots=True)
class Ability:
    """What matters to us of GET_READER_CAPABILITIES_RESPONSE; nothing known is empty or 0.

    `powers_cdbm` is its table of transmit powers by index, `rf_modes` the numbers of its modes, `hop_table` the id of
    its first table of frequencies if it hops.
    """

    maker: int = 0
    about: str = ""
    antennas: int = 0
    gpis: int = 0
    holds_reports: bool = False
    warns_of_full_buffer: bool = False
    powers_cdbm: Mapping[int, int] = field(default_factory=dict)
    rf_modes: tuple[int, ...] = ()
    hop_table: int = 0


def ability(said: Values) -> Ability:
    """What the capabilities say; readers leave out what they like."""
    device, llrp = said["GeneralDeviceCapabilities"] or {}, said["LLRPCapabilities"] or {}
    band = (said["RegulatoryCapabilities"] or {}).get("UHFBandCapabilities") or {}
    hops = (band.get("FrequencyInformation") or {}).get("FrequencyHopTables") or ()
    modes = (band.get("C1G2RFModes") or {}).get("UHFC1G2RFModeTableEntries") or ()
    maker = device.get("DeviceManufacturer", 0)
    return Ability(
        maker=maker,
        about=_about(device),
        antennas=device.get("MaxSupportedAntennas", 0),
        gpis=(device.get("GPIOCapabilities") or {}).get("NumGPIs", 0),
        holds_reports=llrp.get("SupportsEventsAndReportHolding", False),
        warns_of_full_buffer=llrp.get("CanReportBufferFillWarning", False),
        powers_cdbm={one["Index"]: one["TransmitPowerValue"] for one in band.get("TransmitPowerLevels") or ()},
        rf_modes=tuple(one["ModeID"] for one in modes),
        hop_table=hops[0]["HopTableID"] if hops else 0,
    )


def _about(device: Values) -> str:
    if not device:
        return ""
    maker = MAKERS.get(device["DeviceManufacturer"], f"maker {device['DeviceManufacturer']}")
    firmware, ports = quoted(device["FirmwareVersion"]), device["MaxSupportedAntennas"]
    return f"{maker} model {device['Model']}, firmware {firmware}, {ports} antennas"


def check(settings: Settings, can: Ability) -> None:
    """Raises DeviceRefused for what this reader has not, with what it has."""
    farthest = max(settings.antennas + tuple(settings.power_dbm or ()))
    if can.antennas and farthest > can.antennas:
        raise DeviceRefused(
            f"antenna {farthest} is configured, the reader has {can.antennas}",
            "Correct `antennas` and `power_dbm` in the device's settings.",
        )
    inputs = [gpi.port for gpi in (settings.start_gpi, settings.stop_gpi) if gpi is not None]
    if inputs and max(inputs) > can.gpis:
        raise DeviceRefused(
            f"input {max(inputs)} is configured, the reader has {can.gpis}",
            "Correct `start_gpi` and `stop_gpi` in the device's settings.",
        )
    if settings.search_mode is not None and can.maker != IMPINJ:
        raise DeviceRefused(
            "search_mode is configured, and the reader is not one of Impinj's",
            "Remove `search_mode` from the device's settings; other makers' readers have `session` alone.",
        )


def power_index(dbm: float, can: Ability) -> int:
    """The index of the strongest power of the reader that is not above `dbm`. Raises DeviceRefused."""
    asked = round(dbm * CENTI)
    most, least = max(can.powers_cdbm.values(), default=0), min(can.powers_cdbm.values(), default=0)
    if not can.powers_cdbm or not least <= asked <= most:
        has = f"{least / CENTI:g} to {most / CENTI:g} dBm" if can.powers_cdbm else "no table of powers"
        raise DeviceRefused(
            f"{dbm:g} dBm is configured, the reader has {has}", "Correct `power_dbm` in the device's settings."
        )
    return max((cdbm, index) for index, cdbm in can.powers_cdbm.items() if cdbm <= asked)[1]


def rf_mode(given: int | str, can: Ability) -> int:
    """The number of an RF mode. Raises DeviceRefused when the reader has no such mode."""
    mode = RF_MODES[given] if isinstance(given, str) else given
    if isinstance(given, str) and can.maker != IMPINJ:
        why = f"rf_mode {given} is a name of Impinj's, and the reader is another maker's"
    elif can.rf_modes and mode not in can.rf_modes:
        why = f"rf_mode {given} is configured, and the reader does not have it"
    else:
        return mode
    has = ", ".join(map(str, sorted(can.rf_modes))) or "unknown"
    raise DeviceRefused(why, f"Correct `rf_mode` in the device's settings; the reader's modes are {has}.")
