"""When a tag has settled, and what must not change stock."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.places import BACKROOM, FLOOR
from agent.core.tags import Evidence, Settled, Stranger, Tag, TagChange, TagRules, hear
from tests.core import shop

RULES = TagRules(settle_s=1.0, min_reads=2, leave_s=60.0)
EPC = shop.epc_of(shop.SHIRT, 1)


def tag(state: str = "in_stock", place: str | None = BACKROOM) -> dict[bytes, Tag]:
    return {EPC: Tag(EPC, "SHIRT", state, place, 1)}  # type: ignore[arg-type]  # any state, as a parameter


def settled(tags: dict[bytes, Tag], *evidence: tuple[str, int, float]) -> list[Settled]:
    return [
        proof
        for place, reads, at_s in evidence
        for proof in hear(tags, [Evidence(EPC, place, reads, at_s)], RULES, {}).settled
    ]


def test_one_read_elsewhere_moves_nothing() -> None:
    assert settled(tag(), (BACKROOM, 5, 0.0), (FLOOR, 1, 5.0)) == []


def test_a_tag_settles_when_its_old_place_has_been_silent_long_enough() -> None:
    tags = tag()
    assert settled(tags, (BACKROOM, 1, 0.0), (FLOOR, 2, 0.5)) == []
    assert settled(tags, (FLOOR, 1, 1.0)) == [Settled(EPC, FLOOR)]


def test_a_tag_heard_at_both_places_stays_at_home() -> None:
    tags = tag()
    for at_s in range(100):
        both = [Evidence(EPC, FLOOR, 3, at_s), Evidence(EPC, BACKROOM, 1, at_s)]
        assert hear(tags, both, RULES, {}).settled == []


def test_a_tag_that_has_just_moved_does_not_flap_back() -> None:
    tags = tag()
    assert settled(tags, (BACKROOM, 1, 0.0), (FLOOR, 2, 1.0)) == [Settled(EPC, FLOOR)]
    tags[EPC].follow(TagChange("SHIRT", "in_stock", FLOOR, 2))
    assert settled(tags, (BACKROOM, 5, 1.02), (BACKROOM, 5, 1.9)) == []
    assert settled(tags, (BACKROOM, 1, 2.0)) == [Settled(EPC, BACKROOM)]


def test_an_expected_tag_arrives_where_it_is_heard_twice() -> None:
    tags = tag("expected", None)
    assert settled(tags, (BACKROOM, 1, 0.0)) == []
    assert settled(tags, (BACKROOM, 1, 0.1)) == [Settled(EPC, BACKROOM)]


def test_after_a_restart_a_tag_is_not_moved_by_the_first_place_that_hears_it() -> None:
    tags = tag()
    assert settled(tags, (FLOOR, 9, 100.0)) == []
    assert settled(tags, (FLOOR, 9, 101.0)) == [Settled(EPC, FLOOR)]


def test_a_sold_tag_may_leave_in_peace_and_is_a_case_when_it_comes_back() -> None:
    tags = tag()
    tags[EPC].follow(TagChange("SHIRT", "sold", None, 2))
    assert not hear(tags, [Evidence(EPC, FLOOR, 3, 10.0)], RULES, {}).strangers
    assert not hear(tags, [Evidence(EPC, FLOOR, 3, 69.0)], RULES, {}).strangers
    (stranger,) = hear(tags, [Evidence(EPC, FLOOR, 3, 71.0)], RULES, {}).strangers
    assert stranger.kind == "sold_tag_seen"


def test_unknown_and_blank_tags_are_strangers() -> None:
    heard = hear({}, [Evidence(EPC, FLOOR, 9, 0.0), Evidence(bytes(12), FLOOR, 9, 0.0)], RULES, {})
    assert heard.settled == []
    assert [(stranger.epc, stranger.kind) for stranger in heard.strangers] == [
        (EPC, "alien_tag"),
        (bytes(12), "unencoded_tag"),
    ]
    assert isinstance(heard.strangers[0], Stranger)


def test_a_crate_an_asset_a_place_and_a_load_are_known_by_name_and_alarm_nobody() -> None:
    tags = (
        "3376451FD40C0E400000162E",
        "3476451FD40000000000162E",
        "3276451FD46072000000162E",
        "F90095201234567891235000",
    )
    heard = hear({}, [Evidence(bytes.fromhex(tag), FLOOR, 9, 0.0) for tag in tags], RULES, {})
    assert heard.settled == []
    assert heard.strangers == []
    assert [(one.what.name, one.place) for one in heard.bystanders] == [
        ("crate 9521141123454/5678", FLOOR),
        ("asset 95211415678", FLOOR),
        ("place 9521141123454/5678", FLOOR),
        ("load 095201234567891235", FLOOR),
    ]


def test_an_iso_number_is_no_epc_even_where_it_looks_like_one() -> None:
    tags = tag()
    heard = hear(tags, [Evidence(EPC, FLOOR, 9, 5.0, afi=0xA1)], RULES, {})
    assert heard.settled == []
    assert tags[EPC].rival is None
    (stranger,) = heard.strangers
    assert stranger.kind == "unencoded_tag"
    assert stranger.detail == "the tag holds no EPC but an ISO 15961 number (application family A1)"


@given(st.lists(st.tuples(st.sampled_from([FLOOR, BACKROOM]), st.integers(1, 3), st.floats(0, 0.9)), max_size=30))
def test_no_evidence_within_the_settling_time_moves_a_tag(evidence: list[tuple[str, int, float]]) -> None:
    tags = tag()
    hear(tags, [Evidence(EPC, BACKROOM, 1, 0.0)], RULES, {})
    in_order = sorted(evidence, key=lambda item: item[2])
    assert settled(tags, *in_order) == []
    assert (tags[EPC].state, tags[EPC].place, tags[EPC].moves) == ("in_stock", BACKROOM, 1)
