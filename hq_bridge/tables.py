"""HQ's tables: the history of every store's stream, what is true since, and how far it has been committed.

A new table: define it here and count `LAYOUT` up. Databases of an older layout then get it at the next start. What
changes a table that is there already is a step in `layout.py`.
"""

from functools import cache

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

#: Version of all that follows.
LAYOUT = 8

metadata = MetaData()

#: One line about the database itself: its layout, and which HQ writes. Each HQ that opens it counts `writer` up.
about = Table(
    "about",
    metadata,
    Column("layout", Integer, primary_key=True, autoincrement=False),
    Column("writer", BigInteger, nullable=False),
)

#: One line per store: everything up to `cursor` of `epoch` is in `history` and in `stock`.
position = Table(
    "store_position",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("digest", String(16), nullable=False),
    Column("landed_at", BigInteger),
    Column("rows", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),  # on hand, over all SKUs
    Column("lacking", BigInteger, nullable=False),  # SKUs of which `held` and `atp` are not known
)

#: The lease each store said last, and when HQ heard it (unix ms).
lease = Table(
    "store_lease",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("lease", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
)

#: Units of a SKU in a store, as row `seq` of the store's present epoch left them: inside the store, as the store itself
#: counts them (HQ need not know which places are inside), and by place: a JSON object of what is not zero. `held` are
#: promised, `atp` can be promised beyond them while the store promises anything; NULL when the store has not said so.
stock = Table(
    "stock",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("on_hand", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("places", Text, nullable=False),
    Column("held", BigInteger),
    Column("atp", BigInteger),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 70},  # room to update in place
)

#: What somebody must look at, open or resolved, as its latest row says.
case = Table(
    "store_case",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: An order of a store, as its latest row says (`row` is that, as JSON): row `seq` of `epoch`.
order = Table(
    "store_order",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("landed_at", BigInteger, nullable=False),
    Column("row", Text, nullable=False),
    Index("store_order_by_id", "id"),
    Index("store_order_by_state", "state"),
    sqlite_with_rowid=False,
)

#: And all its rows, for whoever follows it.
order_step = Table(
    "store_order_step",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("landed_at", BigInteger, nullable=False),
    Column("row", Text, nullable=False),
    Index("store_order_step_by_age", "landed_at"),
    sqlite_with_rowid=False,
)

#: Days of stores that are over (`2026-11-22`), each as its latest row says: `sums` is a JSON object of whole numbers.
day = Table(
    "store_day",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("landed_at", BigInteger, nullable=False),
    Column("sums", Text, nullable=False),
    Index("store_day_by_day", "day"),
    sqlite_with_rowid=False,
)

#: What HQ asked of stores, until it is answered and for a while after. `ask` is the command without its lease.
command = Table(
    "command",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(128), nullable=False, unique=True),
    Column("asked_at", BigInteger, nullable=False),
    Column("ask", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("answered_at", BigInteger),
    Column("epoch", BigInteger),
    Column("seq", BigInteger),
)

#: The newest payloads nobody could read, for a person to look at.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),  # its beginning, readable
    sqlite_autoincrement=True,
)


#: How far the broker has been told each store's rows, as events: (store, epoch, seq). Not there for a store of which
#: nothing was told yet. A line without a name says that telling has begun at all.
told = Table(
    "told",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
)


@cache
def history_named(name: str) -> Table:
    """A table of the history's form; see `history` and `months.py`."""
    return Table(
        name,
        MetaData(),
        Column("store", String(32), nullable=False),
        Column("epoch", BigInteger, nullable=False),
        Column("first", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("landed_at", BigInteger, nullable=False),
        Column("rows", LargeBinary().with_variant(Text(), "postgresql"), nullable=False),
        postgresql_partition_by="RANGE (landed_at)" if name == "history" else None,
    )


#: Rows as they came, of every epoch, in stretches: what one transaction landed of one store's stream, as a JSON array
#: of rows `first … last`. In SQLite deflated; in PostgreSQL as text, which PostgreSQL compresses by itself. There is a
#: table for each month of landing; under this name all of them are read.
history = history_named("history")
