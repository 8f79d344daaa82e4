"""When a tag is gone: not after one silence, not where nobody listens, and never a whole place at once."""

from random import Random

import pytest

from agent.core.departures import Departures, Rounds, gone_for_good
from agent.core.places import BACKROOM, FLOOR, SHRINK
from agent.core.tags import Evidence, Tag, TagRules, hear
from tests.core import shop

RULES = TagRules(watched=frozenset((FLOOR,)), round_s=30, missing_after_s=600, missed_rounds=10, give_up_after_s=3600)
SUSPECT_AFTER, GIVEN_UP_AFTER = 20, 120


class Zone:
    """So many tags at a place, and rounds in which some of them are heard."""

    def __init__(self, tags: int, place: str = FLOOR, rules: TagRules = RULES) -> None:
        epcs = [shop.epc_of(shop.SHIRT, serial) for serial in range(tags)]
        self.tags = {epc: Tag(epc, "SHIRT", "in_stock", place, 1) for epc in epcs}
        self.epcs = epcs
        self.rules = rules
        self.rounds = Rounds(rules)
        self.at_s = 0.0

    def round(self, *heard: bytes) -> Departures:
        self.at_s += self.rules.round_s
        evidence = [Evidence(epc, self.tags[epc].place or "", 3, self.at_s) for epc in heard]
        hear(self.tags, evidence, self.rules, self.rounds.now)
        self.rounds.look(self.tags.values())
        found = self.rounds.end(self.at_s)
        for epc in found.suspects:
            self.tags[epc].state = "suspect"
        for epc in found.given_up:
            self.tags[epc].state, self.tags[epc].place = "missing", SHRINK
        return found

    def until(self, what: str, *heard: bytes, most: int = 1000) -> int:
        """Rounds until somebody is suspected or given up."""
        return next(nth for nth in range(most) if getattr(self.round(*heard), what))


def test_a_tag_is_doubted_after_time_and_consecutive_misses_and_given_up_much_later() -> None:
    zone = Zone(8)
    zone.round(*zone.epcs)
    assert zone.until("suspects", *zone.epcs[1:]) == SUSPECT_AFTER - 1
    assert zone.until("given_up", *zone.epcs[1:]) == GIVEN_UP_AFTER - SUSPECT_AFTER - 1


def test_misses_count_only_when_they_follow_each_other() -> None:
    zone = Zone(8)
    for nth in range(500):
        found = zone.round(*zone.epcs[nth % (SUSPECT_AFTER - 1) > 0 :])
        assert not found.suspects


def test_many_short_rounds_are_not_enough_and_neither_is_a_long_time_with_few() -> None:
    quick = Zone(8, rules=TagRules(watched=frozenset((FLOOR,)), round_s=1, missing_after_s=600, missed_rounds=10))
    assert quick.until("suspects", *quick.epcs[1:]) == 599
    slow = Zone(8, rules=TagRules(watched=frozenset((FLOOR,)), round_s=600, missing_after_s=600, missed_rounds=10))
    assert slow.until("suspects", *slow.epcs[1:]) == 9


def test_where_nobody_is_heard_nobody_departs() -> None:
    zone = Zone(8)
    zone.round(*zone.epcs)
    for _ in range(10 * GIVEN_UP_AFTER):
        assert zone.round() == Departures()


def test_silence_while_the_reader_was_away_does_not_count() -> None:
    zone = Zone(8)
    zone.round(*zone.epcs)
    for _ in range(1000):
        zone.round()
    assert zone.until("suspects", *zone.epcs[1:]) == SUSPECT_AFTER - 1


def test_in_a_session_in_which_tags_answer_once_nobody_departs() -> None:
    """New tags are heard now and then, the others lie still and are silent: no round counts."""
    zone = Zone(40)
    for nth in range(10 * GIVEN_UP_AFTER):
        assert zone.round(zone.epcs[nth % 40]) == Departures()


def test_a_place_that_is_not_watched_loses_nobody() -> None:
    zone = Zone(8, place=BACKROOM)
    zone.round(*zone.epcs)
    for _ in range(10 * GIVEN_UP_AFTER):
        assert zone.round(*zone.epcs[1:]) == Departures()


def test_after_a_restart_every_silence_begins_anew() -> None:
    zone = Zone(8)
    zone.until("suspects", *zone.epcs[1:])
    for tag in zone.tags.values():
        tag.heard_in = None  # memory only
    zone.rounds = Rounds(RULES)
    assert zone.until("given_up", *zone.epcs[1:]) == GIVEN_UP_AFTER - 1


def test_a_burst_of_missing_tags_empties_no_store() -> None:
    """One of two antennas of a place dies: half its tags are silent."""
    zone = Zone(100)
    zone.round(*zone.epcs)
    bursts = set()
    for _ in range(10 * GIVEN_UP_AFTER):
        found = zone.round(*zone.epcs[50:])
        assert not found.suspects
        assert not found.given_up
        bursts.add(found.bursts[FLOOR])
    assert bursts == {"", "of 100 tags 50 are silent and 0 were given up within a day: more than 10"}
    assert zone.round(*zone.epcs).bursts == {FLOOR: ""}


def test_an_antenna_that_dies_bit_by_bit_empties_no_store_either() -> None:
    zone = Zone(100)
    zone.round(*zone.epcs)
    deaf, given_up = 0, 0
    for nth in range(2000):  # 17 hours
        deaf += nth % 25 == 0
        given_up += len(zone.round(*zone.epcs[min(deaf, 70) :]).given_up)
    assert given_up <= 10


@pytest.mark.parametrize("rate", [0.6, 0.7])
def test_at_field_read_rates_only_the_tag_that_left_is_given_up(rate: float) -> None:
    rng, zone = Random(7), Zone(500)
    suspects, given_up = set[bytes](), set[bytes]()
    for _ in range(3 * GIVEN_UP_AFTER):
        found = zone.round(*(epc for epc in zone.epcs[3:] if rng.random() < rate))
        suspects |= set(found.suspects)
        given_up |= set(found.given_up)
        for epc in zone.epcs[3:]:
            zone.tags[epc].state = "in_stock"
    assert suspects == given_up == set(zone.epcs[:3])


def test_sold_tags_leave_memory_when_they_had_time_to_leave() -> None:
    tag = Tag(b"x", "SHIRT", "sold", None, 2)
    assert gone_for_good([tag], 100.0, 60.0) == []
    assert gone_for_good([tag], 160.0, 60.0) == []
    assert gone_for_good([tag], 160.1, 60.0) == [b"x"]
