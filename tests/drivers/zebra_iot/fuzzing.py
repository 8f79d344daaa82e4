"""What a fuzzer calls with any bytes: each raises AssertionError when a reader's message says what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Dropped, Event, Tags
from drivers.json_fields import EPC_BYTES_MAX, elements
from drivers.mqtt_line import Arrived
from drivers.zebra_iot.codec import Dialect, Fixed, Sled
from drivers.zebra_iot.session import REMEMBERED, Session
from drivers.zebra_iot.settings import Settings, settings_from

_SLED = {"broker": "mqtt://b", "reader": "sled", "topic": "shop/RFD40-1", "start": True}
SETTINGS = (settings_from({"broker": "mqtt://b", "topic": "shop/FX"}), settings_from(_SLED))

#: As an FX9600 sends it.
FIXED = (
    b'{"data":{"CRC":"0b18","PC":"3400","antenna":1,"channel":866.3,"eventNum":22,"format":"epc",'
    b'"idHex":"aa0004ef55555555aa21bf43","peakRssi":-34,"phase":148.039794921875,"reads":1},'
    b'"timestamp":"2026-08-13T09:14:28.651+0000","type":"CUSTOM"}'
)
#: As the RFD40's documents have it.
SLED = (
    b'{"type":"BALANCED_PERFORMANCE","timestamp":"2026-05-19T14:23:11Z","data":{"tagData":[{'
    b'"EPCid":"E2003411B802011533ABCD12","EPC":"E2003411B802011533ABCD12","peakRssi":-52,"seenCount":14,'
    b'"eventNum":1,"channel":911.75,"phase":0}]}}'
)
_SET_UP = b"""\
\2{"command_id":"nearshelf-0-1","response":"success","payload":{"model":"FX9600"}}
\2{"command_id":"nearshelf-0-2","response":"success","payload":{"radioActivity":"active","systemTime":"2026-08-13T09:14:28Z"}}
\2{"requestId":"nearshelf-0-1","response":{"code":0},"readerVersion":{"model":"RFD40"}}
\2{"requestId":"nearshelf-0-2","response":{"code":0},"deviceStatus":{"radioActivity":"ACTIVE"}}
"""

SEEDS = [
    FIXED,
    b"[" + FIXED + b"," + FIXED + b"]",
    SLED,
    _SET_UP + b"\0" + FIXED + b"\n\1" + b'{"type":"heartbeat","timestamp":"2026-08-13T09:14:29.000+0000"}',
    _SET_UP + b"\0" + SLED + b"\n\4" + b'{"connectionState":"DISCONNECTED"}',
]


def fuzz_zebra_data(data: bytes) -> None:
    """Whatever stands in a message of tags, each read is one that can be, and what is left out has its reason."""
    for dialect in (Fixed(), Sled()):
        batch = dialect.tags(data)
        for event in batch.events:
            read = event.read
            assert 1 <= len(read.epc) <= EPC_BYTES_MAX
            assert read.antenna is None or read.antenna >= 1
            assert read.count >= 1
            assert read.rssi_dbm is None or -200 <= read.rssi_dbm <= 100
            assert read.seen_at_us is None or 0 <= read.seen_at_us <= 2**53
        assert batch.events or batch.bad or _means_nothing(dialect, data)
        assert all(why.isprintable() and len(why) < 100 for why in batch.bad)
    assert sum(map(len, elements(data))) <= len(data)


def fuzz_zebra_session(data: bytes) -> None:
    """Messages in any order on any topic: nothing is raised but device errors, and what is kept is bounded.

    The first byte of each piece, cut at newlines, is its topic.
    """
    for settings in SETTINGS:
        session = Session(settings, 0.0)
        with suppress(DeviceError):
            for nth, piece in enumerate(data.split(b"\n")[:50]):
                for event in received(session, settings, piece, float(nth)):
                    assert not isinstance(event, Tags) or session.up
                    assert not isinstance(event, Dropped) or event.why.isprintable()
                session.to_send()
                session.tick(float(nth))
        assert len(session._told) <= REMEMBERED
        assert len(session._asked) < 100


def received(session: Session, settings: Settings, piece: bytes, now: float) -> list[Event]:
    """The events of a message whose first byte says where it came, and how."""
    topics = [*settings.topics.heard(), "elsewhere"]
    head = piece[0] if piece else 0
    return list(session.receive(Arrived(topics[head % len(topics)], piece[1:], head >= 240), now))


def _means_nothing(dialect: Dialect, data: bytes) -> bool:
    """An empty batch, or a sled's event without tags."""
    return data.strip().startswith(b"[") or isinstance(dialect, Sled)
