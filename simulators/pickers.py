"""How simulated pickers work: how fast they walk, how long a scan takes, and what goes wrong. Pure, from a seed."""

from dataclasses import dataclass
from random import Random
from typing import Literal

#: What happens at a shelf. wrong: other goods are scanned first. overlooked: it is there, and not seen.
#: elsewhere: somebody put it down on another shelf, where it is found. damaged: the unit taken is broken.
Luck = Literal["found", "wrong", "overlooked", "elsewhere", "damaged"]

_LUCK: tuple[Luck, ...] = ("found", "wrong", "overlooked", "elsewhere", "damaged")
#: Of a thousand lines.
_ODDS = (935, 25, 15, 15, 10)


@dataclass(frozen=True, slots=True)
class Picker:
    """Somebody with a handheld. Seconds, and metres a second."""

    name: str
    walk_m_s: float
    find_s: float
    scan_s: float
    pack_s: float

    def line_s(self, qty: int, luck: Luck) -> float:
        """How long a line takes once they stand before its shelf."""
        extra_s = {"found": 0.0, "wrong": 6.0, "overlooked": 15.0, "elsewhere": 20.0, "damaged": 8.0}[luck]
        return self.find_s + qty * self.scan_s + extra_s

    def pack_order_s(self, lines: int) -> float:
        """How long it takes to put an order into its bags."""
        return self.pack_s + 2.0 * lines


def hire(seed: str, count: int) -> list[Picker]:
    """So many pickers; they walk 1.2 m a second, more or less."""
    rng = Random(f"{seed}/pickers")
    return [
        Picker(
            f"picker-{nth}",
            min(1.6, max(0.8, rng.gauss(1.2, 0.12))),
            rng.uniform(4.0, 7.0),
            rng.uniform(2.0, 3.5),
            rng.uniform(18.0, 28.0),
        )
        for nth in range(1, count + 1)
    ]


def luck(rng: Random) -> Luck:
    """What happens at a shelf."""
    (found,) = rng.choices(_LUCK, _ODDS)
    return found
