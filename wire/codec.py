"""Messages to bytes and back: readable JSON, strictly checked, bounded.

Whatever arrives was written by somebody else. Decoding either gives a value whose numbers fit every database column
and whose rows are dense, or raises NotOurs; it never raises anything else and never changes anything. Fields nobody
here knows are ignored, rows of an unknown kind are kept as they came.
"""

from collections.abc import Sequence
from typing import NoReturn, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from wire.messages import (
    MAX_NUMBER,
    MAX_TEXT,
    WIRE_VERSION,
    AmendAsk,
    Answer,
    Batch,
    CaseRow,
    Command,
    DayRow,
    DecisionAsk,
    Event,
    GrantAsk,
    Heard,
    Hello,
    HqAsk,
    HqState,
    OrderAsk,
    OrderRow,
    PauseAsk,
    Row,
    Snapshot,
    SnapshotPart,
    StockRow,
    StoreState,
    UnknownRow,
    Wanted,
)
from wire.topics import is_name

#: The largest payload either end sends or reads. A batch aims at 192 KiB at most (100 rows are about 25 KB), so one
#: long row more still fits, and a hostile client costs no more memory than this per message.
MAX_PAYLOAD = 256 * 1024

#: Parts of one snapshot: of 64 KB each they hold a million balances.
MAX_PARTS = 2000

Message = Batch | Hello | StoreState | Heard | HqState | Snapshot | SnapshotPart | Command | Answer | Event


class NotOurs(Exception):
    """Raised when a payload is malformed, too large or out of range; `why` says which, in one line."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _LooseBatch(msgspec.Struct):
    """A batch whose rows have not been looked at yet."""

    epoch: int
    first: int
    rows: list[msgspec.Raw]
    v: int = WIRE_VERSION


class KnownBatch(msgspec.Struct):
    """A batch in which every row is of a kind this program knows."""

    epoch: int
    first: int
    rows: tuple[StockRow | CaseRow | OrderRow | DayRow, ...]
    v: int = WIRE_VERSION


class _RowHead(msgspec.Struct):
    """What every row has, of whatever kind. One of kind `order` without the field `order` is none that we know."""

    seq: int
    kind: str
    order: msgspec.Raw | UnsetType = UNSET


class AskHead(msgspec.Struct, frozen=True):
    """What every command has, of whatever kind: enough to answer it."""

    id: str
    counter: int
    lease: int
    kind: str


KNOWN_KINDS = ("stock", "case", "order", "day")
_encoder = msgspec.json.Encoder()
_known_batch = msgspec.json.Decoder(KnownBatch)
_loose_batch = msgspec.json.Decoder(_LooseBatch)
_row_head = msgspec.json.Decoder(_RowHead)
_known_row: msgspec.json.Decoder[StockRow | CaseRow | OrderRow | DayRow] = msgspec.json.Decoder(
    StockRow | CaseRow | OrderRow | DayRow
)
_hello = msgspec.json.Decoder(Hello)
_state = msgspec.json.Decoder(StoreState)
_heard = msgspec.json.Decoder(Heard)
_hq_state = msgspec.json.Decoder(HqState)
_snapshot = msgspec.json.Decoder(Snapshot)
_snapshot_part = msgspec.json.Decoder(SnapshotPart)
_command = msgspec.json.Decoder(Command)
_ask: msgspec.json.Decoder[HqAsk] = msgspec.json.Decoder(HqAsk)
_ask_head = msgspec.json.Decoder(AskHead)
_answer = msgspec.json.Decoder(Answer)
_event = msgspec.json.Decoder(Event)

T = TypeVar("T")


def encode(message: Message) -> bytes:
    """One message as JSON on one line."""
    if isinstance(message, Batch):
        return batch_of(message.epoch, message.first, [encode_row(row) for row in message.rows])
    return _encoder.encode(message)


def encode_row(row: Row) -> bytes:
    """One row as JSON; an unknown row as it came."""
    return bytes(row.body) if isinstance(row, UnknownRow) else _encoder.encode(row)


def batch_of(epoch: int, first: int, encoded_rows: Sequence[bytes]) -> bytes:
    """A batch of rows that `encode_row` made before; `encoded_rows[i]` must be row `first + i`."""
    return b'{"epoch":%d,"first":%d,"rows":[%b],"v":%d}' % (epoch, first, b",".join(encoded_rows), WIRE_VERSION)


def decode_batch(payload: bytes) -> Batch:
    """A batch with at least one row, dense from `first`. Raises NotOurs."""
    _bounded(payload)
    rows: tuple[Row, ...]
    known: KnownBatch | None = None
    try:
        known = _known_batch.decode(payload)
        epoch, first, version, rows = known.epoch, known.first, known.v, known.rows
    except (ValueError, RecursionError):
        loose = _read(_loose_batch, payload)
        epoch, first, version = loose.epoch, loose.first, loose.v
        rows = tuple(_read_row(raw) for raw in loose.rows)
    _check_version(version)
    _check_range("epoch", epoch, 1)
    _check_range("first", first, 1)
    if not rows:
        raise NotOurs("a batch without rows")
    if [row.seq for row in rows] != [*range(first, first + len(rows))]:
        seq, row = next((seq, row) for seq, row in enumerate(rows, first) if row.seq != seq)
        raise NotOurs(f"row {row.seq} stands where row {seq} belongs")
    if known is None or b"\\u0000" in payload:
        for row in rows:
            _check_row(row)
    return Batch(epoch, first, rows)


def decode_row(raw: msgspec.Raw) -> Row:
    """One row of a batch. Raises NotOurs."""
    row = _read_row(raw)
    _check_row(row)
    return row


def decode_hello(payload: bytes) -> Hello:
    """Who a store is. Raises NotOurs."""
    hello = _read(_hello, payload)
    _check_version(hello.v)
    _check_range("epoch", hello.epoch, 1)
    _check_range("oldest", hello.oldest, 1)
    _check_range("head", hello.head, 0)
    _check_range("digest_seq", hello.digest_seq, 0)
    if hello.oldest > hello.head + 1:
        raise NotOurs(f"oldest {hello.oldest} is beyond head {hello.head}")
    _check_hex("digest", hello.digest, 16)
    _check_text("software", hello.software)
    _check_text("boot", hello.boot)
    return hello


def decode_state(payload: bytes) -> StoreState:
    """Is a store on the line? Raises NotOurs."""
    state = _read(_state, payload)
    _check_version(state.v)
    _check_range("epoch", state.epoch, 1)
    _check_range("head", state.head, 0)
    _check_range("at", state.at, -MAX_NUMBER)
    _check_text("software", state.software)
    if state.lease is not UNSET:
        _check_range("lease", state.lease, 1)
    if state.certificate_ends is not msgspec.UNSET:
        _check_range("certificate_ends", state.certificate_ends, 0)
    return state


def decode_heard(payload: bytes) -> Heard:
    """What HQ has committed. Raises NotOurs."""
    heard = _read(_heard, payload)
    _check_version(heard.v)
    _check_range("epoch", heard.epoch, 1)
    _check_range("upto", heard.upto, 0)
    if heard.want is not None:
        _check_range("want", heard.want, 1)
    _check_range("window", heard.window, 1)
    _check_range("linger_ms", heard.linger_ms, 0)
    if heard.snapshot is not UNSET and not is_name(heard.snapshot):
        raise NotOurs("snapshot is no name")
    return heard


def decode_hq_state(payload: bytes) -> HqState:
    """Is HQ on the line? Raises NotOurs."""
    state = _read(_hq_state, payload)
    _check_version(state.v)
    _check_range("at", state.at, -MAX_NUMBER)
    _check_text("boot", state.boot)
    return state


def decode_snapshot(payload: bytes) -> Snapshot:
    """The manifest of a snapshot. Raises NotOurs."""
    found = _read(_snapshot, payload)
    _check_version(found.v)
    _check_range("epoch", found.epoch, 1)
    _check_range("seq", found.seq, 0)
    if not is_name(found.name):
        raise NotOurs("name is no name")
    _check_hex("digest", found.digest, 16)
    if len(found.parts) > MAX_PARTS:
        raise NotOurs(f"{len(found.parts)} parts; the most is {MAX_PARTS}")
    for part in found.parts:
        _check_hex("a part's hash", part, 64)
    return found


def decode_snapshot_part(payload: bytes) -> SnapshotPart:
    """A part of a snapshot. Raises NotOurs."""
    found = _read(_snapshot_part, payload)
    _check_version(found.v)
    if not is_name(found.name):
        raise NotOurs("name is no name")
    if not 1 <= found.part <= MAX_PARTS:
        raise NotOurs(f"part {found.part} is out of range")
    for item in found.stock:
        _check_text("sku", item.sku)
        for number in (item.on_hand, item.held, item.atp):
            if number is not UNSET:
                _check_range("a number", number, -MAX_NUMBER)
        for place, qty in item.places.items():
            _check_text("place", place)
            _check_range("qty", qty, -MAX_NUMBER)
    for row in found.cases:
        _check_row(row)
    for order in found.orders or ():
        _check_row(order)
    return found


def decode_command(payload: bytes) -> Command:
    """A command's envelope; what is asked must still be verified and read. Raises NotOurs."""
    found = _read(_command, payload)
    _check_version(found.v)
    _check_text("sig", found.sig)
    return Command(msgspec.Raw(bytes(found.ask)), found.sig)


def decode_ask(ask: msgspec.Raw) -> HqAsk:
    """What a command asks. Raises NotOurs, also for a kind this program is too old for."""
    found = _read(_ask, ask)
    _check_text("id", found.id)
    _check_range("counter", found.counter, 1)
    _check_range("lease", found.lease, 0)
    match found:
        case PauseAsk():
            texts, numbers = [found.why, found.by], []
        case GrantAsk():
            texts, numbers = [found.holder, found.sku], [found.qty]
        case OrderAsk():
            texts = [found.order, found.channel, found.code, found.group, found.short, *_texts(found.lines)]
            numbers = [found.due, found.pay_within_s, found.promise_min, *_numbers(found.lines)]
        case AmendAsk():
            texts, numbers = [found.order, *_texts(found.lines)], _numbers(found.lines)
        case DecisionAsk():
            texts, numbers = [found.order, found.sku], [found.line]
        case _:
            texts, numbers = [found.order], []
    for text in texts:
        _check_text("a text", text)
    for number in numbers:
        _check_range("a number", number, -MAX_NUMBER)
    return found


def _texts(lines: tuple[Wanted, ...]) -> list[str]:
    return [text for line in lines for text in (line.sku, line.member, *line.substitutes)]


def _numbers(lines: tuple[Wanted, ...]) -> list[int]:
    return [number for line in lines for number in (line.line, line.qty, line.tolerance_pct)]


def decode_ask_head(ask: msgspec.Raw) -> AskHead:
    """Enough of a command to answer it, of whatever kind it is. Raises NotOurs."""
    found = _read(_ask_head, ask)
    _check_text("id", found.id)
    _check_range("counter", found.counter, 1)
    _check_range("lease", found.lease, 0)
    _check_text("kind", found.kind)
    return found


def decode_answer(payload: bytes) -> Answer:
    """What became of a command. Raises NotOurs."""
    found = _read(_answer, payload)
    _check_version(found.v)
    _check_text("id", found.id)
    _check_range("counter", found.counter, 1)
    _check_text("why", found.why)
    _check_range("epoch", found.epoch, 1)
    _check_range("seq", found.seq, 0)
    _check_range("at", found.at, -MAX_NUMBER)
    if found.newest is not msgspec.UNSET:
        _check_range("newest", found.newest, 1)
    return found


def decode_event(payload: bytes) -> Event:
    """A row that HQ has committed; its `data` has been looked at, and stays bytes. Raises NotOurs."""
    found = _read(_event, payload)
    for name in ("id", "source", "type", "sequence", "partitionkey", "time", "recordedtime"):
        _check_text(name, getattr(found, name))
    if found.subject is not UNSET:
        _check_text("subject", found.subject)
    row = _read_row(found.data)
    _check_range("seq", row.seq, 0)
    _check_row(row)
    return found


def _bounded(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD:
        raise NotOurs(f"{len(payload)} bytes; the most is {MAX_PAYLOAD}")


def _read(decoder: msgspec.json.Decoder[T], payload: bytes | msgspec.Raw) -> T:
    if isinstance(payload, bytes):
        _bounded(payload)
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    raise NotOurs("nested too deeply" if isinstance(error, RecursionError) else str(error)) from None


def _read_row(raw: msgspec.Raw) -> Row:
    head = _read(_row_head, raw)
    if head.kind in KNOWN_KINDS and (head.kind != "order" or head.order is not UNSET):
        return _read(_known_row, raw)
    _check_unknown(bytes(raw))
    return UnknownRow(head.seq, head.kind, msgspec.Raw(bytes(raw)))


def _check_unknown(raw: bytes) -> None:
    """What nobody here understands is kept and shown again, so it must be JSON that everybody can read.

    The decoder passes over values that it does not need: bad UTF-8 and numbers beyond a double stand there unseen.
    """
    try:
        raw.decode()
        msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise NotOurs(f"a row that is no JSON: {error}") from None


def _check_version(version: int) -> None:
    if version != WIRE_VERSION:
        raise NotOurs(f"version {version}; this program reads version {WIRE_VERSION}")


def _check_range(name: str, number: int, least: int) -> None:
    if not least <= number <= MAX_NUMBER:
        raise NotOurs(f"{name} {number} is out of range")


def _check_hex(name: str, text: str, digits: int) -> None:
    if len(text) != digits or not set(text) <= set("0123456789abcdef"):
        raise NotOurs(f"{name} is not {digits} hex digits")


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_TEXT or "\x00" in text:
        raise NotOurs(f"{name} is longer than {MAX_TEXT} characters or holds a NUL")


def _check_row(row: Row) -> None:
    """What no type says: texts that every database keeps."""
    if isinstance(row, StockRow):
        texts: tuple[str, ...] = (row.id, row.sku, row.origin, row.target, row.code, row.source)
    elif isinstance(row, CaseRow):
        texts = (row.id, row.case, row.about, row.owner)
    elif isinstance(row, OrderRow):
        texts = (row.id, row.order, row.channel, row.fulfil, row.state, row.event, row.owner, row.why)
        texts += tuple(text for line in row.lines for text in (line.sku, line.state))
        texts += row.asked.candidates if row.asked else ()
    elif isinstance(row, DayRow):
        texts = (row.id, *row.sums)
    else:
        texts = (row.kind,)
    for text in texts:
        if len(text) > MAX_TEXT or "\x00" in text:
            raise NotOurs(f"row {row.seq}: a text is longer than {MAX_TEXT} characters or holds a NUL")
