"""Settings are checked all at once."""

import pytest

from drivers.errors import BadSettings
from drivers.llrp.driver import open_device
from drivers.llrp.settings import Settings, settings_from


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
        "address", "antennas[1]", "antennas[2]", "antennas[3]", "antennas[4]", "antennas[5]",
        "keepalive_s", "tags_per_report", "report_every_ms", "keepalive",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address", [None, 5084, "", "tcp://", "tcp://host:0", "tcp://host:99999", "tcp://host:x", "udp://h", "tcp://h/x",
                "tcp://me@host", "tcp://[::1"]
)  # fmt: skip
def test_an_address_that_cannot_be_is_a_mistake(address: object) -> None:
    with pytest.raises(BadSettings, match="address"):
        settings_from({"address": address})
