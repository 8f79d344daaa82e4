"""Substitutes: what may be offered instead of goods that are not there, the likeliest to be taken first.

What the customer named comes first, in the customer's order; then goods of the same category: of the same brand before
others, then of the nearest size. Never dearer than what was ordered, unless the customer named it. Of goods alike those
the books are surest of come first: a substitute that is not there either costs a second walk.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from typing import Final, Literal

from agent.core.catalogue import Likeness, Sku
from agent.core.channels import Confidence

#: `wished`: the customer named it. The others say what it has in common with what was ordered; `sure`: it is there.
Why = Literal["wished", "category", "brand", "size", "price", "sure"]

_SURENESS: Final[tuple[Confidence, ...]] = ("sure", "fair", "unsure")
_SIZE: Final = re.compile(r"(?:(\d{1,3})x)?(\d{1,6}(?:\.\d{1,3})?) ?(g|kg|ml|l)?")
_IN_SMALL: Final = {"g": ("g", 1.0), "kg": ("g", 1000.0), "ml": ("ml", 1.0), "l": ("ml", 1000.0)}
#: Sizes up to so much larger or smaller are the same to whoever takes them: 450 g for 500 g.
_LIKE_SIZE: Final = log(1.25)
#: Goods of which there is nothing to compare rank after all that can be compared.
_UNKNOWN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was ordered, and which SKUs the customer would take instead, the dearest wish first."""

    sku: Sku
    qty: int
    wishes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A SKU that might do: `available` units, and how sure the books are of them."""

    sku: Sku
    available: int
    confidence: Confidence = "fair"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A substitute, and what speaks for it."""

    sku: str
    why: tuple[Why, ...]


def rank(line: Wanted, candidates: Iterable[Offer]) -> list[Candidate]:
    """Those of the candidates that may be offered, the best first.

    Never goods that are kept at another temperature, counted in another unit, need more proof of age, are not sold at
    once, or are fewer than wanted. Without a category of what was ordered only the customer's wishes are left.
    """
    ranked = sorted((_rank(line, one), one.sku.sku, one) for one in candidates if _may(line, one))
    return [Candidate(name, _why(line, one)) for _, name, one in ranked]


def _may(line: Wanted, one: Offer) -> bool:
    ours, theirs = line.sku, one.sku
    fits = (
        theirs.sku != ours.sku
        and not theirs.retired
        and one.available >= line.qty
        and theirs.traits.unit == ours.traits.unit
        and theirs.traits.temperature == ours.traits.temperature
        and theirs.traits.min_age <= ours.traits.min_age
        and theirs.traits.eligibility == "instant"
    )
    return fits and (theirs.sku in line.wishes or (_akin(ours.likeness, theirs.likeness) and _no_dearer(line, one)))


def _akin(ours: Likeness, theirs: Likeness) -> bool:
    return bool(ours.category) and ours.category == theirs.category


def _no_dearer(line: Wanted, one: Offer) -> bool:
    """A price that is not known is not known to be lower."""
    most = line.sku.likeness.price_fen
    return not most or 0 < one.sku.likeness.price_fen <= most


def _rank(line: Wanted, one: Offer) -> tuple[float, ...]:
    ours, theirs = line.sku.likeness, one.sku.likeness
    wish = line.wishes.index(one.sku.sku) if one.sku.sku in line.wishes else len(line.wishes)
    apart = _apart(ours.size, theirs.size)
    return (
        wish,
        not (ours.brand and ours.brand == theirs.brand),
        apart > _LIKE_SIZE,
        _SURENESS.index(one.confidence),
        apart,
        abs(ours.price_fen - theirs.price_fen),
        -one.available,
    )


def _why(line: Wanted, one: Offer) -> tuple[Why, ...]:
    ours, theirs = line.sku.likeness, one.sku.likeness
    said: dict[Why, bool] = {
        "wished": one.sku.sku in line.wishes,
        "category": _akin(ours, theirs),
        "brand": bool(ours.brand) and ours.brand == theirs.brand,
        "size": _apart(ours.size, theirs.size) <= _LIKE_SIZE,
        "price": 0 < theirs.price_fen <= ours.price_fen,
        "sure": one.confidence == "sure",
    }
    return tuple(why for why, so in said.items() if so)


def _apart(ours: str, theirs: str) -> float:
    """How much larger or smaller, as the logarithm of how many times."""
    a, b = _content(ours), _content(theirs)
    if a is None or b is None or a[0] != b[0]:
        return _UNKNOWN
    return abs(log(a[1] / b[1]))


def _content(size: str) -> tuple[str, float] | None:
    """What a size comes to: grams, millilitres, or ("") pieces; None: not known."""
    match = _SIZE.fullmatch(size)
    if match is None:
        return None
    unit, small = _IN_SMALL.get(match[3] or "", ("", 1.0))
    amount = int(match[1] or 1) * float(match[2]) * small
    return (unit, amount) if amount > 0 else None
