"""Where each unit of the rush really is, from the shelf to the customer: the truth about orders.

Every unit taken off a shelf for an order gets a number, so that it can be seen whether one was handed over twice.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from simulators.goods import Product
from simulators.shop import CUSTOMER, Shop, Unit

TOTE, STAGED = "TOTE:", "STAGED:"


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit that somebody took off its shelf for an order's line, or so many grams; `unit` if it has a tag."""

    number: int
    line: int
    product: Product
    qty: int = 1
    unit: Unit | None = None


class Totes:
    """Pieces by order, each in a tote or slot until the customer has it. `handed` is (order, piece's number)."""

    def __init__(self, shop: Shop) -> None:
        self.handed: list[tuple[str, int]] = []
        #: What customers have: units or grams by order, its line and SKU.
        self.got: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        self._shop = shop
        self._pieces: defaultdict[str, dict[Piece, str]] = defaultdict(dict)
        self._taken = 0

    def fill(
        self, order: str, line: int, product: Product, origin: str, tote: str, *, qty: int = 1, unit: Unit | None = None
    ) -> None:
        """What a picker has in their hands goes into the order's tote, for one of its lines."""
        self._taken += 1
        if unit is None:
            self._shop.let_go(product, origin, qty)
        self._shop.move(product, origin, TOTE + tote, qty)
        self._pieces[order][Piece(self._taken, line, product, qty, unit)] = TOTE + tote

    def stage(self, order: str, tote: str, slot: str) -> None:
        """Everything of the order in the tote goes into the slot."""
        for piece, place in self._pieces[order].items():
            if place == TOTE + tote:
                self._shop.move(piece.product, place, STAGED + slot, piece.qty)
                self._pieces[order][piece] = STAGED + slot

    def pieces(self, order: str, line: int, place: str) -> list[Piece]:
        """What of the order's line stands in the tote or slot."""
        return [piece for piece, where in self._pieces[order].items() if where == place and piece.line == line]

    def take_back(self, order: str, piece: Piece, target: str) -> None:
        """The piece goes from its tote or slot to `target`."""
        self._shop.move(piece.product, self._pieces[order].pop(piece), target, piece.qty)

    def hand_over(self, order: str, to: str = "") -> None:
        """Whatever stands in the order's slots is the customer's now, or that of whoever ordered `to`."""
        for piece, place in list(self._pieces[order].items()):
            if place.startswith(STAGED):
                self._shop.move(piece.product, place, CUSTOMER, piece.qty)
                self.handed.append((order, piece.number))
                self.got[to or order][piece.line, piece.product.sku] += piece.qty
                del self._pieces[order][piece]
