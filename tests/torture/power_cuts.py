"""Cut the power anywhere in a day: what anybody was told is in the books afterwards, and nothing is there by half."""

import asyncio
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from agent.store import books as rows
from agent.store.connection import _open_writer
from agent.store.errors import BooksError
from agent.store.opening import look
from agent.store.verify import verify
from tests.core.shop import CATALOGUE
from tests.torture.asking_again import ask_again
from tests.torture.crash_vfs import CUTS, Cut, Platters
from tests.torture.workload import EPOCH, FILE, STORE, Day, Promise, a_day, fingerprint

TURNS = 40
_ASK_AGAIN_EVERY = 40

_MEMORY = Path("/dev/shm")

_REPLAYED = (
    "SELECT sku, place, sum(qty) AS qty FROM ("
    " SELECT sku, origin AS place, -qty AS qty FROM posting UNION ALL SELECT sku, target, qty FROM posting)"
    " GROUP BY sku, place HAVING sum(qty) <> 0 ORDER BY sku, place"
)
#: Accounts of claims balance among themselves, places among themselves.
_CLAIMS = ("FREE", "GRANT:", "HOLD:", "COMMIT:", "PULLED:", "CONSUMED")
_BALANCES = "SELECT sku, place, qty FROM balance WHERE qty <> 0 ORDER BY sku, place"


@dataclass(slots=True)
class Tally:
    """How many cuts, of which kinds, and what was found wrong after them."""

    days: int = 0
    cuts: int = 0
    #: Cuts after which the whole day was asked again.
    asked_again: int = 0
    lost: int = 0
    half_done: int = 0
    refused: int = 0
    wrong: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name in ("days", "cuts", "asked_again", "lost", "half_done", "refused", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_kind += other.by_kind
        self.complaints += other.complaints

    @property
    def is_good(self) -> bool:
        return self.cuts > 0 and not (self.lost or self.half_done or self.refused or self.wrong)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.by_kind.items()))
        return (
            f"{self.cuts} power cuts in {self.days} days ({kinds}; after {self.asked_again} everybody asked again): "
            f"{self.lost} lost something acknowledged, "
            f"{self.half_done} left something half done, {self.refused} could not be opened, {self.wrong} do not add up"
        )


def cut_a_day(seed: int, cuts: int, turns: int = TURNS) -> Tally:
    """Live one day and cut it at so many points, each cut of a kind that chance chooses."""
    return _cut(asyncio.run(a_day(seed, turns)), cuts, CUTS)


def control(seed: int, cuts: int, turns: int = TURNS) -> Tally:
    """The same with synchronous=NORMAL, which syncs only at checkpoints: most cuts must lose something."""
    day = asyncio.run(a_day(seed, turns, checkpoint_pages=1000, overrides={"synchronous": 1}))
    return _cut(day, cuts, [kind for kind in CUTS if kind != "all"])


def _cut(day: Day, cuts: int, kinds: Sequence[Cut]) -> Tally:
    assert day.stopped is None, day.stopped
    rng = Random(f"cuts {day.seed}")
    first_answer = next(at for at, done in enumerate(day.disk.trace) if done.kind == "note" and done.offset == 2)
    points = sorted(rng.randint(0 if "all" in kinds else first_answer, len(day.disk.trace)) for _ in range(cuts))
    platters, tally = Platters(day.disk.trace), Tally(days=1)
    with a_folder() as name:
        for nth, point in enumerate(points):
            platters.advance(point)
            kind = rng.choice(kinds)
            found = judge(day, platters.after(kind, rng), platters.noted, Path(name) / str(nth), tally)
            tally.cuts += 1
            tally.by_kind[kind] += 1
            if nth % _ASK_AGAIN_EVERY == 0:
                again = ask_again(platters.after(kind, rng), Path(name) / f"{nth}-again", day.seed, day.turns)
                tally.asked_again += 1
                tally.wrong += bool(again)
                found += again
            tally.complaints += [f"seed {day.seed}, operation {point}, {kind}: {one}" for one in found]
    return tally


def a_folder() -> tempfile.TemporaryDirectory[str]:
    """Somewhere to put what a power cut left; in memory, if the machine has that."""
    return tempfile.TemporaryDirectory(prefix="nearshelf-cut-", dir=_MEMORY if _MEMORY.is_dir() else None)


def judge(day: Day, files: dict[str, bytes], noted: int, folder: Path, tally: Tally) -> list[str]:
    """Start the agent's books on what is left, count what is wrong with them, and say it."""
    folder.mkdir()
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
    try:
        writer = _open_writer(folder / FILE)
    except BooksError as error:
        tally.refused += 1
        return [f"cannot be opened: {error}"]
    with closing(writer):
        found: list[str] = []
        state = fingerprint(writer)
        if state not in day.states[max(noted, 0) : noted + 2]:
            if state in day.states[: max(noted, 0)]:
                tally.lost += 1
                return [f"stands at {day.states.index(state)}, and {noted} was acknowledged"]
            tally.half_done += 1
            found.append("is what no turn left behind")
        if noted >= 0:
            broken = list(broken_promises(writer, day.promises[noted]))
            tally.lost += bool(broken)
            found += broken
        halves = list(half_done(writer, day))
        tally.half_done += bool(halves)
        sums = list(wrong_sums(writer))
    sums += map(str, verify(folder / FILE).findings)
    tally.wrong += bool(sums)
    found += halves + sums
    for file in folder.iterdir():
        os.unlink(file)
    return found


def broken_promises(tx: sqlite3.Connection, promise: Promise) -> Iterator[str]:
    """What somebody was told and is not so."""
    posted = {source: (sku, qty) for source, sku, qty in tx.execute("SELECT source, sku, qty FROM posting")}
    for source, sku, qty in promise.postings:
        if posted.get(source) != (sku, qty):
            yield f"{source} was acknowledged as {qty} of {sku} and is {posted.get(source)}"
    counted = Counter(source for (source,) in tx.execute("SELECT source FROM posting"))
    for source, count in promise.counts.items():
        if counted[source] != count:
            yield f"{source} was acknowledged with {count} postings and has {counted[source]}"
    delivered = {source for (source,) in tx.execute("SELECT source FROM delivery_line")}
    yield from (f"{source} was acknowledged and is lost" for source in promise.deliveries if source not in delivered)
    steps = dict(tx.execute("SELECT id, steps FROM customer_order").fetchall())
    for order, source in promise.steps:
        if f'"{source}"' not in steps.get(order, ""):
            yield f"{source} was acknowledged and is no step of order {order}"
    scans = dict(tx.execute("SELECT device, max(n) FROM scan GROUP BY device").fetchall())
    for device, n in promise.scans.items():
        if scans.get(device, 0) < n:
            yield f"{device}: {n} scans were answered and {scans.get(device, 0)} are noted"


def half_done(tx: sqlite3.Connection, day: Day) -> Iterator[str]:
    """Receipts and holds of which some lines are posted and others are not."""
    posted = dict(tx.execute("SELECT source, count(*) FROM posting GROUP BY source").fetchall())
    for sources, wanted in day.wholes.items():
        found = sum(posted.get(source, 0) for source in set(sources))
        if found not in (0, wanted):
            yield f"{sources[0]} is posted in part: {found} of {wanted}"


def wrong_sums(tx: sqlite3.Connection) -> Iterator[str]:
    """Whatever in the books does not add up, and whether the agent would start on them."""
    (intact,) = tx.execute("PRAGMA integrity_check").fetchone()
    if intact != "ok":
        yield f"integrity_check: {intact}"
    balances = tx.execute(_BALANCES).fetchall()
    if balances != tx.execute(_REPLAYED).fetchall():
        yield "balances are not the sum of the postings"
    totals: Counter[tuple[str, bool]] = Counter()
    for sku, place, qty in balances:
        totals[sku, place.startswith(_CLAIMS)] += qty
    yield from (f"{sku} sums to {total}" for (sku, _), total in totals.items() if total)
    try:
        tx.execute("BEGIN")
        look(tx)
        loaded = rows.load(tx, STORE, rows.found(tx, STORE, EPOCH), CATALOGUE)
        if {key: qty for key, qty in loaded.balances.items() if qty} != {row[:2]: row[2] for row in balances}:
            yield "what the agent loads is not what is there"
    except BooksError as error:
        yield f"the agent does not start: {error}"
    finally:
        tx.execute("ROLLBACK")
