"""Counts: sent as a whole, or in sessions from request to posting, by several people, while the shop goes on."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from agent.core.asks import Refused
from agent.core.count_asks import (
    CancelCount,
    Count,
    Counted,
    CountLine,
    EnterFound,
    Found,
    RequestCount,
    ReviewCount,
    StartCount,
    Verdict,
)
from agent.core.count_sessions import CountSession
from tests.invariants.asking import PEOPLE, Asking, Things, people, skus, which
from tests.invariants.plain import BACKROOM, FLOOR, GRAMS, SKUS, SUSPECT

OFF = (0, 0, 0, 1, -1, 30, 90)
places = st.sampled_from((FLOOR, BACKROOM))
#: A SKU at a place.
Where = tuple[str, str]
#: A line of a session: its count, and the SKU.
Line = tuple[str, str]


@dataclass
class Reading:
    """`by` found so many, where `had` would be by moves alone (`Plain.uncorrected`); None: it moved meanwhile."""

    by: str
    counted: int
    had: int | None


@dataclass
class Paper:
    """What somebody notes who counts: since which number he counts, and all that was found."""

    by: str = ""
    began: int = 0
    readings: list[Reading] = field(default_factory=list)
    posted: bool = False


class Counting(Asking):
    """What is counted, and what becomes of it."""

    def __init__(self) -> None:
        super().__init__()
        #: What somebody may have counted: a number of the books, what was there by the paper, and of that by counts.
        self.looks: list[tuple[int, Counter[Where], Counter[Where]]] = []
        self.paper: dict[Line, Paper] = {}
        #: What the judges keep of each settled line: SKU, place, the number it was counted at, units, the number then.
        self.counted: dict[str, tuple[str, str, int, int, int]] = {}

    def things(self, chance: Random) -> Things:
        sku, place, nth = chance.choice(SKUS), chance.choice((FLOOR, BACKROOM)), chance.randrange(40)
        by, off = chance.choice(PEOPLE), chance.choice(OFF)
        things: Things = [
            self.look,
            lambda: self.count(sku, FLOOR, nth, off),
            lambda: self.request_count(sku if off else "", place),
            lambda: self.count_through(sku, place, [chance.choice(OFF) for _ in PEOPLE], nth % 3),
        ]
        if self.shop.books.counts.sessions:
            things += [lambda: self.start_count(nth, by, take_over=off == 1)] * 2
            things += [lambda: self.enter_found(nth, by, off)] * 3
            things += [lambda: self.review_count(nth, by, nth % 3)]
            things += [lambda: self.cancel_count(nth)] if off == 1 else []
        return [*super().things(chance), *things]

    @rule()
    def look(self) -> None:
        """Note the newest number of the books, as somebody does who counts."""
        self.looks.append((self.shop.books.head, Counter(self.plain.places), Counter(self.plain.corrected)))

    @precondition(lambda self: self.looks)
    @rule(sku=skus, place=places, nth=which, off=st.sampled_from((0, 1, -1, 2, 30)))
    def count(self, sku: str, place: str, nth: int, off: int) -> None:
        """Somebody counted some time ago, and sends it only now."""
        seq, there, corrected = self.looks[nth % len(self.looks)]
        counted, had = max(0, there[sku, place] + off), there[sku, place] - corrected[sku, place]
        line, name = CountLine(1, "sku", sku, counted, seq, seq), self.name("C")
        by = "badge-2" if off == 30 else ""
        awaited = self._awaited(sku, place)
        (answer,) = self.ask(Count(name, self.shop.books.epoch, place, "badge-1", (line,), by))
        assert isinstance(answer, Counted)
        self.paper[name, sku] = Paper(readings=[Reading("badge-1", counted, had)])
        if answer.lines[0].outcome in ("posted", "agrees"):
            self._posted(f"{name}/1", sku, place, had, (seq, counted), awaited)

    @rule(sku=st.sampled_from((*SKUS, "")), place=places)
    def request_count(self, sku: str, place: str) -> None:
        """Of one item, or of all that the books have at a place."""
        items = (("sku", sku),) if sku else ()
        self.ask(RequestCount(self.name("Q"), place, "cycle", "badge-1", items))  # type: ignore[arg-type]

    def count_through(self, sku: str, place: str, off: list[int], approve: int) -> None:
        """One after another counts what was requested last, and a manager decides what is left."""
        self.request_count(sku, place)
        for by, wrong in zip(PEOPLE, off, strict=True):
            if self.shop.books.counts.sessions:
                self.start_count(0, by, take_over=True)
                self.enter_found(0, by, wrong)
        if self.shop.books.counts.sessions:
            self.review_count(0, "dora", approve)

    @precondition(lambda self: self.shop.books.counts.sessions)
    @rule(nth=which, by=people, take_over=st.booleans())
    def start_count(self, nth: int, by: str, take_over: bool) -> None:
        before, seq = self._session(nth, "recount" if nth % 2 else ""), self.shop.books.head
        (answer,) = self.ask(StartCount(before.id, by, take_over))
        if not isinstance(answer, CountSession):
            return
        for line in answer.lines:
            if line.counter == by and line != before.line_of(line.sku):
                paper = self.paper.setdefault((before.id, line.sku), Paper())
                standing = [one.by for one in line.readings if one.stands]
                assert by not in (standing or [one.by for one in paper.readings[-1:]]), "counts what he counted himself"
                paper.by, paper.began = by, seq

    @precondition(lambda self: self.shop.books.counts.sessions)
    @rule(nth=which, by=people, off=st.sampled_from(OFF))
    def enter_found(self, nth: int, by: str, off: int) -> None:
        """Whoever counts finds what is there, or so; what is in the books moves only by what he may post."""
        session = self._session(nth, "counting" if nth % 2 else "recount")
        begun = [line for line in session.lines if line.counter and nth % 5 != 1]
        line = (begun or session.lines)[nth % len(begun or session.lines)]
        paper = self.paper.setdefault((session.id, line.sku), Paper())
        by = paper.by or by
        there = self.plain.places[line.sku, session.place]
        counted = max(0, there + off)
        awaited = self._awaited(line.sku, session.place)
        (answer,) = self.ask(EnterFound(session.id, by, (Found(("sku", line.sku), counted),)))
        if isinstance(answer, Refused) or paper.posted or answer == session:
            return
        assert paper.by == by, "was not counting it"
        paper.by = ""
        still = self._unmoved(line.sku, session.place, paper.began)
        paper.readings.append(Reading(by, counted, self.plain.uncorrected(line.sku, session.place) if still else None))
        if self._is_posted(answer, line.sku):
            assert still, "something moved, and it was posted"
            others = [one for one in paper.readings[:-1] if one.by != by and one.had is not None]
            assert others or self._is_small(line.sku, session.place, counted - there), "nobody else counted it"
            self._settle(answer, line.sku, awaited)

    @precondition(lambda self: self.shop.books.counts.sessions)
    @rule(nth=which, by=people, approve=st.integers(0, 2))
    def review_count(self, nth: int, by: str, approve: int) -> None:
        session = self._session(nth, "review")
        line = session.lines[nth % len(session.lines)]
        awaited = self._awaited(line.sku, session.place)
        (answer,) = self.ask(ReviewCount(session.id, by, (Verdict(("sku", line.sku), approve),)))
        if isinstance(answer, CountSession) and answer != session and self._is_posted(answer, line.sku):
            reading = self.paper[session.id, line.sku].readings[approve - 1]
            assert reading.by != by, "approved what he counted himself"
            self._settle(answer, line.sku, awaited)

    @precondition(lambda self: self.shop.books.counts.sessions)
    @rule(nth=which)
    def cancel_count(self, nth: int) -> None:
        self.ask(CancelCount(self._session(nth).id, "badge-1"))

    def _session(self, nth: int, state: str = "") -> CountSession:
        """One of those requested last, of those in this state if there are any."""
        sessions = list(self.shop.books.counts.sessions.values())
        sessions = [one for one in sessions if one.state == state and nth % 4] or sessions
        return sessions[-1 - nth % min(3, len(sessions))]

    def _is_posted(self, session: CountSession, sku: str) -> bool:
        line = session.line_of(sku)
        return line is not None and line.state == "posted"

    def _is_small(self, sku: str, place: str, change: int) -> bool:
        """So small a difference posts itself."""
        there = self.plain.places[sku, place]
        if not self._awaited(sku, place):
            there, change = there + self.plain.places[sku, SUSPECT], change - self.plain.places[sku, SUSPECT]
        return abs(change) <= max(50 if sku in GRAMS else 2, there * 5 // 100)

    def _unmoved(self, sku: str, place: str, since: int) -> bool:
        moves = f"seq > {since} AND sku = '{sku}' AND '{place}' IN (origin, target) AND code <> 'count'"
        return not self.shop.rows(f"SELECT 1 FROM posting WHERE {moves}")

    def _settle(self, session: CountSession, sku: str, awaited: bool) -> None:
        """The approved reading is what was there when it was made; what moved since stays."""
        line, paper = session.line_of(sku), self.paper[session.id, sku]
        assert line is not None
        reading = paper.readings[line.approved - 1]
        assert reading.had is not None, "says nothing, and was posted"
        paper.posted = True
        at = line.readings[line.approved - 1].to_seq
        said = (at, reading.counted)
        self._posted(f"{session.id}/{line.line}", sku, session.place, reading.had, said, awaited)

    def _posted(self, line: str, sku: str, place: str, had: int, said: tuple[int, int], awaited: bool) -> None:
        change = said[1] - had - self.plain.corrected[sku, place]
        self.plain.count(sku, place, change, awaited=awaited)
        self.counted[line] = (sku, place, *said, self.shop.books.head)

    def _awaited(self, sku: str, place: str) -> bool:
        """Is what is in doubt to be counted at another place?"""
        other = FLOOR if place == BACKROOM else BACKROOM
        return ("recount", f"{sku} at {other}") in self.shop.books.cases
