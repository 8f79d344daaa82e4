"""Every message that crosses the line, as frozen values; `codec` turns them into bytes and back.

Times are integer milliseconds since 1970 UTC (`at`), read off the sender's clock: data, never order. Order is
`(store, epoch, seq)`. Fields a reader does not know are ignored; a new meaning gets a new kind.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

#: Version of the batch, hello, state and heard envelopes below.
WIRE_VERSION = 1

#: Quantities and times stay exact in every JSON reader there is, including JavaScript's doubles.
MAX_NUMBER: Final = 2**53 - 1

#: The longest text in a row (SKU, place, source, id …), in characters.
MAX_TEXT: Final = 256

#: What a row consists of: the decoder refuses others, at no cost that could be measured.
Number = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]


# gc=False: plain values, of which HQ makes a hundred thousand a second; no cycle can go through them.
class StockRow(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="kind",
    tag="stock",
    rename={"origin": "from", "target": "to"},
):
    """`qty` units of one SKU went from one place to another, and this is what is true since.

    `from_now` and `to_now` are the balances of both places after the posting and `on_hand` is the number of units
    inside the store, so a consumer may skip rows or apply one twice. Quantities count the SKU's smallest unit.

    `held` units are promised to somebody and still where they are sold; `atp` can be promised beyond them, to a channel
    for which the store has no rule of its own. Both are as the transaction left them that wrote the row. They are not
    there in rows of a store that is older. A row with `qty` 0 moves nothing: only they are other than before.
    """

    seq: Number
    id: Text
    at: Number
    sku: Text
    origin: Text
    target: Text
    qty: Number
    code: Text
    source: Text
    from_now: Number
    to_now: Number
    on_hand: Number
    held: Number | UnsetType = UNSET
    atp: Number | UnsetType = UNSET


class CaseRow(msgspec.Struct, frozen=True, tag_field="kind", tag="case"):
    """Something a person must look at was opened, handed on or resolved; `owner` is a role, `due` its deadline (ms).

    A case that was not resolved in its time comes again, with another owner. Of a `breach` (`about` is the SKU)
    `orders` are those whose goods are not there, and `why` says what took them; it comes again when they are others.
    """

    seq: Number
    id: Text
    at: Number
    case: Text
    about: Text
    state: Literal["open", "resolved"]
    owner: Text
    due: Number
    orders: tuple[Text, ...] | UnsetType = UNSET
    why: Text | UnsetType = UNSET


class OrderRowLine(msgspec.Struct, frozen=True, gc=False):
    """`picked` of `qty` units are pulled or handed over; `state` is that of a line to pick.

    A line that was put in for another is `instead_of` it (0: for none).
    """

    line: Number
    sku: Text
    qty: Number
    picked: Number
    state: Text
    instead_of: Number


class Asked(msgspec.Struct, frozen=True):
    """What the customer is asked: which of the `candidates` (SKUs, best first) shall stand in for line `line`."""

    line: Number
    candidates: tuple[Text, ...]


class OrderRow(msgspec.Struct, frozen=True, tag_field="kind", tag="order"):
    """An order is in `state` since `event`, or something else of it is other than before.

    `owner` is whose turn it is (a role; "": nobody's, it is over) until `due` (ms, 0: no time); `promised` is what the
    customer was told (ms, 0: nothing). `lines` are as the transaction left them, of a very long order the first 200.
    `why` says why it was rejected, or cancelled by the store. `asked` is there while the customer is asked something,
    `courier_at` (ms) once the courier is at the door.
    """

    seq: Number
    id: Text
    at: Number
    order: Text
    channel: Text
    fulfil: Text
    state: Text
    event: Text
    owner: Text
    due: Number
    promised: Number
    lines: tuple[OrderRowLine, ...]
    why: Text
    asked: Asked | UnsetType = UNSET
    courier_at: Number | UnsetType = UNSET


class DayRow(msgspec.Struct, frozen=True, tag_field="kind", tag="day"):
    """A day of the store is over: `day` (`2026-11-22`) as the store's own clock has it, from `since` to `until` (ms).

    `sums` are whole numbers by name, which can be added up over days and stores; `figures.RATES` says what they make. A
    day is told once; what a store tells of one again, after its books were restored, takes the place of the first.
    """

    seq: Number
    id: Text
    at: Number
    day: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=10)]
    since: Number
    until: Number
    sums: dict[Text, Number]


class UnknownRow(msgspec.Struct, frozen=True):
    """A row of a kind this program is too old for: kept as it came, counted, never an error."""

    seq: int
    kind: str
    body: msgspec.Raw


Row = StockRow | CaseRow | OrderRow | DayRow | UnknownRow


class Batch(msgspec.Struct, frozen=True):
    """Rows `first … first + len(rows) - 1` of one store's stream, without a hole (`up/log`)."""

    epoch: int
    first: int
    rows: tuple[Row, ...]
    v: int = WIRE_VERSION


class Hello(msgspec.Struct, frozen=True):
    """Who the store is, on each connect and whenever HQ says it is here again (`up/hello`).

    `oldest` is the first row the store still keeps and `head` the last one it has. `digest` is `digest.of_books` at
    `digest_seq`. `software` is the agent's version; `schemas` the row kinds it sends, with their versions.
    """

    epoch: int
    oldest: int
    head: int
    digest: str
    digest_seq: int
    software: str
    boot: str
    schemas: dict[str, int]
    v: int = WIRE_VERSION


class StoreState(msgspec.Struct, frozen=True):
    """Retained: is the store on the line? `away` is its last will (`up/state`).

    `lease` grows with each `here`. An order cites the lease it was routed on; the store accepts it only while that
    lease is younger than 90 s (or what the store is configured to) by the store's own clock, in the start that issued
    it. `certificate_ends` is when the certificate the store shows ends (ms).
    """

    state: Literal["here", "away"]
    epoch: int
    head: int
    at: int
    software: str
    lease: int | UnsetType = UNSET
    certificate_ends: int | UnsetType = UNSET
    v: int = WIRE_VERSION


class Heard(msgspec.Struct, frozen=True):
    """HQ has committed everything up to and including `upto` of `epoch` (`down/heard`).

    Cumulative and idempotent. `want` asks for rows from that number on. At most `window` batches may be under way
    beyond `upto`; when busy, the store may gather rows for `linger_ms` before it sends a batch. `snapshot` asks for one
    under that name.
    """

    epoch: int
    upto: int
    want: int | None = None
    window: int = 8
    linger_ms: int = 0
    snapshot: str | UnsetType = UNSET
    v: int = WIRE_VERSION


class Snapshot(msgspec.Struct, frozen=True):
    """Part 0 of a snapshot: the store's books at row `seq`, in `parts` (`up/snapshot/<name>/0`).

    `digest` is `digest.of_books` at `seq`; `parts` are the SHA-256 (hex) of the payloads of parts 1, 2 …
    """

    name: str
    epoch: int
    seq: int
    digest: str
    parts: tuple[str, ...]
    v: int = WIRE_VERSION


class SkuStock(msgspec.Struct, frozen=True):
    """Where a SKU's units are: balances that are not zero; `on_hand`: all its units inside the store.

    `held` and `atp` as a stock row has them; not there from a store that is older.
    """

    sku: str
    on_hand: int
    places: dict[str, int]
    held: int | UnsetType = UNSET
    atp: int | UnsetType = UNSET


class SnapshotPart(msgspec.Struct, frozen=True):
    """A part of a snapshot; a SKU may stand in several, with other places (`up/snapshot/<name>/<part>`).

    `cases` and `orders` are those that are open, `days` those that are over; `orders` and `days` are not there from a
    store that is older.
    """

    name: str
    part: int
    stock: tuple[SkuStock, ...]
    cases: tuple[CaseRow, ...]
    orders: tuple[OrderRow, ...] | UnsetType = UNSET
    days: tuple[DayRow, ...] | UnsetType = UNSET
    v: int = WIRE_VERSION


class PauseAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="pause"):
    """HQ stops the store's promises, or with `paused` false lets them go on."""

    id: str
    counter: int
    lease: int
    paused: bool
    why: str
    by: str


class GrantAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="grant"):
    """HQ gives a holder the right to `qty` units of a SKU; below zero it takes back what is unused."""

    id: str
    counter: int
    lease: int
    holder: str
    sku: str
    qty: int


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """`qty` of one SKU, in its smallest unit, as line `line` of an order.

    Of a weighed line `tolerance_pct` percent more or less will do. `unavailable` is what is to be done when it is not
    to be had, `substitutes` the SKUs that may be taken instead, best first. `member` is an opaque reference to whose
    line it is in a group buy.
    """

    line: int
    sku: str
    qty: int
    unavailable: Literal["ask", "substitute", "remove", "cancel"] = "ask"
    substitutes: tuple[str, ...] = ()
    tolerance_pct: int = 10
    member: str = ""


class OrderAsk(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="order"):
    """A customer wants all of this from the store, or nothing. `due` is what the customer was told (ms; 0: nothing).

    `pay_within_s`: the goods are frozen for so long until the order is paid (0: it is). `promise_min` is what was
    promised, in minutes from when it comes to the store, and says when it is due if `due` does not. `code` is the hash
    of the pickup code: `s1$<salt>$<scrypt(code, salt, n=4096, r=8, p=1), 16 bytes>`, both in hex. `group` names a
    group buy; `short` is what people call the order.
    """

    id: str
    counter: int
    lease: int
    order: str
    channel: str
    lines: tuple[Wanted, ...]
    due: int = 0
    fulfil: Literal["courier", "pickup", "ship"] = "courier"
    pay_within_s: int = 0
    promise_min: int = 0
    code: str = ""
    group: str = ""
    short: str = ""


class PaidAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="paid"):
    """The customer has paid the order. When its time was up its goods are held anew, or it is refused as
    `hold_expired`.
    """

    id: str
    counter: int
    lease: int
    order: str


class AmendAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="amend"):
    """Of the lines named the customer wants so much now (`qty` 0: none, a new line number: that as well), or nothing
    is changed.
    """

    id: str
    counter: int
    lease: int
    order: str
    lines: tuple[Wanted, ...]


class CancelAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="cancel"):
    """The order is not wanted any more."""

    id: str
    counter: int
    lease: int
    order: str


class CourierAsk(msgspec.Struct, frozen=True, tag_field="kind", tag="courier"):
    """The courier for the order is at the door."""

    id: str
    counter: int
    lease: int
    order: str


class DecisionAsk(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind", tag="decision"):
    """The customer answers what the order asks: take `sku` for the line, remove what is not picked of it, or cancel.

    `line` 0 is the line that was asked about.
    """

    id: str
    counter: int
    lease: int
    order: str
    take: Literal["substitute", "remove", "cancel"]
    line: int = 0
    sku: str = ""


#: What is asked of an order that was placed before.
FollowUp = PaidAsk | AmendAsk | CancelAsk | CourierAsk | DecisionAsk
HqAsk = PauseAsk | GrantAsk | OrderAsk | FollowUp


class Command(msgspec.Struct, frozen=True):
    """What HQ asks of one store, signed (`down/command`).

    `sig` is the Ed25519 signature (Base64) of `signing.signed(chain, store, ask)`, where `ask` are the bytes of that
    field exactly as they stand in the message: an `HqAsk`. `counter` grows with each command to a store; `lease` is one
    the store said not long ago.
    """

    ask: msgspec.Raw
    sig: str
    v: int = WIRE_VERSION


class Answer(msgspec.Struct, frozen=True):
    """What became of a command (`up/answer`).

    `done` and `refused` are for good, and told again as often as it is asked. `stale`: nothing was decided, because the
    lease was too old, or because the store does not know the order yet; ask again on a newer one. Or, with `newest`,
    because the counter is not new to the store: ask the same command under one beyond `newest`. `seq` of `epoch` is how
    far the stream was with all the command did.
    """

    id: str
    counter: int
    outcome: Literal["done", "refused", "stale"]
    why: str
    epoch: int
    seq: int
    at: int
    newest: int | UnsetType = UNSET
    v: int = WIRE_VERSION


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A row HQ has committed, as a CloudEvent 1.0 in structured mode (`events/<kind>/<store>`).

    `id` is `store/epoch/seq`: the same row has the same id, however often it comes. `sequence` is `seq` in 16 digits,
    dense over all kinds of one (store, epoch), and in order as text too. `subject` is the SKU, what a case is about,
    the order, or the day.
    `time` is the row's `at`, `recordedtime` when HQ committed it. `data` is the row, as a batch has it.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str | UnsetType = UNSET
    time: str
    recordedtime: str
    sequence: str
    partitionkey: str
    datacontenttype: Literal["application/json"] = "application/json"
    data: msgspec.Raw


class HqState(msgspec.Struct, frozen=True):
    """Retained: is HQ on the line? Stores say hello again whenever `boot` changes (`hq/state`)."""

    state: Literal["here", "away"]
    boot: str
    at: int
    v: int = WIRE_VERSION
