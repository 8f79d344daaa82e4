"""Channels: who sells the store's units, and what each may be promised beyond what the catalogue says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from agent.core.catalogue import TagCoverage
from agent.core.claims import USUAL_TTL_S
from agent.core.picking.platforms import NO_RULES, PlatformRules

#: How well the record of a SKU is known to be true.
Confidence = Literal["sure", "fair", "unsure"]

_DAY_MS: Final = 24 * 3600 * 1000
SURE_WITHIN_MS: Final = 7 * _DAY_MS
FAIR_WITHIN_MS: Final = 30 * _DAY_MS


def confidence(tags: TagCoverage, evidence_age_ms: int, suspect: int) -> Confidence:
    """How sure is the number of a SKU's units?

    `unsure` while units of it were not found where they belong. Else `sure` when every unit has a tag, or somebody saw
    one within a week; `fair` within thirty days.
    """
    if suspect > 0:
        return "unsure"
    if tags == "full" or evidence_age_ms < SURE_WITHIN_MS:
        return "sure"
    return "fair" if evidence_age_ms < FAIR_WITHIN_MS else "unsure"


@dataclass(frozen=True, slots=True)
class Margin:
    """Units a channel leaves of each SKU, by how sure its record is. In the SKU's own unit: each, or gram."""

    sure: int = 0
    fair: int = 0
    unsure: int = 0

    def of(self, record: Confidence) -> int:
        match record:
            case "sure":
                return self.sure
            case "fair":
                return self.fair
            case "unsure":
                return self.unsure


NO_MARGIN: Final = Margin()


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that sells. `quota`: of these SKUs so many units at most may be promised to it at a time.

    A hold of it lives for `hold_s` unless the ask says otherwise. A `local` channel is sold in the store itself and not
    routed by HQ: that HQ is not heard does not stop it. `rules`: what its platform asks of how orders are picked.
    """

    name: str
    quota: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    margin: Margin = NO_MARGIN
    hold_s: int = USUAL_TTL_S
    local: bool = False
    rules: PlatformRules = NO_RULES


#: What is not configured: no quota, no margin, routed by HQ.
UNKNOWN: Final = Channel("")
Channels = Mapping[str, Channel]
