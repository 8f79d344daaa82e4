"""The catalogue's rows: loaded whole, and written where they changed."""

import sqlite3

from agent.core.catalogue import Catalogue, Likeness, Sku, Traits, Update

_SKU_COLUMNS = (
    "sku", "name_en", "name_zh", "unit", "temperature", "min_age", "tags", "eligibility", "safety", "spots", "retired",
    "category", "brand", "size", "price_fen",
)  # fmt: skip
_UPSERT = (
    f"INSERT INTO sku ({', '.join(_SKU_COLUMNS)}) VALUES ({', '.join('?' * len(_SKU_COLUMNS))})"  # noqa: S608 - ours
    f" ON CONFLICT (sku) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _SKU_COLUMNS[1:])}"
)


def load(tx: sqlite3.Connection) -> Catalogue:
    """The catalogue as it stands in the books. Equal traits, spots and likenesses are one object."""
    gtins: dict[str, tuple[str, ...]] = {}
    for name, code in tx.execute("SELECT sku, gtin FROM gtin ORDER BY sku, nth"):
        gtins[name] = (*gtins[name], code) if name in gtins else (code,)
    safety_of: dict[str, tuple[tuple[str, int], ...]] = {}
    for name, channel, units in tx.execute("SELECT sku, channel, units FROM channel_safety ORDER BY sku, channel"):
        safety_of[name] = (*safety_of.get(name, ()), (channel, units))
    shared_traits: dict[tuple[object, ...], Traits] = {}
    shared_spots: dict[str, tuple[str, ...]] = {}
    skus: list[Sku] = []
    shared_likenesses: dict[tuple[object, ...], Likeness] = {}
    for name, name_en, name_zh, *cells, spots, retired, category, brand, size, price_fen in tx.execute(
        f"SELECT {', '.join(_SKU_COLUMNS)} FROM sku"  # noqa: S608 - the columns are this program's own
    ):
        key = (*cells, safety_of.get(name, ()))
        traits = shared_traits.get(key)
        if traits is None:
            traits = shared_traits[key] = Traits(*key)
        if spots not in shared_spots:
            shared_spots[spots] = tuple(spots.split())
        like = (category, brand, size, price_fen)
        if like not in shared_likenesses:
            shared_likenesses[like] = Likeness(*like)
        codes, stands = gtins.get(name, ()), shared_spots[spots]
        skus.append(Sku(name, codes, name_en, name_zh, traits, stands, bool(retired), shared_likenesses[like]))
    return Catalogue(skus)


def enter(tx: sqlite3.Connection, update: Update) -> None:
    """Write what an update changed."""
    before = (*update.changed, *update.retired)
    after = (*update.added, *before)
    names = [(sku.sku,) for sku in before]
    tx.executemany("DELETE FROM gtin WHERE sku = ?", names)  # all of them first: a GTIN may move to another SKU
    tx.executemany("DELETE FROM channel_safety WHERE sku = ?", names)
    tx.executemany(_UPSERT, map(_row, after))
    tx.executemany(
        "INSERT INTO gtin VALUES (?, ?, ?)", ((code, sku.sku, n) for sku in after for n, code in enumerate(sku.gtins))
    )
    tx.executemany(
        "INSERT INTO channel_safety VALUES (?, ?, ?)",
        ((sku.sku, channel, units) for sku in after for channel, units in sku.traits.safety_of),
    )


def _row(sku: Sku) -> tuple[str | int, ...]:
    traits = sku.traits
    return (
        sku.sku,
        sku.name_en,
        sku.name_zh,
        traits.unit,
        traits.temperature,
        traits.min_age,
        traits.tags,
        traits.eligibility,
        traits.safety,
        " ".join(sku.spots),
        sku.retired,
        sku.likeness.category,
        sku.likeness.brand,
        sku.likeness.size,
        sku.likeness.price_fen,
    )


def forget_unused(tx: sqlite3.Connection) -> set[str]:
    """Delete retired SKUs that were never booked nor expected; which."""
    rows = tx.execute(
        "SELECT sku FROM sku WHERE retired"
        " AND sku NOT IN (SELECT sku FROM balance) AND sku NOT IN (SELECT sku FROM tag)"
    ).fetchall()
    for table in ("gtin", "channel_safety", "sku"):
        tx.executemany(f"DELETE FROM {table} WHERE sku = ?", rows)  # noqa: S608 - no input in it
    return {sku for (sku,) in rows}


def last_file(tx: sqlite3.Connection) -> str:
    """The fingerprint of the configured file that came in last; empty when none did."""
    row = tx.execute("SELECT value FROM meta WHERE key = 'catalogue'").fetchone()
    return str(row[0]) if row else ""


def note_file(tx: sqlite3.Connection, fingerprint: str) -> None:
    """Remember which file the catalogue now says the same as."""
    tx.execute(
        "INSERT INTO meta VALUES ('catalogue', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (fingerprint,),
    )
