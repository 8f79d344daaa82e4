"""Where each unit of the rush really is, from the shelf to the customer: the truth about orders.

Every unit taken off a shelf for an order gets a number, so that it can be seen whether one was handed over twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from simulators.goods import Product
from simulators.shop import CUSTOMER, Shop

TOTE, STAGED = "TOTE:", "STAGED:"


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit that somebody took off its shelf for an order."""

    number: int
    product: Product


class Totes:
    """Pieces by order, each in a tote or slot until the customer has it. `handed` is (order, piece's number)."""

    def __init__(self, shop: Shop) -> None:
        self.handed: list[tuple[str, int]] = []
        self.got: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._shop = shop
        self._pieces: defaultdict[str, dict[Piece, str]] = defaultdict(dict)
        self._taken = 0

    def fill(self, order: str, product: Product, origin: str, tote: str) -> None:
        """A unit that a picker has in their hands goes into the order's tote."""
        self._taken += 1
        self._shop.let_go(product, origin)
        self._shop.move(product, origin, TOTE + tote)
        self._pieces[order][Piece(self._taken, product)] = TOTE + tote

    def stage(self, order: str, tote: str, slot: str) -> None:
        """Everything of the order in the tote goes into the slot."""
        for piece, place in self._pieces[order].items():
            if place == TOTE + tote:
                self._shop.move(piece.product, place, STAGED + slot)
                self._pieces[order][piece] = STAGED + slot

    def take_back(self, order: str, sku: str, place: str, target: str) -> bool:
        """One unit of the SKU goes from the tote or slot to `target`; False if there is none."""
        mine = self._pieces[order]
        piece = next((one for one, where in mine.items() if where == place and one.product.sku == sku), None)
        if piece is None:
            return False
        self._shop.move(piece.product, mine.pop(piece), target)
        return True

    def hand_over(self, order: str) -> None:
        """Whatever stands in the order's slots is the customer's now."""
        for piece, place in list(self._pieces[order].items()):
            if place.startswith(STAGED):
                self._shop.move(piece.product, place, CUSTOMER)
                self.handed.append((order, piece.number))
                self.got[order][piece.product.sku] += 1
                del self._pieces[order][piece]
