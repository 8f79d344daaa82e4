"""What stores told of days that are over, for one store and added up for the chain."""

from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter

from hq_bridge.store import Database, KeptDay
from hq_bridge.web import shapes
from wire.figures import added, figures


async def of_store(database: Database, store: str, until: str | None, many: int) -> shapes.StoreDays:
    """The last days of a store, up to `until`; up to the last one it told when left out."""
    found = await _found(database, store, until, many)
    sums = added(each.sums for each in found)
    days = [
        shapes.Day(each.day, each.since, each.until, each.landed_at, each.sums, figures(each.sums)) for each in found
    ]
    return shapes.StoreDays(store, days, sums, figures(sums))


async def of_chain(database: Database, until: str | None, many: int) -> shapes.ChainDays:
    """The same of all stores together."""
    found = await _found(database, None, until, many)
    days = []
    for day, group in groupby(found, attrgetter("day")):
        stores = list(group)
        sums = added(each.sums for each in stores)
        days.append(shapes.ChainDay(day, [each.store for each in stores], sums, figures(sums)))
    sums = added(each.sums for each in found)
    return shapes.ChainDays(days, sums, figures(sums))


async def _found(database: Database, store: str | None, until: str | None, many: int) -> list[KeptDay]:
    last = until or await database.newest_day(store)
    if last is None:
        return []
    try:
        first = date.fromisoformat(last) - timedelta(days=many - 1)
    except (ValueError, OverflowError):  # a day that no calendar has
        return []
    return await database.days(store, first.isoformat(), last)
