"""A UHFReader18 or UHFReader288 on a serial line."""

from collections.abc import Mapping

from drivers.conversing import converse
from drivers.port import Device, Sink
from drivers.uhfreader.session import Session
from drivers.uhfreader.settings import Settings, settings_from


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A reader that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return UhfReader(name, settings_from(settings))


class UhfReader:
    """One reader. Each `run` is one connection."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Open the port, set the reader up, report its reads; see `drivers.port.Device`.

        An inventory that is under way when it is cancelled ends by itself.
        """
        await converse(self._settings.wiring, Session(self._settings), sink, self.name)
