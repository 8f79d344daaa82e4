"""What we ask a reader, as values of the table in `schema`."""

from typing import Final

from drivers.llrp.settings import Settings
from drivers.llrp.values import Values

#: The id of the one ROSpec we keep in a reader.
ROSPEC: Final = 1
#: ReportTrigger 1: N tags, or the end of the AISpec, which ours never reaches. Also in LLRP 1.0.1.
N_TAGS_OR_END_OF_AISPEC: Final = 1
ROSPEC_EVENT, EXCEPTION_EVENT, ANTENNA_EVENT = 2, 4, 8
GEN2: Final = 1


def setup(settings: Settings) -> list[tuple[str, Values]]:
    """The requests that make a reader report to us, each sent when the one before it was answered well."""
    return [
        ("GetReaderCapabilities", {"ReaderCapabilitiesRequestedData": 0}),
        ("SetReaderConfig", _config(settings)),
        ("DeleteROSpec", {"ROSpecID": 0}),
        ("AddROSpec", {"ROSpec": _rospec(settings)}),
        ("EnableROSpec", {"ROSpecID": ROSPEC}),
        ("StartROSpec", {"ROSpecID": ROSPEC}),
    ]


def _config(settings: Settings) -> Values:
    """Signs of life, and being told when the reader stops, fails, or loses an antenna."""
    events = (ROSPEC_EVENT, EXCEPTION_EVENT, ANTENNA_EVENT)
    return {
        "KeepAliveSpec": {"Trigger": 1, "Interval": round(settings.keepalive_s * 1000)},
        "ReaderEventNotificationSpec": {
            "EventNotificationStates": [{"ReaderEventType": event, "NotificationEnabled": True} for event in events]
        },
    }


def _rospec(settings: Settings) -> Values:
    """Read all the time on these antennas, and report every N tags.

    Power, mode and session stay as the reader is configured.
    """
    return {
        "ROSpecID": ROSPEC,
        "ROBoundarySpec": {"StartTrigger": {"Trigger": 0}, "StopTrigger": {"Trigger": 0}},
        "AISpecs": [
            {
                "AntennaIDs": list(settings.antennas),
                "StopTrigger": {"Trigger": 0},
                "InventoryParameterSpecs": [{"InventoryParameterSpecID": 1, "AirProtocolID": GEN2}],
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
            },
        },
    }
