"""The `[device.settings]` of an LLRP reader: checked all at once, never by connecting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from drivers.errors import BadSettings

PORT: Final = 5084
ANTENNAS_MAX: Final = 32
KNOWN: Final = ("address", "antennas", "keepalive_s", "report_every_ms", "tags_per_report")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the driver is told. `antennas` (0,) means all that the reader has."""

    host: str
    port: int
    antennas: tuple[int, ...] = (0,)
    keepalive_s: float = 10.0
    tags_per_report: int = 30
    report_every_ms: int = 200


def settings_from(given: Mapping[str, object]) -> Settings:
    """Raises BadSettings with every mistake."""
    mistakes = [f"{key}: unknown; known are {', '.join(KNOWN)}" for key in given if key not in KNOWN]
    host, port = _address(given.get("address"), mistakes)
    settings = Settings(
        host,
        port,
        _antennas(given.get("antennas", [0]), mistakes),
        _number(given, "keepalive_s", 10.0, (1, 3600), mistakes),
        int(_number(given, "tags_per_report", 30, (1, 10_000), mistakes, whole=True)),
        int(_number(given, "report_every_ms", 200, (20, 60_000), mistakes, whole=True)),
    )
    if mistakes:
        raise BadSettings(mistakes)
    return settings


def _address(given: object, mistakes: list[str]) -> tuple[str, int]:
    wanted = 'address: give the reader as "tcp://host" or "tcp://host:port"'
    if not isinstance(given, str):
        mistakes.append(wanted)
        return "", PORT
    try:
        parts = urlsplit(given)
        port = PORT if parts.port is None else parts.port
    except ValueError as why:
        mistakes.append(f"{wanted}, not {given!r} ({why})")
        return "", PORT
    if parts.scheme != "tcp" or not parts.hostname or parts.path or parts.query or parts.username or port == 0:
        mistakes.append(f"{wanted}, not {given!r}")
    return parts.hostname or "", port


def _antennas(given: object, mistakes: list[str]) -> tuple[int, ...]:
    if not isinstance(given, list) or not given:
        mistakes.append("antennas: give a list of antenna ports, such as [1, 2]; leave it out for all")
        return (0,)
    found = []
    for place, antenna in enumerate(given):
        if isinstance(antenna, bool) or not isinstance(antenna, int) or not 0 <= antenna <= ANTENNAS_MAX:
            mistakes.append(f"antennas[{place}]: {antenna!r} is not an antenna port from 1 to {ANTENNAS_MAX}")
        elif antenna in found:
            mistakes.append(f"antennas[{place}]: {antenna} is there twice")
        elif antenna == 0 and len(given) > 1:
            mistakes.append(f"antennas[{place}]: 0 means all antennas and stands alone")
        else:
            found.append(antenna)
    return tuple(found)


def _number(
    given: Mapping[str, object],
    key: str,
    otherwise: float,
    span: tuple[float, float],
    mistakes: list[str],
    *,
    whole: bool = False,
) -> float:
    value = given.get(key, otherwise)
    low, high = span
    wanted = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        mistakes.append(f"{key}: {value!r} is not {kind} from {low} to {high}")
        return otherwise
    return value
