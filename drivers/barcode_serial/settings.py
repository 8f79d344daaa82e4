"""The settings of a serial scanner."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.barcode_serial.codec import Framing
from drivers.serial_line import Wiring, wiring_from
from drivers.settings import Asked

_BAUD = 9600
_TERMINATORS: dict[str, bytes | None] = {
    "any": None,
    "cr": b"\r",
    "lf": b"\n",
    "crlf": b"\r\n",
    "tab": b"\t",
    "etx": b"\x03",
}
_REFUSALS = {"nak": b"\x15", "bel": b"\x07", "can": b"\x18", "silence": b""}
_LONGEST_PREFIX = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """A scanner's settings, as README.md tables them."""

    wiring: Wiring
    acknowledge: bool
    refusal: bytes
    framing: Framing

    @property
    def about(self) -> str:
        """What this is, for people: `/dev/ttyACM0, 9600 8N1, acknowledged`."""
        return f"{self.wiring.about}{', acknowledged' if self.acknowledge else ''}"


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(
        wiring=wiring_from(asked, _BAUD),
        acknowledge=asked.flag("acknowledge", otherwise=False),
        refusal=asked.choice("refusal", "nak", _REFUSALS),
        framing=Framing(
            terminator=asked.choice("terminator", "any", _TERMINATORS),
            prefix=_prefix(asked),
            aim=asked.flag("aim", otherwise=True),
        ),
    )
    asked.done()
    return settings


def _prefix(asked: Asked) -> bytes:
    """The bytes every line begins with."""
    given = asked.take("prefix", "")
    if isinstance(given, str) and len(given.encode()) <= _LONGEST_PREFIX:
        return given.encode()
    asked.wrong("prefix", f"{given!r} is not a text of at most {_LONGEST_PREFIX} bytes")
    return b""
