"""Settings are checked all at once."""

import pytest

from drivers.access import Access
from drivers.errors import BadSettings
from drivers.llrp.driver import open_device
from drivers.llrp.settings import GpiLevel, Settings, settings_from


def test_what_is_left_out_has_a_default() -> None:
    assert settings_from({"address": "tcp://reader.example"}) == Settings("reader.example", 5084)
    assert settings_from({"address": "tcp://[::1]:5085"}) == Settings("::1", 5085)


def test_every_mistake_is_named_at_once() -> None:
    given = {
        "address": "reader.example:5084",
        "antennas": [1, 1, 99, "2", True, 0],
        "keepalive_s": 0,
        "tags_per_report": 1.5,
        "report_every_ms": True,
        "keepalive": 3,
    }
    with pytest.raises(BadSettings) as told:
        open_device("portal", given)
    paths = [mistake.split(":")[0] for mistake in told.value.mistakes]
    assert paths == [
        "address", "antennas",
        "keepalive_s", "tags_per_report", "report_every_ms", "keepalive",
    ]  # fmt: skip


def test_everything_may_be_said() -> None:
    given = {
        "address": "tls://reader.example", "ca": "reader.pem", "tls_name": "reader", "antennas": [1, 2],
        "power_dbm": {"1": 27.5, "2": 30}, "rf_mode": "dense-m4", "session": 1, "tag_population": 200,
        "search_mode": "dual", "start_gpi": "1 high", "stop_gpi": "1 low", "stop_after_s": 5,
    }  # fmt: skip
    assert settings_from(given) == Settings(
        "reader.example", 5085, tls=True, access=Access(ca="reader.pem"), tls_name="reader", antennas=(1, 2),
        power_dbm={1: 27.5, 2: 30.0}, rf_mode="dense-m4", session=1, tag_population=200, search_mode=2,
        start_gpi=GpiLevel(1, True), stop_gpi=GpiLevel(1, False), stop_after_s=5.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("power_dbm", 41), ("power_dbm", True), ("power_dbm", {}), ("power_dbm.x", {"x": 20}), ("power_dbm", {"0": 20}),
        ("power_dbm.3", {"3": 20}), ("power_dbm.1", {"1": "20"}), ("rf_mode", "fast"), ("rf_mode", -1), ("session", 4),
        ("search_mode", "focus"), ("start_gpi", "1 high"), ("start_gpi", "0 high"), ("stop_gpi", "1 low"),
        ("stop_after_s", 3), ("ca", "x.pem"), ("tls_name", "x"), ("tag_population", 0),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_mistake_with_its_path(key: str, value: object) -> None:
    with pytest.raises(BadSettings) as told:
        settings_from({"address": "tcp://reader.example", "antennas": [1, 2], key.split(".")[0]: value})
    assert [mistake.split(":")[0] for mistake in told.value.mistakes] == [key]


@pytest.mark.parametrize(
    "address", [None, 5084, "", "tcp://", "tcp://host:0", "tcp://host:99999", "tcp://host:x", "udp://h", "tcp://h/x",
                "tcp://me@host", "tcp://[::1"]
)  # fmt: skip
def test_an_address_that_cannot_be_is_a_mistake(address: object) -> None:
    with pytest.raises(BadSettings, match="address"):
        settings_from({"address": address})
