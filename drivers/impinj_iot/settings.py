"""The `[device.settings]` of an Impinj reader with the IoT device interface: checked at once, never by connecting."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.access import Access, access_from
from drivers.settings import Asked

PORTS: Final = {"https": 443, "http": 80}
_PRESET: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the driver is told. `preset`: what the reader is made to run; empty: it runs what it likes."""

    host: str
    port: int
    tls: bool
    access: Access
    preset: str = "default"
    status_every_s: float = 30.0
    silence_s: float = 90.0
    stale_s: float = 30.0

    @property
    def base(self) -> str:
        """What every path of the interface is behind."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def settings_from(given: Mapping[str, object]) -> Settings:
    """Raises BadSettings with every mistake."""
    asked = Asked(given)
    address = asked.address("address", PORTS)
    tls = address.scheme == "https"
    access = access_from(asked, tls=tls)
    start = asked.flag("start", otherwise=True)
    preset = asked.text("preset", "default", 128)
    if not _PRESET.fullmatch(preset):
        asked.wrong("preset", f"{preset!r} is not a preset's name: letters, digits, - _ and .")
    settings = Settings(
        host=address.hostname or "",
        port=address.port or 0,
        tls=tls,
        access=access,
        preset=preset if start else "",
        status_every_s=asked.number("status_every_s", 30.0, 0.2, 3600),
        silence_s=asked.number("silence_s", 90.0, 0.2, 3600),
        stale_s=asked.number("stale_s", 30.0, 1, 86_400),
    )
    asked.done()
    return settings
