"""The settings of a UHFReader18 or UHFReader288."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.serial_line import Wiring, wiring_from
from drivers.settings import Asked
from drivers.uhfreader.codec import BROADCAST

_BAUD: Final = 57_600
_ANTENNAS_MAX: Final = 8
#: The band's number in the upper bits, the highest and the lowest channel in the lower six. "" leaves it as it is.
_REGIONS: Final[dict[str, bytes | None]] = {
    "": None,
    "cn": bytes.fromhex("1340"),
    "us": bytes.fromhex("3180"),
    "kr": bytes.fromhex("1fc0"),
    "eu": bytes.fromhex("4e00"),
    "eu-4": bytes.fromhex("8340"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """A reader's settings, as README.md tables them. `model` 0: what it says; None: as it has it."""

    wiring: Wiring
    model: int
    address: int
    active: bool
    antennas: tuple[int, ...]
    region: bytes | None
    power_dbm: int | None
    session: int
    q: int
    scan_ms: int
    silence_s: float


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(
        wiring=wiring_from(asked, _BAUD),
        model=asked.choice("model", "any", {"any": 0, "18": 18, "288": 288}),
        address=asked.whole("address", BROADCAST, 0, 255),
        active=asked.choice("mode", "answer", {"answer": False, "active": True}),
        antennas=asked.ports("antennas", (1,), _ANTENNAS_MAX),
        region=asked.choice("region", "", _REGIONS),
        power_dbm=asked.whole("power_dbm", 0, 0, 30) or None,
        session=asked.choice("session", 0, {number: number for number in range(4)}),
        q=asked.whole("q", 4, 0, 15),
        scan_ms=asked.choice("scan_ms", 1000, {step * 100: step * 100 for step in range(3, 101)}),
        silence_s=asked.number("silence_s", 5.0, 1.0, 600.0),
    )
    asked.done()
    return settings
