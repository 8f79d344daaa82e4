"""HQ's tables: the history of every store's stream, what is true since, and how far it has been committed."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

#: One line per store: everything up to `cursor` of `epoch` is in `history` and in the balances.
position = Table(
    "store_position",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("digest", String(16), nullable=False),
    Column("landed_at", BigInteger),
    Column("rows", BigInteger, nullable=False),
)

#: Every row as it came, of every epoch; the key is what makes applying one twice impossible.
history = Table(
    "history",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("landed_at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),  # the row's JSON
    sqlite_with_rowid=False,
)

#: Units of a SKU at a place of a store, as row `seq` of the store's present epoch left them.
balance = Table(
    "balance",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("qty", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: Units of a SKU inside a store, as the store itself counts them: HQ need not know which places are inside.
on_hand = Table(
    "on_hand",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("store", String(32), primary_key=True),
    Column("qty", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Index("on_hand_by_store", "store"),
    sqlite_with_rowid=False,
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
