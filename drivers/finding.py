"""What a driver may bring to find its devices: a function under the entry point group `nearshelf.finders`.

Looking is polite: nothing is written to a serial port, nothing is taken from whoever uses it, nothing is changed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Literal, Protocol

from drivers.serial_ports import BY_ID, plugged_in

GROUP: Final = "nearshelf.finders"

#: The kernel's folder of USB devices and their interfaces, each named by its place.
USB_DEVICES: Final = Path("/sys/bus/usb/devices")


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look, for at most `within_s`.

    `networks` are those whose every host may be asked, `interfaces` this machine's own addresses to ask from,
    `in_use` all texts in the settings of devices that are configured: they are known, and left alone.
    """

    within_s: float
    networks: tuple[IPv4Network, ...] = ()
    interfaces: tuple[str, ...] = ()
    in_use: frozenset[str] = frozenset()
    serial_by_id: Path = BY_ID
    usb_devices: Path = USB_DEVICES


@dataclass(frozen=True, slots=True)
class Found:
    """A device that somebody may want to configure.

    `where` is its address or port for people, the same from every driver that finds it; `settings` go into
    `[device.settings]`. Not `sure`: the driver can drive what may be there, and cannot know without asking it.
    `marks` are settings that tell it from others that `settings` fit as well, whether they are needed now or not.
    """

    kind: str
    where: str
    about: str
    reports: Literal["tags", "scans"]
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    antennas: int = 0
    sure: bool = True
    note: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)


class Find(Protocol):
    """What an entry point in `nearshelf.finders` names; its name is the driver's `kind`."""

    async def __call__(self, where: Where) -> Sequence[Found]: ...


#: Makers of barcode scanners, as their USB names in /dev/serial/by-id begin.
SCANNERS: Final = re.compile(
    r"zebra|symbol|honeywell|metrologic|hand_held|datalogic|psc|newland|opticon|cognex|denso|unitech|mindeo|youjie|scan|barcode",
    re.IGNORECASE,
)


def at_serial_ports(kind: str, reports: Literal["tags", "scans"], sure: re.Pattern[str] | None = None) -> Find:
    """A finder that proposes each serial port which may be this driver's device; `sure` are names that are.

    A scanner by its name is no reader; other names, mostly of USB-to-serial converters, may be anything.
    """

    async def find(where: Where) -> list[Found]:
        found = []
        for port in plugged_in(where.serial_by_id):
            known = sure is not None and sure.search(port.name) is not None
            if known or reports == "scans" or not SCANNERS.search(port.name):
                about = port.name.removeprefix("usb-").replace("_", " ")
                found.append(Found(kind, str(port), about, reports, {"port": str(port)}, sure=known))
        return found

    return find
