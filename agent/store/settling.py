"""Open holds and their claims' accounts must say the same. In salvaged books they may not: here they are made to.

Whoever was promised something keeps it: where the two differ, the more recent says what it was.
"""

import sqlite3
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from agent.core.claims import USUAL_TTL_S, Hold, HoldLine, changed, units_in
from agent.core.places import FREE, GRANT, HOLD, OPEN_CLAIMS, PULLED, STAGED, TOTE
from agent.store import claims

#: Units of a SKU on an account of open claims.
Accounts = dict[tuple[str, str], int]

_MADE: Final = (
    "SELECT target, sku, source, part FROM {} WHERE code IN ('hold', 'commit', 'pull')"
    " AND (target GLOB 'HOLD:*' OR target GLOB 'COMMIT:*' OR target GLOB 'PULLED:*')"
)
#: Where the goods of work on holds went.
_CARRIED: Final = "SELECT source, sku, origin, target, qty, epc FROM {} WHERE source GLOB 'work:*'"
#: What a report said that is known by its name alone: it cannot be told again as something else, nor entered twice.
_UNKNOWN_WORDS: Final = ""


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
    for hold in made:
        back = [f"{qty} of {line.sku} in {place}" for line in hold.lines for place, qty in line.back]
        said.append(f"{hold.id} is made from its postings" + (f": put back {', '.join(back)}" if back else ""))
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
    """Holds for these accounts, and for goods in totes and slots that none accounts for: those are to be put back.

    Nothing for what no posting of a hold has filled.
    """
    stamp = claims.time_of(db)
    expires_ms = (stamp.books_ms if stamp else 0) + USUAL_TTL_S * 1000
    carried = _carried(db)
    found: dict[str, Hold] = {}
    for table in ("former_posting", "posting"):
        for account, sku, source, part in db.execute(_MADE.format(table)) if accounts else ():
            qty, name = accounts.get((sku, account), 0), _hold_in(source)
            order, _, digits = account.partition(":")[2].rpartition("/")
            pending = account.startswith(HOLD)
            if qty <= 0 or not (pending or digits.isdecimal()):
                continue
            hold = found.get(name) or _bare(db, name, expires_ms, carried)
            lines = {(one.line, one.sku): one for one in hold.lines}
            number = part + 1 if pending else int(digits)
            line = lines.get((number, sku)) or HoldLine(number, sku, 0, 0)
            if not account.startswith(PULLED):
                line = structs.replace(line, open=qty)
            elif not line.pulled and name in carried:
                line = carried[name].lies_in(line, qty)
            line = structs.replace(line, qty=line.open + units_in(line.pulled), state="todo" if line.open else "picked")
            if not line.qty or (pending and any(one.sku == sku for key, one in lines.items() if key[0] != number)):
                continue  # two lines of one SKU share a pending account: the first has all of it
            lines[number, sku] = line
            state, order = ("pending", "") if pending else ("committed", order)
            found[name] = structs.replace(hold, state=state, order=order, lines=tuple(lines.values()))
    known = claims.named(db, [*carried])
    for name, work in carried.items():
        if name in found or name not in known:
            hold = found.get(name) or structs.replace(_bare(db, name, expires_ms, carried), state="released")
            if (back := work.left(hold)) is not None:
                found[name] = back
    return list(found.values())


def _hold_in(source: str) -> str:
    """The hold that a posting's source names: `hold:H`, `commit:H`, or a report of its work, `work:H/w1`."""
    kind, _, name = source.partition(":")
    return name.rpartition("/")[0] if kind == "work" else name


@dataclass(slots=True)
class _Carried:
    """What the work on a hold did by its postings: the reports' names, what lies in totes and slots, and its tags."""

    names: dict[str, None] = field(default_factory=dict)
    there: Counter[tuple[str, str]] = field(default_factory=Counter)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)

    def lies_in(self, line: HoldLine, qty: int) -> HoldLine:
        """The line with so many of these units: each is one line's."""
        for sku, place in sorted(self.there):
            some = min(qty, self.there[sku, place]) if sku == line.sku else 0
            if some > 0:
                self.there[sku, place] -= some
                qty -= some
                tags = [tag for (of, tag), at in self.tags.items() if (of, at) == (sku, place)][:some]
                for tag in tags:
                    del self.tags[sku, tag]
                line = structs.replace(line, pulled=changed(line.pulled, place, some), tags=(*line.tags, *tags))
        return line

    def left(self, hold: Hold) -> Hold | None:
        """The hold with all that is no line's as goods to be put back; None when there are none."""
        lines = {line.sku: line for line in hold.lines}
        left = [(sku, place, qty) for (sku, place), qty in sorted(self.there.items()) if qty > 0]
        for sku, place, qty in left:
            number = max((line.line for line in lines.values()), default=0) + 1
            line = lines.get(sku) or HoldLine(number, sku, 0, 0, state="picked")
            tags = [tag for (of, tag), at in self.tags.items() if (of, at) == (sku, place)]
            back = changed(line.back, place, qty)
            lines[sku] = structs.replace(line, qty=line.qty + qty, back=back, tags=(*line.tags, *tags))
        others = [line for line in hold.lines if line.line not in {one.line for one in lines.values()}]
        return structs.replace(hold, lines=(*others, *lines.values())) if left else None


def _carried(db: sqlite3.Connection) -> dict[str, _Carried]:
    found: dict[str, _Carried] = {}
    for table in ("former_posting", "posting"):
        for source, sku, origin, target, qty, epc in db.execute(_CARRIED.format(table)):
            work = found.setdefault(_hold_in(source), _Carried())
            work.names[source.rpartition("/")[2]] = None
            for place, by in ((origin, -qty), (target, qty)):
                if place.startswith((TOTE, STAGED)):
                    work.there[sku, place] += by
            if epc is not None:
                work.tags[sku, epc.hex().upper()] = target
    return found


def _bare(db: sqlite3.Connection, name: str, expires_ms: int, carried: Mapping[str, _Carried]) -> Hold:
    works = tuple((work, _UNKNOWN_WORDS) for work in carried[name].names) if name in carried else ()
    for table in ("posting", "former_posting"):
        sql = f"SELECT actor, origin FROM {table} WHERE source = ? AND part = 0"  # noqa: S608 - one of two names
        row = db.execute(sql, (f"hold:{name}",)).fetchone()
        if row is not None:
            grant = row[1].removeprefix(GRANT) if row[1].startswith(GRANT) else ""
            return Hold(name, row[0], "pending", expires_ms, (), grant=grant, works=works)
    return Hold(name, "unknown", "pending", expires_ms, (), works=works)
