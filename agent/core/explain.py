"""Why may a channel be promised so many? Every term, per channel, and what the terms were read from."""

from dataclasses import dataclass
from typing import Final

from agent.core import atp
from agent.core.atp import Policy, PolicyOf, StopNote, Terms
from agent.core.catalogue import Catalogue, Eligibility, Unit
from agent.core.channels import UNKNOWN, Channels, Confidence, confidence
from agent.core.claims import units_in
from agent.core.ledger import Turn
from agent.core.places import INSIDE, OUTSIDE, SUSPECT

#: Stands for every channel of which nothing particular is known.
ANY_OTHER: Final = "*"

#: Open claims that are named; more than these explain nothing to a person.
MOST_CLAIMS: Final = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """An open claim on `units` of the SKU; `pulled` are in totes and slots and no longer among what is sellable.

    `left_s` to live, None when it is committed to an order.
    """

    hold: str
    channel: str
    state: str
    order: str
    units: int
    pulled: int
    left_s: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`places` are the SKU's balances that are not 0; `pulled` the units in totes and slots that orders wait for, which
    are in no term of ATP; `evidence_age_ms` since its units were last seen.

    `paused` and `lease` are what stops the whole store, as the books noted it; None when it was never noted.
    """

    sku: str
    name_en: str
    name_zh: str
    unit: Unit
    eligibility: Eligibility
    retired: bool
    seq: int
    places: dict[str, int]
    pulled: int
    evidence_age_ms: int
    record: Confidence
    paused: StopNote | None
    lease: StopNote | None
    channels: tuple[Terms, ...]
    claims: tuple[Claim, ...]
    claims_more: int


def policy_of(catalogue: Catalogue, channels: Channels) -> PolicyOf:
    """What catalogue and channels decide about a SKU in a channel; what no catalogue has is promised to nobody."""

    def policy(name: str, channel: str) -> Policy:
        sku = catalogue.skus.get(name)
        sold_in = channels.get(channel, UNKNOWN)
        if sku is None or sku.retired:
            return Policy(retired=True, local=sold_in.local)
        traits = sku.traits
        return Policy(
            traits.safety_for(channel),
            sold_in.quota.get(name),
            traits.eligibility,
            margin=sold_in.margin,
            tags=traits.tags,
            local=sold_in.local,
        )

    return policy


def explain(now: Turn, name: str) -> Explanation | None:
    """The terms of a SKU as of an empty turn, for each channel it is known in and for any other; None if unknown."""
    sku = now.books.catalogue.skus.get(name)
    if sku is None:
        return None
    conditions = now.conditions
    channels = {channel for channel, _ in sku.traits.safety_of} | set(conditions.channels)
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
        sum(claim.pulled for claim in claims),
        now.evidence_age_ms(name),
        confidence(sku.traits.tags, now.evidence_age_ms(name), now.balance(name, SUSPECT)),
        conditions.notes.get("paused"),
        conditions.notes.get("lease_stale"),
        tuple(atp.terms(now, conditions, name, channel) for channel in (*sorted(channels), ANY_OTHER)),
        tuple(claims[:MOST_CLAIMS]),
        max(0, len(claims) - MOST_CLAIMS),
    )


def _claims(now: Turn, name: str) -> list[Claim]:
    """Who has a claim on the SKU, the next to expire first."""
    holds = [hold for hold in now.books.holds.values() if any(line.sku == name for line, _, _ in hold.claims())]
    holds.sort(key=lambda hold: (hold.state != "pending", hold.expires_ms, hold.id))
    return [
        Claim(
            hold.id,
            hold.channel,
            hold.state,
            hold.order,
            sum(line.open for line in hold.lines if line.sku == name),
            sum(units_in(line.pulled) for line in hold.lines if line.sku == name),
            max(0, hold.expires_ms - now.books_ms) // 1000 if hold.state == "pending" else None,
        )
        for hold in holds
    ]
