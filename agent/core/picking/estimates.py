"""How long picking, packing and handing over takes here: what the store's own history says, and a prior without one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, Literal

Step = Literal["pick", "pack", "hand_over"]

#: A picker's standard in instant retail: 72 s for up to 8 SKUs, 15 s for each more.
_PICK_S, _PICK_LINES, _PICK_EACH_S = 72, 8, 15
_PACK_S, _PACK_EACH_S = 30, 5
_HAND_OVER_S: Final = 30
#: So many of the last times are remembered; the prior counts as so many of them.
REMEMBERED: Final = 128
_PRIOR: Final = 8
#: The time that this share of orders keeps: a promise made of medians is broken every other time.
_SHARE: Final = 0.8
#: A time far outside (a break, a clock) says nothing of the work.
_RATIO: Final = (0.1, 10.0)


def usual_s(step: Step, lines: int) -> float:
    """What is supposed of an order of so many lines, before the store has a history."""
    match step:
        case "pick":
            return _PICK_S + _PICK_EACH_S * max(0, lines - _PICK_LINES)
        case "pack":
            return _PACK_S + _PACK_EACH_S * max(0, lines - 1)
        case "hand_over":
            return _HAND_OVER_S


@dataclass(frozen=True, slots=True)
class Took:
    """One order's step took so many seconds."""

    step: Step
    lines: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimates:
    """The last times of each step, as ratios to the prior, oldest first."""

    pick: tuple[float, ...] = ()
    pack: tuple[float, ...] = ()
    hand_over: tuple[float, ...] = ()

    @classmethod
    def of(cls, history: Iterable[Took]) -> "Estimates":
        """What a history comes to, oldest first."""
        return cls().of_all(history)

    def of_all(self, history: Iterable[Took]) -> "Estimates":
        """With more times, oldest first."""
        found = self
        for took in history:
            found = found.after(took)
        return found

    def after(self, took: Took) -> "Estimates":
        """With one more time."""
        ratio = took.seconds / usual_s(took.step, took.lines)
        if not _RATIO[0] <= ratio <= _RATIO[1]:
            return self
        known: tuple[float, ...] = getattr(self, took.step)
        kept = (*known, ratio)[-REMEMBERED:]
        match took.step:
            case "pick":
                return replace(self, pick=kept)
            case "pack":
                return replace(self, pack=kept)
            case "hand_over":
                return replace(self, hand_over=kept)

    def seconds(self, step: Step, lines: int) -> float:
        """How long the step of an order of so many lines takes, in four of five cases at most."""
        known: tuple[float, ...] = getattr(self, step)
        ordered = sorted((*known, *[1.0] * _PRIOR))
        return usual_s(step, lines) * ordered[ceil(_SHARE * len(ordered)) - 1]
