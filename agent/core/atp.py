"""Available to promise: how many units of a SKU a channel may still be promised, term by term."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from msgspec import Struct

from agent.core.catalogue import Catalogue, Eligibility, TagCoverage
from agent.core.channels import NO_MARGIN, UNKNOWN, Channels, Margin, confidence
from agent.core.picking.platforms import PlatformRules
from agent.core.places import SUSPECT

#: Without physical evidence (a read, a scan, a count) this share of a SKU's units is doubted for each whole week.
DOUBTED_PERCENT_PER_WEEK: Final = 2
WEEK_MS: Final = 7 * 24 * 3600 * 1000
#: What is so in the catalogue is promised to nobody.
NOT_SOLD: Final[tuple[Eligibility, ...]] = ("order_in", "display_only")


class Policy(Struct, frozen=True, gc=False):
    """What is decided about a SKU in a channel: units never promised, the most that may be held, and how it is sold.

    `margin` comes on top of `safety`, by how sure the SKU's record is.
    """

    safety: int = 0
    quota: int | None = None
    eligibility: Eligibility = "instant"
    retired: bool = False
    margin: Margin = NO_MARGIN
    tags: TagCoverage = "none"
    local: bool = False


USUAL: Final = Policy()
PolicyOf = Callable[[str, str], Policy]


def usual_policy(sku: str, channel: str) -> Policy:
    """No safety stock, no quota, sold at once."""
    return USUAL


#: What stops promises: somebody paused the store, or HQ has not been heard for longer than a lease lives.
Stop = Literal["paused", "lease_stale"]


@dataclass(frozen=True, slots=True)
class StopNote:
    """A stop as the books last noted it: does it hold, since when (unix ms), why, and who said so."""

    holds: bool = False
    at: int = 0
    why: str = ""
    by: str = ""


@dataclass(slots=True)
class Conditions:
    """What stops all promises at once, and what the channels may be promised."""

    paused: bool = False
    lease_stale: bool = False
    policy_of: PolicyOf = field(default=usual_policy)
    channels: Channels = field(default_factory=dict)
    notes: dict[Stop, StopNote] = field(default_factory=dict)

    def take(self, stop: Stop, noted: StopNote) -> None:
        """This is how it stands now."""
        self.notes[stop] = noted
        if stop == "paused":
            self.paused = noted.holds
        else:
            self.lease_stale = noted.holds

    def hold_s(self, channel: str) -> int:
        """How long a hold of the channel lives unless the ask says otherwise."""
        return self.channels.get(channel, UNKNOWN).hold_s

    def rules(self, channel: str) -> PlatformRules:
        """What the channel's platform asks of how its orders are picked."""
        return self.channels.get(channel, UNKNOWN).rules


class View(Protocol):
    """What the terms are read from: the books, or a turn that is being made."""

    def balance(self, sku: str, account: str) -> int: ...
    def sellable(self, sku: str) -> int: ...
    def promised(self, sku: str) -> int: ...
    def promised_in(self, sku: str, channel: str) -> int: ...
    def granted(self, sku: str) -> int: ...
    def evidence_age_ms(self, sku: str) -> int: ...


class Terms(Struct, frozen=True, gc=False):
    """Why ATP is what it is.

    `sellable − promised − granted − uncertain − safety`, never below 0, capped by `quota_left`; 0 when `stopped`.
    """

    sku: str
    channel: str
    sellable: int
    promised: int
    granted: int
    uncertain: int
    safety: int
    quota_left: int | None
    stopped: str
    atp: int


def terms(view: View, conditions: Conditions, sku: str, channel: str) -> Terms:
    """Every term for a SKU in a channel."""
    policy = conditions.policy_of(sku, channel)
    sellable = view.sellable(sku)
    promised, granted = view.promised(sku), view.granted(sku)
    suspect, age_ms = view.balance(sku, SUSPECT), view.evidence_age_ms(sku)
    uncertain = doubted(sellable, suspect, age_ms)
    safety = policy.safety
    if policy.margin is not NO_MARGIN:
        safety += policy.margin.of(confidence(policy.tags, age_ms, suspect))
    quota_left = None if policy.quota is None else max(0, policy.quota - view.promised_in(sku, channel))
    why_not = stopped(conditions, policy)
    atp = max(0, sellable - promised - granted - uncertain - safety)
    if quota_left is not None:
        atp = min(atp, quota_left)
    if why_not:
        atp = 0
    return Terms(sku, channel, sellable, promised, granted, uncertain, safety, quota_left, why_not, atp)


#: Of a SKU: units held, ATP, and what of it is free: sellable, sold at once, and nobody's by a claim or a grant.
Opened = tuple[int, int, int]


def open_to_all(view: View, catalogue: Catalogue, name: str) -> Opened:
    """What HQ is told of a SKU, for a channel for which the store has no rule of its own; and what of it is free.

    Whatever stops the whole store is left out: that is told once, not for each SKU. Written out flat: it runs for every
    row that HQ is told.
    """
    held, sku = view.promised(name), catalogue.skus.get(name)
    if sku is None or sku.retired or sku.traits.eligibility in NOT_SOLD:
        return held, 0, 0
    sellable = view.sellable(name)
    if sellable <= 0:
        return held, 0, 0
    free = sellable - held - view.granted(name)
    if free <= 0:
        return held, 0, 0
    uncertain = doubted(sellable, view.balance(name, SUSPECT), view.evidence_age_ms(name))
    return held, max(0, free - uncertain - sku.traits.safety), free


def doubted(sellable: int, suspect: int, evidence_age_ms: int) -> int:
    """Units that may not be there: rounded up, so that a last unit nobody has seen for a week is not promised.

    `suspect` units were not found where they belong; each makes one more of its kind doubtful.
    """
    if sellable <= 0 or (evidence_age_ms < WEEK_MS and suspect <= 0):
        return 0
    weeks = max(0, evidence_age_ms) // WEEK_MS
    by_age = -(-sellable * min(100, DOUBTED_PERCENT_PER_WEEK * weeks) // 100)
    return min(sellable, by_age + max(0, suspect))


def stopped(conditions: Conditions, policy: Policy) -> str:
    """Why nothing may be promised at all; empty when something may."""
    if conditions.paused:
        return "the store is paused"
    if conditions.lease_stale and not policy.local:
        return "HQ has not been heard for too long"
    if policy.retired:
        return "the SKU is retired"
    if policy.eligibility in NOT_SOLD:
        return f"the SKU is {policy.eligibility.replace('_', ' ')}"
    return ""
