"""Open holds and their claims' accounts must say the same. In salvaged books they may not: here they are made to.

Whoever was promised something keeps it: where the two differ, the more recent says what it was.
"""

import sqlite3
from collections import Counter
from collections.abc import Container, Iterable
from typing import Final

from msgspec import structs

from agent.core.claims import USUAL_TTL_S, Hold, HoldLine
from agent.core.places import COMMIT, FREE, GRANT, HOLD, OPEN_CLAIMS
from agent.store import claims

#: Units of a SKU on an account of open claims.
Accounts = dict[tuple[str, str], int]

_MADE: Final = (
    "SELECT target, sku, source, part FROM {} WHERE code IN ('hold', 'commit')"
    " AND (target GLOB 'HOLD:*' OR target GLOB 'COMMIT:*')"
)


def differences(db: sqlite3.Connection) -> list[tuple[str, str, int, int]]:
    """Where the two differ: (SKU, account, units by the open holds, units by the balances)."""
    held, booked = _held(claims.open_holds(db)), _booked(db)
    return [
        (sku, account, held.get((sku, account), 0), booked.get((sku, account), 0))
        for sku, account in sorted(held.keys() | booked.keys())
        if held.get((sku, account), 0) != booked.get((sku, account), 0)
    ]


def settle(db: sqlite3.Connection, certain: Container[str] | None) -> list[str]:
    """Make them agree within the caller's transaction; each hold or account that was changed, and how.

    A hold in `certain` (None: every one) is as recent as the ledger or more: its account follows it. Another one is
    older than the ledger and follows that. An account without a hold gets one, made from the postings that filled it.
    """
    said: list[str] = []
    holds = claims.open_holds(db)
    booked = _booked(db)
    kept: list[Hold] = []
    for hold in holds:
        held = _held([hold])
        if certain is None or hold.id in certain or all(booked.get(key, 0) == qty for key, qty in held.items()):
            kept.append(hold)
        else:
            claims.keep(db, [hold.resolved("release")])
            said.append(f"{hold.id} was resolved, and nobody knows how")
    alone = booked.keys() - _held(kept).keys()
    made = _from_postings(db, {key: booked[key] for key in alone})
    claims.keep(db, made)
    said += [f"{hold.id} is made from its postings" for hold in made]
    held = _held([*kept, *made])
    for sku, account in sorted(held.keys() | booked.keys()):
        has, wanted = booked.get((sku, account), 0), held.get((sku, account), 0)
        if has != wanted:
            _book(db, sku, account, wanted - has)
            said.append(f"{sku} on {account}: {wanted} where the ledger had {has}")
    return said


def _held(holds: Iterable[Hold]) -> Accounts:
    found: Counter[tuple[str, str]] = Counter()
    for hold in holds:
        for line, account, qty in hold.claims():
            found[line.sku, account] += qty
    return dict(found)


def _booked(db: sqlite3.Connection) -> Accounts:
    rows = db.execute("SELECT sku, place, qty FROM balance WHERE qty <> 0")
    return {(sku, place): qty for sku, place, qty in rows if place.startswith(OPEN_CLAIMS)}


def _book(db: sqlite3.Connection, sku: str, account: str, qty: int) -> None:
    add = "INSERT INTO balance VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET qty = qty + excluded.qty"
    db.executemany(add, [(sku, account, qty), (sku, FREE, -qty)])


def _from_postings(db: sqlite3.Connection, accounts: Accounts) -> list[Hold]:
    """Holds for these accounts; not for what no posting of a hold has filled."""
    if not accounts:
        return []
    stamp = claims.time_of(db)
    expires_ms = (stamp.books_ms if stamp else 0) + USUAL_TTL_S * 1000
    found: dict[str, Hold] = {}
    for table in ("former_posting", "posting"):
        for account, sku, source, part in db.execute(_MADE.format(table)):
            qty = accounts.get((sku, account), 0)
            name = source.partition(":")[2]
            order, _, number = account.removeprefix(COMMIT).rpartition("/")
            pending = account.startswith(HOLD)
            if qty > 0 and (pending or number.isdecimal()):
                line = HoldLine(part + 1 if pending else int(number), sku, qty, qty)
                hold = found.get(name) or _bare(db, name, expires_ms)
                lines = {(one.line, one.sku): one for one in hold.lines} | {(line.line, sku): line}
                if pending and sum(one.sku == sku for one in lines.values()) > 1:
                    continue  # two lines of one SKU share the account: the first has all of it
                state, order = ("pending", "") if pending else ("committed", order)
                found[name] = structs.replace(hold, state=state, order=order, lines=tuple(lines.values()))
    return list(found.values())


def _bare(db: sqlite3.Connection, name: str, expires_ms: int) -> Hold:
    for table in ("posting", "former_posting"):
        sql = f"SELECT actor, origin FROM {table} WHERE source = ? AND part = 0"  # noqa: S608 - one of two names
        row = db.execute(sql, (f"hold:{name}",)).fetchone()
        if row is not None:
            grant = row[1].removeprefix(GRANT) if row[1].startswith(GRANT) else ""
            return Hold(name, row[0], "pending", expires_ms, (), grant=grant)
    return Hold(name, "unknown", "pending", expires_ms, ())
