"""What a simulated reader says it can do, and what its maker's readers do that others do not."""

from dataclasses import dataclass
from typing import Final

from drivers.llrp.values import Values

POWERS_CDBM: Final = range(1000, 3025, 25)
FREQUENCIES_KHZ: Final = range(902_750, 927_500, 500)
HOP_TABLE: Final = 1


@dataclass(frozen=True, slots=True)
class Model:
    """A reader's make and its ways.

    `keeps_messages` while nobody is connected and sends them to the next client that asks for them; without a clock for
    the time of day (`has_utc`) it tells its uptime; with `deletes_one_by_one` it knows no ROSpec 0 for "all".
    `newest_version` is 1 for LLRP 1.0.1, 2 for 1.1; to a header of a newer one it says no, or cuts the connection.
    """

    maker: int = 0
    number: int = 1
    firmware: str = "simulated 1.0"
    rf_modes: tuple[int, ...] = (2,)
    inputs: int = 4
    has_extensions: bool = False
    keeps_messages: int = 0
    has_utc: bool = True
    deletes_one_by_one: bool = False
    newest_version: int = 1
    cuts_at_unknown_version: bool = False


PLAIN: Final = Model()
IMPINJ: Final = Model(25882, 2_001_002, "simulated 5.14", (0, 1, 2, 3, 4, 1000, 1002, 1003), has_extensions=True)
ZEBRA: Final = Model(161, 96_008, "simulated 3.21", (0, 1, 5, 6, 20), keeps_messages=66_000)
NEWER: Final = Model(firmware="simulated 2.0", newest_version=2)
WITHOUT_CLOCK: Final = Model(has_utc=False, deletes_one_by_one=True, inputs=0)


def capabilities(antennas: int, asked: int, model: Model) -> Values:
    """The parameters of a GET_READER_CAPABILITIES_RESPONSE; `asked` is 0 for all or 1–4 for one of them."""
    all_of_it: list[Values] = [
        {"GeneralDeviceCapabilities": _general(antennas, model)},
        {"LLRPCapabilities": LLRP_CAPABILITIES},
        {"RegulatoryCapabilities": _regulatory(model)},
        {"C1G2LLRPCapabilities": {"SupportsBlockWrite": True, "MaxSelectFiltersPerQuery": 2}},
    ]
    wanted = all_of_it if asked == 0 else all_of_it[asked - 1 : asked]
    return {name: value for part in wanted for name, value in part.items()}


def antenna_configurations(antennas: int) -> list[Values]:
    """How each antenna is configured when no client has said anything: full power, first table of frequencies."""
    full = {"HopTableID": HOP_TABLE, "ChannelIndex": 0, "TransmitPowerIndex": len(POWERS_CDBM)}
    return [{"AntennaID": port, "RFTransmitter": full} for port in range(1, antennas + 1)]


def _general(antennas: int, model: Model) -> Values:
    ports = range(1, antennas + 1)
    return {
        "MaxSupportedAntennas": antennas,
        "HasUTCClock": model.has_utc,
        "DeviceManufacturer": model.maker,
        "Model": model.number,
        "FirmwareVersion": model.firmware,
        "ReceiveSensitivities": [{"Index": 1, "ReceiveSensitivity": 0}],
        "GPIOCapabilities": {"NumGPIs": model.inputs, "NumGPOs": 0},
        "PerAntennaAirProtocols": [{"AntennaID": port, "AirProtocolIDs": b"\x01"} for port in ports],
    }


LLRP_CAPABILITIES: Final[Values] = {
    "CanReportBufferFillWarning": True,
    "SupportsEventsAndReportHolding": True,
    "MaxROSpecs": 32,
    "MaxSpecsPerROSpec": 32,
    "MaxInventoryParameterSpecsPerAISpec": 1,
    "MaxAccessSpecs": 1,
    "MaxOpSpecsPerAccessSpec": 1,
}


def _regulatory(model: Model) -> Values:
    mode = {
        "DivideRatio": 1, "Modulation": 2, "SpectralMask": 3, "BackscatterDataRate": 274_000,
        "PIERatio": 2000, "MinTariTime": 20_000, "MaxTariTime": 20_000,
    }  # fmt: skip
    hops = {"HopTableID": HOP_TABLE, "Frequencies": list(FREQUENCIES_KHZ)}
    return {
        "CountryCode": 840,
        "CommunicationsStandard": 1,
        "UHFBandCapabilities": {
            "TransmitPowerLevels": [
                {"Index": index, "TransmitPowerValue": power} for index, power in enumerate(POWERS_CDBM, 1)
            ],
            "FrequencyInformation": {"Hopping": True, "FrequencyHopTables": [hops]},
            "C1G2RFModes": {"UHFC1G2RFModeTableEntries": [{"ModeID": number, **mode} for number in model.rf_modes]},
        },
    }
