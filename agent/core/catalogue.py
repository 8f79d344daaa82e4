"""What the store sells: SKUs with their GTINs, names and traits, as values.

50,000 SKUs live in memory, so what many of them have in common (traits, spots) is one object for all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from agent.core import gtin

#: What one of a quantity is; fixed for a SKU's life, because every posting is counted in it.
Unit = Literal["each", "gram"]
Temperature = Literal["ambient", "chilled", "frozen"]
#: Do units carry RFID tags: all (quantity = tags), some (tags are a lower bound), or none?
TagCoverage = Literal["full", "partial", "none"]
#: How a channel may sell it: off the shelf, after minutes of preparation, when it has been ordered in, or not at all.
Eligibility = Literal["instant", "prepare", "order_in", "display_only"]


@dataclass(frozen=True, slots=True)
class Traits:
    """How a SKU is counted, kept and sold. `min_age` in years, 0: nobody is asked.

    `safety` units are kept back from every channel, or as many as `safety_of` says for the channel.
    """

    unit: Unit = "each"
    temperature: Temperature = "ambient"
    min_age: int = 0
    tags: TagCoverage = "none"
    eligibility: Eligibility = "instant"
    safety: int = 0
    safety_of: tuple[tuple[str, int], ...] = ()

    def safety_for(self, channel: str) -> int:
        """Units that this channel must leave."""
        return next((units for name, units in self.safety_of if name == channel), self.safety)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a customer compares a SKU with others by; "" and 0: not known.

    `size` is what one unit contains, such as `500 ml` or `6x330 ml`. `price_fen`: of one unit, or of 500 g of goods by
    the gram.
    """

    category: str = ""
    brand: str = ""
    size: str = ""
    price_fen: int = 0


UNLIKE: Final = Likeness()
USUAL: Final = Traits()
TAGGED: Final = Traits(tags="full")


@dataclass(frozen=True, slots=True)
class Sku:
    """One stock-keeping unit. `gtins` are GTIN-14; `spots` are codes on the store's map, the first one is tried first.

    A retired SKU is known for as long as the books are, and promised to nobody.
    """

    sku: str
    gtins: tuple[str, ...]
    name_en: str
    name_zh: str
    traits: Traits = USUAL
    spots: tuple[str, ...] = ()
    retired: bool = False
    likeness: Likeness = UNLIKE

    @property
    def tagged(self) -> bool:
        """Does every unit carry an RFID tag?"""
        return self.traits.tags == "full"


class Catalogue:
    """All SKUs, found by SKU or GTIN. Never changed: a new list is a new catalogue."""

    def __init__(self, skus: Iterable[Sku] = ()) -> None:
        by_sku = {sku.sku: sku for sku in skus}
        self.skus: Mapping[str, Sku] = MappingProxyType(by_sku)
        self._by_gtin = {code: sku for sku in by_sku.values() for code in sku.gtins}

    def by_gtin(self, code: str) -> Sku | None:
        """The SKU that carries this GTIN, given in any of its lengths."""
        full = gtin.to_14(code)
        return self._by_gtin.get(full) if full else None

    def item(self, item_is: Literal["sku", "gtin"], item: str) -> Sku | None:
        """The SKU that a line names by its number or a GTIN."""
        return self.skus.get(item) if item_is == "sku" else self.by_gtin(item)


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of a catalogue: the new one, and which SKUs are other than they were."""

    catalogue: Catalogue
    added: tuple[Sku, ...]
    changed: tuple[Sku, ...]
    retired: tuple[Sku, ...]


def update(known: Catalogue, found: Mapping[str, Sku], *, whole: bool, spared: Iterable[str] = ()) -> Update:
    """The catalogue after `found` has come in.

    `whole`: found is all there is; a SKU that is not in it is retired, unless it is `spared`. A GTIN belongs to one
    SKU: what comes in takes it from what was there.
    """
    taken = {code: sku.sku for sku in found.values() for code in sku.gtins}
    spare = set(spared)
    after: dict[str, Sku] = {}
    changed: list[Sku] = []
    retired: list[Sku] = []
    for sku in known.skus.values():
        new = found.get(sku.sku)
        if new is None:
            new = sku
            if any(taken.get(code, sku.sku) != sku.sku for code in sku.gtins):
                new = replace(sku, gtins=tuple(code for code in sku.gtins if code not in taken))
            if whole and not sku.retired and sku.sku not in spare:
                new = replace(new, retired=True)
        if new == sku:
            new = sku
        elif new.retired and not sku.retired:
            retired.append(new)
        else:
            changed.append(new)
        after[sku.sku] = new
    added = tuple(sku for name, sku in found.items() if name not in known.skus)
    after.update((sku.sku, sku) for sku in added)
    return Update(Catalogue(after.values()), added, tuple(changed), tuple(retired))


def sold_otherwise(before: Catalogue, after: Catalogue) -> list[str]:
    """SKUs of which the two decide differently what may be promised."""
    found = []
    for name, sku in after.skus.items():
        was = before.skus.get(name)
        if was is None or (was is not sku and (was.traits, was.retired) != (sku.traits, sku.retired)):
            found.append(name)
    return found
