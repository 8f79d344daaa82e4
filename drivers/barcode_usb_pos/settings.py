"""The settings of a USB scanner in HID POS mode."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.settings import Asked
from drivers.usb_line import Plug, plug_from


@dataclass(frozen=True, slots=True)
class Settings:
    """A scanner's settings, as README.md tables them."""

    plug: Plug


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    settings = Settings(plug_from(asked))
    asked.done()
    return settings
