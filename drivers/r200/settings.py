"""The settings of an R200 module."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.r200.codec import PROFILES, Profile
from drivers.serial_line import Wiring, wiring_from
from drivers.settings import Asked

_BAUD: Final = 115_200
_FRAMES: Final[dict[str, tuple[Profile, ...]]] = {
    "any": tuple(PROFILES.values()),
    **{name: (profile,) for name, profile in PROFILES.items()},
}
#: The manual's codes; "" leaves the module as it is.
_REGIONS: Final = {"": None, "cn": 0x01, "us": 0x02, "eu": 0x03, "cn-800": 0x04, "kr": 0x06}


@dataclass(frozen=True, slots=True)
class Settings:
    """A module's settings, as README.md tables them. None: as the module has it."""

    wiring: Wiring
    profiles: tuple[Profile, ...]
    region: int | None
    power_dbm: float | None
    session: int
    q: int
    silence_s: float


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(
        wiring=wiring_from(asked, _BAUD),
        profiles=asked.choice("frames", "any", _FRAMES),
        region=asked.choice("region", "", _REGIONS),
        power_dbm=asked.number("power_dbm", 0.0, 0.0, 33.0) or None,
        session=asked.choice("session", 0, {number: number for number in range(4)}),
        q=asked.whole("q", 4, 0, 15),
        silence_s=asked.number("silence_s", 5.0, 1.0, 600.0),
    )
    asked.done()
    return settings
