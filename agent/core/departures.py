"""When is a tag gone: time and consecutive misses, counted only while its place is demonstrably being read.

A round of a watched place counts when enough of the tags that belong there were heard in it; a reader that is off, an
antenna that is dead or a session in which tags answer only once makes rounds that do not count, and nobody departs.
When many tags of a place fall silent while the others are heard, that is the antenna and not a thief: none of them
departs, and somebody is told.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from agent.core.tags import Tag, TagRules

#: A place was read in a round when at least one in so many of its tags was heard; in the field it is two of three.
_HEARD_ONE_IN: Final = 4
#: So many tags of a place may be silent, or given up within a day; of large places a share. More is a burst.
_MOST_SILENT: Final = 10
_MOST_SILENT_ONE_IN: Final = 20
_DAY_S: Final = 24 * 3600.0
_PRESENT: Final = ("in_stock", "suspect")


@dataclass(frozen=True, slots=True)
class Departures:
    """What a round proves. `bursts` has, per watched place, what is wrong with it; empty when nothing is."""

    suspects: list[bytes] = field(default_factory=list)
    given_up: list[bytes] = field(default_factory=list)
    bursts: dict[str, str] = field(default_factory=dict)


def gone_for_good(leaving: Iterable[Tag], now_s: float, leave_s: float) -> list[bytes]:
    """The sold tags that had `leave_s` to leave, from when they were first noticed; those noticed now are noted."""
    gone: list[bytes] = []
    for tag in leaving:
        if tag.heard_s is None:
            tag.heard_s = now_s
        elif now_s - tag.heard_s > leave_s:
            gone.append(tag.epc)
    return gone


@dataclass(slots=True)
class _Seen:
    """The tags of one place at the end of a round."""

    tags: list[Tag] = field(default_factory=list)
    heard: int = 0


class Rounds:
    """Counts the rounds of each watched place. Memory only: after a restart every silence begins anew."""

    def __init__(self, rules: TagRules) -> None:
        #: The round that each place is in, for `hear`.
        self.now: dict[str, int] = dict.fromkeys(sorted(rules.watched), 1)
        self._rules = rules
        self._gone: dict[str, deque[int]] = {place: deque() for place in self.now}
        self._seen: dict[str, _Seen] = {}
        self._began_s = float("-inf")

    def look(self, tags: Iterable[Tag]) -> None:
        """Take note of some of the tags; all of them have been looked at before a round ends."""
        for tag in tags:
            place = tag.place
            if tag.state not in _PRESENT or place is None or place not in self.now:
                continue
            if tag.heard_in is None:
                tag.heard_in = self.now[place] - 1  # it is waited for from this round on
            seen = self._seen.setdefault(place, _Seen())
            seen.tags.append(tag)
            seen.heard += tag.heard_s is not None and tag.heard_s > self._began_s

    def end(self, at_s: float) -> Departures:
        """End a round, at a monotonic time: it counts where the place was read. Who was silent for too long?"""
        found, seen_at, self._seen, self._began_s = Departures(), self._seen, {}, at_s
        for place in self.now:
            seen = seen_at.get(place)
            if seen is not None and seen.heard and seen.heard * _HEARD_ONE_IN >= len(seen.tags):
                self._judge(place, seen, found)
                self.now[place] += 1
        return found

    def _judge(self, place: str, seen: _Seen, found: Departures) -> None:
        now, rules, gone = self.now[place], self._rules, self._gone[place]
        while gone and (now - gone[0]) * rules.round_s > _DAY_S:
            gone.popleft()
        here = [tag for tag in seen.tags if tag.place == place and tag.state in _PRESENT]
        silent = [tag for tag in here if tag.state == "suspect" or self._is_silent(tag, now, rules.missing_after_s)]
        allowed = max(_MOST_SILENT, len(here) // _MOST_SILENT_ONE_IN)
        found.bursts[place] = ""
        if len(silent) + len(gone) > allowed:
            missing = f"{len(silent)} are silent and {len(gone)} were given up within a day"
            found.bursts[place] = f"of {len(here)} tags {missing}: more than {allowed}"
            return
        found.suspects.extend(tag.epc for tag in silent if tag.state == "in_stock")
        suspects = (tag for tag in silent if tag.state == "suspect")
        given_up = [tag.epc for tag in suspects if self._is_silent(tag, now, rules.give_up_after_s)]
        gone.extend([now] * len(given_up))
        found.given_up.extend(given_up)

    def _is_silent(self, tag: Tag, now: int, after_s: float) -> bool:
        """Has its place been read for so long, in that many rounds, without it? A round lasts at least `round_s`."""
        missed = 0 if tag.heard_in is None else now - tag.heard_in
        return missed >= self._rules.missed_rounds and missed * self._rules.round_s >= after_s
