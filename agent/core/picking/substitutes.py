"""Substitutes: what may be offered instead of goods that are not there, the likeliest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent.core.catalogue import Sku
from agent.core.channels import Confidence

#: `wished`: the customer named it. The others say what it has in common with what was ordered.
Why = Literal["wished", "category", "brand", "size", "cheaper", "sure"]


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
    """Those of the candidates that may be offered, the best first."""
    found = []
    for one in candidates:
        if not _may(line, one):
            continue
        wish = line.wishes.index(one.sku.sku) if one.sku.sku in line.wishes else len(line.wishes)
        why: list[Why] = ["wished"] if wish < len(line.wishes) else []
        why += ["sure"] if one.confidence == "sure" else []
        sureness = ("sure", "fair", "unsure").index(one.confidence)
        found.append(((wish, sureness, -one.available, one.sku.sku), Candidate(one.sku.sku, tuple(why))))
    return [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]


def _may(line: Wanted, one: Offer) -> bool:
    """Never goods that need more proof of age than those ordered, are kept otherwise, or are not there."""
    ours, theirs = line.sku, one.sku
    return (
        theirs.sku != ours.sku
        and not theirs.retired
        and one.available >= line.qty
        and theirs.traits.unit == ours.traits.unit
        and theirs.traits.temperature == ours.traits.temperature
        and theirs.traits.min_age <= ours.traits.min_age
        and theirs.traits.eligibility == "instant"
    )
