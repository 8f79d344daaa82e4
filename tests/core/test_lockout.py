"""Wrong PINs: whatever is tried whenever, there are few tries in a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.lockout import ADDRESS, BADGE, Patience, Tries, after_wrong, is_guessing, wait_ms

_DAY_MS = 24 * 3600 * 1000


def _in_a_day(patience: Patience, pauses_ms: list[int]) -> int:
    """The tries of somebody who tries as soon as they may, and now and then later."""
    tries, now_ms, count = Tries(), 0, 0
    later = iter(pauses_ms)
    while now_ms < _DAY_MS:
        assert wait_ms(tries, patience, now_ms) == 0
        tries = after_wrong(tries, patience, now_ms)
        count += 1
        now_ms += wait_ms(tries, patience, now_ms) + next(later, 0) if tries.until_ms else 1
    return count


@given(st.lists(st.integers(0, 2 * 3600_000), max_size=30))
def test_a_badge_has_few_tries_in_a_day_however_they_are_spread(pauses_ms: list[int]) -> None:
    assert _in_a_day(BADGE, pauses_ms) <= 5 + 7 + 24


@given(st.lists(st.integers(0, 2 * 3600_000), max_size=30))
def test_an_address_has_few_tries_in_a_day_however_they_are_spread(pauses_ms: list[int]) -> None:
    assert _in_a_day(ADDRESS, pauses_ms) <= 24 * 20


@pytest.mark.parametrize("patience", [BADGE, ADDRESS])
def test_pauses_grow_to_the_longest_and_a_person_hears_once(patience: Patience) -> None:
    tries, pauses, told = Tries(), [], 0
    for _ in range(100):
        now_ms = tries.until_ms
        tries = after_wrong(tries, patience, now_ms)
        pauses.append(wait_ms(tries, patience, now_ms))
        told += is_guessing(tries, patience)
    assert pauses == sorted(pauses)
    assert pauses[patience.free - 2] == 0 < pauses[patience.free - 1]
    assert pauses[-1] == patience.longest_ms
    assert told == 1


def test_a_pause_is_never_longer_than_the_longest_when_the_books_time_went_back() -> None:
    assert wait_ms(Tries(9, 10**12, 10**12), BADGE, 0) == BADGE.longest_ms
