"""The settings of an SSI scanner."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.barcode_ssi.codec import BEEP, CMD_ACK, CMD_NAK, DENIED, packet
from drivers.serial_line import Wiring, wiring_from
from drivers.settings import Asked

_BAUD = 9600
#: Beep code 11h: three long low tones. The scanner has already beeped well, for the decoding.
_THREE_LOW = b"\x11"
_REFUSALS = {
    "beep": packet(CMD_ACK) + packet(BEEP, _THREE_LOW),
    "denied": packet(CMD_NAK, bytes([DENIED])),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """A scanner's settings, as README.md tables them. `refusal` is what a refused scan is answered with."""

    wiring: Wiring
    refusal: bytes
    configure: bool
    heartbeat_s: float


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(
        wiring=wiring_from(asked, _BAUD),
        refusal=asked.choice("refusal", "beep", _REFUSALS),
        configure=asked.flag("configure", otherwise=True),
        heartbeat_s=asked.number("heartbeat_s", 60.0, 0.0, 3600.0),
    )
    asked.done()
    return settings
