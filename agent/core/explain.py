"""Why may a channel be promised so many? Every term, per channel, and what the terms were read from."""

from dataclasses import dataclass
from typing import Final

from agent.core import atp
from agent.core.atp import Policy, PolicyOf, Terms
from agent.core.catalogue import Catalogue, Eligibility, Unit
from agent.core.ledger import Turn
from agent.core.places import INSIDE, OUTSIDE

#: Stands for every channel of which nothing particular is known.
ANY_OTHER: Final = "*"


#: Open claims that are named; more than these explain nothing to a person.
MOST_CLAIMS: Final = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """An open claim on units of the SKU. `left_s` to live, None when it is committed to an order."""

    hold: str
    channel: str
    state: str
    order: str
    units: int
    left_s: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`places` are the SKU's balances that are not 0; `evidence_age_ms` since its units were last seen."""

    sku: str
    name_en: str
    name_zh: str
    unit: Unit
    eligibility: Eligibility
    retired: bool
    seq: int
    places: dict[str, int]
    evidence_age_ms: int
    channels: tuple[Terms, ...]
    claims: tuple[Claim, ...]
    claims_more: int


def policy_of(catalogue: Catalogue) -> PolicyOf:
    """What the catalogue decides about a SKU in a channel; what is not in it is promised to nobody."""

    def policy(name: str, channel: str) -> Policy:
        sku = catalogue.skus.get(name)
        if sku is None or sku.retired:
            return Policy(retired=True)
        return Policy(sku.traits.safety_for(channel), eligibility=sku.traits.eligibility)

    return policy


def explain(now: Turn, name: str) -> Explanation | None:
    """The terms of a SKU as of an empty turn, for each channel it is known in and for any other; None if unknown."""
    sku = now.books.catalogue.skus.get(name)
    if sku is None:
        return None
    channels = {channel for channel, _ in sku.traits.safety_of}
    claims = _claims(now, name)
    channels |= {claim.channel for claim in claims}
    return Explanation(
        sku.sku,
        sku.name_en,
        sku.name_zh,
        sku.traits.unit,
        sku.traits.eligibility,
        sku.retired,
        now.head,
        now.books.of_sku(name, sorted(INSIDE | OUTSIDE)),
        now.evidence_age_ms(name),
        tuple(atp.terms(now, now.books.conditions, name, channel) for channel in (*sorted(channels), ANY_OTHER)),
        tuple(claims[:MOST_CLAIMS]),
        max(0, len(claims) - MOST_CLAIMS),
    )


def _claims(now: Turn, name: str) -> list[Claim]:
    """Who has a claim on the SKU, the next to expire first."""
    holds = [hold for hold in now.books.holds.values() if any(line.sku == name and line.open for line in hold.lines)]
    holds.sort(key=lambda hold: (hold.state != "pending", hold.expires_ms, hold.id))
    return [
        Claim(
            hold.id,
            hold.channel,
            hold.state,
            hold.order,
            sum(line.open for line in hold.lines if line.sku == name),
            max(0, hold.expires_ms - now.books_ms) // 1000 if hold.state == "pending" else None,
        )
        for hold in holds
    ]
