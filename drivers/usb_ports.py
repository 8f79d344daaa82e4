"""What is known of this machine's USB devices without opening one: the kernel tells it to anybody who reads /sys."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.finding import SCANNERS, USB_DEVICES, Find, Found, Where

_HID: Final = "03"
_MOST_BYTES: Final = 4096
_MOST_SHOWN: Final = 5
#: USB's numbers of companies that make scanners and no keyboards, as in 60-nearshelf-scanners.rules.
_MAKERS: Final = ("05e0", "0c2e", "0536", "05f9", "080c", "1eab", "065a", "11fa")


@dataclass(frozen=True, slots=True)
class HidInterface:
    """An interface of class HID; its report descriptor is known while the kernel's own driver has it."""

    boot_keyboard: bool
    descriptor: bytes


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """A device that is plugged in, at `place` (1-4.2); `model` as lsusb shows it, texts as the device says them."""

    place: str
    model: str
    name: str
    serial: str
    interfaces: Sequence[HidInterface]

    @property
    def may_scan(self) -> bool:
        """By its maker or name it is a scanner."""
        return self.model[:4] in _MAKERS or SCANNERS.search(self.name) is not None

    def __str__(self) -> str:
        return f"{self.model} {self.name or 'without a name'} at {self.place}"


def plugged_in(devices: Path = USB_DEVICES) -> list[UsbDevice]:
    """The devices with an interface of class HID, by their places."""
    found = []
    with suppress(OSError):
        for folder in sorted(devices.iterdir()):
            vendor, product = _text(folder / "idVendor"), _text(folder / "idProduct")
            hid = [_interface(one) for one in sorted(devices.glob(f"{folder.name}:*")) if _is_hid(one)]
            if vendor and product and hid:
                name = " ".join(filter(None, (_text(folder / "manufacturer"), _text(folder / "product"))))
                serial = _text(folder / "serial")
                found.append(UsbDevice(folder.name, f"{vendor}:{product}", name, serial, hid))
    return found


def instead(devices: Path = USB_DEVICES) -> str:
    """For somebody whose scanner is not there: which are."""
    there = [str(one) for one in plugged_in(devices) if one.may_scan]
    if not there:
        return "No USB scanner is plugged in."
    more = f" and {len(there) - _MOST_SHOWN} more" if len(there) > _MOST_SHOWN else ""
    return f"Plugged in now: {', '.join(there[:_MOST_SHOWN])}{more}."


def at_usb(kind: str, mode: str, fits: Callable[[UsbDevice], bool]) -> Find:
    """A finder that proposes each USB device which `fits` this driver, told apart from others of its model."""

    async def find(where: Where) -> list[Found]:
        devices = plugged_in(where.usb_devices)
        models = [one.model for one in devices]
        found = []
        for one in filter(fits, devices):
            settings, marks = {"usb": one.model}, {"port": one.place, "serial": one.serial}
            if models.count(one.model) > 1:
                same = [other.serial for other in devices if other.model == one.model]
                apart = one.serial and same.count(one.serial) == 1
                settings |= {"serial": one.serial} if apart else {"port": one.place}
            found.append(Found(kind, f"USB {one.place}", f"{one.name}, {mode}", "scans", settings, marks=marks))
        return found

    return find


def _is_hid(folder: Path) -> bool:
    return _text(folder / "bInterfaceClass") == _HID


def _interface(folder: Path) -> HidInterface:
    descriptor = b""
    with suppress(OSError, StopIteration), next(folder.glob("*/report_descriptor")).open("rb") as file:
        descriptor = file.read(_MOST_BYTES)
    return HidInterface(_text(folder / "bInterfaceProtocol") == "01", descriptor)


def _text(path: Path) -> str:
    """A file of the kernel's; what a device says of itself may be anything."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(_MOST_BYTES).decode("utf-8", "backslashreplace").strip()
    return ""
