"""Recomputes everything the books say and names what is not so. Reads only; an agent may be at work meanwhile."""

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.core.places import is_claim
from agent.store import archives, chain, pages, replay, settling, snapshots
from agent.store.replay import MOST_FINDINGS, Finding, Replay

#: Told now and then: (what is looked at, how much is done, how much there is).
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what is wrong; `findings` in the order of the books, the first wrong posting first."""

    store: str
    epoch: int
    head: int
    postings: int
    archived: int
    findings: tuple[Finding, ...]
    #: What could not be looked at, and is no mistake: archives that were taken elsewhere.
    absent: tuple[str, ...]


class _Told(msgspec.Struct, rename={"origin": "from", "target": "to"}):
    """What the verifier wants of an announcement."""

    seq: int
    kind: str
    sku: str = ""
    origin: str = ""
    target: str = ""
    qty: int = 0
    from_now: int = 0
    to_now: int = 0
    on_hand: int = 0


_TOLD = msgspec.json.Decoder(_Told)


def verify(
    path: Path,
    tick: Tick = lambda what, done, of: None,
    *,
    recent: bool = False,
    archives_in: Path | None = None,
) -> Report:
    """Verify the books at `path`; with `recent`, only what followed the newest snapshot, and no archives.

    The archives are in the folder of the books unless `archives_in` is another.
    """
    db = snapshots.reader(path)
    try:
        db.execute("BEGIN")
        return _Verifier(db, path, archives_in or path.parent, tick, recent=recent).report()
    finally:
        db.close()


def whole(path: Path) -> str:
    """The first thing that is wrong with the books at `path`, their indexes too; nothing when all is right."""
    findings = verify(path).findings
    if findings:
        return str(findings[0])
    with contextlib.closing(snapshots.reader(path)) as db:
        (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    return "" if verdict == "ok" else f"SQLite: {verdict}"


class _Verifier:
    def __init__(self, db: sqlite3.Connection, path: Path, archives_in: Path, tick: Tick, *, recent: bool) -> None:
        self._db = db
        self._path = path
        self._archives_in = archives_in
        self._tick = tick
        self._recent = recent
        self._findings: list[Finding] = []
        self._absent: list[str] = []
        self._archived = 0
        self._postings = 0

    def report(self) -> Report:
        meta: dict[str, str] = {}
        try:
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
            replayed = self._ledger()
            if replayed is not None:
                self._balances(replayed)
                self._claims()
            self._announcements()
            if not self._recent:
                self._former_epochs()
                self._pages()
        except (sqlite3.DatabaseError, snapshots.SnapshotDamagedError) as error:
            self._find(None, f"the books cannot be read: {error}")
        (head,) = self._one("SELECT coalesce(max(seq), 0) FROM announcement")
        return Report(
            meta.get("store", ""),
            int(meta.get("epoch", 0)),
            head,
            self._postings,
            self._archived,
            tuple(self._findings[:MOST_FINDINGS]),
            tuple(self._absent),
        )

    def _one(self, sql: str) -> tuple[int, ...]:
        try:
            row: tuple[int, ...] = self._db.execute(sql).fetchone()
        except sqlite3.DatabaseError as error:
            self._find(None, f"the books cannot be read: {error}")
            return (0,)
        return row

    def _find(self, seq: int | None, problem: str) -> None:
        self._findings.append(Finding(seq, problem))

    def _ledger(self) -> Replay | None:
        """What the postings lead to; None when they cannot be read to their end."""
        start, link = snapshots.ledger_start(self._db)
        if self._recent:
            newest = snapshots.known(self._db)
            replayed = self._from(newest) if newest is not None and newest.seq >= start else Replay()
            if newest is None and start:
                replayed = self._from(snapshots.known(self._db, start))
        else:
            replayed = self._archives(start)
            if replayed.link != link:
                self._find(start, "the ledger does not begin where the archives end")
        (rows,) = self._one(f"SELECT count(*) FROM posting WHERE seq > {replayed.seq}")  # noqa: S608 - a number
        done = 0

        def tick(more: int) -> None:
            nonlocal done
            done += more
            self._tick("postings", done, rows)

        before = replayed.rows
        whole = replay.postings(self._db, replayed, tick)
        self._postings = replayed.rows - before
        self._findings += replayed.findings
        return replayed if whole else None

    def _from(self, snapshot: snapshots.Snapshot | None) -> Replay:
        if snapshot is None:
            return Replay()
        return Replay(snapshot.chain, snapshot.balances(), snapshot.seq)

    def _archives(self, start: int) -> Replay:
        """Replay this epoch's archives, as long as they are here; the ledger begins with a snapshot all the same."""
        (epoch,) = self._db.execute("SELECT max(epoch) FROM (SELECT epoch FROM ledger_start UNION SELECT 0)").fetchone()
        replayed: Replay | None = Replay()
        kept = archives.kept(self._db)
        ends: dict[int, bytes] = {}
        for nth, archive in enumerate(kept):
            self._tick("archives", nth + 1, len(kept))
            if ends.get(archive.epoch, chain.START) != archive.before:
                self._find(None, f"{archive.file}: does not begin where the archive before it ends")
            ends[archive.epoch] = archive.after
            path = self._archives_in / archive.file
            of_now = archive.epoch == epoch
            if not path.exists():
                self._absent.append(archive.file)
                replayed = None if of_now else replayed
                continue
            follows = replayed if of_now and replayed is not None else Replay(archive.before)
            found = archives.look(path, archive, follows)
            self._archived += found.rows
            problems = found.problems + ([str(finding) for finding in follows.findings] if follows is replayed else [])
            self._findings += [Finding(None, f"{archive.file}: {problem}") for problem in problems]
            if problems and of_now:
                replayed = None  # what comes after is not judged by what is wrong
        if not start:
            return Replay()
        opening = snapshots.known(self._db, start)
        if opening is None:
            self._find(start, "the ledger begins here and the balances of then are missing")
            return replayed or Replay()
        balances = opening.balances()
        if replayed is not None and _nonzero(replayed.balances) != balances:
            self._find(start, "the balances the ledger begins with are not those the archives lead to")
        return Replay(opening.chain, balances, start)

    def _balances(self, replayed: Replay) -> None:
        kept = {(sku, place): qty for sku, place, qty in self._db.execute("SELECT sku, place, qty FROM balance")}
        if _nonzero(kept) != _nonzero(replayed.balances):
            for sku, place in sorted(kept.keys() | replayed.balances.keys()):
                says, is_ = kept.get((sku, place), 0), replayed.balances.get((sku, place), 0)
                if says != is_:
                    self._find(None, f"balance of {sku} at {place} is kept as {says}; its postings lead to {is_}")
                if len(self._findings) > MOST_FINDINGS:
                    break
        sums: dict[tuple[str, bool], int] = {}
        for (sku, place), qty in kept.items():
            family = sku, is_claim(place)
            sums[family] = sums.get(family, 0) + qty
        for (sku, _), total in sums.items():
            if total:
                self._find(None, f"the balances of {sku} sum to {total} and not to 0")

    def _claims(self) -> None:
        """Open holds and the balances of their accounts say the same."""
        for sku, account, held, booked in settling.differences(self._db)[:MOST_FINDINGS]:
            self._find(None, f"{account} has {booked} of {sku} and its hold says {held}")

    def _announcements(self) -> None:
        """Numbers are dense, and each says what its posting says; a stock row that changes nothing has none."""
        sql = (
            "SELECT a.seq, a.body, p.seq, p.sku, p.origin, p.target, p.qty, p.from_now, p.to_now, p.on_hand"
            " FROM announcement AS a LEFT JOIN posting AS p USING (seq) ORDER BY a.seq"
        )
        oldest = expected = None
        matched = done = 0
        (rows,) = self._one("SELECT count(*) FROM announcement")
        decode = _TOLD.decode
        cursor = self._db.execute(sql)
        while some := cursor.fetchmany(10_000):
            for seq, body, *posting in some:
                if seq != expected:
                    if expected is not None:
                        self._find(None, f"announcement {expected} is missing")
                    else:
                        oldest = seq
                expected = seq + 1
                try:
                    told = decode(body)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    self._find(None, f"announcement {seq} cannot be read")
                    continue
                if told.kind == "stock" and told.qty:
                    matched += 1
                    says = [told.seq, told.sku, told.origin, told.target, told.qty]
                    if [*says, told.from_now, told.to_now, told.on_hand] != posting:
                        self._find(seq, "is not what HQ is told of it")
                elif posting[0] is not None or told.seq != seq:
                    self._find(None, f"announcement {seq} is of another number, or is a posting's")
                if len(self._findings) > MOST_FINDINGS:
                    return
            done += len(some)
            self._tick("announcements", done, rows)
        (there,) = self._one(f"SELECT count(*) FROM posting WHERE seq >= {oldest or 1}")  # noqa: S608 - a number
        if there != matched:
            self._find(None, f"{there} postings since announcement {oldest}, {matched} are announced")

    def _former_epochs(self) -> None:
        """Rows of the epochs before a restore: only their chain, their balances are history."""
        starts = dict(self._db.execute("SELECT epoch, chain FROM ledger_start").fetchall())
        rows = self._db.execute(
            f"SELECT epoch, {chain.NAMES}, chain FROM former_posting ORDER BY epoch, seq"  # noqa: S608
        )
        at, link = None, chain.START
        for epoch, *row, told in rows:
            if epoch != at:
                at, link = epoch, starts.get(epoch, chain.START)
            value = chain.after(link, tuple(row))
            if value != told:
                self._find(None, f"epoch {epoch}, posting {row[0]}: is changed, or one before it is gone")
            link = told

    def _pages(self) -> None:
        self._tick("pages", 0, 1)
        for (problem,) in self._db.execute(f"PRAGMA quick_check({MOST_FINDINGS})").fetchall():
            if problem != "ok":
                self._find(None, f"SQLite: {problem}")
        for number in pages.odd_rows(self._path):
            self._find(number, "holds a byte that SQLite did not write there")
        self._tick("pages", 1, 1)


def _nonzero(balances: snapshots.Balances) -> snapshots.Balances:
    return {key: qty for key, qty in balances.items() if qty}
