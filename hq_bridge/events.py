"""What HQ has committed, row by row, as CloudEvents: in order per store, without a hole, read from the history.

Nothing waits in memory for a follower: who falls behind reads on from where he is. A hole (rows that are no longer
kept, or that HQ never had because it began from a snapshot) is told as `Gone` and never passed over in silence.
"""

import asyncio
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from sqlalchemy.exc import DBAPIError

from hq_bridge.bell import Ear
from hq_bridge.books import Mark, StoreBooks
from hq_bridge.refusals import DatabaseLost
from hq_bridge.store import Database
from wire.messages import Event

_PIECE_ROWS = 400
_PIECES_KEPT = 25  # about 6 MB: those who follow live are all at the same point
_READ_AT_ONCE = 2  # of the four connections that read; pages and API want theirs

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_TOPIC_LEVEL = re.compile(r"[a-z0-9_-]{1,32}")
_encoder = msgspec.json.Encoder()


class Told(NamedTuple):
    """An event, ready to send: where it stands, the kind of its row as a topic level, and its JSON."""

    mark: Mark
    kind: str
    payload: bytes


class Gone(NamedTuple):
    """Rows `first … upto` of `epoch` cannot be told: HQ does not have them. `upto` is None when nobody knows."""

    epoch: int
    first: int
    upto: int | None


class Piece(NamedTuple):
    """What comes next in a store's stream: perhaps a hole, then events without one. `end` is where to go on."""

    gone: Gone | None
    events: list[Told]
    end: Mark


class _Row(msgspec.Struct):
    """What an event says of its row; a row of an unknown kind may have anything there."""

    seq: int
    kind: str
    at: Any = None
    sku: Any = None
    about: Any = None
    order: Any = None
    day: Any = None


_row = msgspec.json.Decoder(_Row)


class Trail:
    """Every store's history as events. Whoever asks for the same piece at the same time shares one look."""

    def __init__(self, database: Database, stores: Mapping[str, StoreBooks]) -> None:
        self._database = database
        self._stores = stores
        self._pieces: OrderedDict[tuple[str, Mark], asyncio.Task[Piece]] = OrderedDict()
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    def head(self, store: str) -> Mark:
        """How far a store has been committed."""
        position = self._stores[store].position
        return Mark(position.epoch, position.cursor)

    def heads(self) -> dict[str, Mark]:
        """How far each store has been committed."""
        return {store: self.head(store) for store in self._stores}

    async def after(self, store: str, mark: Mark) -> Piece:
        """What comes after `mark`; when nothing does yet, a piece that is empty and ends there. Raises DatabaseLost."""
        if mark >= self.head(store):
            return Piece(None, [], mark)
        key = (store, mark)
        look = self._pieces.get(key)
        if look is None:
            look = self._pieces[key] = asyncio.create_task(self._look(store, mark), name="hq trail")
            while len(self._pieces) > _PIECES_KEPT:
                self._pieces.popitem(last=False)
        self._pieces.move_to_end(key)
        try:
            return await asyncio.shield(look)
        except (DBAPIError, OSError) as error:
            raise DatabaseLost(f"the history cannot be read: {str(error).splitlines()[0]}") from error
        finally:
            if look.done() and (look.cancelled() or look.exception() is not None):
                self._pieces.pop(key, None)

    async def close(self) -> None:
        """Let looks that are under way end."""
        looks = {look for look in self._pieces.values() if not look.done()}
        if looks:
            await asyncio.wait(looks)

    async def _look(self, store: str, mark: Mark) -> Piece:
        head = self.head(store)  # read first: what is missing below it will not come any more
        async with self._reading:
            kept = await self._database.log(store, mark.epoch, mark.seq, _PIECE_ROWS)
            if kept.rows:
                return _piece(store, mark, kept.rows)
            if mark.epoch == head.epoch:
                return Piece(Gone(mark.epoch, mark.seq + 1, head.seq), [], head)
            following = await self._database.epoch_after(store, mark.epoch)
        gone = Gone(mark.epoch, mark.seq + 1, None) if mark.epoch > 0 and kept.oldest is None else None
        return Piece(gone, [], Mark(head.epoch if following is None else following, 0))


class Following:
    """Goes through stores' events from their marks on, a piece of each in turn."""

    def __init__(self, trail: Trail, ear: Ear, marks: dict[str, Mark], stores: Iterable[str]) -> None:
        """Of these `stores` and of those that move; one without a mark begins at its first row."""
        self._trail = trail
        self._ear = ear
        self._marks = marks
        self._behind: deque[str] = deque(stores)

    async def next(self, within_s: float) -> tuple[str, Piece] | None:
        """What comes next of some store; None when nothing came in time."""
        while True:
            while self._behind:
                store = self._behind.popleft()
                mark = self._marks.get(store, Mark(0, 0))
                piece = await self._trail.after(store, mark)
                if piece.end != mark:
                    self._marks[store] = piece.end
                    self._behind.append(store)
                    return store, piece
            moved = await self._ear.moved(within_s)
            if not moved:
                return None
            self._behind.extend(moved)

    def go_back(self, store: str, mark: Mark) -> None:
        """Tell a store's events again, from `mark` on."""
        self._marks[store] = mark
        if store not in self._behind:
            self._behind.append(store)


def _piece(store: str, mark: Mark, rows: list[tuple[int, msgspec.Raw]]) -> Piece:
    gone: Gone | None = None
    events: list[Told] = []
    expected = mark.seq + 1
    for landed_at, body in rows:
        told = told_of(store, mark.epoch, landed_at, body)
        if told.mark.seq != expected:
            if events:
                break  # the next piece begins with the hole
            gone = Gone(mark.epoch, expected, told.mark.seq - 1)
        events.append(told)
        expected = told.mark.seq + 1
    return Piece(gone, events, events[-1].mark)


def told_of(store: str, epoch: int, landed_at: int, body: msgspec.Raw) -> Told:
    """A row of the history as an event."""
    row = _row.decode(body)
    kind = row.kind if _TOPIC_LEVEL.fullmatch(row.kind) else "other"
    subject = {"stock": row.sku, "case": row.about, "order": row.order, "day": row.day}.get(row.kind)
    recorded = _timestamp(landed_at)
    event = Event(
        id=f"{store}/{epoch}/{row.seq}",
        source=f"/stores/{store}",
        type=f"nearshelf.{kind}.changed.v1",
        subject=subject or UNSET,
        time=(_timestamp(row.at) if type(row.at) is int else None) or recorded or "1970-01-01T00:00:00.000Z",
        recordedtime=recorded or "1970-01-01T00:00:00.000Z",
        sequence=f"{row.seq:016}",
        partitionkey=store,
        data=body,
    )
    return Told(Mark(epoch, row.seq), kind, _encoder.encode(event))


def _timestamp(at: int) -> str | None:
    """RFC 3339 in UTC; None for a time that has no such name."""
    try:
        then = _BEGINNING + timedelta(milliseconds=at)
    except OverflowError:
        return None
    return f"{then:%Y-%m-%dT%H:%M:%S}.{then.microsecond // 1000:03}Z" if then.year >= 1000 else None
