"""What is old is told by the reader's clock alone, whatever that clock says and whenever it is set."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.reader_time import ReaderTime

S = 1_000_000
STALE_S = 10


def begun(reader_s: int = 0) -> ReaderTime:
    time = ReaderTime(STALE_S)
    time.begins(reader_s * S, 0)
    return time


@given(st.integers(-(10**11), 10**11))
def test_however_wrong_its_clock_a_reader_that_tells_at_once_is_fresh(clock_s: int) -> None:
    time = begun(clock_s)
    assert not any(time.is_stale((clock_s + now) * S, now) for now in range(60))


def test_what_was_seen_before_the_connection_is_stale() -> None:
    time = begun(1000)
    assert time.is_stale(1000 * S - 1, 0.1)
    assert not time.is_stale(1000 * S, 0.1)


def test_a_backlog_is_stale_until_it_has_drained() -> None:
    time = begun()
    told = [time.is_stale(seen, 300 + seen / S / 20) for seen in range(0, 330 * S, S // 10)]
    assert told[:3000] == [True] * 3000, "five minutes, drained twenty times as fast as they were filled"
    assert told[-1] is False


def test_a_clock_set_back_costs_five_seconds_of_reads() -> None:
    time = begun(3600)
    assert not time.is_stale(3601 * S, 1)
    told = [time.is_stale(now * S, now) for now in range(2, 20)]
    assert told == [True] * 5 + [False] * 13


def test_a_clock_set_forward_costs_nothing_and_is_believed_after_a_while() -> None:
    time = begun()
    assert not any(time.is_stale((10**6 + now) * S, now) for now in range(2, 9))
    assert time.is_stale((10**6 - 30) * S, 10)


def test_one_impossible_time_costs_nothing() -> None:
    time = begun()
    assert not time.is_stale(2**63, 1)
    assert not any(time.is_stale(now * S, now) for now in range(2, 10))


def test_a_reader_that_never_said_what_time_it_is_is_taken_as_it_comes() -> None:
    time = ReaderTime(STALE_S)
    assert not time.is_stale(77, 5)
    assert time.is_stale(77, 16)
    assert not time.is_stale(None, 17)
