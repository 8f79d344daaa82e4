"""What each outcome of an order's work does to the books: one table, which `work` applies.

The last two rows are what a till does to claims; sales enter them (`decisions`). A row is per unit. `now` moves units
at once; `then` when somebody has scanned them back into their place. What a row does to ATP follows from its moves and
its claim (`change_of_atp`): units in sellable places count for it, claims on units that nobody has pulled yet and units
in SUSPECT against it.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from agent.core.ledger import Code
from agent.core.life import PickLineEvent
from agent.core.places import CUSTOMER, FLOOR, QUARANTINE, SELLABLE, STAGED, SUSPECT, TOTE, WASTE

OutcomeName = Literal[
    "picked", "short", "damaged", "substituted", "weighed", "cancelled_before_pull", "cancelled_after_pull", "staged",
    "handed_over", "not_collected", "sold_though_claimed", "impossible_sale",
]  # fmt: skip
#: `bind`: it goes with the pulled units; `void`: back to where it came from; `hold_another`: void, then the same for
#: another unit; `replace`: void, then a new one on the substitute; `part`: what was used is bound, the rest void;
#: `breach`: it stays open, and somebody must find it other goods.
ClaimEffect = Literal["bind", "void", "hold_another", "replace", "part", "consume", "breach", "none"]
AtpEffect = Literal["same", "falls", "rises", "rises_later", "both", "zero"]
CaseName = Literal[
    "recount", "waste_or_markdown", "price_rule", "price_difference", "put_back", "breach", "negative_stock"
]
Move = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row. `of_substitute` moves are of the other SKU; `cases` are what a person must look at, if anything.

    `code` is what its first move is called in the ledger, of a substitution the substitute's; `event` is what it is in
    the life of a line to pick.
    """

    claim: ClaimEffect
    atp: AtpEffect
    now: Move | None = None
    then: Move | None = None
    #: Goods that were too long out of the cold go here instead of `then`.
    spoiled: Move | None = None
    of_substitute: Move | None = None
    cases: tuple[CaseName, ...] = ()
    #: Had the units been pulled before, so that no open claim stood against what is sellable?
    pulled: bool = False
    code: Code = "move"
    event: PickLineEvent | None = None


OUTCOMES: Final = MappingProxyType[OutcomeName, Outcome](
    {
        "picked": Outcome("bind", "same", now=(FLOOR, TOTE), code="pick", event="pick"),
        "short": Outcome("void", "falls", now=(FLOOR, SUSPECT), cases=("recount",), code="miss", event="miss"),
        "damaged": Outcome(
            "hold_another",
            "falls",
            now=(FLOOR, QUARANTINE),
            cases=("waste_or_markdown",),
            code="damage",
            event="find_damaged",
        ),
        "substituted": Outcome(
            "replace",
            "both",
            now=(FLOOR, SUSPECT),
            of_substitute=(FLOOR, TOTE),
            cases=("price_rule", "recount"),
            code="pick",
            event="substitute",
        ),
        "weighed": Outcome("part", "rises", now=(FLOOR, TOTE), cases=("price_difference",), code="pick", event="weigh"),
        "cancelled_before_pull": Outcome("void", "rises"),
        "cancelled_after_pull": Outcome(
            "void", "rises_later", then=(TOTE, FLOOR), spoiled=(TOTE, WASTE), cases=("put_back",), pulled=True
        ),
        "staged": Outcome("none", "same", now=(TOTE, STAGED), pulled=True, code="stage"),
        "handed_over": Outcome("consume", "same", now=(STAGED, CUSTOMER), pulled=True, code="hand_over"),
        "not_collected": Outcome(
            "void", "rises_later", then=(STAGED, FLOOR), spoiled=(STAGED, WASTE), cases=("put_back",), pulled=True
        ),
        "sold_though_claimed": Outcome("breach", "falls", now=(FLOOR, CUSTOMER), cases=("breach",), code="sale"),
        "impossible_sale": Outcome("none", "zero", now=(FLOOR, CUSTOMER), cases=("negative_stock",), code="sale"),
    }
)


def change_of_atp(outcome: Outcome) -> int:
    """By how much ATP of the SKU changes at once, for one unit and away from its limits (ATP is never below 0).

    Of `weighed` one unit is what was claimed and not used: the rest, which is released.
    """
    if outcome.claim == "part":
        return 1
    moved = _sellable(outcome.now)
    claims = {
        "bind": -1,
        "void": -1,
        "replace": -1,
        "consume": -1,
        "hold_another": 0,
        "breach": 0,
        "none": 0,
        "part": -1,
    }
    return moved - (0 if outcome.pulled else claims[outcome.claim])


def change_of_atp_later(outcome: Outcome) -> int:
    """And by how much when the units have been scanned back into their place."""
    return _sellable(outcome.then)


def change_of_substitute(outcome: Outcome) -> int:
    """And by how much that of the substitute: its unit is claimed and pulled in one step."""
    return _sellable(outcome.of_substitute)


def _sellable(move: Move | None) -> int:
    """What a move adds to what may be promised: a unit in SUSPECT makes another of its kind doubtful."""
    if move is None:
        return 0
    origin, target = move
    return (target in SELLABLE) - (origin in SELLABLE) - (target == SUSPECT) + (origin == SUSPECT)
