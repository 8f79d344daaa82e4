"""What a session makes of a device's bytes: the words between every `session.py` and its `driver.py`.

A session does no I/O. It has `receive(bytes)`, which brings events and may raise a `DeviceError` after them, and
`to_send()`, the bytes that the device is to get.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from drivers.port import Sink
from drivers.readings import TagRead

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Online:
    """The device is set up and reads; `about` is its make, model and firmware."""

    about: str


@dataclass(frozen=True, slots=True)
class Tags:
    """Reads of one report."""

    reads: Sequence[TagRead]


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign of life that is no reading."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Part of what came could not be understood, or is too old, and was left out."""

    why: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The device told of something a person may want to know; `what` is a past-tense fact for the log.

    What happens all day where everything is well is `usual`.
    """

    what: str
    details: dict[str, int | str]
    usual: bool = False


Event = Online | Tags | Heard | Dropped | Noted


async def tell(event: Event, sink: Sink, device: str) -> None:
    """Hand an event of `device`'s session on."""
    match event:
        case Tags(reads):
            await sink.tags(reads)
        case Heard():
            sink.heard()
        case Dropped(why):
            sink.dropped(why)
        case Online(about):
            sink.online(about)
        case Noted(what, details, usual):
            (log.info if usual else log.warning)(what, device=device, **details)
