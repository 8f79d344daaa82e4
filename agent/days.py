"""The store's figures, reckoned from its orders: of today so far, of days that are over, and which day it is.

Days are the store's own, by its machine's clock and time zone. An order is counted in the day in which it was over for
the customer: handed over, rejected or cancelled; today also those that are open, as far as they have come. The funnel
is of the orders that came in the day.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from agent.clerk import Clerk
from agent.clock import Clock
from agent.core import kpis
from agent.core.costs import Costs
from agent.core.funnel import FunnelRow, funnel, sums_of_funnel
from agent.core.kpis import Fate, OfSku
from agent.store import days, fates, free_stock, heard_times
from agent.store.fates import Rows
from wire.figures import MEASURED, Figure, figures

#: Of the SKUs that were not always there, so many are told: the worst.
MOST_SKUS: Final = 20
#: What is told of today may be so old, and reckoning takes no more than this share of the time.
_FRESH_S: Final = 2.0
_OLD_S: Final = 10.0
_SHARE: Final = 0.05
_HOUR_MS: Final = 3_600_000


class Span(NamedTuple):
    """A day and what of it is reckoned: from `since` to `until` (unix ms), in the books' own time `since_ms` on."""

    day: str
    since: int
    until: int
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A day's figures as of `as_of` (unix ms), with its sums; `hours` are today's, from the day's first moment on."""

    span: Span
    as_of: int
    sums: Mapping[str, int]
    figures: Sequence[Figure]
    funnel: Sequence[FunnelRow]
    skus: Sequence[tuple[str, OfSku]]
    hours: Sequence[tuple[int, Mapping[str, int]]]


def day_at(at: int) -> date:
    """Which day it is here at a moment (unix ms)."""
    return datetime.fromtimestamp(at / 1000).astimezone().date()


def bounds(day: date) -> tuple[int, int]:
    """When the day begins and ends at this place (unix ms): 23 to 25 hours."""
    begins, ends = (datetime.combine(each, time()).astimezone() for each in (day, day + timedelta(days=1)))
    return int(begins.timestamp() * 1000), int(ends.timestamp() * 1000)


class Days:
    """Reckons and remembers: sums only, never orders."""

    def __init__(self, clerk: Clerk, clock: Clock) -> None:
        self._clerk = clerk
        self._clock = clock
        self._today: Reckoned | None = None
        self._made_s = self._took_s = float("-inf")
        self._turns = -1
        self._one_at_a_time = asyncio.Lock()

    @property
    def ahead_ms(self) -> int:
        """Unix ms less the books' time."""
        return self._clock.now_ms() - self._clerk.time.stamp().books_ms

    @property
    def last_today(self) -> Reckoned | None:
        """Today as it was reckoned last; None before that, and when that is too old to be shown."""
        found = self._today
        if found is None or found.span.day != day_at(self._clock.now_ms()).isoformat():
            return None
        age_s = self._clock.monotonic_s() - self._made_s
        return found if self._turns == self._clerk.turns or age_s < max(_OLD_S, 2 * self._took_s / _SHARE) else None

    @property
    def is_stale(self) -> bool:
        """Would today be another, and is it time to reckon it again?"""
        age_s = self._clock.monotonic_s() - self._made_s
        changed = self._turns != self._clerk.turns and age_s >= max(_FRESH_S, self._took_s / _SHARE)
        return changed or self.last_today is None

    async def today(self) -> Reckoned:
        """Today so far."""
        async with self._one_at_a_time:
            began_s, turns, now = self._clock.monotonic_s(), self._clerk.turns, self._clock.now_ms()
            day = day_at(now)
            if self._today is not None and (self._turns, self._today.span.day) == (turns, day.isoformat()):
                return self._today
            span = await self.span_of(day)
            rows = await fates.so_far(self._clerk.store, span.since_ms, span.until_ms)
            found = await self._reckon(span, rows, now, so_far=True)
            self._today, self._turns, self._made_s = found, turns, self._clock.monotonic_s()
            self._took_s = self._made_s - began_s
            return found

    async def of(self, day: date) -> Reckoned:
        """A day."""
        if day == day_at(self._clock.now_ms()):
            return await self.today()
        span = await self.span_of(day)
        rows = await fates.of_day(self._clerk.store, span.since_ms, span.until_ms)
        return await self._reckon(span, rows, span.until, so_far=False)

    async def sums_of(self, day: date) -> Mapping[str, int]:
        """A day's sums; of one that HQ was told of, those it was told."""
        told = await days.named(self._clerk.store, day.isoformat())
        return told.sums if told is not None else (await self.of(day)).sums

    async def orders(self, day: date) -> list[Fate]:
        """The orders that came on a day, in the order in which they came."""
        span = await self.span_of(day)
        rows = await fates.so_far(self._clerk.store, span.since_ms, span.until_ms)
        found = await asyncio.to_thread(fates.fates_of, rows, self._weighed())
        return [fate for fate in found if _came_in(fate, span)]

    async def span_of(self, day: date) -> Span:
        """From when to when a day is reckoned: where the one before it that HQ was told of ends."""
        since, until = bounds(day)
        told = await days.named(self._clerk.store, day.isoformat())
        if told is not None:
            return Span(told.day, told.since, told.until, told.since_ms, told.until_ms)
        since_ms, until_ms = self._books_ms(since), self._books_ms(until)
        before = await days.told(self._clerk.store)
        if before is not None and day.isoformat() > before[0]:
            since_ms = before[1]
        return Span(day.isoformat(), since, until, since_ms, max(since_ms, until_ms))

    def _books_ms(self, at: int) -> int:
        """The books' time at a moment (unix ms); of one before the machine was started, that of its start."""
        return max(self._clerk.time.steady_since_ms, at - self.ahead_ms)

    def _weighed(self) -> frozenset[str]:
        skus = self._clerk.books.catalogue.skus.values()
        return frozenset(sku.sku for sku in skus if sku.traits.unit == "gram")

    async def _reckon(self, span: Span, rows: Rows, as_of: int, *, so_far: bool) -> Reckoned:
        store, costs = self._clerk.store, self._clerk.books.tasks.rules.costs
        breaches = await fates.breaches(store, span.since, span.until)
        counted, right = await fates.counted(store, span.since, span.until)
        more = {"breaches": breaches, "counted": counted, "counted_right": right}
        now_ms = self._clerk.time.stamp().books_ms if so_far else None
        more |= await self._measured(span, now_ms)
        return await asyncio.to_thread(_reckon, span, rows, self._weighed(), more, costs, as_of, now_ms)

    async def _measured(self, span: Span, so_far_ms: int | None) -> dict[str, int]:
        """What is no order's; of a day that HQ was told of as it was told then, for it is kept no longer."""
        store, told = self._clerk.store, await days.named(self._clerk.store, span.day)
        if told is not None:
            return {name: told.sums[name] for name in MEASURED if name in told.sums}
        until_ms = span.until_ms if so_far_ms is None else min(so_far_ms, span.until_ms)
        of_goods = await free_stock.during(store, span.since_ms, until_ms)
        return of_goods | await heard_times.during(store, span.since_ms, span.until_ms)


def _reckon(
    span: Span,
    rows: Rows,
    weighed: Collection[str],
    more: Mapping[str, int],
    costs: Costs,
    as_of: int,
    so_far_ms: int | None,
) -> Reckoned:
    """Takes its time: in a thread of its own. `so_far_ms`: the books' time now, of a day that is not over."""
    so_far, now_ms = so_far_ms is not None, so_far_ms or span.until_ms
    found = fates.fates_of(rows, weighed)
    came = [fate for fate in found if _came_in(fate, span)]
    counted = [fate for fate in found if _ended_in(fate, span) or (so_far and fate.order.ended_ms is None)]
    sums = kpis.sums(counted, now_ms, costs) | {name: number for name, number in more.items() if number}
    skus = sorted(kpis.by_sku(counted).items(), key=lambda one: one[1].badness, reverse=True)
    rows_of_funnel = funnel((fate.order, fate.lines) for fate in came)
    by_hour: dict[int, list[Fate]] = {}
    for fate in counted:
        if (ended_ms := fate.order.ended_ms) is not None:
            by_hour.setdefault(max(0, as_of - span.since - (now_ms - ended_ms)) // _HOUR_MS, []).append(fate)
    return Reckoned(
        span,
        as_of,
        sums | sums_of_funnel(rows_of_funnel),
        [*figures(sums), *kpis.percentiles(counted, now_ms)],
        rows_of_funnel,
        [one for one in skus[:MOST_SKUS] if one[1].hits < one[1].lines],
        [(hour, kpis.sums(some, now_ms, costs)) for hour, some in sorted(by_hour.items())],
    )


def _came_in(fate: Fate, span: Span) -> bool:
    return span.since_ms <= fate.order.steps[0].since_ms < span.until_ms


def _ended_in(fate: Fate, span: Span) -> bool:
    ended_ms = fate.order.ended_ms
    return ended_ms is not None and span.since_ms <= ended_ms < span.until_ms
