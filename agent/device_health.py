"""How one device does, for people: what the store's page shows and `nearshelf-agent doctor` explains."""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceError, Trouble, trouble_of

DeviceState = Literal["starting", "up", "down", "refused"]

#: What a device may say of itself, in characters.
_LONGEST_TEXT: Final = 200
#: The rate is that of the last whole window of this length.
_WINDOW_S: Final = 2.0
#: Of what may be wrong with a reader's clock, nobody needs to hear of less.
CLOCK_OFF_S: Final = 60.0


@dataclass(slots=True)
class Health:
    """How one device does. Times are unix milliseconds, `None` for never."""

    name: str
    kind: str
    since: int
    state: DeviceState = "starting"
    about: str = ""
    readings: int = 0
    rate_per_s: float = 0.0
    last_reading_at: int | None = None
    sign_of_life_at: int | None = None
    #: How often it came up, and how often it went down again.
    connects: int = 0
    losses: int = 0
    #: Since it was up last: how often it was tried, and when it is tried next.
    tries: int = 0
    retry_at: int | None = None
    #: Why it is down, and what to do; `trouble` is one of `drivers.errors.TROUBLES`, or empty.
    trouble: Trouble | Literal[""] = ""
    why: str = ""
    hint: str = ""
    #: What ended its last connection, also when it has another.
    lost_at: int | None = None
    lost_why: str = ""
    dropped: int = 0
    dropped_why: str = ""
    scans_refused: int = 0
    refusal: str = ""
    #: How much its own clock is ahead of this machine's (behind: less than 0); None: it does not say.
    clock_off_s: float | None = None

    def came_up(self, about: str, at: int) -> None:
        """It works now."""
        if self.state != "up":
            self.since = at
        self.state, self.about = "up", short(about)
        self.trouble = self.why = self.hint = ""
        self.connects += 1
        self.tries, self.retry_at = 0, None
        self.sign_of_life_at = at

    def went_down(self, error: Exception, state: DeviceState, at: int, retry_at: int) -> None:
        """Its connection ended, or it could not be had."""
        self.trouble = trouble_of(error)
        if isinstance(error, DeviceError):
            self.why, self.hint = short(error.why), short(error.hint)
        else:
            self.why = short(f"the driver broke: {str(error) or type(error).__name__}")
            self.hint = "See the log; this is a mistake of the driver."
        if self.state == "up":
            self.losses += 1
            self.lost_at, self.lost_why = at, self.why
        if self.state != state:
            self.state, self.since = state, at
        self.tries += 1
        self.retry_at = retry_at

    def seen_at(self, seen_at_us: int, now_ms: int) -> None:
        """Its own clock said this of a reading that came now."""
        self.clock_off_s = round(seen_at_us / 1e6 - now_ms / 1e3, 1)


class Meter:
    """Readings per second."""

    def __init__(self, now_s: float) -> None:
        self._from_s = now_s
        self._counted = 0
        self._rate = 0.0

    def add(self, readings: int, now_s: float) -> None:
        """So many came now."""
        self.per_s(now_s)
        self._counted += readings

    def per_s(self, now_s: float) -> float:
        """The rate of the last whole window; 0 when nothing has come for longer than that."""
        past_s = now_s - self._from_s
        if past_s >= _WINDOW_S:
            self._rate = round(self._counted / past_s, 1) if past_s < 2 * _WINDOW_S else 0.0
            self._from_s, self._counted = now_s, 0
        return self._rate


def short(text: str) -> str:
    """Text of a device, fit for logs and pages."""
    printable = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text[:_LONGEST_TEXT])
    return printable[:_LONGEST_TEXT]
