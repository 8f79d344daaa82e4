"""The settings of a USB scanner that plays keyboard."""

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.barcode_usb_keyboard.codec import End
from drivers.barcode_usb_keyboard.layouts import LAYOUTS
from drivers.settings import Asked
from drivers.usb_line import Plug, plug_from

#: The keys that end a scan, and whether a pause does too.
_TERMINATORS = {
    "any": (frozenset(End), False),
    "enter": (frozenset({End.ENTER}), False),
    "tab": (frozenset({End.TAB}), False),
    "pause": (frozenset(End), True),
}
_LONGEST_PREFIX = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """A scanner's settings, as README.md tables them. `pause_ends`: what has no end is a scan after a pause."""

    plug: Plug
    layout: str
    ends: frozenset[End]
    pause_ends: bool
    pause_s: float
    prefix: str
    aim: bool


def settings_from(given: Mapping[str, object]) -> Settings:
    """Check what the TOML file says. Raises `BadSettings` with every mistake, unknown keys included."""
    asked = Asked(given)
    plug = plug_from(asked)
    layout = asked.choice("layout", "us", {name: name for name in LAYOUTS})
    ends, pause_ends = asked.choice("terminator", "any", _TERMINATORS)
    settings = Settings(
        plug,
        layout,
        ends,
        pause_ends,
        pause_s=asked.whole("pause_ms", 500, 50, 10_000) / 1000,
        prefix=_prefix(asked),
        aim=asked.flag("aim", otherwise=True),
    )
    asked.done()
    return settings


def _prefix(asked: Asked) -> str:
    given = asked.take("prefix", "")
    if isinstance(given, str) and len(given) <= _LONGEST_PREFIX:
        return given
    asked.wrong("prefix", f"{given!r} is not a text of at most {_LONGEST_PREFIX} characters")
    return ""
