"""Wrong PINs: how many are free, how long the pauses grow, and when it looks like guessing."""

from dataclasses import dataclass
from typing import Final

_FIRST_PAUSE_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Patience:
    """With whom: `free` wrong tries cost nothing, then each pause is twice the one before, up to `longest_ms`.

    `forget_ms` after the last wrong try all is forgotten; None: only a right PIN forgets.
    """

    free: int
    longest_ms: int
    forget_ms: int | None
    guessing: int


#: A badge's count is forgotten by its right PIN, or when a lead sets another: of 10,000 PINs a day tries 24.
BADGE: Final = Patience(free=5, longest_ms=3600_000, forget_ms=None, guessing=8)
#: Behind one address there may be several people; one who gets in does not excuse the others' tries.
ADDRESS: Final = Patience(free=15, longest_ms=900_000, forget_ms=3600_000, guessing=20)


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong tries in a row, when the last one was, and until when nobody may try; ms of the books' time."""

    wrong: int = 0
    at_ms: int = 0
    until_ms: int = 0


def wait_ms(tries: Tries, patience: Patience, now_ms: int) -> int:
    """How long nobody may try. Never more than the longest pause, whatever became of the books' time."""
    return max(0, min(tries.until_ms - now_ms, patience.longest_ms))


def after_wrong(tries: Tries, patience: Patience, now_ms: int) -> Tries:
    """One more wrong try."""
    if patience.forget_ms is not None and now_ms - tries.at_ms >= patience.forget_ms:
        tries = Tries()
    wrong = tries.wrong + 1
    if wrong < patience.free:
        return Tries(wrong, now_ms, 0)
    pause_ms = min(_FIRST_PAUSE_MS << min(wrong - patience.free, 20), patience.longest_ms)
    return Tries(wrong, now_ms, now_ms + pause_ms)


def is_guessing(tries: Tries, patience: Patience) -> bool:
    """Is this the try at which a person must hear of it?"""
    return tries.wrong == patience.guessing
