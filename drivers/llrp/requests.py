"""What we ask a reader, as values of the table in `schema`."""

from struct import pack
from typing import Final

from drivers.llrp.capabilities import IMPINJ, Ability, check, power_index, rf_mode
from drivers.llrp.codec import tlv
from drivers.llrp.schema import PARAMETER
from drivers.llrp.settings import GpiLevel, Settings
from drivers.llrp.values import Values

#: The id of the one ROSpec we keep in a reader: one that other programs do not take for theirs ("NS").
ROSPEC: Final = 0x4E53
#: All of them, for DELETE_ROSPEC and DELETE_ACCESSSPEC.
ALL: Final = 0
#: ReportTrigger 1: N tags, or the end of the AISpec. Also in LLRP 1.0.1.
N_TAGS_OR_END_OF_AISPEC: Final = 1
GPI_EVENT, ROSPEC_EVENT, BUFFER_EVENT, EXCEPTION_EVENT, ANTENNA_EVENT = 1, 2, 3, 4, 8
#: Start and stop triggers of a ROSpec (LLRP 1.1 §11.2.1.1).
BY_US, STARTED_BY_GPI, STOPPED_AFTER, STOPPED_BY_GPI = 0, 3, 1, 2
GEN2: Final = 1
ANTENNA_CONFIGURATIONS: Final = 3  # of GET_READER_CONFIG
#: GPIPortCurrentState has a level as well; on its way to the reader it means nothing.
UNKNOWN_LEVEL: Final = 2
#: Impinj's extensions (Octane LLRP): two messages, and parameters inside ours.
ENABLE_EXTENSIONS, EXTENSIONS_ENABLED = 21, 22
SEARCH_MODE, REPORT_CONTENT, WITH_PEAK_RSSI = 23, 50, 53

Request = tuple[str, Values]

#: The first: everything else depends on its answer.
CAPABILITIES: Final[Request] = ("GetReaderCapabilities", {"ReaderCapabilitiesRequestedData": 0})
#: Which ROSpecs there are, so that each can be removed; and AccessSpecs of others, which may write to our tags.
CLEARING: Final[list[Request]] = [("GetROSpecs", {}), ("DeleteAccessSpec", {"AccessSpecID": ALL})]
#: At the end: nothing is left behind that would go on reading for nobody.
LEAVING: Final[list[Request]] = [
    ("DisableROSpec", {"ROSpecID": ROSPEC}),
    ("DeleteROSpec", {"ROSpecID": ROSPEC}),
    ("CloseConnection", {}),
]


def preparing(settings: Settings, can: Ability) -> list[Request]:
    """What must be said and known before the ROSpec can be made. Raises DeviceRefused for what the reader has not."""
    check(settings, can)
    asked: list[Request] = []
    if settings.search_mode is not None:
        extensions = {"VendorID": IMPINJ, "MessageSubtype": ENABLE_EXTENSIONS, "Data": bytes(4)}
        asked.append(("CustomMessage", extensions))
    if settings.power_dbm is not None:
        asked.append(("GetReaderConfig", {"RequestedData": ANTENNA_CONFIGURATIONS}))
    return [*asked, *CLEARING]


def setting_up(settings: Settings, can: Ability, has: Values) -> list[Request]:
    """The requests that make a reader report to us, each sent when the one before it was answered well.

    `has` is what GET_READER_CONFIG brought.
    """
    rospec = {"ROSpecID": ROSPEC}
    asked: list[Request] = [
        ("SetReaderConfig", _config(settings, can)),
        ("AddROSpec", {"ROSpec": _rospec(settings, can, has)}),
        ("EnableROSpec", rospec),
    ]
    return asked if settings.start_gpi else [*asked, ("StartROSpec", rospec)]


def _config(settings: Settings, can: Ability) -> Values:
    """Signs of life, word of when the reader stops, fails, fills up or loses an antenna, and the inputs switched on."""
    inputs = sorted({gpi.port for gpi in (settings.start_gpi, settings.stop_gpi) if gpi is not None})
    events = [ROSPEC_EVENT, EXCEPTION_EVENT, ANTENNA_EVENT]
    events += [BUFFER_EVENT] * can.warns_of_full_buffer + [GPI_EVENT] * bool(inputs)
    return {
        "KeepAliveSpec": {"Trigger": 1, "Interval": round(settings.keepalive_s * 1000)},
        "ReaderEventNotificationSpec": {
            "EventNotificationStates": [{"ReaderEventType": event, "NotificationEnabled": True} for event in events]
        },
        "GPIPortCurrentStates": [{"Port": port, "Enabled": True, "State": UNKNOWN_LEVEL} for port in inputs] or None,
    }


def _rospec(settings: Settings, can: Ability, has: Values) -> Values:
    """Read on these antennas, all the time or as inputs say, and report every N tags.

    What the settings do not say stays as the reader is configured.
    """
    antennas = _antennas(settings, can, has)
    inventory = {"InventoryParameterSpecID": 1, "AirProtocolID": GEN2, "AntennaConfigurations": antennas or None}
    return {
        "ROSpecID": ROSPEC,
        "ROBoundarySpec": _boundary(settings),
        "AISpecs": [
            {
                "AntennaIDs": list(settings.antennas),
                "StopTrigger": {"Trigger": 0},
                "InventoryParameterSpecs": [inventory],
            }
        ],
        "ROReportSpec": {
            "Trigger": N_TAGS_OR_END_OF_AISPEC,
            "N": settings.tags_per_report,
            "TagReportContentSelector": {
                "EnableAntennaID": True,
                "EnablePeakRSSI": True,
                "EnableFirstSeenTimestamp": True,
                "EnableLastSeenTimestamp": True,
                "EnableTagSeenCount": True,
                "C1G2EPCMemorySelector": {"PCBitsEnabled": True},
            },
            "Custom": None if settings.search_mode is None else [PEAK_RSSI],
        },
    }


def _boundary(settings: Settings) -> Values:
    start, stop, after_ms = settings.start_gpi, settings.stop_gpi, round(settings.stop_after_s * 1000)
    began: Values = {"Trigger": BY_US}
    if start is not None:
        began = {"Trigger": STARTED_BY_GPI, "GPITrigger": _gpi(start, 0)}
    ended: Values = {"Trigger": STOPPED_AFTER if after_ms else BY_US, "DurationTriggerValue": after_ms}
    if stop is not None:
        ended = {"Trigger": STOPPED_BY_GPI, "GPITriggerValue": _gpi(stop, after_ms)}
    return {"StartTrigger": began, "StopTrigger": ended}


def _gpi(level: GpiLevel, timeout_ms: int) -> Values:
    return {"Port": level.port, "Event": level.high, "Timeout": timeout_ms}


def _antennas(settings: Settings, can: Ability, has: Values) -> list[Values]:
    """An AntennaConfiguration for each antenna if one has a power of its own; else one for all, or none."""
    powers = settings.power_dbm or {}
    alone = [antenna for antenna in powers if antenna]
    others = settings.antennas if settings.antennas != (0,) else range(1, can.antennas + 1)
    antennas = sorted({*alone, *others}) if alone else [0]
    command = _command(settings, can)
    made: list[Values] = []
    for antenna in antennas:
        said: Values = {"AntennaID": antenna}
        if (dbm := powers.get(antenna)) is not None:
            said["RFTransmitter"] = {**_channel(antenna, can, has), "TransmitPowerIndex": power_index(dbm, can)}
        if command:
            said["C1G2InventoryCommand"] = command
        if len(said) > 1:
            made.append(said)
    return made


def _channel(antenna: int, can: Ability, has: Values) -> Values:
    """The frequencies of an antenna as they are configured, because they cannot be left out beside the power."""
    for one in has.get("AntennaConfigurations") or ():
        if antenna in (0, one["AntennaID"]) and one["RFTransmitter"] is not None:
            transmitter = one["RFTransmitter"]
            return {"HopTableID": transmitter["HopTableID"], "ChannelIndex": transmitter["ChannelIndex"]}
    return {"HopTableID": can.hop_table, "ChannelIndex": 1}


def _command(settings: Settings, can: Ability) -> Values:
    """The C1G2InventoryCommand: nothing when the settings have nothing to say."""
    said: Values = {}
    if settings.rf_mode is not None:
        said["RFControl"] = {"RFModeID": rf_mode(settings.rf_mode, can), "Tari": 0}
    if settings.session is not None:
        said["SingulationControl"] = {"Session": settings.session, "TagPopulation": settings.tag_population}
    if settings.search_mode is not None:
        said["Custom"] = [_impinj(SEARCH_MODE, pack(">H", settings.search_mode))]
    return said


def _impinj(subtype: int, data: bytes) -> Values:
    return {"VendorID": IMPINJ, "Subtype": subtype, "Data": data}


#: With the extensions on, the signal strength comes in hundredths of a dBm as well.
PEAK_RSSI: Final = _impinj(REPORT_CONTENT, tlv(PARAMETER["Custom"].number, pack(">IIH", IMPINJ, WITH_PEAK_RSSI, 1)))
