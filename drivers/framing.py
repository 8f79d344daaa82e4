"""Frames in a byte stream that has no other order: known by their length, checked by their sum. For serial modules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Noise:
    """So many bytes in a row were no part of a frame."""

    size: int


class Frames(Generic[F]):
    """Cuts a stream into frames, whatever pieces it comes in.

    `length_at(held, at)` says how long a frame beginning there would be: 0 if none can begin there, None if more bytes
    must be seen first. `understood(frame)` is its meaning, or None if its sum or its inside is wrong. A candidate that
    is none gives up one byte, so that the good frame inside a broken one is found. Holds at most one frame of the
    longest length that `length_at` says, and the piece given last.
    """

    def __init__(
        self,
        length_at: Callable[[bytearray, int], int | None],
        understood: Callable[[bytes], F | None],
    ) -> None:
        self._length_at = length_at
        self._understood = understood
        self._held = bytearray()
        self._noise = 0

    @property
    def held_bytes(self) -> int:
        """How much of what may become a frame is held."""
        return len(self._held)

    def feed(self, piece: bytes) -> Iterator[F | Noise]:
        """The frames completed by `piece`, in order, and the noise before each. Must be exhausted before the next."""
        self._held += piece
        yield from self._cut(may_wait=True)

    def rest(self) -> Iterator[F | Noise]:
        """What is there if nothing more comes: a frame that pauses for too long is none. Must be exhausted."""
        yield from self._cut(may_wait=False)

    def _cut(self, *, may_wait: bool) -> Iterator[F | Noise]:
        held, at, waits = self._held, 0, False
        try:
            while at < len(held) and not waits:
                length = self._length_at(held, at)
                whole = length is not None and at + length <= len(held)
                found = self._understood(bytes(held[at : at + length])) if length and whole else None
                if found is not None and length:
                    yield from self._told()
                    at += length
                    yield found
                elif whole or not may_wait:
                    self._noise += 1
                    at += 1
                else:
                    waits = True
        finally:
            del held[:at]
        if not waits:
            yield from self._told()

    def _told(self) -> Iterator[Noise]:
        if self._noise:
            size, self._noise = self._noise, 0
            yield Noise(size)


class Ear(Generic[F]):
    """Frames of a line with its pauses: bytes of one frame follow each other, and what pauses for too long is none."""

    def __init__(self, frames: Frames[F], pause_s: float) -> None:
        #: Bytes since the last frame.
        self.unframed = 0
        self._frames = frames
        self._pause_s = pause_s
        self._byte_s = 0.0

    @property
    def wake_s(self) -> float:
        """When to listen again, with nothing if nothing came."""
        return self._byte_s + self._pause_s if self._frames.held_bytes else float("inf")

    def hear(self, piece: bytes, now_s: float) -> Iterator[F | Noise]:
        """What a piece of the stream brings, or a pause. Must be exhausted before the next."""
        if piece:
            self._byte_s = now_s
            self.unframed += len(piece)
            found = self._frames.feed(piece)
        elif now_s >= self.wake_s:
            found = self._frames.rest()
        else:
            return
        for one in found:
            if not isinstance(one, Noise):
                self.unframed = 0
            yield one
