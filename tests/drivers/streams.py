"""What every module's stream must bear: cut anywhere, damaged anywhere, hostile."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from drivers.framing import Frames, Noise

#: Every bit of a byte, alone and all together; and what turns one delimiter into another.
FLIPS = (*(1 << bit for bit in range(8)), 0xFF, 0x55)


def cut(stream: bytes, at: Iterable[int]) -> list[bytes]:
    """The stream in pieces that end at these places."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in at), len(stream)]
    return [stream[start:stop] for start, stop in pairwise(edges)]


def understood(frames: Frames[Any], pieces: Iterable[bytes]) -> tuple[list[object], int]:
    """The frames of a stream, and how many bytes were none; nothing comes after the last piece."""
    found = [one for piece in pieces for one in frames.feed(piece)] + list(frames.rest())
    assert frames.held_bytes == 0
    noise = sum(one.size for one in found if isinstance(one, Noise))
    return [one for one in found if not isinstance(one, Noise)], noise


def assert_damage_costs_one_frame(new: Callable[[], Frames[Any]], frames: Sequence[bytes]) -> None:
    """Each byte of the stream changed in several ways: all frames but the one it was in are still understood."""
    stream = b"".join(frames)
    whole, _ = understood(new(), [stream])
    assert len(whole) == len(frames)
    start = 0
    for nth, frame in enumerate(frames):
        others = whole[:nth] + whole[nth + 1 :]
        for at in range(start, start + len(frame)):
            for flip in FLIPS:
                damaged = bytearray(stream)
                damaged[at] ^= flip
                found, _ = understood(new(), [bytes(damaged)])
                # A byte that its maker ignores may be anything.
                assert others in (found, found[:nth] + found[nth + 1 :]), (nth, at, flip)
        start += len(frame)
