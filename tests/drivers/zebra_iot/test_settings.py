"""Settings of a Zebra reader: every mistake at once, in words; topics as both kinds have them."""

import pytest

from drivers.errors import BadSettings
from drivers.zebra_iot.settings import settings_from

FIXED = {"broker": "mqtt://b", "topic": "shop/FX"}
SLED = {"broker": "mqtts://b:1", "topic": "a/b/RFD40-1", "reader": "sled"}


def mistakes(given: dict[str, object]) -> list[str]:
    with pytest.raises(BadSettings) as told:
        settings_from(given)
    return told.value.mistakes


def test_a_fixed_reader_s_topics_begin_alike_and_each_can_be_another() -> None:
    topics = settings_from({**FIXED, "topics": {"data": "tags", "answers": "/x"}}).topics
    assert topics.heard() == ["tags", "shop/FX/events", "/x", "shop/FX/ctrl/resp"]
    assert (topics.commands, topics.control) == ("shop/FX/mgmt/cmd", "shop/FX/ctrl/cmd")


def test_a_sled_puts_its_tenant_before_and_its_serial_number_behind() -> None:
    settings = settings_from(SLED)
    assert settings.topics.data == "a/b/DATA/clients/data1event/RFD40-1"
    assert settings.topics.state == "a/b/MGMT/clients/rfid/RFD40-1"
    assert not settings.start
    assert str(settings.broker) == "mqtts://b:1"


def test_every_mistake_is_told_at_once() -> None:
    told = mistakes({
        "broker": "http://b", "topic": "shop/#", "topics": {"data": "+", "tags": "x"}, "reader": "drone",
        "password_file": "/x", "cert": "/c", "stale_s": 0,
    })  # fmt: skip
    assert {mistake.split(":")[0] for mistake in told} == {
        "broker", "topic", "topics.data", "topics.tags", "reader", "username", "cert", "stale_s",
    }  # fmt: skip
    assert mistakes({**SLED, "topic": "RFD40-1"}) == ["topic: 'RFD40-1' is not tenant/serial number"]
    assert mistakes({**FIXED, "ca": "/ca.pem"}) == ["ca: is of no use: the address is without TLS"]
    assert "give a table" not in mistakes({**FIXED, "topics": "tags"})[0]
