"""Messages to bytes and back: readable JSON, strictly checked, bounded.

Whatever arrives was written by somebody else. Decoding either gives a value whose numbers fit every database column
and whose rows are dense, or raises NotOurs; it never raises anything else and never changes anything. Fields nobody
here knows are ignored, rows of an unknown kind are kept as they came.
"""

from collections.abc import Sequence
from typing import NoReturn, TypeVar

import msgspec

from wire.messages import WIRE_VERSION, Batch, CaseRow, Heard, Hello, HqState, Row, StockRow, StoreState, UnknownRow

#: The largest payload either end sends or reads. A batch aims at 64 KB (100 rows are about 25 KB); four times that
#: leaves room for long names, and a hostile client costs no more memory than this per message.
MAX_PAYLOAD = 256 * 1024

#: Quantities and times stay exact in every JSON reader there is, including JavaScript's doubles.
MAX_NUMBER = 2**53 - 1

#: The longest text in a row (SKU, place, source, id …), in characters.
MAX_TEXT = 256

Message = Batch | Hello | StoreState | Heard | HqState


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


class _KnownBatch(msgspec.Struct):
    """A batch in which every row is of a kind this program knows."""

    epoch: int
    first: int
    rows: tuple[StockRow | CaseRow, ...]
    v: int = WIRE_VERSION


class _RowHead(msgspec.Struct):
    """What every row has, of whatever kind."""

    seq: int
    kind: str


_KNOWN_KINDS = {"stock", "case"}
_encoder = msgspec.json.Encoder()
_known_batch = msgspec.json.Decoder(_KnownBatch)
_loose_batch = msgspec.json.Decoder(_LooseBatch)
_row_head = msgspec.json.Decoder(_RowHead)
_known_row: msgspec.json.Decoder[StockRow | CaseRow] = msgspec.json.Decoder(StockRow | CaseRow)
_hello = msgspec.json.Decoder(Hello)
_state = msgspec.json.Decoder(StoreState)
_heard = msgspec.json.Decoder(Heard)
_hq_state = msgspec.json.Decoder(HqState)

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
    for seq, row in enumerate(rows, first):
        if row.seq != seq:
            raise NotOurs(f"row {row.seq} stands where row {seq} belongs")
        _check_row(row)
    return Batch(epoch, first, rows)


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
    if len(hello.digest) != 16 or not set(hello.digest) <= set("0123456789abcdef"):
        raise NotOurs("digest is not 16 hex digits")
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
    if state.lease is not msgspec.UNSET:
        _check_range("lease", state.lease, 1)
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
    return heard


def decode_hq_state(payload: bytes) -> HqState:
    """Is HQ on the line? Raises NotOurs."""
    state = _read(_hq_state, payload)
    _check_version(state.v)
    _check_range("at", state.at, -MAX_NUMBER)
    _check_text("boot", state.boot)
    return state


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
    if head.kind in _KNOWN_KINDS:
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


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_TEXT or "\x00" in text:
        raise NotOurs(f"{name} is longer than {MAX_TEXT} characters or holds a NUL")


def _check_row(row: Row) -> None:
    """Numbers that fit, texts that a database keeps. Written out flat: it runs for every row of every store."""
    if isinstance(row, StockRow):
        numbers: tuple[int, ...] = (row.at, row.qty, row.from_now, row.to_now, row.on_hand)
        texts: tuple[str, ...] = (row.id, row.sku, row.origin, row.target, row.code, row.source)
    elif isinstance(row, CaseRow):
        numbers = (row.at, row.due)
        texts = (row.id, row.case, row.about, row.owner)
    else:
        numbers, texts = (), (row.kind,)
    for number in numbers:
        if not -MAX_NUMBER <= number <= MAX_NUMBER:
            raise NotOurs(f"row {row.seq}: {number} is out of range")
    for text in texts:
        if len(text) > MAX_TEXT or "\x00" in text:
            raise NotOurs(f"row {row.seq}: a text is longer than {MAX_TEXT} characters or holds a NUL")
