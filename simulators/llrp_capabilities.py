"""What the simulated reader says it can do: four antennas' worth of an ordinary FCC reader."""

from typing import Final

from drivers.llrp.values import Values

POWERS_CDBM: Final = range(1000, 3025, 25)
FREQUENCIES_KHZ: Final = range(902_750, 927_500, 500)


def capabilities(antennas: int, asked: int) -> Values:
    """The parameters of a GET_READER_CAPABILITIES_RESPONSE; `asked` is 0 for all or 1–4 for one of them."""
    all_of_it: list[Values] = [
        {"GeneralDeviceCapabilities": _general(antennas)},
        {"LLRPCapabilities": LLRP_CAPABILITIES},
        {"RegulatoryCapabilities": _regulatory()},
        {"C1G2LLRPCapabilities": {"SupportsBlockWrite": True, "MaxSelectFiltersPerQuery": 2}},
    ]
    wanted = all_of_it if asked == 0 else all_of_it[asked - 1 : asked]
    return {name: value for part in wanted for name, value in part.items()}


def _general(antennas: int) -> Values:
    ports = range(1, antennas + 1)
    return {
        "MaxSupportedAntennas": antennas,
        "HasUTCClock": True,
        "DeviceManufacturer": 0,
        "Model": 1,
        "FirmwareVersion": "simulated 1.0",
        "ReceiveSensitivities": [{"Index": 1, "ReceiveSensitivity": 0}],
        "GPIOCapabilities": {"NumGPIs": 0, "NumGPOs": 0},
        "PerAntennaAirProtocols": [{"AntennaID": port, "AirProtocolIDs": b"\x01"} for port in ports],
    }


LLRP_CAPABILITIES: Final[Values] = {
    "SupportsEventsAndReportHolding": True,
    "MaxROSpecs": 32,
    "MaxSpecsPerROSpec": 32,
    "MaxInventoryParameterSpecsPerAISpec": 1,
    "MaxAccessSpecs": 1,
    "MaxOpSpecsPerAccessSpec": 1,
}


def _regulatory() -> Values:
    mode = {
        "ModeID": 2, "DivideRatio": 1, "Modulation": 2, "SpectralMask": 3, "BackscatterDataRate": 274_000,
        "PIERatio": 2000, "MinTariTime": 20_000, "MaxTariTime": 20_000,
    }  # fmt: skip
    hops = {"HopTableID": 1, "Frequencies": list(FREQUENCIES_KHZ)}
    return {
        "CountryCode": 840,
        "CommunicationsStandard": 1,
        "UHFBandCapabilities": {
            "TransmitPowerLevels": [
                {"Index": index, "TransmitPowerValue": power} for index, power in enumerate(POWERS_CDBM, 1)
            ],
            "FrequencyInformation": {"Hopping": True, "FrequencyHopTables": [hops]},
            "C1G2RFModes": {"UHFC1G2RFModeTableEntries": [mode]},
        },
    }
