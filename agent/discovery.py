"""Looks for devices with whatever drivers are installed, and writes the TOML that would configure them."""

import asyncio
import fcntl
import json
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from ipaddress import IPv4Interface, IPv4Network
from typing import Final, cast

from agent.config import DeviceConfig
from agent.device_health import short
from drivers.finding import GROUP, Find, Found, Where

#: Of a network with more hosts than this not every one is asked, unless somebody names it.
MOST_HOSTS: Final = 1024
_GIVE_UP_AFTER_S: Final = 30.0
_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found, and which drivers could not look, and why."""

    found: Sequence[Found]
    failed: Sequence[str]


def own_interfaces() -> list[IPv4Interface]:
    """This machine's IPv4 addresses with their networks, the loopback's left out."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            asked = struct.pack("256s", name.encode()[:15])
            try:
                address, mask = (
                    socket.inet_ntoa(fcntl.ioctl(any_socket, what, asked)[20:24])
                    for what in (_SIOCGIFADDR, _SIOCGIFNETMASK)
                )
            except OSError:  # an interface without an address
                continue
            one = IPv4Interface(f"{address}/{mask}")
            if not one.is_loopback:
                found.append(one)
    return found


def where_to_look(
    within_s: float, named: Sequence[IPv4Network], devices: Iterable[DeviceConfig], own: Sequence[IPv4Interface]
) -> Where:
    """The networks that were named, else those this machine is in, if they are small enough to ask every host."""
    networks = named or [one.network for one in own if one.network.num_addresses <= MOST_HOSTS]
    texts = (value for device in devices for value in device.settings.values())
    return Where(
        within_s=within_s,
        networks=tuple(dict.fromkeys(networks)),
        interfaces=tuple(str(one.ip) for one in own),
        in_use=frozenset(text for text in texts if isinstance(text, str)),
    )


async def scan(where: Where) -> Scan:
    """Ask every driver that can look, all at once. A driver that breaks costs its own findings."""

    async def ask(entry: EntryPoint) -> Sequence[Found]:
        async with asyncio.timeout(where.within_s + _GIVE_UP_AFTER_S):
            return await cast(Find, entry.load())(where)

    finders = list(entry_points(group=GROUP))
    told = await asyncio.gather(*map(ask, finders), return_exceptions=True)
    found: list[Found] = []
    failed: list[str] = []
    for entry, answer in zip(finders, told, strict=True):
        if isinstance(answer, BaseException):
            failed.append(f"{entry.name}: {type(answer).__name__}: {answer}")
        else:
            found += answer
    return Scan(found, failed)


def proposal(found: Sequence[Found], devices: Sequence[DeviceConfig]) -> str:
    """The TOML to paste: a table for each device that is new; what is known, or uncertain, is said in comments."""
    names = {device.name for device in devices}
    known = _known(found, devices)
    parts = []
    for where in dict.fromkeys(one.where for one in found):
        here = sorted((one for one in found if one.where == where), key=lambda one: not one.sure)
        if where in known:
            parts.append(f'# {where} is configured: device "{known[where]}".\n')
            continue
        also = next((device.name for device in devices if any(_fits(device, one) for one in here)), "")
        doubt = f'# The settings of device "{also}" fit it as well: say there which of them it is.\n' if also else ""
        table = _table(here, names)
        parts.append(doubt + (_commented(table) if here[0].note else table))
    return "\n".join(parts)


def _known(found: Sequence[Found], devices: Sequence[DeviceConfig]) -> dict[str, str]:
    """Where a device of these was found: each at one place, those first whose settings say most of which it is."""
    known: dict[str, str] = {}
    for device in sorted(devices, key=lambda one: len(one.settings.keys() & {"serial", "port"}), reverse=True):
        where = next((one.where for one in found if one.where not in known and _fits(device, one)), None)
        if where is not None:
            known[where] = device.name
    return known


def _fits(device: DeviceConfig, found: Found) -> bool:
    """May this device be what was found? Nothing that its settings say of which one it is may be otherwise."""
    must = {key: value for key, value in found.settings.items() if key not in found.marks}
    told = {key: value for key, value in found.marks.items() if key in device.settings}
    return bool(must) and all(device.settings.get(key) == value for key, value in {**must, **told}.items())


def _table(here: Sequence[Found], names: set[str]) -> str:
    best, *others = here
    name = _new_name("reader" if best.reports == "tags" else "scanner", names)
    lines = [f"# {best.where}: {short(best.about)}"]
    if best.note:
        lines.append(f"# {short(best.note)}")
    kinds = [one.kind for one in here if not one.sure]
    if not best.sure:
        lines.append(f"# What is there cannot be seen from outside. Its kind may be {', '.join(kinds)}.")
    elif others:
        lines.append(f"# Its kind may also be {', '.join(one.kind for one in others)}.")
    lines += ["[[device]]", f"name = {json.dumps(name)}", f"kind = {json.dumps(best.kind)}"]
    if best.reports == "scans":
        lines.append('purpose = "receive"  # or "shelve"')
    lines += ["[device.settings]", *(f"{key} = {json.dumps(value)}" for key, value in best.settings.items())]
    if best.reports == "tags":
        lines.append("# Say which place each antenna covers: FLOOR, BACKROOM, EXIT …")
        for antenna in range(1, max(best.antennas, 1) + 1):
            lines += ["# [[device.zone]]", f"# antenna = {antenna}", '# place = "FLOOR"']
    return "\n".join(lines) + "\n"


def _commented(table: str) -> str:
    return "".join(line if line.startswith("#") else f"# {line}" for line in table.splitlines(keepends=True))


def _new_name(what: str, names: set[str]) -> str:
    name = next(name for nth in range(1, len(names) + 2) if (name := f"{what}-{nth}") not in names)
    names.add(name)
    return name
