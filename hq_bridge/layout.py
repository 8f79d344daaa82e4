"""Makes HQ's tables, or brings those of an older HQ up to date: in one transaction, or not at all."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, inspect, select, text, update

from hq_bridge import tables
from hq_bridge.months import Month
from hq_bridge.on_postgres import OnPostgres
from hq_bridge.on_sqlite import OnSqlite
from hq_bridge.refusals import DatabaseRefused
from hq_bridge.stretches import STRETCH_ROWS

On = OnSqlite | OnPostgres


def bring_up(connection: Connection, on: On) -> int:
    """Have every table as this program wants it. Returns the number of this writer. Raises DatabaseRefused."""
    found = _layout(connection)
    if found > tables.LAYOUT:
        raise DatabaseRefused(
            f"the database was written by a newer HQ (layout {found}; this one knows {tables.LAYOUT}): bring HQ up to"
            " date, or give it another database"
        )
    for layout in range(found or tables.LAYOUT, tables.LAYOUT):
        if layout in _STEPS:
            _STEPS[layout](connection, on)
    tables.metadata.create_all(connection)
    if found == 0:
        on.begin_history(connection)
    if _layout(connection) == 0:
        connection.execute(tables.about.insert(), {"layout": tables.LAYOUT, "writer": 0})
    connection.execute(update(tables.about).values(layout=tables.LAYOUT, writer=tables.about.c.writer + 1))
    return int(connection.execute(select(tables.about.c.writer)).scalar_one())


def _layout(connection: Connection) -> int:
    """Which layout the database has; 0 for none."""
    there = inspect(connection)
    if there.has_table(tables.about.name):
        return connection.execute(select(tables.about.c.layout)).scalar() or 0
    return 1 if there.has_table("store_position") else 0


def _from_1(connection: Connection, on: On) -> None:
    """Layout 1 had a row of history for each row, and one of stock for each place. Only SQLite ever had it."""
    for old in ("history", "store_position"):
        connection.execute(text(f"ALTER TABLE {old} RENAME TO old_{old}"))
    on.begin_history(connection)
    for table in (tables.position, tables.stock):
        table.create(connection)
    months: set[Month] = set()
    for stretch in _stretches_of_1(connection):
        month = Month.of(stretch["landed_at"])
        if month not in months:
            on.begin_month(connection, month)
            months.add(month)
        connection.execute(month.table.insert(), stretch | {"rows": on.pack(stretch["rows"])})
    connection.execute(text(_STOCK_OF_1))
    connection.execute(text(_POSITION_OF_1))
    for old in ("old_history", "old_store_position", "balance", "on_hand"):
        connection.execute(text(f"DROP TABLE {old}"))


def _from_5(connection: Connection, on: On) -> None:
    """Up to layout 5 nothing was known of what is held and what can be promised."""
    if any(column["name"] == "atp" for column in inspect(connection).get_columns(tables.stock.name)):
        return  # made by a step before this one
    for table, columns in ((tables.stock, ("held", "atp")), (tables.position, ("lacking",))):
        for column in columns:
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column} BIGINT{_DEFAULT.get(column, '')}"))
    connection.execute(text(_LACKING_OF_5))


#: What changes tables that are there already, by the layout it is found in. New tables need no step.
_STEPS: dict[int, Callable[[Connection, On], None]] = {1: _from_1, 5: _from_5}

_DEFAULT = {"lacking": " NOT NULL DEFAULT 0"}

_LACKING_OF_5 = """
UPDATE store_position SET lacking = (SELECT count(*) FROM stock s WHERE s.store = store_position.store)"""

_STOCK_OF_1 = """
INSERT INTO stock (store, sku, on_hand, seq, places)
SELECT store, sku, qty, seq, (
    SELECT json_group_object(place, qty) FROM balance b WHERE b.store = o.store AND b.sku = o.sku AND b.qty <> 0
) FROM on_hand o"""

_POSITION_OF_1 = """
INSERT INTO store_position (store, epoch, "cursor", digest, landed_at, "rows", units, lacking)
SELECT store, epoch, "cursor", digest, landed_at, "rows", (
    SELECT coalesce(sum(qty), 0) FROM on_hand o WHERE o.store = p.store
), (SELECT count(*) FROM on_hand o WHERE o.store = p.store) FROM old_store_position p"""

_HISTORY_OF_1 = text(
    "SELECT store, epoch, seq, landed_at, body FROM old_history WHERE (store, epoch, seq) > (:store, :epoch, :seq)"
    " ORDER BY store, epoch, seq LIMIT 20000"
)


def _stretches_of_1(connection: Connection) -> Iterator[dict[str, Any]]:
    """What one transaction landed of a store; memory holds a page of them."""
    last: dict[str, Any] = {"store": "", "epoch": 0, "seq": 0}
    while page := connection.execute(_HISTORY_OF_1, last).all():
        for (store, epoch, landed_at), group in groupby(page, lambda row: (row.store, row.epoch, row.landed_at)):
            rows = list(group)
            for first in range(0, len(rows), STRETCH_ROWS):
                part = rows[first : first + STRETCH_ROWS]
                yield {
                    "store": store,
                    "epoch": epoch,
                    "first": part[0].seq,
                    "last": part[-1].seq,
                    "landed_at": landed_at,
                    "rows": f"[{','.join(row.body for row in part)}]".encode(),
                }
        last = {"store": page[-1].store, "epoch": page[-1].epoch, "seq": page[-1].seq}
