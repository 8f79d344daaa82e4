"""What a scanner that plays keyboard says, without any I/O and without a clock: reports and the time in, scans out."""

from collections.abc import Iterator

from drivers.barcode_usb_keyboard.codec import End, Keys, Press, letter_of
from drivers.barcode_usb_keyboard.layouts import LAYOUTS, TEST
from drivers.barcode_usb_keyboard.settings import Settings
from drivers.events import Dropped, Event
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable, scan_of


class Session:
    """One connection. `wake_at_s` is when `receive` is to be called without a report if none came."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = Keys()
        self._typed: list[Press] = []
        self._too_long = False
        self._spoilt = ""
        self._at_s = 0.0

    @property
    def wake_at_s(self) -> float:
        """When what was typed will have had no end for too long."""
        return self._at_s + self._settings.pause_s if self._typed or self._spoilt else float("inf")

    def receive(self, report: bytes, now_s: float) -> Iterator[BarcodeScan | Event]:
        """What a report says; an empty one: only time has passed. Must be exhausted."""
        if not report:
            if now_s >= self.wake_at_s:
                yield from self._paused()
            return
        self._at_s = now_s
        try:
            pressed = self._keys.receive(report)
        except ValueError as why:
            self._spoilt = str(why)
            return
        for press in pressed:
            if isinstance(press, Press):
                self._type(press)
            elif press in self._settings.ends:
                yield from self._ended()
            else:
                self._type(Press(0, letter="\t" if press is End.TAB else "\r"))

    def _type(self, press: Press) -> None:
        if len(self._typed) < LONGEST_SCAN:
            self._typed.append(press)
        else:
            self._spoilt = f"a scan of more than {LONGEST_SCAN} keys"

    def _paused(self) -> Iterator[BarcodeScan | Event]:
        if not self._settings.pause_ends:
            self._typed, self._spoilt = [], ""
            yield Dropped('a scan without its end: let the scanner send Enter, or set terminator = "pause"')
        else:
            yield from self._ended()

    def _ended(self) -> Iterator[BarcodeScan | Event]:
        typed, self._typed = self._typed, []
        spoilt, self._spoilt = self._spoilt, ""
        if not typed and not spoilt:
            return  # an Enter after a Tab, or one by itself
        said = Unreadable(spoilt) if spoilt else _scan(typed, self._settings)
        yield Dropped(said.why) if isinstance(said, Unreadable) else said


def _scan(typed: list[Press], settings: Settings) -> BarcodeScan | Unreadable:
    letters = [letter_of(press, settings.layout) for press in typed]
    text = "".join(letters)
    if text.endswith(TEST):
        return Unreadable("the test code, and it reads right")
    for layout in LAYOUTS:
        if "".join(letter_of(press, layout) for press in typed).endswith(TEST):
            return Unreadable(f'the test code: set layout = "{layout}"')
    if "" in letters:
        return Unreadable(f"a scan with a key that the layout {settings.layout} has no letter for")
    if not text.startswith(settings.prefix):
        return Unreadable("a scan without its prefix")
    # Keys cannot hold what is no text; a lone surrogate cannot come.
    return scan_of(text[len(settings.prefix) :].encode(), aim_inside=settings.aim)
