"""The stretches of floor that a walk consists of, and one walk over all of them.

Of a column only its ends and the ends of the walk are nodes: the stops on a stretch go along with it, and those that
are fetched by going in and coming back the same way are an aside of the node where that begins.
"""

from collections.abc import Sequence
from itertools import pairwise

#: A place on the block: which column, and how deep in it, in metres.
Place = tuple[int, float]


class Trail:
    """Is told the stretches column by column, from left to right."""

    def __init__(self) -> None:
        #: Of each node: the nodes at the other ends of its stretches, one for each time that a stretch is walked.
        self._links: list[list[int]] = []
        self._asides: dict[int, list[Place]] = {}
        #: The stops on a stretch, as one comes from either of its nodes.
        self._stops: dict[tuple[int, int], list[Place]] = {}

    def link(self, a: int, b: int, times: int, stops: list[Place] | None = None) -> None:
        """A stretch between two nodes that is walked so many times, with the stops on it as one comes from `a`."""
        self._links[a] += (b,) * times
        self._links[b] += (a,) * times
        if stops:
            self._stops[a, b], self._stops[b, a] = stops, stops[::-1]

    def column(self, walked: tuple[int, int, bool], stops: list[Place]) -> tuple[int, int]:
        """A column without an end of the walk: how often its front and back end are come from, and are they joined?

        Returns the nodes at its two ends.
        """
        front, back, joined = walked
        a = len(self._links)
        b = a + 1
        self._links += ([], [])
        if front and back and joined:
            self.link(a, b, front, stops)
        elif not back:
            self._asides[a] = stops
        elif not front:
            self._asides[b] = stops[::-1]
        else:
            self._in_and_out(a, b, stops, _widest(stops)[1])
        return a, b

    def cut_column(self, walked: tuple[int, int, bool], stops: list[Place], odd: Sequence[float]) -> list[int]:
        """A column with one or both ends of the walk in it, at these depths. Returns its nodes from front to back."""
        front, back, joined = walked
        nodes = list(range(len(self._links), len(self._links) + len(odd) + 2))
        self._links += [[] for _ in nodes]
        runs = self._runs(stops, odd)
        once = front == 1
        twice: list[int] = []
        for nth, (a, b) in enumerate(pairwise(nodes)):
            if once:
                self.link(a, b, 1, runs[nth])
            else:
                twice.append(nth)
            once = not once
        split: dict[int, int] = {}
        if not front:
            split[0] = 0
        if not back:
            split[len(odd)] = len(runs[-1])
        if front and back and not joined:
            gaps = {nth: _widest(_between(runs[nth], odd, nth)) for nth in twice}
            nth = max(gaps, key=lambda one: gaps[one][0])
            split[nth] = gaps[nth][1] - (nth > 0)
        for nth in twice:
            a, b = nodes[nth], nodes[nth + 1]
            if nth in split:
                self._in_and_out(a, b, runs[nth], split=split[nth])
            else:
                self.link(a, b, 2, runs[nth])
        return nodes

    def walked(self, first: int) -> list[Place]:
        """The stops in the order of one walk over every stretch, from this node on (C. Hierholzer, 1873)."""
        links = self._links
        trail, walk = [first], []
        while trail:
            here = trail[-1]
            while onward := links[here]:
                there = onward.pop()
                links[there].remove(here)
                trail.append(there)
                here = there
            walk.append(trail.pop())
        asides, on_stretch = self._asides, self._stops
        found: list[Place] = []
        before = -1
        for here in reversed(walk):
            if (before, here) in on_stretch:
                found += on_stretch.pop((before, here))
                del on_stretch[here, before]
            if here in asides:
                found += asides.pop(here)
            before = here
        return found

    def _in_and_out(self, a: int, b: int, stops: list[Place], split: int) -> None:
        """So many of the stops are fetched from `a`, the others from `b`; between them nobody walks."""
        self._asides[a] = [*self._asides.get(a, ()), *stops[:split]]
        self._asides[b] = [*self._asides.get(b, ()), *stops[split:][::-1]]

    @staticmethod
    def _runs(stops: list[Place], odd: Sequence[float]) -> list[list[Place]]:
        """The stops before, between and after these depths; one that is at such a depth is before it."""
        found: list[list[Place]] = [[] for _ in range(len(odd) + 1)]
        for stop in stops:
            found[sum(depth < stop[1] for depth in odd)].append(stop)
        return found


def _between(run: list[Place], odd: Sequence[float], nth: int) -> list[Place]:
    """The places in a run that bound the gaps in it: its stops, and the ends of the walk beside it."""
    low = [(-1, odd[nth - 1])] if nth > 0 else []
    high = [(-1, odd[nth])] if nth < len(odd) else []
    return [*low, *run, *high]


def _widest(places: Sequence[Place]) -> tuple[float, int]:
    """The widest gap between two of them, in metres, and how many are before it."""
    return max(((b[1] - a[1], nth) for nth, (a, b) in enumerate(pairwise(places), 1)), default=(0.0, 0))
