"""The settings of a ThingMagic module."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.serial_line import Wiring, wiring_from
from drivers.settings import Asked

_BAUD: Final = 115_200
_ANTENNAS_MAX: Final = 15  # a metadatum has four bits for it
#: As the maker numbers and names them; "" leaves the module as it is.
_REGIONS: Final[dict[str, int | None]] = {
    "": None,
    "na": 0x01,
    "eu": 0x02,
    "in": 0x04,
    "jp": 0x05,
    "prc": 0x06,
    "eu3": 0x08,
    "kr2": 0x09,
    "au": 0x0B,
    "nz": 0x0C,
    "na2": 0x0D,
    "na3": 0x0E,
    "open": 0xFF,
}
_QS: Final[dict[object, int | None]] = {"auto": None, **{q: q for q in range(16)}}


@dataclass(frozen=True, slots=True)
class Settings:
    """A module's settings, as README.md tables them. None: as the module has it; `q` None: it finds one itself."""

    wiring: Wiring
    antennas: tuple[int, ...]
    region: int | None
    power_dbm: float | None
    session: int
    q: int | None
    silence_s: float


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(
        wiring=wiring_from(asked, _BAUD),
        antennas=asked.ports("antennas", (1,), _ANTENNAS_MAX),
        region=asked.choice("region", "", _REGIONS),
        power_dbm=asked.number("power_dbm", 0.0, 0.0, 33.0) or None,
        session=asked.choice("session", 0, {number: number for number in range(4)}),
        q=asked.choice("q", "auto", _QS),
        silence_s=asked.number("silence_s", 5.0, 3.0, 600.0),
    )
    asked.done()
    return settings
