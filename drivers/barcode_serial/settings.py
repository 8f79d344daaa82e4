"""The settings of a serial scanner: from TOML's values to checked ones, every mistake reported at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import serial

from drivers.barcode_serial.codec import Framing
from drivers.errors import BadSettings

V = TypeVar("V")

_TERMINATORS: dict[str, bytes | None] = {
    "any": None,
    "cr": b"\r",
    "lf": b"\n",
    "crlf": b"\r\n",
    "tab": b"\t",
    "etx": b"\x03",
}
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_REFUSALS = {"nak": b"\x15", "bel": b"\x07", "can": b"\x18", "silence": b""}
_FLOW_CONTROLS: dict[str, dict[str, bool]] = {"none": {}, "rtscts": {"rtscts": True}, "xonxoff": {"xonxoff": True}}
_BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
_LONGEST_PREFIX = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """A scanner's settings, as README.md tables them."""

    port: str
    baud: int
    data_bits: int
    parity: str
    stop_bits: int
    flow_control: str
    acknowledge: bool
    refusal: bytes
    framing: Framing

    @property
    def tcp_address(self) -> tuple[str, int] | None:
        """Host and port when the line is a TCP connection."""
        url = urlsplit(self.port)
        return (url.hostname or "", url.port or 0) if url.scheme == "socket" else None

    @property
    def about(self) -> str:
        """What this is, for people: `/dev/ttyACM0, 9600 8N1, acknowledged`."""
        speed = f", {self.baud} {self.data_bits}{self.parity}{self.stop_bits}" if self.tcp_address is None else ""
        return f"{self.port}{speed}{', acknowledged' if self.acknowledge else ''}"

    def for_pyserial(self) -> dict[str, Any]:
        """The keywords of `serial.Serial` that say how to open the port."""
        return {
            "port": self.port,
            "baudrate": self.baud,
            "bytesize": self.data_bits,
            "parity": self.parity,
            "stopbits": self.stop_bits,
            **_FLOW_CONTROLS[self.flow_control],
        }


def read_settings(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = _Asked(dict(given))
    settings = Settings(
        port=asked.port(),
        baud=asked.choice("baud", 9600, {baud: baud for baud in _BAUDS}),
        data_bits=asked.choice("data_bits", 8, {7: 7, 8: 8}),
        parity=asked.choice("parity", "none", _PARITIES),
        stop_bits=asked.choice("stop_bits", 1, {1: 1, 2: 2}),
        flow_control=asked.choice("flow_control", "none", {name: name for name in _FLOW_CONTROLS}),
        acknowledge=asked.choice("acknowledge", False, {False: False, True: True}),
        refusal=asked.choice("refusal", "nak", _REFUSALS),
        framing=Framing(
            terminator=asked.choice("terminator", "any", _TERMINATORS),
            prefix=asked.prefix(),
            aim=asked.choice("aim", True, {False: False, True: True}),
        ),
    )
    asked.done()
    return settings


class _Asked:
    """Takes settings one by one and collects what is wrong with them."""

    def __init__(self, given: dict[str, object]) -> None:
        self._given = given
        self._known: list[str] = []
        self._mistakes: list[str] = []

    def choice(self, key: str, otherwise: object, choices: Mapping[Any, V]) -> V:
        """The value that the setting's word stands for; that of `otherwise` when there is no such setting."""
        given = self._take(key, otherwise)
        for word, value in choices.items():
            # 1 == True in Python, but not in a settings file.
            if type(word) is type(given) and word == given:
                return value
        self._mistakes.append(f"{key}: {given!r} is not one of {', '.join(_as_toml(word) for word in choices)}")
        return choices[otherwise]

    def port(self) -> str:
        """A path under /dev, or socket://host:port."""
        given = self._take("port", None)
        if given is None:
            self._mistakes.append("port: missing; for example /dev/serial/by-id/… or socket://192.168.1.30:4001")
        elif not isinstance(given, str) or not _is_port(given):
            self._mistakes.append(f"port: {given!r} is neither an absolute path of a device nor socket://host:port")
        else:
            return given
        return ""

    def prefix(self) -> bytes:
        """The bytes every line begins with."""
        given = self._take("prefix", "")
        if isinstance(given, str) and len(given.encode()) <= _LONGEST_PREFIX:
            return given.encode()
        self._mistakes.append(f"prefix: {given!r} is not a text of at most {_LONGEST_PREFIX} bytes")
        return b""

    def done(self) -> None:
        """Raises `BadSettings` if anything was wrong, or is left over."""
        known = ", ".join(self._known)
        self._mistakes += [f"{key}: no such setting; there are {known}" for key in self._given]
        if self._mistakes:
            raise BadSettings(self._mistakes)

    def _take(self, key: str, otherwise: object) -> object:
        self._known.append(key)
        return self._given.pop(key, otherwise)


def _is_port(text: str) -> bool:
    if not text.startswith("socket://"):
        return text.startswith("/") and text.isprintable()
    try:
        url = urlsplit(text)
        return bool(url.hostname and url.port and not url.path)
    except ValueError:
        return False


def _as_toml(word: object) -> str:
    return str(word).lower() if isinstance(word, bool) else str(word)
