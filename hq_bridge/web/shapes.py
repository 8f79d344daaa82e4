"""What HQ's API answers, as types: the code fills them, and the OpenAPI document is made of them.

Times are milliseconds since 1970 UTC. An answer about stock says how old it is: `as_of` is when HQ committed the last
row of it and `age_ms` how long ago that was; `behind` counts the rows HQ knows to be missing; `digest` says whether
HQ's stock was the store's own when they were last compared.

Of the units `on_hand`, `held` are promised and not yet pulled; `atp` can be promised beyond them, to any channel that
has no rule of its own at the store: none while the store is away or paused. Both are null when the store has not said
so because it is too old.
"""

from typing import Any, Literal

import msgspec

from hq_bridge.books import Digest, Presence, Trouble
from wire.figures import Figure
from wire.messages import OrderRow


class TroubleText(msgspec.Struct, frozen=True):
    """Something a person should look at: which kind, and what exactly."""

    kind: Trouble | Literal["certificate", "clock"]
    text: str


class Store(msgspec.Struct, frozen=True):
    """One store: is it here, how far has it been heard, what is wrong. Lag: commit at HQ minus the row's own time.

    `lease` is the one it said last, which commands to it cite; HQ heard it `lease_age_ms` ago, at `lease_heard_at`.
    `certificate_ends`: of the certificate it shows the broker, as it said since HQ's start.
    """

    store: str
    state: Presence
    epoch: int
    cursor: int
    head: int
    behind: int
    landed_at: int | None
    age_ms: int | None
    heard_from_at: int | None
    lease: int | None
    lease_heard_at: int | None
    lease_age_ms: int | None
    lag_p50_ms: int | None
    lag_p99_ms: int | None
    rows: int
    units: int
    cases_open: int
    digest: Digest
    trouble: str | None
    troubles: list[TroubleText]
    certificate_ends: int | None


class Certificate(msgspec.Struct, frozen=True):
    """Whose, until when, and whether that is soon: within 30 days, or the last third of its life."""

    whose: Literal["hq", "broker"]
    ends: int
    soon: bool


class Line(msgspec.Struct, frozen=True):
    """HQ's own connection to the broker; with TLS, the certificate HQ has and the one the broker showed last."""

    state: Literal["here", "connecting"]
    broker: str
    connected_since: int | None
    why: str
    certificates: list[Certificate]


class Stores(msgspec.Struct, frozen=True):
    """Every store HQ has ever heard, by name; `counts` are messages and rows since HQ's start."""

    chain: str
    at: int
    stores: list[Store]
    line: Line
    counts: dict[str, int]


class SkuPlaces(msgspec.Struct, frozen=True):
    """Units of a SKU inside the store, and by place what is not zero (also outside: SUPPLIER, CUSTOMER …)."""

    sku: str
    on_hand: int
    held: int | None
    atp: int | None
    places: dict[str, int]


class StoreStock(msgspec.Struct, frozen=True):
    """What one store has, as row `seq` of `epoch` left it."""

    store: str
    state: Presence
    epoch: int
    seq: int
    as_of: int | None
    age_ms: int | None
    behind: int
    digest: Digest
    skus: list[SkuPlaces]


class StoreHas(msgspec.Struct, frozen=True):
    """How many units of a SKU one store has on hand."""

    store: str
    state: Presence
    on_hand: int
    held: int | None
    atp: int | None
    as_of: int | None
    age_ms: int | None
    behind: int
    digest: Digest


class SkuStock(msgspec.Struct, frozen=True):
    """A SKU across the chain: every store that ever had it, and the sums, which are as old as their oldest part.

    What a store has not said adds nothing to them. `digest` is `same` when it is so for every store, `differs` when for
    one it is not.
    """

    sku: str
    on_hand: int
    held: int
    atp: int
    as_of: int | None
    age_ms: int | None
    behind: int
    digest: Digest
    stores: list[StoreHas]


class SkuSum(msgspec.Struct, frozen=True):
    """A SKU, its units over the chain, and how many stores have or had it."""

    sku: str
    on_hand: int
    held: int
    atp: int
    stores: int


class Skus(msgspec.Struct, frozen=True):
    """SKUs by name, a page of them; ask with `after` = `next` for more. As old as the oldest of all stores."""

    as_of: int | None
    age_ms: int | None
    behind: int
    digest: Digest
    skus: list[SkuSum]
    next: str | None


class Log(msgspec.Struct, frozen=True):
    """Rows of a store's stream beyond the one asked for, in order, each with when it landed.

    `oldest` is the first row of `epoch` that is still kept; of those asked for, `gone` are no longer. `present` is the
    epoch of the store's present books: when it is another one and there are no rows, go on there, after row 0.
    """

    store: str
    epoch: int
    present: int
    oldest: int
    gone: int
    rows: list[dict[str, Any]]


class Unreadable(msgspec.Struct, frozen=True):
    """A payload nobody could read: its beginning, and why."""

    id: int
    at: int
    topic: str
    why: str
    bytes: int
    payload: str


class Quarantine(msgspec.Struct, frozen=True):
    """How many payloads nobody could read since HQ's start, and the newest that are kept."""

    unreadable: int
    newest: list[Unreadable]


class LagPoint(msgspec.Struct, frozen=True):
    """One look: the lag of the rows that landed since the one before (None: none did), and the rows missing."""

    p50_ms: int | None
    p99_ms: int | None
    behind: int


class LagTrend(msgspec.Struct, frozen=True):
    """The lag over the last half hour, a point every `every_ms`, the last one at `at`.

    Of the whole chain (`store` is null): the middle store's median, the slowest store's p99, and the sum of `behind`.
    """

    store: str | None
    at: int
    every_ms: int
    points: list[LagPoint]


class Command(msgspec.Struct, frozen=True):
    """What HQ asked of a store, and what became of it: `asked` until the store has said `done` or `refused`, and `why`.

    An order may also be `stale`: it reached the store too late on the lease it was routed on, was not accepted, and
    never will be; give it to another store, or to this one under another id.

    While it is asked, `why` says why the store decided nothing when it was asked last. `seq` of `epoch` is how far the
    store's stream was with all that the command did. `ask` is what was asked, with the
    counter it was asked under and an order's lease; else that is 0, each sending cites the store's newest one.
    """

    store: str
    id: str
    counter: int
    asked_at: int
    state: Literal["asked", "done", "refused", "stale"]
    why: str
    answered_at: int | None
    epoch: int | None
    seq: int | None
    ask: msgspec.Raw


class PlacedOrder(msgspec.Struct, frozen=True):
    """One order as its store told it last (`row`, landed at `landed_at`), and what became of HQ's asking for it.

    `state` is the store's, or before it has told any `asked`, `accepted`, `rejected` or `stale` (see Command).
    `placing` is the state of the command that placed it; null when it was entered in the store, or long ago. `present`:
    the row is of the store's present books; an open order of older ones may be lost. While `store_is` not here, all of
    it is as old as `landed_at`.
    """

    order: str
    store: str
    state: str
    why: str
    placing: Literal["asked", "done", "refused", "stale"] | None
    asked_at: int | None
    answered_at: int | None
    landed_at: int | None
    epoch: int | None
    seq: int | None
    present: bool
    store_is: Presence
    row: OrderRow | None


class PlacedOrders(msgspec.Struct, frozen=True):
    """Orders by name, a page of them; ask with `after` = `next` for more."""

    orders: list[PlacedOrder]
    next: str | None


class Day(msgspec.Struct, frozen=True):
    """A day that is over, as a store's own clock has it: `sums` can be added up, `figures` are what they make."""

    day: str
    since: int
    until: int
    landed_at: int
    sums: dict[str, int]
    figures: list[Figure]


class StoreDays(msgspec.Struct, frozen=True):
    """Days of one store, the oldest first, and all of them together."""

    store: str
    days: list[Day]
    sums: dict[str, int]
    figures: list[Figure]


class ChainDay(msgspec.Struct, frozen=True):
    """A day of the chain: the sums of the `stores` that have told of it, added up."""

    day: str
    stores: list[str]
    sums: dict[str, int]
    figures: list[Figure]


class ChainDays(msgspec.Struct, frozen=True):
    """Days of the chain, the oldest first, and all of them together."""

    days: list[ChainDay]
    sums: dict[str, int]
    figures: list[Figure]


class StoreFigure(msgspec.Struct, frozen=True):
    """One figure of a store, and of how many it is; null when it would be of nothing."""

    store: str
    value: float | None
    of: int


class DayOfStores(msgspec.Struct, frozen=True):
    """One figure of a day, of each store that told of it, by name."""

    day: str
    figure: str
    stores: list[StoreFigure]


class Problem(msgspec.Struct, frozen=True):
    """Why there is no answer, and what to do."""

    error: str
    hint: str
