"""Frames are found in any stream, and what is held is bounded; the drivers' own tests have their frames."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.framing import Frames, Noise
from tests.drivers.streams import cut, understood


def length_at(held: bytearray, at: int) -> int | None:
    """`55 length …`, the length at most 20."""
    if held[at] != 0x55:
        return 0
    if len(held) - at < 2:
        return None
    return 2 + held[at + 1] if held[at + 1] <= 20 else 0


def understood_if_odd(frame: bytes) -> bytes | None:
    return frame if sum(frame) % 2 else None


def frames() -> Frames[bytes]:
    return Frames(length_at, understood_if_odd)


@given(st.lists(st.binary(max_size=60) | st.just(b"\x55\x02\x01\x01\x55\x01\x01")), st.lists(st.integers(0, 10_000)))
def test_a_stream_chopped_any_way_has_the_same_frames_and_holds_one_at_most(
    parts: list[bytes], places: list[int]
) -> None:
    stream = b"".join(parts)
    cutter = frames()
    found = []
    for piece in cut(stream, places):
        found += [one for one in cutter.feed(piece) if not isinstance(one, Noise)]
        assert cutter.held_bytes <= 22
    found += [one for one in cutter.rest() if not isinstance(one, Noise)]
    assert (found, len(stream) - sum(map(len, found))) == understood(frames(), [stream])


def test_a_good_frame_inside_a_broken_one_is_found() -> None:
    assert understood(frames(), [b"\x55\x04\x55\x01\x01\x02"]) == ([b"\x55\x01\x01"], 3)


def test_noise_is_told_once_with_its_size_and_before_the_frame_behind_it() -> None:
    assert list(frames().feed(b"\x01\x02\x03\x55\x01\x01\x09")) == [Noise(3), b"\x55\x01\x01", Noise(1)]
    cutter = frames()
    assert list(cutter.feed(b"\x01\x55")) == []
    assert list(cutter.rest()) == [Noise(2)]
