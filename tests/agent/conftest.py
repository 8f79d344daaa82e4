"""Fixtures of the agent's tests."""

from tests.brokers import mosquitto

__all__ = ["mosquitto"]
