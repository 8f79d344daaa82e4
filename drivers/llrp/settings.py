"""The `[device.settings]` of an LLRP reader: checked all at once, never by connecting."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.access import Access, certificates_from
from drivers.settings import Asked

PORTS: Final = {"tcp": 5084, "tls": 5085}
ANTENNAS_MAX: Final = 32
GPIS_MAX: Final = 32
#: What readers' tables of transmit power may hold; what this reader's does is seen when it is connected.
DBM: Final = (0.0, 40.0)
NAME_MAX: Final = 200
NO_FILES: Final = Access()

#: ImpinjInventorySearchMode, by the names people know.
SEARCH_MODES: Final = {"": None, "reader": 0, "single": 1, "dual": 2, "tagfocus": 3}
SESSIONS: Final = {"reader": None, 0: 0, 1: 1, 2: 2, 3: 3}
#: Impinj's RF modes that have a name; others, and those of other makers, are given by number.
RF_MODES: Final = {
    "max-throughput": 0, "hybrid": 1, "dense-m4": 2, "dense-m8": 3, "max-miller": 4, "autoset-dense": 1000,
    "autoset-dense-deep-scan": 1002, "autoset-static-fast": 1003, "autoset-static-dense": 1004,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GpiLevel:
    """An input of the reader, and the level that means something."""

    port: int
    high: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """What the driver is told.

    `antennas` (0,) means all that the reader has; `power_dbm` is by antenna, 0 for all of them. `rf_mode` is a number,
    or one of Impinj's names. What is None stays as the reader is configured.
    """

    host: str
    port: int
    tls: bool = False
    access: Access = NO_FILES
    tls_name: str = ""
    antennas: tuple[int, ...] = (0,)
    power_dbm: Mapping[int, float] | None = None
    rf_mode: int | str | None = None
    session: int | None = None
    tag_population: int = 32
    search_mode: int | None = None
    start_gpi: GpiLevel | None = None
    stop_gpi: GpiLevel | None = None
    stop_after_s: float = 0.0
    keepalive_s: float = 10.0
    tags_per_report: int = 30
    report_every_ms: int = 200


def settings_from(given: Mapping[str, object]) -> Settings:
    """Raises BadSettings with every mistake."""
    asked = Asked(given)
    address = asked.address("address", PORTS)
    tls = address.scheme == "tls"
    access, name = certificates_from(asked, tls=tls), asked.text("tls_name", "", NAME_MAX)
    if name and not tls:
        asked.wrong("tls_name", "is of no use: the address is without TLS")
    antennas = asked.ports("antennas", (0,), ANTENNAS_MAX)
    settings = Settings(
        host=address.hostname or "",
        port=address.port or 0,
        tls=tls,
        access=access,
        tls_name=name,
        antennas=antennas,
        power_dbm=_power(asked, antennas),
        rf_mode=_rf_mode(asked),
        session=asked.choice("session", "reader", SESSIONS),
        tag_population=asked.whole("tag_population", 32, 1, 0xFFFF),
        search_mode=asked.choice("search_mode", "", SEARCH_MODES),
        start_gpi=_gpi(asked, "start_gpi"),
        stop_gpi=_gpi(asked, "stop_gpi"),
        stop_after_s=asked.number("stop_after_s", 0.0, 0, 86_400),
        keepalive_s=asked.number("keepalive_s", 10.0, 1, 3600),
        tags_per_report=asked.whole("tags_per_report", 30, 1, 10_000),
        report_every_ms=asked.whole("report_every_ms", 200, 20, 60_000),
    )
    stops = settings.stop_gpi is not None or settings.stop_after_s > 0
    if settings.start_gpi is not None and not stops:
        asked.wrong("start_gpi", "say when it ends as well: stop_gpi, stop_after_s, or both")
    if stops and settings.start_gpi is None and "start_gpi" not in given:
        asked.wrong("stop_gpi" if settings.stop_gpi else "stop_after_s", "nothing would start it again: give start_gpi")
    asked.done()
    return settings


def _power(asked: Asked, antennas: tuple[int, ...]) -> Mapping[int, float] | None:
    """One power for all antennas, or a table `{ 1 = 27.5, 2 = 30 }`: an antenna is a zone's."""
    given = asked.take("power_dbm")
    if given is None:
        return None
    if not isinstance(given, dict):
        given = {"0": given}
    elif not given or "0" in given:
        asked.wrong("power_dbm", "give one power for all, or those of antennas, such as { 1 = 27.5, 2 = 30 }")
        return None
    low, high = DBM
    found: dict[int, float] = {}
    for name, dbm in given.items():
        key = "power_dbm" if name == "0" else f"power_dbm.{name}"
        antenna = int(name) if re.fullmatch("[0-9]{1,2}", str(name)) else -1
        if not 0 <= antenna <= ANTENNAS_MAX:
            asked.wrong(key, f"{name!r} is not an antenna port from 1 to {ANTENNAS_MAX}")
        elif antenna and antennas != (0,) and antenna not in antennas:
            asked.wrong(key, f"antenna {antenna} is not one of `antennas`")
        elif isinstance(dbm, bool) or not isinstance(dbm, int | float) or not low <= dbm <= high:
            asked.wrong(key, f"{dbm!r} is not a power from {low:g} to {high:g} dBm")
        else:
            found[antenna] = float(dbm)
    return found


def _rf_mode(asked: Asked) -> int | str | None:
    given = asked.take("rf_mode")
    whole = isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 0xFFFF
    if given is None or whole or (isinstance(given, str) and given in RF_MODES):
        return given  # type: ignore[return-value] # whole says int
    asked.wrong("rf_mode", f"{given!r} is neither the number of a mode nor one of {', '.join(RF_MODES)}")
    return None


def _gpi(asked: Asked, key: str) -> GpiLevel | None:
    """`"1 high"`: input 1 goes high."""
    given = asked.take(key)
    if given is None:
        return None
    said = re.fullmatch("([0-9]{1,2}) (high|low)", given) if isinstance(given, str) else None
    if said is None or not 1 <= int(said[1]) <= GPIS_MAX:
        asked.wrong(key, f'{given!r} is no input and its level, such as "1 high" (inputs 1 to {GPIS_MAX})')
        return None
    return GpiLevel(int(said[1]), said[2] == "high")
