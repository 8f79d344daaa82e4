"""What a scanner says must not depend on how its bytes arrive."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.barcode_serial.codec import Framing, LineReader
from drivers.readings import BarcodeScan
from drivers.scan_text import LONGEST_SCAN, Unreadable

FRAMINGS = (
    Framing(),
    Framing(terminator=b"\r\n"),
    Framing(terminator=b"\r", prefix=b"\x02"),
    Framing(terminator=b"\x03", prefix=b"\x02", aim=False),
)
SNIPPETS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\x02", b"\x03", b"]E0", b"6901234567892\r\n", b"\x024006381333931\r"]),
    st.integers(LONGEST_SCAN - 2, LONGEST_SCAN + 3).map(lambda length: b"7" * length),
)
STREAMS = st.lists(SNIPPETS, max_size=30).map(b"".join)


def heard(framing: Framing, *chunks: bytes) -> list[BarcodeScan | Unreadable]:
    lines = LineReader(framing)
    return [said for chunk in chunks for said in lines.receive(chunk)]


@given(st.sampled_from(FRAMINGS), STREAMS, st.data())
def test_a_stream_chopped_any_way_says_the_same(framing: Framing, stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))) | {0, len(stream)})
    chunks = [stream[start:end] for start, end in pairwise(cuts)]
    whole = heard(framing, stream)
    assert heard(framing, *chunks) == whole
    assert heard(framing, *(bytes([byte]) for byte in stream)) == whole


@given(st.sampled_from(FRAMINGS), STREAMS)
def test_garbage_before_a_line_costs_at_most_its_own_line(framing: Framing, garbage: bytes) -> None:
    end = framing.terminator or b"\r"
    scan = framing.prefix + b"6901234567892" + end
    assert heard(framing, garbage + end + scan)[-1] == BarcodeScan("6901234567892")


@given(st.sampled_from(FRAMINGS), st.data())
def test_one_damaged_byte_costs_its_line_and_at_most_the_next(framing: Framing, data: st.DataObject) -> None:
    end = framing.terminator or b"\r"
    codes = [f"690123456789{nth}" for nth in range(6)]
    stream = bytearray(b"".join(framing.prefix + code.encode() + end for code in codes))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    hit = at * len(codes) // len(stream)
    kept = [said.text for said in heard(framing, bytes(stream)) if isinstance(said, BarcodeScan)]
    assert [code for code in codes[:hit] + codes[hit + 2 :] if code not in kept] == []


@given(st.sampled_from(FRAMINGS), st.lists(st.binary(min_size=200, max_size=4000), max_size=20))
def test_what_is_kept_is_bounded(framing: Framing, chunks: list[bytes]) -> None:
    lines = LineReader(framing)
    for chunk in chunks:
        lines.receive(chunk.replace(b"\r", b"").replace(b"\n", b"").replace(b"\x03", b""))
        assert len(lines._rest) <= LONGEST_SCAN + 1


def test_cr_lf_and_both_end_a_line_and_empty_lines_say_nothing() -> None:
    assert heard(Framing(), b"\r\n1\r2\n3\r\n\r\n4") == [BarcodeScan("1"), BarcodeScan("2"), BarcodeScan("3")]


def test_a_fixed_terminator_is_the_only_one() -> None:
    assert heard(Framing(terminator=b"\r\n"), b"12\r\n") == [BarcodeScan("12")]
    assert heard(Framing(terminator=b"\r\n"), b"1\n2\r\n") == [Unreadable("a line with control characters")]


def test_an_aim_identifier_is_split_off() -> None:
    assert heard(Framing(), b"]E06901234567892\r") == [BarcodeScan("6901234567892", "]E0")]
    assert heard(Framing(), b"]C10106901234567892\x1d10AB\r") == [BarcodeScan("0106901234567892\x1d10AB", "]C1")]
    assert heard(Framing(aim=False), b"]E0690\r") == [BarcodeScan("]E0690")]


def test_the_longest_line_passes_and_one_byte_more_does_not() -> None:
    assert heard(Framing(), b"7" * LONGEST_SCAN + b"\r") == [BarcodeScan("7" * LONGEST_SCAN)]
    (left_out,) = heard(Framing(), b"7" * (LONGEST_SCAN + 1) + b"\r")
    assert isinstance(left_out, Unreadable)


def test_an_endless_line_is_told_of_before_it_ends_and_only_once() -> None:
    lines = LineReader(Framing())
    told = [said for _ in range(1000) for said in lines.receive(b"\xff" * 64)]
    assert len(told) == 1
    assert lines.receive(b"\r42\r") == [BarcodeScan("42")]


def test_evil_bytes_are_escaped_or_left_out() -> None:
    assert heard(Framing(), b"caf\xe9\r") == [BarcodeScan("caf\\xe9")]
    assert heard(Framing(), "茶\r".encode()) == [BarcodeScan("茶")]
    for evil in (b"1\x1b[2J", b"1\x002", "1\u202e2".encode(), "1\u20282".encode()):
        (left_out,) = heard(Framing(), evil + b"\r")
        assert isinstance(left_out, Unreadable)


def test_a_line_that_says_nothing_is_left_out() -> None:
    for framing, line in (
        (Framing(prefix=b"\x02"), b"\x02\r"),
        (Framing(prefix=b"\x02"), b"12\r"),
        (Framing(), b"]E0\r"),
    ):
        (left_out,) = heard(framing, line)
        assert isinstance(left_out, Unreadable)
