"""USB scanners that aren't there, on a bus that isn't: programs under umockdev find them by libusb.

The bus is a program of its own, simulators/usb_bus.py.
Packs its own reports and descriptors and knows nothing of the drivers' tables.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_BUS = Path(__file__).parent / "usb_bus.py"
_PRELOAD = "libumockdev-preload.so.0"

# What scanners set to a country press for a letter: usage and modifiers, where they differ from the US.
_SHIFT, _ALT, _ALT_GR, _CONTROL = 0x02, 0x04, 0x40, 0x01
_LETTERS = {chr(ord("a") + nth): 4 + nth for nth in range(26)}
_PLAIN = {
    **{letter: (usage, 0) for letter, usage in _LETTERS.items()},
    **{letter.upper(): (usage, _SHIFT) for letter, usage in _LETTERS.items()},
    **{digit: (0x1E + nth, 0) for nth, digit in enumerate("1234567890")},
    " ": (0x2C, 0), "\r": (0x28, 0), "\t": (0x2B, 0), "\x1d": (0x30, _CONTROL), "\x02": (0x05, _CONTROL),
}  # fmt: skip
_US = _PLAIN | {
    **{sign: (0x1E + nth, _SHIFT) for nth, sign in enumerate("!@#$%^&*()")},
    "-": (0x2D, 0), "_": (0x2D, _SHIFT), "=": (0x2E, 0), "+": (0x2E, _SHIFT), "[": (0x2F, 0), "{": (0x2F, _SHIFT),
    "]": (0x30, 0), "}": (0x30, _SHIFT), "\\": (0x31, 0), "|": (0x31, _SHIFT), ";": (0x33, 0), ":": (0x33, _SHIFT),
    "'": (0x34, 0), '"': (0x34, _SHIFT), "`": (0x35, 0), "~": (0x35, _SHIFT), ",": (0x36, 0), "<": (0x36, _SHIFT),
    ".": (0x37, 0), ">": (0x37, _SHIFT), "/": (0x38, 0), "?": (0x38, _SHIFT),
}  # fmt: skip
_DIGITS_FR = "&é\"'(-è_çà"
COUNTRIES = {
    "us": _US,
    "uk": _US | {'"': (0x1F, _SHIFT), "£": (0x20, _SHIFT), "@": (0x34, _SHIFT), "#": (0x32, 0), "~": (0x32, _SHIFT),
                 "\\": (0x64, 0), "|": (0x64, _SHIFT)},
    "de": _PLAIN | {"!": (0x1E, _SHIFT), "$": (0x21, _SHIFT), "%": (0x22, _SHIFT), ",": (0x36, 0), ".": (0x37, 0),
                    "y": (0x1D, 0), "Y": (0x1D, _SHIFT), "z": (0x1C, 0), "Z": (0x1C, _SHIFT), "ß": (0x2D, 0),
                 '"': (0x1F, _SHIFT), "§": (0x20, _SHIFT), "&": (0x23, _SHIFT), "/": (0x24, _SHIFT),
                 "(": (0x25, _SHIFT), ")": (0x26, _SHIFT), "=": (0x27, _SHIFT), "?": (0x2D, _SHIFT), "ü": (0x2F, 0),
                 "+": (0x30, 0), "*": (0x30, _SHIFT), "#": (0x32, 0), "'": (0x32, _SHIFT), "ö": (0x33, 0),
                 "ä": (0x34, 0), "-": (0x38, 0), "_": (0x38, _SHIFT), ";": (0x36, _SHIFT), ":": (0x37, _SHIFT),
                 "<": (0x64, 0), ">": (0x64, _SHIFT), "|": (0x64, _ALT_GR), "{": (0x24, _ALT_GR), "[": (0x25, _ALT_GR),
                 "]": (0x26, _ALT_GR), "}": (0x27, _ALT_GR), "\\": (0x2D, _ALT_GR), "@": (0x14, _ALT_GR),
                 "~": (0x30, _ALT_GR)},
    "fr": _PLAIN | {"=": (0x2E, 0), "+": (0x2E, _SHIFT), "ù": (0x34, 0),
                    **{digit: (0x1E + nth, _SHIFT) for nth, digit in enumerate("1234567890")},
                 **{sign: (0x1E + nth, 0) for nth, sign in enumerate(_DIGITS_FR)},
                 "a": (0x14, 0), "A": (0x14, _SHIFT), "q": (0x04, 0), "Q": (0x04, _SHIFT), "z": (0x1A, 0),
                 "Z": (0x1A, _SHIFT), "w": (0x1D, 0), "W": (0x1D, _SHIFT), "m": (0x33, 0), "M": (0x33, _SHIFT),
                 ")": (0x2D, 0), "°": (0x2D, _SHIFT), ",": (0x10, 0), "?": (0x10, _SHIFT), ";": (0x36, 0),
                 ".": (0x36, _SHIFT), ":": (0x37, 0), "/": (0x37, _SHIFT), "!": (0x38, 0), "§": (0x38, _SHIFT),
                 "$": (0x30, 0), "*": (0x32, 0), "%": (0x34, _SHIFT), "<": (0x64, 0), ">": (0x64, _SHIFT),
                 "~": (0x1F, _ALT_GR), "#": (0x20, _ALT_GR), "{": (0x21, _ALT_GR), "[": (0x22, _ALT_GR),
                 "|": (0x23, _ALT_GR), "`": (0x24, _ALT_GR), "\\": (0x25, _ALT_GR), "^": (0x26, _ALT_GR),
                 "@": (0x27, _ALT_GR), "]": (0x2D, _ALT_GR), "}": (0x2E, _ALT_GR)},
}  # fmt: skip

KEYBOARD = bytes.fromhex(
    "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503910395067508150025"
    "65050719002965810 0c0".replace(" ", "")
)
# Reports of HID's Bar Code Scanner page, as makers order them.
_BEGIN, _END = "058c0902a101 {number} 0912a102 150026ff00 7508", "25017501 9501 058c09ff8102 75078103 c0c0"
#: Length, AIM identifier, data, two bytes of the maker's, continued.
HID_POS = bytes.fromhex(
    _BEGIN.format(number="8502")
    + "9501 0501093b8102 9503 058c09fb09fc09fd8102 9538 09fe820201 9502 0666ff09048102"
    + _END
)
#: Length, data, five bytes of the maker's, continued; no AIM identifier.
HID_POS_WITHOUT_AIM = bytes.fromhex(
    _BEGIN.format(number="8502") + "9501 0501093b8102 9538 058c09fe820201 9505 0666ff09048102" + _END
)
#: AIM identifier byte by byte, data padded with NULs, continued; a report without a number.
HID_POS_WITHOUT_LENGTH = bytes.fromhex(
    _BEGIN.format(number="") + "9501 09fb8102 09fc8102 09fd8102 9538 09fe820201" + _END
)


class NoUmockdev(Exception):
    """Raised with what is missing on this machine to play a USB bus."""


def missing() -> str:
    """What keeps this machine from playing a USB bus; empty when nothing does."""
    if shutil.which("umockdev-wrapper") is None:
        return "umockdev is not installed"
    if not Path("/usr/bin/python3").exists() or not Path("/usr/lib/python3/dist-packages/gi").exists():
        return "python3-gi is not installed"
    if not any(Path("/usr/lib").glob("*/girepository-1.0/UMockdev-1.0.typelib")):
        return "gir1.2-umockdev-1.0 is not installed"
    return ""


@dataclass(frozen=True)
class Interface:
    """An interface of class HID: its report descriptor, and whether it is a boot keyboard."""

    descriptor: bytes
    boot_keyboard: bool = False
    report_bytes: int = 64


@dataclass(frozen=True)
class Model:
    """A scanner that can be plugged in. `every_ms` is how often it can be asked; `refuses` are requests it stalls.
    `contested`: another program takes it just before whoever is first to want it, and leaves it soon after.

    `mode`: who may open it, as udev set it.
    """

    usb: str = "05e0:1200"
    serial: str = "S1"
    maker: str = "Symbol"
    product: str = "Simulated Scanner"
    interfaces: tuple[Interface, ...] = (Interface(KEYBOARD, boot_keyboard=True, report_bytes=8),)
    every_ms: float = 1.0
    refuses: tuple[int, ...] = ()
    contested: bool = False
    mode: int = 0o666

    def as_plugged(self, name: str, port: str, address: int) -> dict[str, Any]:
        """What the bus is to know of it."""
        vendor, product = self.usb.split(":")
        ids = int(vendor, 16).to_bytes(2, "little") + int(product, 16).to_bytes(2, "little")
        strings = {"1": self.maker, "2": self.product, **({"3": self.serial} if self.serial else {})}
        device = b"\x12\x01\x00\x02\x00\x00\x00\x40" + ids + b"\x00\x01\x01\x02" + bytes([3 if self.serial else 0, 1])
        parts = b""
        for nth, one in enumerate(self.interfaces):
            kind = b"\x03\x01\x01" if one.boot_keyboard else b"\x03\x00\x00"
            parts += bytes([9, 4, nth, 0, 1]) + kind + b"\x00"
            parts += b"\x09\x21\x11\x01\x00\x01\x22" + len(one.descriptor).to_bytes(2, "little")
            parts += bytes([7, 5, 0x81 + nth, 3]) + one.report_bytes.to_bytes(2, "little") + b"\x01"
        total = (9 + len(parts)).to_bytes(2, "little")
        configuration = b"\x09\x02" + total + bytes([len(self.interfaces), 1, 0, 0x80, 0xFA]) + parts
        return {
            "do": "plug", "name": name, "port": port, "address": address, "vendor": vendor, "product": product,
            "device": device.hex(), "configuration": configuration.hex(), "strings": strings,
            "report_descriptors": {str(nth): one.descriptor.hex() for nth, one in enumerate(self.interfaces)},
            "endpoints": {str(0x81 + nth): nth for nth in range(len(self.interfaces))},
            "every_ms": self.every_ms, "refuses": list(self.refuses),
            "contested": self.contested, "mode": self.mode,
        }  # fmt: skip


@dataclass
class UsbBus:
    """The bus; `async with` plays it. Programs started with `environment` see it, and only it."""

    environment: dict[str, str] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _done: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _listening: asyncio.Task[None] | None = None
    _address: int = 4

    async def __aenter__(self) -> Self:
        if lacks := missing():
            raise NoUmockdev(lacks)
        self._process = await asyncio.create_subprocess_exec(
            "umockdev-wrapper",
            "/usr/bin/python3",
            str(_BUS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready = json.loads(await self._process.stdout.readline())
        self.environment = {**os.environ, "LD_PRELOAD": _PRELOAD, "UMOCKDEV_DIR": ready["root"]}
        self._listening = asyncio.create_task(self._listen(self._process.stdout))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        if self._listening is not None:
            await self._listening
        shutil.rmtree(self.environment["UMOCKDEV_DIR"], ignore_errors=True)

    async def plug(self, model: Model, port: str = "1-4", name: str = "scanner") -> None:
        """Plug a scanner in; each time it has another address."""
        self._address += 1
        await self._do(model.as_plugged(name, port, self._address))

    async def unplug(self, name: str = "scanner") -> None:
        """Pull a scanner out."""
        await self._do({"do": "unplug", "name": name})

    async def killed(self, name: str = "scanner") -> None:
        """Whoever had a scanner was killed, and its files were closed for it."""
        await self._do({"do": "killed", "name": name})

    async def send(self, reports: Sequence[bytes], name: str = "scanner", interface: int = 0) -> None:
        """Have reports ready for whoever asks for them; an empty one halts the endpoint."""
        await self._do(
            {"do": "send", "name": name, "interface": interface, "reports": [report.hex() for report in reports]}
        )

    def told(self, said: str, name: str = "scanner") -> list[int]:
        """The interfaces of which the bus said this, in order."""
        return [one["interface"] for one in self.said if one["said"] == said and one["name"] == name]

    async def _do(self, what: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        done = await self._done.get()
        assert done == what["do"], done

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            said = json.loads(line)
            if said["said"] in ("done", "broke"):
                self._done.put_nowait(said.get("why") or said["do"])
            else:
                self.said.append(said)


def typed(text: str, country: str = "us", *, end: str = "\r", caps: bool = False) -> list[bytes]:
    """The reports of a text: each key down, and up. With `caps` Caps Lock is put on first and the case turned."""
    reports = [_down(0x39), _UP] if caps else []
    for letter in text + end:
        usage, modifiers = COUNTRIES[country][letter]
        turned = caps and letter.isalpha() and usage in _LETTERS.values()
        reports += [_down(usage, modifiers=modifiers ^ (_SHIFT if turned else 0)), _UP]
    return reports


def typed_fast(text: str, end: str = "\r") -> list[bytes]:
    """The same with as many different keys down at once as a report holds and share their modifiers."""
    reports: list[bytes] = []
    held: list[int] = []
    modifiers = 0
    for letter in text + end:
        usage, with_it = _US[letter]
        if usage in held or with_it != modifiers or len(held) == 6:
            reports += [_down(*held, modifiers=modifiers), _UP]
            held = []
        held, modifiers = [*held, usage], with_it
    return [*reports, _down(*held, modifiers=modifiers), _UP]


def typed_by_number(text: str, end: str = "\r") -> list[bytes]:
    """The same as Windows takes any letter from any keyboard: its number on the keypad while Alt is held."""
    reports: list[bytes] = []
    for letter in text:
        reports.append(_down(modifiers=_ALT))
        for digit in f"0{ord(letter)}":
            reports += [_down(0x62 if digit == "0" else 0x58 + int(digit), modifiers=_ALT), _down(modifiers=_ALT)]
        reports.append(_UP)
    return reports + typed("", end=end)


_UP = bytes(8)


def _down(*usages: int, modifiers: int = 0) -> bytes:
    return bytes([modifiers, 0, *usages]).ljust(8, b"\0")


def posted(text: bytes, aim: bytes = b"]E0", form: bytes = HID_POS) -> list[bytes]:
    """The reports of a scan, 56 bytes of it in each, in the order that a report descriptor of ours says."""
    pieces = [text[start : start + 56] for start in range(0, len(text), 56)] or [b""]
    reports = []
    for nth, piece in enumerate(pieces, start=1):
        data, more = piece.ljust(56, b"\0"), bytes([nth < len(pieces)])
        if form == HID_POS:
            reports.append(bytes([2, len(piece)]) + aim + data + b"?\0" + more)
        elif form == HID_POS_WITHOUT_AIM:
            reports.append(bytes([2, len(piece)]) + data + b"\0\0\0\0?" + more)
        else:
            reports.append(aim + data + more)
    return reports
