"""A ThingMagic module on a serial line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from drivers.conversing import Unanswered, converse
from drivers.port import Device, Sink
from drivers.thingmagic.session import Moved, Session
from drivers.thingmagic.settings import Settings, settings_from

#: What a module may have been left at, the likely ones first.
BAUDS: Final = (115_200, 921_600, 9600, 230_400, 57_600, 38_400, 19_200, 460_800)


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A module that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return ThingMagic(name, settings_from(settings))


class ThingMagic:
    """One module. Each `run` is one connection."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings

    async def run(self, sink: Sink) -> None:
        """Open the port, find the module's baud rate, set it up, report its reads; see `drivers.port.Device`.

        Cancelled, it still tells the module to stop, for at most half a second, before it raises CancelledError.
        """
        wiring = self._settings.wiring
        others = () if wiring.tcp_address else (baud for baud in BAUDS if baud != wiring.baud)
        nobody: Unanswered | None = None
        for baud in (wiring.baud, *others):
            try:
                await self._converse(baud, sink)
            except Moved:
                await self._converse(wiring.baud, sink)
            except Unanswered as why:
                nobody = nobody or why
        assert nobody is not None
        raise nobody

    async def _converse(self, baud: int, sink: Sink) -> None:
        """Never returns: ends by a DeviceError."""
        session = Session(self._settings, baud)
        await converse(replace(self._settings.wiring, baud=baud), session, sink, self.name)
