"""What the store can be asked to enter in its books, and what it answers.

Each ask is a frozen value with `sources()`, the names its postings will have: an ask that arrives a second time finds
them in the ledger and changes nothing.
"""

import json
from typing import Literal

from msgspec import Struct

from agent.core.claims import HoldLine, HoldState
from agent.core.count_asks import CountAsk, Counted
from agent.core.count_sessions import CountSession
from agent.core.days import CloseDay
from agent.core.life import OrderEvent, OrderState
from agent.core.order_asks import AfterPlacing
from agent.core.order_asks import Want as Want
from agent.core.orders import Default, Fulfilment, MissingUnits, OrderLine, hold_of
from agent.core.places import FLOOR
from agent.core.tags import Stranger
from agent.core.tasks.asks import TaskAnswer, TaskAsk


class Mistake(Struct, frozen=True, gc=False):
    """Something in an ask that cannot be right: where, and what is wrong with it."""

    path: str
    problem: str


class Refused(Struct, frozen=True, gc=False):
    """Nothing was entered. `conflict`: it contradicts what was entered under the same name before."""

    mistakes: tuple[Mistake, ...]
    conflict: bool = False


class SaleLine(Struct, frozen=True, gc=False):
    """One line of a receipt: `item` is a SKU or GTIN, whichever `item_is` says; `epc` the unit's tag, if read."""

    line: int
    item_is: Literal["sku", "gtin"]
    item: str
    qty: int
    epc: bytes | None = None


class Sale(Struct, frozen=True, gc=False):
    """A receipt of a till."""

    receipt: str
    lines: tuple[SaleLine, ...]

    def source(self, line: SaleLine) -> str:
        return f"sale:{self.receipt}/{line.line}"

    def sources(self) -> list[str]:
        return [self.source(line) for line in self.lines]


class Unreadable(Struct, frozen=True, gc=False):
    """A receipt that has a name and cannot be read: kept as a case, so that the sale is not lost."""

    receipt: str
    mistakes: tuple[Mistake, ...]

    def sources(self) -> list[str]:
        return []


class SoldLine(Struct, frozen=True, gc=False):
    """What became of a receipt's line; `seq` is its posting, None when that is archived."""

    line: int
    outcome: Literal["posted", "already_posted"]
    sku: str
    seq: int | None


class Sold(Struct, frozen=True, gc=False):
    """The receipt is in the books."""

    receipt: str
    lines: tuple[SoldLine, ...]


class DeliveryLine(Struct, frozen=True, gc=False):
    """Tagged units on their way: all `epcs` belong to the item."""

    line: int
    item_is: Literal["sku", "gtin"]
    item: str
    epcs: tuple[bytes, ...]


class Delivery(Struct, frozen=True, gc=False):
    """A delivery note. It moves nothing; it makes its tags expected, so that hearing them counts as receiving."""

    delivery: str
    lines: tuple[DeliveryLine, ...]

    def source(self, line: DeliveryLine) -> str:
        return f"delivery:{self.delivery}/{line.line}"

    def sources(self) -> list[str]:
        return [self.source(line) for line in self.lines]


class ExpectedLine(Struct, frozen=True, gc=False):
    """What became of a delivery's line; `tags` that are expected because of it."""

    line: int
    outcome: Literal["expected", "already_expected"]
    tags: int


class Expected(Struct, frozen=True, gc=False):
    """The delivery is in the books."""

    delivery: str
    lines: tuple[ExpectedLine, ...]


Purpose = Literal["receive", "shelve"]


class Scan(Struct, frozen=True, gc=False):
    """A barcode was scanned at a device that stands for one purpose.

    A scan with a `name` of its device's making may be sent again, and counts once; one without is numbered by the turn.
    """

    device: str
    purpose: Purpose
    text: str
    aim: str | None
    name: str = ""

    def sources(self) -> list[str]:
        return [f"scan:{self.device}:#{self.name}"] if self.name else []


class Scanned(Struct, frozen=True, gc=False):
    """The scan is in the books, or noted as refused."""

    accepted: bool
    message: str


class TagsHeard(Struct, frozen=True, gc=False):
    """Tags that settled (one that settled at EXIT is leaving), and tags that must not change stock."""

    settled: tuple[tuple[bytes, str], ...]
    strangers: tuple[Stranger, ...]

    def sources(self) -> list[str]:
        return []  # named by each tag's own count of moves


class TagsSilent(Struct, frozen=True, gc=False):
    """Tags that were not heard for long enough: to be doubted, and given up. One heard meanwhile is left alone.

    `left` are sold ones that had the time to leave: memory lets go of them.
    """

    suspects: tuple[bytes, ...]
    given_up: tuple[bytes, ...]
    left: tuple[bytes, ...] = ()

    def sources(self) -> list[str]:
        return []  # named by each tag's own count of moves


class TagsEntered(Struct, frozen=True, gc=False):
    """How many postings the tags made."""

    moves: int


class Reserve(Struct, frozen=True, gc=False):
    """Hold all lines for an interval, or none. Of a `grant`'s holder it takes what was granted to it.

    `due_ms` says when the goods are due (unix ms): of claims that cannot be kept, the one due last gives way first.
    `ttl_s` None: as long as the channel's holds live. What HQ asks cites the `lease` it was routed on.
    """

    hold: str
    channel: str
    wants: tuple[Want, ...]
    ttl_s: int | None
    grant: str = ""
    due_ms: int = 0
    lease: int | None = None

    def sources(self) -> list[str]:
        return [f"hold:{self.hold}"]


class CommitHold(Struct, frozen=True, gc=False):
    """A pending hold belongs to an order now and does not expire any more. What HQ asks cites its `lease`."""

    hold: str
    order: str
    lease: int | None = None

    def sources(self) -> list[str]:
        return [f"commit:{self.hold}"]


class ConsumeHold(Struct, frozen=True, gc=False):
    """The claim has served: of each line so many units (line, qty) were used, and the rest returns."""

    hold: str
    used: tuple[tuple[int, int], ...]

    def sources(self) -> list[str]:
        return [f"consume:{self.hold}"]


class ReleaseHold(Struct, frozen=True, gc=False):
    """The claim is not needed any more; all of it returns to where it came from."""

    hold: str

    def sources(self) -> list[str]:
        return [f"release:{self.hold}"]


class GiveWay(Struct, frozen=True, gc=False):
    """`by` has found other goods, or another store, for a claim that cannot be kept: it ends as breached."""

    hold: str
    by: str

    def sources(self) -> list[str]:
        return [f"breach:{self.hold}"]


class Grant(Struct, frozen=True, gc=False):
    """Give a holder the right to `qty` units (FREE to its grant), or take back `-qty` of what it has not used."""

    grant: str
    holder: str
    sku: str
    qty: int

    def sources(self) -> list[str]:
        return [f"grant:{self.grant}"]


class PlaceOrder(Struct, frozen=True, gc=False):
    """A customer wants all of this, or nothing. `due_at` is what the customer was told (unix ms, 0: nothing).

    What HQ routed here cites the `lease` it was routed on; what is entered in the store is entered `by` a worker. The
    other fields are the order's own: see `orders.Order`.
    """

    order: str
    channel: str
    wants: tuple[Want, ...]
    due_at: int = 0
    lease: int | None = None
    fulfil: Fulfilment = "courier"
    pay_within_s: int = 0
    promise_min: int = 0
    code: str = ""
    group: str = ""
    short: str = ""
    by: str = ""

    def sources(self) -> list[str]:
        return [f"hold:{hold_of(self.order)}"]


class MoveOrder(Struct, frozen=True, gc=False):
    """Something happened to an order; `move` names it among the order's moves.

    A question (`ask`) is open for `within_s` seconds (0: the usual) and then answered by `default`; it is about line
    `line`, for which one of the `candidates` could be taken.
    """

    order: str
    move: str
    event: OrderEvent
    within_s: int = 0
    default: Default = "decide"
    line: int = 0
    candidates: tuple[str, ...] = ()

    def sources(self) -> list[str]:
        return [f"move:{self.order}:{self.move}"]


class Ordered(Struct, frozen=True, gc=False):
    """How the order stands now, whose turn it is and for how long; `missing` and `why` say why it was rejected."""

    order: str
    state: OrderState
    owner: str
    due_in_s: int | None
    lines: tuple[OrderLine, ...]
    missing: tuple[MissingUnits, ...] = ()
    why: str = ""


class Tick(Struct, frozen=True, gc=False):
    """Time has passed: pending holds that are due expire, and orders that nobody moved are looked after."""

    def sources(self) -> list[str]:
        return []


class Claimed(Struct, frozen=True, gc=False):
    """How the hold stands now; `expires_in_s` while it is pending."""

    hold: str
    state: HoldState
    expires_in_s: int | None
    lines: tuple[HoldLine, ...]


class Lacking(Struct, frozen=True, gc=False):
    """Why a line cannot be held: `available` of the `wanted` units, all lines of the SKU added up."""

    sku: str
    wanted: int
    available: int
    why: str


class Short(Struct, frozen=True, gc=False):
    """Nothing was held."""

    hold: str
    lacking: tuple[Lacking, ...]


class Granted(Struct, frozen=True, gc=False):
    """What the holder may take of the SKU now."""

    holder: str
    sku: str
    qty: int


class Ticked(Struct, frozen=True, gc=False):
    """How many holds expired."""

    expired: int


class Notice(Struct, frozen=True, gc=False):
    """Something about the agent itself that a person must know: a case is opened, or with `over` resolved."""

    kind: str
    about: str
    detail: str
    over: bool = False

    def sources(self) -> list[str]:
        return []  # it posts nothing


class Noted(Struct, frozen=True, gc=False):
    """The case is as it should be."""


class Pause(Struct, frozen=True, gc=False):
    """Somebody stops the store's promises, and says why; or with `paused` False lets them go on."""

    paused: bool
    why: str
    by: str

    def sources(self) -> list[str]:
        return []  # it posts nothing


class Paused(Struct, frozen=True, gc=False):
    """How it stands: `since` unix ms."""

    paused: bool
    since: int
    why: str
    by: str


class HqSilence(Struct, frozen=True, gc=False):
    """HQ has not been heard for longer than a lease lives, or with `silent` False is heard again."""

    silent: bool
    why: str

    def sources(self) -> list[str]:
        return []  # it posts nothing


class ResolveCase(Struct, frozen=True, gc=False):
    """`by` says in a word or two that what the open case with this number asks for is done."""

    case: int
    by: str
    word: str

    def sources(self) -> list[str]:
        return []  # it posts nothing


class CaseResolved(Struct, frozen=True, gc=False):
    """The case is closed."""

    case: int


WorkName = Literal[
    "picked", "short", "damaged", "substituted", "weighed", "cancelled_before_pull", "cancelled_after_pull", "staged",
    "handed_over", "not_collected", "put_back",
]  # fmt: skip


class Work(Struct, frozen=True, gc=False):
    """What `by` reports of a committed hold's goods: an outcome of line `line`, or (0) of each it can happen to.

    `work` names the report among those of its hold. `qty` units or grams, 0: all there are; a short line is short of
    all that is open. `tote` is where pulled goods are put or are, `slot` where staged ones are. `substitute` is the SKU
    taken instead; `spoiled`: it was out of the cold for longer than it may. `place` is where it was picked or looked
    for, or put back; `epcs` are tags of the units, of any of them that have one. A weighed line may be so many percent
    more than is claimed; one that is short at one place is first looked for `elsewhere`, if the books have some there.
    """

    work: str
    hold: str
    outcome: WorkName
    line: int = 0
    qty: int = 0
    tote: str = ""
    slot: str = ""
    substitute: str = ""
    spoiled: bool = False
    by: str = "picker"
    place: Literal["FLOOR", "BACKROOM"] = "FLOOR"
    epcs: tuple[bytes, ...] = ()
    tolerance_pct: int = 0
    elsewhere: bool = False

    def source(self) -> str:
        return f"work:{self.hold}/{self.work}"

    def sources(self) -> list[str]:
        return []  # named in the hold itself, with what it said

    def said(self) -> str:
        """What it reports, so that a repetition is told from a contradiction; who and when are no part of it."""
        what = [self.outcome, self.line, self.qty, self.tote, self.slot, self.substitute, self.spoiled]
        if self.place != FLOOR or self.epcs:
            what += [self.place, *(epc.hex() for epc in self.epcs)]
        return json.dumps(what)


class Worked(Struct, frozen=True, gc=False):
    """The report is in the books; how the hold stands now."""

    work: str
    hold: str
    state: HoldState
    lines: tuple[HoldLine, ...]


OfOrder = PlaceOrder | AfterPlacing | MoveOrder
Claim = Reserve | CommitHold | ConsumeHold | ReleaseHold | GiveWay | Grant | OfOrder | Work | Tick
Told = Sale | Unreadable | Delivery | Scan | TagsHeard | TagsSilent | CountAsk | TaskAsk
Ask = Told | Claim | Notice | Pause | HqSilence | ResolveCase | CloseDay
Entered = Sold | Expected | Scanned | TagsEntered | Counted | CountSession | Noted | Paused | CaseResolved
Answer = Entered | Claimed | Short | Granted | Ordered | Worked | Ticked | TaskAnswer | Refused
