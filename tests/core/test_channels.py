"""Channels: a margin by how sure a record is, quotas of single SKUs, times to live, and who is stopped by what."""

from dataclasses import replace

import pytest

from agent.core import atp
from agent.core.asks import Claimed, HqSilence, Noted, Pause, Paused, Reserve, Short, Want
from agent.core.catalogue import Catalogue, TagCoverage, Traits
from agent.core.channels import Channel, Confidence, Margin, confidence
from agent.core.checks import check
from agent.core.decisions import decide
from agent.core.explain import explain, policy_of
from agent.core.places import BACKROOM, SUSPECT
from tests.core import shop
from tests.core.test_claims import Desk

DAY_MS = 24 * 3600 * 1000
CHANNELS = {
    "web": Channel("web", margin=Margin(0, 1, 3), hold_s=1800),
    "app": Channel("app", quota={"MILK": 2}),
    "kiosk": Channel("kiosk", local=True),
}


def desk(milk: int = 10, tags: TagCoverage = "none") -> Desk:
    """A desk with configured channels, and milk that was just scanned."""
    made = Desk()
    made.books.catalogue = Catalogue(
        [replace(sku, traits=Traits(tags=tags)) for sku in shop.CATALOGUE.skus.values()],
    )
    made.books.conditions.channels = CHANNELS
    made.books.conditions.policy_of = policy_of(made.books.catalogue, CHANNELS)
    made.stock("MILK", milk)
    return made


def at(made: Desk, days: int, channel: str = "web") -> tuple[int, int]:
    """Safety and ATP of the milk when nobody has seen it for so long."""
    made.books.books_ms = made.books_ms = days * DAY_MS
    found = atp.terms(made.books, made.books.conditions, "MILK", channel)
    return found.safety, found.atp


@pytest.mark.parametrize(
    ("tags", "days", "suspect", "expected"),
    [
        ("none", 6, 0, "sure"),
        ("none", 7, 0, "fair"),
        ("partial", 29, 0, "fair"),
        ("none", 30, 0, "unsure"),
        ("full", 400, 0, "sure"),
        ("full", 0, 1, "unsure"),
    ],
)
def test_a_record_is_as_sure_as_its_last_evidence(
    tags: TagCoverage, days: int, suspect: int, expected: Confidence
) -> None:
    assert confidence(tags, days * DAY_MS, suspect) == expected


def test_a_channels_margin_grows_as_the_record_gets_unsure_and_is_nobody_elses() -> None:
    made = desk()
    assert at(made, 0) == (0, 10)
    assert at(made, 7) == (1, 8)  # and one is doubted
    assert at(made, 30) == (3, 6)
    assert at(made, 30, "other") == (0, 9)
    tagged = desk(tags="full")
    assert at(tagged, 30)[0] == 0
    turn = shop.turn(tagged.books)
    turn.post("MILK", BACKROOM, SUSPECT, 1, "move", "s", "test")
    tagged.books.remember(turn)
    assert at(tagged, 30)[0] == 3


def test_a_quota_caps_one_sku_in_one_channel() -> None:
    made = desk()
    made.stock("EGGS", 5)
    assert isinstance(made.hold("H1", ("MILK", 2), channel="app"), Claimed)
    assert isinstance(made.hold("H2", ("MILK", 1), channel="app"), Short)
    assert isinstance(made.hold("H3", ("EGGS", 5), channel="app"), Claimed)
    assert isinstance(made.hold("H4", ("MILK", 8), channel="web"), Claimed)


def test_a_hold_lives_as_long_as_its_channel_says_unless_the_ask_does() -> None:
    made = desk()
    for name, channel, ttl_s, lives_s in (("A", "web", None, 1800), ("B", "web", 60, 60), ("C", "other", None, 900)):
        held = made.enter(Reserve(name, channel, (Want(1, "MILK", 1),), ttl_s))
        assert isinstance(held, Claimed)
        assert held.expires_in_s == lives_s


def test_a_silent_hq_stops_what_it_routes_and_not_what_the_store_sells_itself() -> None:
    made = desk()
    made.enter(HqSilence(silent=True, why="nothing was heard for 90 s"))
    assert (made.atp("MILK", "web"), made.atp("MILK", "other"), made.atp("MILK", "kiosk")) == (0, 0, 10)
    short = made.hold("H1", ("MILK", 1))
    assert isinstance(short, Short)
    assert short.lacking[0].why == "HQ has not been heard for too long"
    assert made.enter(HqSilence(silent=False, why="heard again")) == Noted()
    assert made.atp("MILK", "web") == 10


def test_a_hold_in_the_very_turn_in_which_hq_is_heard_again_is_no_mistake() -> None:
    made = desk()
    made.enter(HqSilence(silent=True, why="nothing was heard for 90 s"))
    turn = shop.turn(made.books)
    decide(turn, HqSilence(silent=False, why="heard again"))
    assert isinstance(decide(turn, Reserve("H", "web", (Want(1, "MILK", 1),), None)), Claimed)
    check(turn)


def test_a_pause_stops_every_channel_in_the_very_turn_and_is_a_case_until_it_is_over() -> None:
    made = desk()
    pause = Pause(paused=True, why="the cold room is down", by="badge-7")
    first = made.enter(pause)
    assert first == Paused(paused=True, since=1000, why="the cold room is down", by="badge-7")
    assert {made.atp("MILK", channel) for channel in ("web", "app", "kiosk")} == {0}
    case = made.books.cases["paused", "SH-1"]
    assert (case.owner, case.due_at, case.detail) == ("store_lead", 1000 + 3_600_000, "badge-7: the cold room is down")
    head, made.wall_ms = made.books.head, 5000
    assert made.enter(pause) == first  # again: nothing new
    assert made.books.head == head
    other = made.enter(Pause(paused=True, why="no staff", by="hq"))
    assert other == Paused(paused=True, since=1000, why="no staff", by="hq")
    assert made.books.cases["paused", "SH-1"].detail == "hq: no staff"
    found = explain(shop.turn(made.books), "MILK")
    assert found is not None
    assert {terms.channel: terms.stopped for terms in found.channels} == dict.fromkeys(
        ("app", "kiosk", "web", "*"), "the store is paused"
    )
    resumed = made.enter(Pause(paused=False, why="", by="badge-7"))
    assert resumed == Paused(paused=False, since=5000, why="", by="badge-7")
    assert ("paused", "SH-1") not in made.books.cases
    assert made.atp("MILK", "web") == 10


def test_what_stands_is_seen_by_the_rest_of_the_turn() -> None:
    made = desk()
    turn = shop.turn(made.books)
    decide(turn, Pause(paused=True, why="fire", by="badge-7"))
    assert isinstance(decide(turn, Reserve("H", "web", (Want(1, "MILK", 1),), None)), Short)
    decide(turn, Pause(paused=False, why="", by="badge-7"))
    assert isinstance(decide(turn, Reserve("H", "web", (Want(1, "MILK", 1),), None)), Claimed)
    assert not made.books.conditions.paused  # nothing is remembered before it is on disk
