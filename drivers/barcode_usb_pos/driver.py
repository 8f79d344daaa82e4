"""A USB scanner in HID POS mode: each scan with its symbology, and no keyboard in between."""

import asyncio
from collections.abc import Mapping
from typing import Final

from drivers.barcode_usb_pos.codec import COMMON, is_scanner, layout_of
from drivers.barcode_usb_pos.session import Session
from drivers.barcode_usb_pos.settings import Settings, settings_from
from drivers.events import tell
from drivers.port import Device, Sink
from drivers.readings import BarcodeScan
from drivers.usb_line import UsbPort, Wanted, next_report

_SET_REPORT, _SET_IDLE = 0x09, 0x0A
_FEATURE: Final = 3 << 8
_HONEYWELL: Final = 0x0C2E
#: Feature report FEh set to 1 puts a Honeywell scanner into HID mode; some keep their scans until somebody does that.
_HID_MODE: Final = (_SET_REPORT, _FEATURE | 0xFE, b"\xfe\x01")


def open_device(name: str, settings: Mapping[str, object]) -> Device:
    """A scanner that is not connected yet. Raises `BadSettings` with every mistake at once."""
    return UsbPosScanner(name, settings_from(settings))


class UsbPosScanner:
    """One scanner. Scans are handed over one after the other."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        greeting: tuple[tuple[int, int, bytes], ...] = ((_SET_IDLE, 0, b""),)
        if settings.plug.vendor == _HONEYWELL:
            greeting = (*greeting, _HID_MODE)
        self._port = UsbPort(Wanted(settings.plug, "HID POS", False, is_scanner, greeting))

    async def run(self, sink: Sink) -> None:
        """Take the scanner from the kernel and report its scans until it is pulled out; see `drivers.port.Device`.

        Cancelled, it gives the scanner back to the kernel before it raises CancelledError. What was read from the
        scanner and not yet handed on then is lost: it is never told what became of its reports.
        """
        clock = asyncio.get_running_loop().time
        async with await self._port.open() as line:
            session = Session(layout_of(line.descriptor) or COMMON)
            sink.online(f"{line.about}, HID POS")
            while True:
                report = await next_report(line, session.wake_at_s)
                for said in session.receive(report, clock()):
                    if isinstance(said, BarcodeScan):
                        await sink.scan(said)
                    else:
                        await tell(said, sink, self.name)
