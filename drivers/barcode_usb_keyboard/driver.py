"""A USB scanner that plays keyboard, taken from the system's own keyboards."""

import asyncio
from collections.abc import Mapping
from typing import Final

from drivers.barcode_usb_keyboard.session import Session
from drivers.barcode_usb_keyboard.settings import Settings, settings_from
from drivers.events import tell
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan
from drivers.usb_line import UsbPort, Wanted, next_report

_SET_IDLE, _SET_PROTOCOL, _BOOT, _REPORT = 0x0A, 0x0B, 0, 1
#: Reports of the boot protocol, and only when a key goes down or up (HID 1.11, 7.2.4 to 7.2.6).
_GREETING: Final = ((_SET_PROTOCOL, _BOOT, b""), (_SET_IDLE, 0, b""))
_FAREWELL: Final = ((_SET_PROTOCOL, _REPORT, b""),)


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A scanner that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return UsbKeyboardScanner(name, settings_from(settings))


class UsbKeyboardScanner:
    """One scanner. Scans are handed over one after the other."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._port = UsbPort(Wanted(settings.plug, "USB HID keyboard", True, lambda _: True, _GREETING, _FAREWELL))

    async def run(self, sink: Sink) -> None:
        """Take the scanner from the kernel and report its scans until it is pulled out; see `drivers.port.Device`.

        Cancelled, it gives the scanner back to the kernel before it raises CancelledError. A scan that was being sent
        then is lost: a keyboard is never told what became of its keys.
        """
        clock = asyncio.get_running_loop().time
        async with await self._port.open() as line:
            session = Session(self._settings)
            sink.online(f"{line.about}, layout {self._settings.layout}")
            while True:
                report = await next_report(line, session.wake_at_s)
                for said in session.receive(report, clock()):
                    if isinstance(said, BarcodeScan):
                        await sink.scan(said)
                    else:
                        await tell(said, sink, self.name)
