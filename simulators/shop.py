"""The world of one simulated store and the truth about it: plain bookkeeping, no clock, no I/O, no rule of the agent.

A unit is always somewhere. Each method is one thing that happens to units; the truth is the sum of what happened.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from simulators.goods import Product, sgtin_96

SUPPLIER, BACKROOM, FLOOR, CUSTOMER = "SUPPLIER", "BACKROOM", "FLOOR", "CUSTOMER"

#: Where each of the reader's antennas hears.
PLACE_OF_ANTENNA = {1: BACKROOM, 2: FLOOR}
ANTENNA_OF_PLACE = {place: antenna for antenna, place in PLACE_OF_ANTENNA.items()}


@dataclass(frozen=True, slots=True)
class Unit:
    """One tagged piece of goods."""

    epc: bytes
    product: Product


class Shop:
    """Products, tagged units, and how many of each SKU are where."""

    def __init__(self, products: Iterable[Product], first_serial: int) -> None:
        self.products = tuple(products)
        self.tagged = tuple(product for product in self.products if product.tagged)
        self.untagged = tuple(one for one in self.products if not one.tagged and one.unit == "each")
        self.weighed = tuple(one for one in self.products if one.unit == "gram")
        self._next_serial = first_serial
        self._truth: Counter[tuple[str, str]] = Counter()
        self._resting: dict[Unit, tuple[str, float]] = {}
        #: Untagged units in somebody's hands: they still count where they lay, and nobody else can reach them.
        self._in_hands: Counter[tuple[str, str]] = Counter()
        #: Units on a wrong shelf of the sales floor: they are there, and nobody who looks for them sees them.
        self._astray: Counter[str] = Counter()

    # What happens.

    def make(self, product: Product) -> Unit:
        """A new tagged unit, still at the supplier's."""
        unit = Unit(sgtin_96(product.gtin, product.company_digits, self._next_serial), product)
        self._next_serial += 1
        return unit

    def put(self, unit: Unit, origin: str, target: str, now: float) -> None:
        """A tagged unit now lies in `target`, since `now` (seconds of the world's clock)."""
        self.move(unit.product, origin, target)
        self._resting[unit] = (target, now)

    def take(self, unit: Unit) -> None:
        """Someone has the unit in their hands: it can't be taken twice. It still counts where it lay."""
        del self._resting[unit]

    def reach(self, product: Product, place: str, qty: int = 1) -> bool:
        """Take an untagged unit, or so many grams, into one's hands, if nobody else has them in theirs."""
        if self.lying(product, place) < qty:
            return False
        self._in_hands[product.sku, place] += qty
        return True

    def let_go(self, product: Product, place: str, qty: int = 1) -> None:
        """It is out of the hands that had it: put back, or said to be elsewhere by `move`."""
        self._in_hands[product.sku, place] -= qty

    def mislay(self, product: Product) -> None:
        """A hand puts a unit from the sales floor down on another shelf there, if one is left."""
        if self.lying(product, FLOOR):
            self._astray[product.sku] += 1

    def find(self, product: Product) -> bool:
        """Bring a mislaid unit back to its shelf; False if there is none."""
        if not self._astray[product.sku]:
            return False
        self._astray[product.sku] -= 1
        return True

    def move(self, product: Product, origin: str, target: str, qty: int = 1) -> None:
        """`qty` units went from one place to another."""
        self._truth[product.sku, origin] -= qty
        self._truth[product.sku, target] += qty

    def find_all(self) -> None:
        """Whoever counts finds what was put down on wrong shelves."""
        self._astray.clear()

    # What is true.

    def rested(self, place: str, since: float) -> list[Unit]:
        """The tagged units that have been lying in `place` since `since` or longer, the longest first."""
        return [unit for unit, (where, when) in self._resting.items() if where == place and when <= since]

    def count(self, product: Product, place: str) -> int:
        return self._truth[product.sku, place]

    def in_stock(self, place: str) -> list[Product]:
        """Untagged products of which a unit lies in `place`, in nobody's hands."""
        return [product for product in self.untagged if self.lying(product, place)]

    def lying(self, product: Product, place: str) -> int:
        """How much of it lies where it belongs there, in nobody's hands."""
        astray = self._astray[product.sku] if place == FLOOR else 0
        return self._truth[product.sku, place] - self._in_hands[product.sku, place] - astray

    def truth(self) -> dict[str, dict[str, int]]:
        """How many units of each SKU are in each place; places without any are left out, also outside the store."""
        places: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (sku, place), qty in sorted(self._truth.items()):
            if qty:
                places[sku][place] = qty
        return dict(places)
