"""The shape of a device, as seen by whoever runs it, and of the place its readings go.

A driver is found through the entry point group `nearshelf.drivers`, which names its `open_device`. `open_device`
checks the settings and never connects; `run` connects and lives for one connection. Connecting again, backing off and
telling people is the agent's job, written once.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from drivers.readings import BarcodeScan, ScanAnswer, TagRead


class Sink(Protocol):
    """Where one device's readings go. Waiting for an answer is the back-pressure."""

    def online(self, about: str) -> None:
        """The device works now; `about` says in a few words what it is (model, firmware)."""

    def heard(self) -> None:
        """The device gave a sign of life that is no reading, such as a keepalive."""

    def dropped(self, why: str) -> None:
        """Part of what the device sent could not be understood and was left out; counted and shown."""

    async def tags(self, reads: Sequence[TagRead]) -> None:
        """Take these reads. Returns at once; reads of one tag are merged when the agent is busy."""

    async def scan(self, scan: BarcodeScan) -> ScanAnswer:
        """Take a scan. Returns only when it is committed, or refused."""


class Device(Protocol):
    """One configured device."""

    async def run(self, sink: Sink) -> None:
        """Connect and report until the connection ends. Never returns; raises a `DeviceError` or is cancelled."""


class OpenDevice(Protocol):
    """What an entry point in `nearshelf.drivers` names. Raises `BadSettings` with every mistake at once."""

    def __call__(self, name: str, settings: Mapping[str, object]) -> Device: ...
