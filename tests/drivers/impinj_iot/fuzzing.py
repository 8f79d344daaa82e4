"""What a fuzzer calls with any bytes: each raises AssertionError when the reader's stream says what cannot be."""

from contextlib import suppress

from drivers.errors import DeviceError
from drivers.events import Dropped, Tags
from drivers.impinj_iot.codec import LINE_BYTES_MAX, Lines
from drivers.impinj_iot.session import IMAGE, STATUS, STOP, STREAM, SYSTEM, Request, Session
from drivers.impinj_iot.settings import settings_from
from drivers.json_fields import EPC_BYTES_MAX

SETTINGS = settings_from({"address": "https://r700"})
START = Request("POST", "/profiles/inventory/presets/default/start")
READY = b'{"interface":"IoT","status":"running","time":"2026-03-04T07:43:07Z","activePreset":{"id":"default"}}'
#: As published of an R700.
LINE = (
    b'{"eventType":"tagInventory","timestamp":"2026-03-04T07:43:08Z","tagInventoryEvent":{"epcHex":'
    b'"300833B2DDD9014000000000","antennaPort":1,"peakRssiCdbm":-5234,"lastSeenTime":"2026-03-04T07:43:07.5Z",'
    b'"phaseAngle":32.5}}'
)

SEEDS = [
    LINE + b"\r\n\r\n" + LINE.replace(b'epcHex":"300833B2DDD9014000000000', b'epc":"MAgzst3ZAUAAAAAA') + b"\r\n",
    b'{"inventoryStatusEvent":{"inventoryStatus":"idle"}}\r\n{"antennaDisconnectedEvent":{"antennaPort":2}}\r\n',
    b'\0\0{"interface":"IoT","status":{"running":1},"activePreset":{"id":{}}}\n',
    b"\n".join([b"\0\0" + READY, b'\1\0{"productModel":"R700"}', b'\2\0{"primaryFirmware":"9.1.0"}', b"\4\1", b"\4\3"]),
]


def listening() -> Session:
    """A session whose stream is open."""
    session = Session(SETTINGS, 0.0)
    session.to_send()
    for request, body in ((STATUS, READY), (SYSTEM, b"{}"), (IMAGE, b"{}")):
        assert list(session.answered(request, 200, body, 0.0))
    assert list(session.opened(0.0))
    return session


def fuzz_impinj_stream(data: bytes) -> None:
    """Whatever the stream brings, and however it is cut, each read is one that can be, and the same."""
    whole, cut = listening(), listening()
    said = list(whole.receive(data, 1.0))
    pieces = [event for at in range(0, len(data), 7) for event in cut.receive(data[at : at + 7], 1.0)]
    reads = [read for event in said if isinstance(event, Tags) for read in event.reads]
    assert reads == [read for event in pieces if isinstance(event, Tags) for read in event.reads]
    left_out = [event.why for event in said if isinstance(event, Dropped)]
    assert all(why.isprintable() and len(why) < 200 for why in left_out)
    for read in reads:
        assert 1 <= len(read.epc) <= EPC_BYTES_MAX
        assert read.antenna is None or read.antenna >= 1
        assert read.rssi_dbm is None or -200 <= read.rssi_dbm <= 100
    lines = Lines()
    list(lines.feed(data))
    assert len(lines._rest) <= LINE_BYTES_MAX


def fuzz_impinj_answers(data: bytes) -> None:
    """Whatever the reader answers, nothing is raised but device errors.

    Each line's first two bytes are the request and the HTTP status.
    """
    session = Session(SETTINGS, 0.0)
    with suppress(DeviceError):
        for nth, line in enumerate(data.split(b"\n")[:50]):
            head = line[:2].ljust(2, b"\0")
            request = (STATUS, SYSTEM, IMAGE, STOP, START, STREAM)[head[0] % 6]
            code = (200, 204, 404, 409, 301, 401, 503)[head[1] % 7]
            for event in session.answered(request, code, line[2:], float(nth)):
                assert not isinstance(event, Dropped) or event.why.isprintable()
            assert len(session.to_send()) < 10
            session.tick(float(nth))
