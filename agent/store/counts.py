"""Rows of count sessions, and what moved since goods were counted, for the turn that enters what was found."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from agent.core.count_asks import Count, CountAsk, EnterFound, ReviewCount
from agent.core.count_proofs import MOST_BEHIND
from agent.core.count_sessions import CountSession, Reading, SessionLine
from agent.core.ledger import Books, Posting, Turn

_SINCE = (
    f"SELECT {', '.join(Posting._fields)} FROM posting"  # noqa: S608 - the columns are this program's own
    " WHERE seq > ? AND sku IN (SELECT value FROM json_each(?)) ORDER BY seq"
)
#: Sessions deleted in one turn.
FORGOTTEN_AT_ONCE: Final = 500
_SESSION = "id, place, why, requested_by, requested_at, due_at, assigned_to, whole"
_LINE = "line, sku, state, counter, epoch, from_seq, readings, why, outcome, variance, posting, approved, decided_by"


def load(tx: sqlite3.Connection, books: Books) -> None:
    """Take the open sessions into the books."""
    for session in _read(tx, "closed_at IS NULL", ()):
        books.counts.keep(session)


def look_back(tx: sqlite3.Connection, turn: Turn, asks: Sequence[CountAsk]) -> None:
    """Give the turn the sessions that are over and asked about, and the postings since these counts began, as far back
    as the ledger goes and nobody waits too long.
    """
    if not asks:
        return
    names = {ask.count for ask in asks} - turn.books.counts.sessions.keys()
    if names:
        found = _read(tx, "id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(names)),))
        turn.known_counts = {session.id: session for session in found}
    began: dict[str, int] = {}
    for ask in asks:
        for sku, seq in _began(turn, ask):
            began[sku] = min(seq, began.get(sku, seq))
    if not began:
        return
    (begin,) = tx.execute("SELECT coalesce(max(seq), 0) FROM ledger_start").fetchone()
    turn.moved_after = max(begin, turn.books.head - MOST_BEHIND, min(began.values()))
    moved: dict[str, list[Posting]] = defaultdict(list)
    for row in tx.execute(_SINCE, (turn.moved_after, json.dumps(sorted(began)))):
        moved[row[1]].append(Posting._make(row))
    turn.moved = moved


def _began(turn: Turn, ask: CountAsk) -> list[tuple[str, int]]:
    """Which SKUs were counted, and since which number of the books."""
    if not isinstance(ask, Count | EnterFound | ReviewCount):
        return []
    item, epoch = turn.books.catalogue.item, turn.books.epoch
    began: list[tuple[str, int]] = []
    if isinstance(ask, Count):
        found = [(item(line.item_is, line.item), line.from_seq) for line in ask.lines]
        began = [(sku.sku, seq) for sku, seq in found if sku is not None]
        skus = {sku for sku, _ in began}
    else:
        skus = {sku.sku for line in ask.lines if (sku := item(*line.item)) is not None}
    session = turn.count(ask.count)
    if session is None:
        return began
    for line in session.lines:
        if line.epoch == epoch:
            # What is found at a place that is counted as a whole may be none of its lines: it counts since the first.
            began += [(sku, line.from_seq) for sku in skus if sku == line.sku or (line.counter and session.whole)]
        if line.sku in skus:
            began += [(line.sku, one.from_seq) for one in line.standing() if one.epoch == epoch]
    return began


def enter(tx: sqlite3.Connection, turn: Turn) -> None:
    """Write the sessions of a turn, and of each the lines that changed."""
    for session in turn.counts.values():
        tx.execute(
            f"INSERT INTO count_session ({_SESSION}, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
            " ON CONFLICT DO UPDATE SET assigned_to = excluded.assigned_to, closed_at = excluded.closed_at",
            (
                session.id,
                session.place,
                session.why,
                session.requested_by,
                session.requested_at,
                session.due_at,
                session.assigned_to,
                session.whole,
                None if session.is_open else turn.at,
            ),
        )
        before = turn.books.counts.sessions.get(session.id)
        known = {} if before is None else {line.line: line for line in before.lines}
        tx.executemany(
            f"INSERT OR REPLACE INTO count_line (session, {_LINE}) VALUES ({', '.join('?' * 14)})",  # noqa: S608
            [_row(session.id, line) for line in session.lines if known.get(line.line) != line],
        )


def forget(tx: sqlite3.Connection, before: int, most: int = FORGOTTEN_AT_ONCE) -> int:
    """Delete up to `most` sessions that were over before `before` (ms), their postings archived; how many.

    Archived by number: what was counted under a clock at 1970 is no older than the postings around it.
    """
    old = tx.execute(
        "SELECT id FROM count_session AS session WHERE closed_at < ?"
        " AND closed_at < (SELECT at FROM posting ORDER BY seq LIMIT 1)"
        " AND NOT EXISTS (SELECT 1 FROM count_line AS line WHERE line.session = session.id AND line.posting >"
        "  coalesce((SELECT seq FROM ledger_start AS start WHERE start.epoch = line.epoch), 0)) LIMIT ?",
        (before, most),
    ).fetchall()
    for table, key in (("count_line", "session"), ("count_session", "id")):
        tx.executemany(f"DELETE FROM {table} WHERE {key} = ?", old)  # noqa: S608 - names of our own
    return len(old)


def _row(session: str, line: SessionLine) -> tuple[Any, ...]:
    readings = json.dumps(
        [
            (one.by, one.at, one.epoch, one.from_seq, one.to_seq, one.counted, one.variance, one.stands)
            for one in line.readings
        ]
    )
    counting = (session, line.line, line.sku, line.state, line.counter, line.epoch, line.from_seq, readings, line.why)
    return (*counting, line.outcome, line.variance, line.posting, line.approved, line.decided_by)


def _read(tx: sqlite3.Connection, which: str, values: tuple[str, ...]) -> list[CountSession]:
    """The sessions `which` (a condition of this program's own) is true of."""
    lines: dict[str, list[SessionLine]] = defaultdict(list)
    wanted = f"SELECT id FROM count_session WHERE {which}"  # noqa: S608
    for row in tx.execute(
        f"SELECT session, {_LINE} FROM count_line WHERE session IN ({wanted}) ORDER BY session, line",  # noqa: S608
        values,
    ):
        readings = tuple(Reading(*one) for one in json.loads(row[7]))
        lines[row[0]].append(SessionLine(*(*row[1:7], readings, *row[8:])))
    found = tx.execute(f"SELECT {_SESSION} FROM count_session WHERE {which}", values)  # noqa: S608
    return [CountSession(*(*row[:7], bool(row[7]), tuple(lines[row[0]]))) for row in found]
