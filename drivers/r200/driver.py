"""An R200 module on a serial line."""

from collections.abc import Mapping

from drivers.conversing import converse
from drivers.port import Device, Sink
from drivers.r200.session import Session
from drivers.r200.settings import Settings, settings_from


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A module that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return R200(name, settings_from(settings))


class R200:
    """One module. Each `run` is one connection."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Open the port, set the module up, report its reads; see `drivers.port.Device`.

        Cancelled, it still tells the module to stop, for at most half a second, before it raises CancelledError.
        """
        await converse(self._settings.wiring, Session(self._settings), sink, self.name)
