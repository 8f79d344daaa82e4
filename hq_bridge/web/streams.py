"""Server-sent events: the page's view of all stores, and the rows HQ has committed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from hq_bridge.bell import Bell
from hq_bridge.books import Mark
from hq_bridge.events import Following, Gone, Piece, Trail
from hq_bridge.web.board import Board

log = structlog.get_logger()

_BOARD_EVERY_S = 0.25
#: Told again after this long even when nothing changed, so that a page knows HQ is still there.
_BOARD_AT_LEAST_S = 5.0
_PAGES_MAX = 200
#: Who may follow rows at the same time.
FOLLOWERS_MAX = 64
#: Who may follow an order at the same time.
ORDER_FOLLOWERS_MAX = 500
_SIGN_OF_LIFE_S = 10.0  # also how long a stream may outlive HQ's wish to stop; the server cuts it off before
_PATIENCE_S = 10.0

_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
_SIGN_OF_LIFE = b": still here\n\n"


class Streams:
    """Counts who listens, and lets nobody wait for ever."""

    def __init__(self, board: Board, trail: Trail, bell: Bell, patience_s: float = _PATIENCE_S) -> None:
        """Who does not take what is sent within `patience_s` is cut off."""
        self.counts: Counter[str] = Counter()
        self._board = board
        self._trail = trail
        self._bell = bell
        self._patience_s = patience_s
        self._closing = asyncio.Event()
        self._board_event: tuple[object, bytes] = (None, b"")

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closing.set()

    def pages(self) -> "EventStream | None":
        """The page's: `stores` at once, on each change (at most 4 per second), and now and then. None: too many."""
        return self._stream("pages", _PAGES_MAX, self._boards())

    def followers(self, store: str | None, after: Mark | None) -> "EventStream | None":
        """Rows as they are committed: of a store from `after` on, or of all from now on. None: too many."""
        return self._stream("followers", FOLLOWERS_MAX, self._rows(store, after))

    def of_order(self, chunks: AsyncIterator[bytes]) -> "EventStream | None":
        """An order's rows; ends when it is over. None: too many."""
        return self._stream("orders", ORDER_FOLLOWERS_MAX, chunks)

    def _stream(self, kind: str, most: int, chunks: AsyncIterator[bytes]) -> "EventStream | None":
        if self.counts[kind] >= most:
            return None
        self.counts[kind] += 1

        def ended() -> None:
            self.counts[kind] -= 1

        def slow() -> None:
            self.counts["cut_off"] += 1
            log.info("follower_cut_off", kind=kind, waited_s=self._patience_s)

        return EventStream(chunks, self._closing, self._patience_s, slow, ended)

    async def _boards(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        seen: object = None
        told_at = 0.0
        while True:
            version = self._board.version
            if version != seen or loop.time() - told_at >= _BOARD_AT_LEAST_S:
                seen, told_at = version, loop.time()
                yield self._stores_event(version, told_at)
            await asyncio.sleep(_BOARD_EVERY_S)

    def _stores_event(self, version: object, now_s: float) -> bytes:
        """The same bytes for every page that asks within the same moment."""
        key = (version, int(now_s / _BOARD_EVERY_S))
        if self._board_event[0] != key:
            self._board_event = (key, _event("stores", self._board.stores()))
        return self._board_event[1]

    async def _rows(self, store: str | None, after: Mark | None) -> AsyncIterator[bytes]:
        with self._bell.listening(store) as ear:
            marks = self._trail.heads() if store is None else {store: after or self._trail.head(store)}
            following = Following(self._trail, ear, dict(marks), marks)
            yield b"retry: 1000\n\n"
            if store is not None:
                mark = marks[store]
                yield _event("from", {"store": store, "epoch": mark.epoch, "seq": mark.seq}, _id(store, mark))
            while True:
                found = await following.next(_SIGN_OF_LIFE_S)
                chunk = _SIGN_OF_LIFE if found is None else _told(*found, resumable=store is not None)
                if chunk:
                    yield chunk


def _told(store: str, piece: Piece, *, resumable: bool) -> bytes:
    """A piece as it goes out. Ids are given where a client may come back with one: to the stream of one store."""
    parts = []
    if piece.gone is not None:
        parts.append(_gone(store, piece.gone, piece.end, resumable=resumable))
    for each in piece.events:
        given = b"id: %b\n" % _id(store, each.mark) if resumable else b""
        parts.append(b"%bdata: %b\n\n" % (given, each.payload))
    return b"".join(parts)


def _gone(store: str, gone: Gone, end: Mark, *, resumable: bool) -> bytes:
    upto = end if gone.upto is None else Mark(gone.epoch, gone.upto)
    data = {"store": store, "epoch": gone.epoch, "first": gone.first, "upto": gone.upto}
    return _event("gone", data, _id(store, upto) if resumable else b"")


def _id(store: str, mark: Mark) -> bytes:
    return f"{store}/{mark.epoch}/{mark.seq}".encode()


def _event(name: str, data: Any, given: bytes = b"") -> bytes:
    """JSON of msgspec has no line breaks."""
    head = b"id: %b\n" % given if given else b""
    return b"%bevent: %b\ndata: %b\n\n" % (head, name.encode(), msgspec.json.encode(data))


class EventStream:
    """An answer that goes on. Made at the pace of whoever reads it; one who stops reading is told why it ends.

    One who never reads again hears nothing any more: the kernel ends that connection, see `WebServer`.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        closing: asyncio.Event,
        patience_s: float,
        on_slow: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._chunks = chunks
        self._closing = closing
        self._patience_s = patience_s
        self._on_slow = on_slow
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watched = [
            asyncio.create_task(self._tell(send), name="event stream"),
            asyncio.create_task(_left(receive), name="event stream's end"),
            asyncio.create_task(self._closing.wait(), name="event stream's close"),
        ]
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in watched:
                task.cancel()
            await asyncio.wait(watched)
            await self._chunks.aclose()  # type: ignore[attr-defined]  # they are generators
            self._on_end()
        if not watched[0].cancelled():
            watched[0].result()
        elif not watched[1].done() or watched[1].cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        async for chunk in self._chunks:
            try:
                async with asyncio.timeout(self._patience_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                self._on_slow()
                why = {"why": "you took too long to read; ask again, from the last row you have"}
                await send({"type": "http.response.body", "body": _event("cut_off", why), "more_body": False})
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
