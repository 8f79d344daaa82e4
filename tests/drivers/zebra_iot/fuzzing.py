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
