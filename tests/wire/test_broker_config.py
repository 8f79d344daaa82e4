"""The configuration for a trial: mosquitto takes it, and our line runs over it. For the real one see test_access.py."""

import asyncio
from pathlib import Path

from tests.brokers import Mosquitto, running_mosquitto
from tests.waiting import until
from wire.codec import MAX_PAYLOAD
from wire.mqtt import Link, parse_broker

SHIPPED = Path(__file__).parents[2] / "broker_config" / "mosquitto-trial.conf"


def _without_listener() -> str:
    """The shipped file, except for what the test's own port and log replace."""
    mine = ("listener", "allow_anonymous", "persistence", "log_dest")
    lines = SHIPPED.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(mine))


async def test_mosquitto_runs_with_the_shipped_configuration(tmp_path: Path) -> None:
    heard: list[bytes] = []
    async with running_mosquitto(tmp_path, _without_listener()) as broker:
        link = Link(
            parse_broker(broker.address),
            "ear",
            topics=["t"],
            on_message=lambda topic, payload: heard.append(payload),
            now_ms=lambda: 0,
        )
        task = asyncio.create_task(link.run())
        await until(lambda: link.state == "here")
        await link.publish("t", b"x" * MAX_PAYLOAD)
        await until(lambda: heard)
        task.cancel()
        await asyncio.wait({task})
    assert len(heard[0]) == MAX_PAYLOAD
    _assert_no_complaint(broker)


def _assert_no_complaint(broker: Mosquitto) -> None:
    complaints = [line for line in broker.log.read_text().splitlines() if "Error" in line or "Unknown" in line]
    assert complaints == []


def test_the_trial_listens_on_loopback_only_and_keeps_nothing() -> None:
    lines = SHIPPED.read_text().splitlines()
    assert "listener 1883 127.0.0.1" in lines
    assert "persistence false" in lines
