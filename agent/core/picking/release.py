"""Release: which waiting order is picked next. The one with the least slack, and why is said in numbers.

slack = due - now - t_pick - t_pack - t_hand_over: the seconds that may still be lost before the customer waits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from agent.core.picking.tour import Stop

#: `starving`: it has waited so long that it goes before all others. `courier`, `cold`: its slack is no less than
#: another's, but somebody waits at the door, or its goods are cold. `late`: it has no slack left.
ReleaseCode = Literal["starving", "late", "courier", "cold", "least_slack"]


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """`tie_s`: slacks that fall into the same so many seconds are alike. `longest_wait_s`: then it goes first."""

    tie_s: int = 30
    longest_wait_s: int = 1200
    #: What an order that nothing was promised of is taken to be due after.
    unpromised_s: int = 3600


RULES: Final = ReleaseRules()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order nobody picks yet. Times in ms are the books' own; `due_ms` 0: nothing was promised.

    `alone`: age-checked or prescription goods, which share a cart with nobody. `totes` it needs.
    """

    order: str
    due_ms: int
    since_ms: int
    pick_s: float
    pack_s: float
    hand_over_s: float
    stops: tuple[Stop, ...] = ()
    courier_at_ms: int | None = None
    alone: bool = False
    totes: int = 1

    @property
    def cold(self) -> bool:
        return any(stop.temperature != "ambient" for stop in self.stops)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order is where it is in the line: a code, and the numbers that a page words it with, in whole seconds."""

    code: ReleaseCode
    slack_s: int
    waited_s: int
    courier_s: int | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """An order in its turn."""

    order: str
    slack_s: float
    reason: Reason
    waiting: Waiting


def slack_s(now_ms: int, one: Waiting, rules: ReleaseRules = RULES) -> float:
    """Seconds that may still be lost; below 0: it cannot be in time."""
    due_ms = one.due_ms or one.since_ms + 1000 * rules.unpromised_s
    return (due_ms - now_ms) / 1000 - one.pick_s - one.pack_s - one.hand_over_s


def release(now_ms: int, waiting: Iterable[Waiting], rules: ReleaseRules = RULES) -> list[Chosen]:
    """The waiting orders in the order of their turn."""
    ranked = sorted((_rank(now_ms, one, rules), one.order, one) for one in waiting)
    return [_chosen(now_ms, one, rules) for _, _, one in ranked]


def _rank(now_ms: int, one: Waiting, rules: ReleaseRules) -> tuple[float, ...]:
    if _starving(now_ms, one, rules):
        return 0, one.since_ms
    slack = slack_s(now_ms, one, rules)
    return 1, slack // rules.tie_s, one.courier_at_ms is None, not one.cold, slack, one.since_ms


def _starving(now_ms: int, one: Waiting, rules: ReleaseRules) -> bool:
    return now_ms - one.since_ms >= 1000 * rules.longest_wait_s


def _chosen(now_ms: int, one: Waiting, rules: ReleaseRules) -> Chosen:
    slack = slack_s(now_ms, one, rules)
    code: ReleaseCode = "least_slack"
    if _starving(now_ms, one, rules):
        code = "starving"
    elif slack <= 0:
        code = "late"
    elif one.courier_at_ms is not None:
        code = "courier"
    elif one.cold:
        code = "cold"
    courier_s = None if one.courier_at_ms is None else max(0, now_ms - one.courier_at_ms) // 1000
    waited_s = max(0, now_ms - one.since_ms) // 1000
    return Chosen(one.order, slack, Reason(code, int(slack // 1), waited_s, courier_s), one)
