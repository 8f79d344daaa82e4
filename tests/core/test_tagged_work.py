"""Picking tagged units: a picked tag is bound to its tote and its line, and no unit is counted twice on its way out."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from agent.core.asks import CommitHold, Refused, Reserve, ResolveCase, TagsHeard, Want, Work, Worked, WorkName
from agent.core.checks import check
from agent.core.claims import Hold
from agent.core.fulfilment import report
from agent.core.places import BACKROOM, CUSTOMER, EXIT, FLOOR, SUPPLIER, SUSPECT, UNATTRIBUTED_OUT, WASTE
from tests.core import shop
from tests.core.test_tag_moves import EPCS, SOCK, A, B, Store, gone, heard, sale


class Shelf(Store):
    """A store of tagged goods with two holds, H and K, of SHIRT."""

    def __init__(self, *at_floor: bytes, wanted: int = 2) -> None:
        super().__init__(*at_floor)
        self.resolved: dict[str, Hold] = {}
        for name in ("H", "K"):
            self.enter(Reserve(name, "web", (Want(1, "SHIRT", wanted),), 900), CommitHold(name, f"O-{name}"))

    def work(self, name: str, outcome: WorkName, hold: str = "H", **more: Any) -> Worked | Refused:
        turn = shop.turn(self.books)
        turn.known_holds = self.resolved
        answer = report(turn, replace(Work(name, hold, outcome, 1), **more))
        check(turn)
        self.books.remember(turn)
        self.postings += turn.postings
        self.resolved |= {one.id: one for one in turn.holds.values() if not one.is_open}
        return answer

    def problem(self, outcome: WorkName, **more: Any) -> str:
        refused = self.work("x", outcome, **more)
        assert isinstance(refused, Refused)
        return refused.mistakes[0].problem


def places(shelf: Shelf) -> dict[str, int]:
    """Where units are; claims left out."""
    claims = ("FREE", "CONSUMED", "COMMIT:", "PULLED:", "HOLD:")
    return {place: qty for place, qty in shelf.stock().items() if not place.startswith(claims)}


def test_a_picked_tag_is_bound_to_its_tote_and_one_claim_and_is_no_theft_at_the_exit() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "picked", tote="1", epcs=(A, B))
    assert (shelf.state(A), shelf.state(B)) == (("picked", "TOTE:1"), ("picked", "TOTE:1"))
    assert "is in TOTE:1 already" in shelf.problem("picked", hold="K", tote="2", epcs=(A,))
    assert "is in no delivery" in shelf.problem("picked", hold="K", tote="2", epcs=(SOCK,))
    shelf.enter(heard(A, at=EXIT), heard(A, at=BACKROOM))
    assert (shelf.state(A), dict(shelf.books.cases)) == (("picked", "TOTE:1"), {})
    shelf.work("w2", "staged", tote="1", slot="S")
    assert shelf.state(B) == ("picked", "STAGED:S")
    shelf.work("w3", "handed_over", slot="S")
    assert [(one.origin, one.target) for one in shelf.postings if one.epc == A][-1:] == [("STAGED:S", CUSTOMER)]
    assert (shelf.state(A)[0], places(shelf)) == ("sold", {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 2})
    assert shelf.counts_once()


def test_a_picked_tag_comes_back_on_put_back_and_is_destroyed_when_it_is_wasted() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "picked", tote="1", epcs=(A, B))
    shelf.work("w2", "cancelled_after_pull")
    assert "must say which: 2 of 2" in shelf.problem("put_back", tote="1", qty=1)
    assert "are not all bound" in shelf.problem("put_back", tote="1", epcs=(EPCS[2],))
    shelf.work("w3", "put_back", tote="1", qty=1, epcs=(A,), place=BACKROOM)
    assert shelf.state(A) == ("in_stock", BACKROOM)
    shelf.work("w4", "put_back", tote="1", spoiled=True)
    assert B not in shelf.books.tags
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 3, BACKROOM: 1, WASTE: 1}
    assert shelf.counts_once()


def test_a_tag_that_is_picked_elsewhere_is_brought_there_first() -> None:
    shelf = Shelf(*EPCS)
    shelf.enter(TagsHeard(((A, BACKROOM),), ()))
    shelf.work("w1", "picked", qty=1, tote="1", epcs=(A,))
    shelf.enter(TagsHeard(((B, BACKROOM),), ()))
    shelf.work("w2", "picked", qty=1, tote="1", epcs=(B,), place=BACKROOM)
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 3, "TOTE:1": 2}


def test_a_unit_handed_over_without_a_bound_tag_waits_to_be_told_apart_as_a_sale_does() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "picked", tote="1", epcs=(A,))
    shelf.work("w2", "staged", tote="1", slot="S")
    shelf.work("w3", "handed_over", slot="S")
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 1, UNATTRIBUTED_OUT: 1}
    assert shelf.counts_once()
    shelf.enter(*gone(B))
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 2}
    assert (shelf.state(B), dict(shelf.books.cases)) == (("sold", UNATTRIBUTED_OUT), {})


def test_a_till_that_reads_a_staged_tag_uses_the_claim_it_was_pulled_for() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "picked", tote="1", epcs=(A, B))
    shelf.work("w2", "staged", tote="1", slot="S")
    shelf.enter(sale("R1", 1, A))
    assert shelf.books.holds["H"].lines[0].pulled == (("STAGED:S", 1),)
    shelf.work("w3", "handed_over", slot="S")
    assert "H" not in shelf.books.holds
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 3, CUSTOMER: 2}


def test_a_damaged_tag_is_where_it_was_set_aside() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "damaged", qty=1, epcs=(A,))
    assert shelf.state(A) == ("in_stock", "QUARANTINE")
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 4, "QUARANTINE": 1}


class TaggedHistory(RuleBasedStateMachine):
    """Tagged units are picked, carried, put back, sold and heard, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf(*EPCS)
        self.names = 0

    @rule(
        hold=st.sampled_from("HK"),
        outcome=st.sampled_from(
            (
                "picked",
                "picked",
                "damaged",
                "staged",
                "handed_over",
                "cancelled_after_pull",
                "not_collected",
                "put_back",
            )
        ),
        epcs=st.lists(st.sampled_from(EPCS), max_size=2, unique=True).map(tuple),
        qty=st.integers(0, 2),
        place=st.sampled_from((FLOOR, FLOOR, BACKROOM)),
        spoiled=st.booleans(),
        staged=st.booleans(),
    )
    def work(
        self, hold: str, outcome: WorkName, epcs: tuple[bytes, ...], qty: int, place: str, spoiled: bool, staged: bool
    ) -> None:
        self.names += 1
        tote, slot = ("1", "S") if outcome != "put_back" else ("", "S") if staged else ("1", "")
        more: dict[str, Any] = {
            "qty": qty,
            "tote": tote,
            "slot": slot,
            "place": place,
            "epcs": epcs,
            "spoiled": spoiled,
        }
        self.shelf.work(f"N{self.names}", outcome, hold, **more)

    @rule(epc=st.sampled_from(EPCS), place=st.sampled_from((FLOOR, BACKROOM, EXIT)))
    def hear(self, epc: bytes, place: str) -> None:
        self.shelf.enter(heard(epc, at=place))

    @rule(epc=st.sampled_from(EPCS))
    def miss(self, epc: bytes) -> None:
        self.shelf.enter(*gone(epc))

    @rule()
    def sell(self) -> None:
        self.names += 1
        self.shelf.enter(sale(f"R{self.names}"))

    @rule(nth=st.integers(0, 4))
    def sell_by_its_tag(self, nth: int) -> None:
        self.names += 1
        tag = self.shelf.books.tags.get(EPCS[nth])
        holds = self.shelf.books.holds.values()
        bound = [one for hold in holds for line in hold.lines for one in line.tags]
        if tag is not None and (tag.state != "picked" or EPCS[nth].hex().upper() in bound):
            self.shelf.enter(sale(f"R{self.names}", 1, EPCS[nth]))

    @invariant()
    def no_unit_is_counted_twice(self) -> None:
        assert self.shelf.counts_once()

    @invariant()
    def a_tag_in_a_tote_is_bound_to_one_line(self) -> None:
        holds = {**self.shelf.resolved, **self.shelf.books.holds}
        bound = [tag for hold in holds.values() for line in hold.lines for tag in line.tags]
        assert len(set(bound)) == len(bound)
        assert set(bound) == {epc.hex().upper() for epc, tag in self.shelf.books.tags.items() if tag.state == "picked"}
        for hold in holds.values():
            for line in hold.lines:
                for place in {place for place, _ in (*line.pulled, *line.back)}:
                    tags = [self.shelf.books.tags[bytes.fromhex(tag)].place for tag in line.tags]
                    assert tags.count(place) <= line.units_at(place)


TestTaggedHistory = TaggedHistory.TestCase
TestTaggedHistory.settings = settings(max_examples=150, stateful_step_count=40)


def test_tagged_goods_that_were_missed_are_where_their_tags_are_once_somebody_has_looked() -> None:
    shelf = Shelf(*EPCS)
    shelf.work("w1", "picked", qty=1, tote="1", epcs=(A,))
    shelf.work("w2", "short")
    assert places(shelf) == {SUPPLIER: -5, SUSPECT: 4, "TOTE:1": 1}
    (case,) = (case for case in shelf.books.cases.values() if case.kind == "recount")
    shelf.enter(ResolveCase(case.id, "w3", "found behind the others"))
    assert places(shelf) == {SUPPLIER: -5, FLOOR: 4, "TOTE:1": 1}
    assert not [kind for kind, _ in shelf.books.cases if kind == "recount"]
    assert shelf.counts_once()
