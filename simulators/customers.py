"""Who orders at lunch, what, and what they do about it later: pure, from a seed. Seconds are the shop's own.

More come towards the middle of the rush than at its ends. Most pay by ordering; who fetches the goods pays some minutes
later or never. Some change their minds.
"""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

#: What may be done about goods that are not there; "ask" is answered as the errand says.
Wish = Literal["ask", "substitute", "remove", "cancel"]
Answer = Literal["substitute", "remove", "cancel"]

#: Minutes from order to door, and of these, how many may pass in the store.
IN_STORE_MIN = {30: 5, 45: 10, 60: 15}

_MOST_LINES = 8
#: How many orders have 1, 2, … 8 lines, of a hundred.
_LINES = (14, 18, 18, 16, 12, 10, 7, 5)
#: Beside the peak, so much of it comes all the time; the peak's width as a share of the rush.
_ALWAYS, _WIDTH = 0.25, 0.15


@dataclass(frozen=True, slots=True)
class Want:
    """`qty` units of a SKU, or grams."""

    sku: str
    qty: int


@dataclass(frozen=True, slots=True)
class Errand:
    """One customer's order, placed at `at_s`, and what they do later, in seconds after it; None: they do not.

    `pays_s` 0: paid at once. `change` is what the first line is wanted to be when the order is amended. `code` opens
    the door to goods that the customer fetches, if they come; a courier fetches the others. `answers_s` is how long
    they need to answer a question. A customer who is not `adult` gets nothing with an age limit.
    """

    order: str
    at_s: float
    lines: tuple[Want, ...]
    promise_min: int
    pickup: bool
    code: str
    pays_s: float | None
    cancels_s: float | None
    amends_s: float | None
    change: Want
    wish: Wish
    answers_s: float | None
    answer: Answer
    fetches_s: float
    comes: bool = True
    adult: bool = True

    @property
    def in_store_s(self) -> float:
        """How long the store may take."""
        return 60.0 * IN_STORE_MIN[self.promise_min]


def lunch(seed: str, skus: Sequence[str], orders: int, over_s: float, weighed: Container[str] = ()) -> list[Errand]:
    """So many errands within `over_s` seconds, the earliest first. `skus`: the dearest to customers first.

    Of those that are `weighed` some hundred grams are wanted.
    """
    rng = Random(seed)
    popularity = [1 / (rank + 3) for rank in range(len(skus))]
    times = sorted(over_s * _moment(rng) for _ in range(orders))
    errands = [_errand(rng, f"{seed}-{nth:04}", at_s, skus, popularity) for nth, at_s in enumerate(times, 1)]
    return [
        replace(
            errand,
            lines=tuple(_weighed(want, weighed) for want in errand.lines),
            change=_weighed(errand.change, weighed),
        )
        for errand in errands
    ]


def _weighed(want: Want, weighed: Container[str]) -> Want:
    return Want(want.sku, 150 * want.qty) if want.sku in weighed else want


def _moment(rng: Random) -> float:
    """When in the rush somebody comes: 0 at its beginning, 1 at its end."""
    while True:
        moment = rng.random()
        if rng.random() < _ALWAYS + (1 - _ALWAYS) * math.exp(-(((moment - 0.5) / _WIDTH) ** 2) / 2):
            return moment


def _errand(rng: Random, order: str, at_s: float, skus: Sequence[str], popularity: Sequence[float]) -> Errand:
    (count,) = rng.choices(range(1, _MOST_LINES + 1), _LINES)
    chosen = list(dict.fromkeys(rng.choices(skus, popularity, k=3 * count)))[:count]
    lines = tuple(Want(sku, rng.choice((1, 1, 1, 2))) for sku in chosen)
    pickup = rng.random() < 0.3
    fate = rng.random()
    pays_s: float | None = 0.0
    if pickup:
        pays_s = rng.uniform(60, 240) if rng.random() < 0.8 else None
    return Errand(
        order=order,
        at_s=at_s,
        lines=lines,
        promise_min=rng.choice((30, 30, 45, 60)),
        pickup=pickup,
        code=f"{rng.randrange(10_000):04}" if pickup else "",
        pays_s=pays_s,
        cancels_s=rng.uniform(20, 400) if fate < 0.08 else None,
        amends_s=rng.uniform(10, 90) if 0.08 <= fate < 0.16 else None,
        change=Want(lines[0].sku, lines[0].qty + rng.choice((-1, 1, 1))),
        wish=rng.choice(("ask", "ask", "remove", "substitute", "cancel")),
        answers_s=rng.uniform(10, 260) if rng.random() < 0.8 else None,
        answer=rng.choice(("remove", "remove", "substitute", "cancel")),
        fetches_s=rng.uniform(180, 600) if not pickup else rng.uniform(600, 1200),
        comes=not pickup or rng.random() < 0.9,
        adult=rng.random() < 0.8,
    )
