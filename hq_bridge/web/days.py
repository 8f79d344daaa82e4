"""What stores told of days that are over, for one store and added up for the chain."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from hq_bridge.store import Database, KeptDay
from hq_bridge.web import shapes
from wire.figures import NAMES, added, figure, figures

#: So many days added up are remembered.
_MOST_REMEMBERED: Final = 800
_COUNTS: Final = ("orders", "accepted", "rejected", "cancelled", "handed_over")
_HEAD: Final = ("day", "store", "stores", *_COUNTS, *NAMES)


class Days:
    """Reads days, and remembers those of the chain until another store tells of one: they are many stores' sums."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._added: dict[str, tuple[object, shapes.ChainDay]] = {}

    async def of_store(self, store: str, until: str | None, many: int) -> shapes.StoreDays:
        """The last days of a store, up to `until`; up to the last one it told when left out."""
        first, last = await self._span(store, until, many)
        found = await self._database.days(store, first, last)
        sums = added(each.sums for each in found)
        days = [
            shapes.Day(each.day, each.since, each.until, each.landed_at, each.sums, figures(each.sums))
            for each in found
        ]
        return shapes.StoreDays(store, days, sums, figures(sums))

    async def of_chain(self, until: str | None, many: int) -> shapes.ChainDays:
        """The same of all stores together."""
        found = [day async for day in self._chain_days(until, many)]
        sums = added(each.sums for each in found)
        return shapes.ChainDays(found, sums, figures(sums))

    async def ranked(self, day: str, name: str) -> shapes.DayOfStores:
        """One figure of each store on a day, by store; of a store of which it would be of nothing `value` is null."""
        found = await self._database.days(None, day, day)
        return await asyncio.to_thread(_ranked, day, name, found)

    async def sheet(self, store: str | None, until: str | None, many: int) -> str:
        """A line for each day of the chain, or of a store, as CSV; what would be of nothing is empty."""
        if store is not None:
            days = (await self.of_store(store, until, many)).days
            return _HEAD_LINE + "".join(_line(each.day, store, 1, each.sums) for each in days)
        chain = (await self.of_chain(until, many)).days
        return _HEAD_LINE + "".join(_line(each.day, "", len(each.stores), each.sums) for each in chain)

    async def sheets(self, until: str | None, many: int) -> AsyncIterator[str]:
        """A line for each day of each store, a day at a time."""
        yield _HEAD_LINE
        for day in _each(*await self._span(None, until, many)):
            found = await self._database.days(None, day, day)
            yield await asyncio.to_thread(_lines, found)

    async def _chain_days(self, until: str | None, many: int) -> AsyncIterator[shapes.ChainDay]:
        for day in _each(*await self._span(None, until, many)):
            landed = self._database.days_landed[day], self._database.days_forgotten
            known = self._added.get(day)
            if known is None or known[0] != landed:
                found = await self._database.days(None, day, day)
                known = landed, await asyncio.to_thread(_added, day, found)
                if len(self._added) >= _MOST_REMEMBERED:
                    self._added.clear()
                self._added[day] = known
            if known[1].stores:
                yield known[1]

    async def _span(self, store: str | None, until: str | None, many: int) -> tuple[str, str]:
        """The first day and the last; no day lies between them when there is none."""
        last = until or await self._database.newest_day(store)
        try:
            first = date.fromisoformat(last or "") - timedelta(days=many - 1)
        except (ValueError, OverflowError):  # nothing was told, or a day that no calendar has
            return "1", "0"
        return first.isoformat(), last or ""


def _each(first: str, last: str) -> list[str]:
    if first > last:
        return []
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=nth)).isoformat() for nth in range((end - begin).days + 1)]


def _added(day: str, found: Sequence[KeptDay]) -> shapes.ChainDay:
    sums = added(each.sums for each in found)
    return shapes.ChainDay(day, [each.store for each in found], sums, figures(sums))


def _ranked(day: str, name: str, found: Sequence[KeptDay]) -> shapes.DayOfStores:
    stores = []
    for each in found:
        one = figure(each.sums, name)
        stores.append(shapes.StoreFigure(each.store, None if one is None else one.value, 0 if one is None else one.of))
    return shapes.DayOfStores(day, name, stores)


def _lines(found: Iterable[KeptDay]) -> str:
    return "".join(_line(each.day, each.store, 1, each.sums) for each in found)


def _line(day: str, store: str, stores: int, sums: Mapping[str, int]) -> str:
    values = (figure(sums, name) for name in NAMES)
    told = ("" if one is None else round(one.value, 4) for one in values)
    plain = f"'{store}" if store.startswith("-") else store  # a spreadsheet takes it for a formula
    return _csv((day, plain, stores, *(sums.get(name, 0) for name in _COUNTS), *told))


def _csv(values: Iterable[object]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet).writerow(values)
    return sheet.getvalue()


_HEAD_LINE: Final = _csv(_HEAD)
