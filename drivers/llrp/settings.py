"""The `[device.settings]` of an LLRP reader: checked all at once, never by connecting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.settings import Asked

PORTS: Final = {"tcp": 5084}
ANTENNAS_MAX: Final = 32


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
    asked = Asked(given)
    address = asked.address("address", PORTS)
    settings = Settings(
        host=address.hostname or "",
        port=address.port or 0,
        antennas=_antennas(asked),
        keepalive_s=asked.number("keepalive_s", 10.0, 1, 3600),
        tags_per_report=asked.whole("tags_per_report", 30, 1, 10_000),
        report_every_ms=asked.whole("report_every_ms", 200, 20, 60_000),
    )
    asked.done()
    return settings


def _antennas(asked: Asked) -> tuple[int, ...]:
    given = asked.take("antennas", [0])
    if not isinstance(given, list) or not given:
        asked.wrong("antennas", "give a list of antenna ports, such as [1, 2]; leave it out for all")
        return (0,)
    found: list[int] = []
    for place, antenna in enumerate(given):
        if isinstance(antenna, bool) or not isinstance(antenna, int) or not 0 <= antenna <= ANTENNAS_MAX:
            asked.wrong(f"antennas[{place}]", f"{antenna!r} is not an antenna port from 1 to {ANTENNAS_MAX}")
        elif antenna in found:
            asked.wrong(f"antennas[{place}]", f"{antenna} is there twice")
        elif antenna == 0 and len(given) > 1:
            asked.wrong(f"antennas[{place}]", "0 means all antennas and stands alone")
        else:
            found.append(antenna)
    return tuple(found)
