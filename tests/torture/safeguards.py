"""Switch the safeguards of the books off, one at a time, in a copy of the project: the tests must notice each.

Each is one exact text that is replaced in one file. A text that is no longer there is a failure of its own: whoever
changed it says here how it is switched off now.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.core.invariants import INVARIANTS

ROOT = Path(__file__).parent.parent.parent
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
_HUNG = -1
_TESTS_FAILED = 1  # pytest's exit status; others say that the tests could not even run
#: The tests of one safeguard are given so long, and a single one so long: a hang must end, and is no verdict.
_LONGEST_S = 180
_OPTIONS = ("-p", "no:cacheprovider", "--timeout", "60")
#: What says that a test could not judge: it hung, or the edit does not even run.
_NO_VERDICT = re.compile(r"(Failed: )?Timeout|(Name|Syntax|Import|ModuleNotFound|Attribute|Type)Error|fixture ")


class Safeguard(NamedTuple):
    """What keeps the books right, the edit that switches it off, and the tests that must notice."""

    name: str
    file: str
    on: str
    off: str
    tests: tuple[str, ...]


def _test_of(number: int) -> tuple[str]:
    """The property test of an invariant."""
    return (f"{_INVARIANTS}::{INVARIANTS[number - 1].test}",)


class Finding(NamedTuple):
    """Which test noticed that a safeguard was off; or why that cannot be said."""

    safeguard: Safeguard
    noticed_by: str
    trouble: str
    took_s: float

    def __str__(self) -> str:
        verdict = f"noticed by {self.noticed_by}" if self.noticed_by else f"NOT NOTICED: {self.trouble}"
        return f"{self.safeguard.name:<44} {self.safeguard.file:<36} {self.took_s:4.0f} s  {verdict}"


_STORE, _CLERK = "tests/agent/test_store.py", "tests/agent/test_clerk.py"
_CORE = ("tests/core/test_ledger.py", "tests/core/test_decisions.py")
_INVARIANTS = "tests/invariants/test_invariants.py"
_HQ, _SCANNER = "tests/hq_bridge/test_ingest.py", "tests/drivers/barcode_serial/test_driver.py"

#: Noticed within a few seconds: the ordinary tests try these.
QUICK = (
    Safeguard(
        "a commit is on disk before it is told",
        "agent/store/connection.py",
        '"synchronous": 2,',
        '"synchronous": 1,',
        (f"{_STORE}::test_settings_hold_on_the_writer",),
    ),
    Safeguard(
        "a refused sale posts nothing",
        "agent/core/decisions.py",
        '    if mistakes:\n        detail = "; "',
        '    if mistakes:\n        for one in found:\n            _sell_line(turn, *one)\n        detail = "; "',
        ("tests/core/test_decisions.py",),
    ),
    Safeguard(
        "an event is looked up before it is entered",
        "agent/core/ledger.py",
        "return self._known.get(source)",
        "return None",
        (f"{_CLERK}::test_one_source_event_makes_one_set_of_postings",),
    ),
)

SAFEGUARDS = (
    *QUICK,
    Safeguard(
        "one agent at a time on the books",
        "agent/store/connection.py",
        "        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)\n",
        (_STORE,),
    ),
    Safeguard(
        "memory changes with the commit",
        "agent/store/thread.py",
        "            if and_then is not None:\n",
        "            if and_then is not None and not outcome.done():\n",
        (_STORE, _CLERK),
    ),
    Safeguard(
        "a turn is taken whole, whoever leaves",
        "agent/store/thread.py",
        "                result = work()\n",
        "                if outcome.cancelled():\n                    return\n                result = work()\n",
        (_STORE,),
    ),
    Safeguard(
        "a turn that fails is rolled back",
        "agent/store/connection.py",
        'tx.execute("ROLLBACK")',
        'tx.execute("COMMIT")',
        (_STORE,),
    ),
    Safeguard(
        "settings are read back",
        "agent/store/connection.py",
        "if found != (wanted,):",
        "if found is wanted is None:",
        (_STORE,),
    ),
    Safeguard(
        "the ledger refuses a source a second time",
        "agent/store/schema/0001_books.sql",
        "CREATE UNIQUE INDEX posting_source",
        "CREATE INDEX posting_source",
        (_CLERK,),
    ),
    Safeguard(
        "numbers are dense over postings and cases",
        "agent/core/ledger.py",
        "        if found is None:\n            self.head += 1\n            seq = self.head\n",
        "        if found is None:\n            self.head += 2\n            seq = self.head\n",
        _test_of(8),
    ),
    Safeguard(
        "the last number is never forgotten",
        "agent/store/announcements.py",
        " AND seq < (SELECT max(seq) FROM announcement)",
        "",
        (_STORE,),
    ),
    Safeguard(
        "only what HQ has heard is forgotten",
        "agent/store/announcements.py",
        "(now_ms - kept_ms, heard),",
        "(now_ms - kept_ms, heard + 1000000),",
        (_STORE,),
    ),
    Safeguard(
        "negative stock opens a case",
        "agent/core/ledger.py",
        "if from_now < 0 and is_inside(origin):",
        "if from_now < -1000000 and is_inside(origin):",
        _test_of(5),
    ),
    Safeguard(
        "only FLOOR and BACKROOM go below zero",
        "agent/core/ledger.py",
        'raise ImpossiblePostingError(f"{origin} would hold {from_now} of {sku}")',
        "pass",
        _CORE,
    ),
    Safeguard(
        "the scanner hears yes after the commit",
        "drivers/barcode_serial/driver.py",
        "    answer = await sink.scan(said)\n    return answer.accepted",
        "    __import__('asyncio').ensure_future(sink.scan(said))\n    return bool(said)",
        (f"{_SCANNER}::test_a_refused_scan_and_an_unreadable_line_get_nak",),
    ),
    Safeguard(
        "HQ takes no row before its turn",
        "hq_bridge/books.py",
        "if batch.first > self.cursor + 1:",
        "if batch.first > self.cursor + 1000000:",
        (f"{_HQ}::test_a_gap_is_asked_for_once_and_not_applied",),
    ),
    Safeguard(
        "HQ takes no row twice",
        "hq_bridge/books.py",
        "rows = batch.rows[self.cursor + 1 - batch.first :]",
        "rows = batch.rows",
        (f"{_HQ}::test_at_every_boundary_only_what_comes_next_is_taken",),
    ),
    Safeguard(
        "HQ's cursor is in the rows' transaction",
        "hq_bridge/store.py",
        "        await self._write(work)\n        self._months.add",
        "        positions = [_position(draft) for draft in drafts]\n"
        "        await self._write(lambda connection: on.put(connection, tables.position, positions))\n"
        "        await self._write(work)\n        self._months.add",
        ("tests/hq_bridge/test_databases.py::test_a_landing_that_fails_half_way_leaves_the_cursor_with_its_rows",),
    ),
    Safeguard(
        "HQ says heard after its commit",
        "hq_bridge/ingest.py",
        "        await self._commit(drafts, unreadable)\n",
        "        for each in taken:\n"
        "            if (answer := drafts[each.store].answer) is not None:\n"
        "                self._say(each.waited.topics, answer)\n"
        "        await self._commit(drafts, unreadable)\n",
        (_HQ,),
    ),
    Safeguard(
        "each link of the chain holds the one before",
        "agent/store/chain.py",
        "blake2b(before + canonical(row), digest_size=SIZE)",
        "blake2b(canonical(row), digest_size=SIZE)",
        ("tests/agent/test_durability_migrations.py", "tests/agent/test_durability_verify.py"),
    ),
    Safeguard(
        "every balance of a turn is written",
        "agent/store/books.py",
        "for (sku, place), qty in turn.balances.items()",
        "for (sku, place), qty in list(turn.balances.items())[:2]",
        _test_of(1),
    ),
    Safeguard(
        "claims are weighed when units move",
        "agent/core/ledger.py",
        "if self.books.spoken_for.of_sku or self._spoken_for.of_sku:",
        "if self.books.spoken_for is None:",
        _test_of(2),
    ),
    Safeguard(
        "an event of any history is looked up",
        "agent/core/ledger.py",
        "return self._known.get(source)",
        "return self._known.get(source[:0])",
        _test_of(3),
    ),
    Safeguard(
        "memory follows a tag",
        "agent/core/tags.py",
        "        tag.follow(change)\n",
        "        tag.sku = change.sku\n",
        _test_of(4),
    ),
    Safeguard(
        "what moved since a count stays moved",
        "agent/core/count_proofs.py",
        "            then -= change\n",
        "            then -= 0 * change\n",
        _test_of(6),
    ),
    Safeguard(
        "a holder takes no more than it was granted",
        "agent/core/promises.py",
        "max(0, min(turn.balance(sku, GRANT + ask.grant), found.sellable - found.promised))",
        "max(0, found.sellable - found.promised)",
        _test_of(7),
    ),
    Safeguard(
        "nothing is promised on a stale lease",
        "agent/core/atp.py",
        "if conditions.lease_stale and not policy.local:",
        "if conditions.lease_stale is None:",
        (*_test_of(7), "tests/core/test_claims.py::test_every_term_of_atp_counts"),
    ),
    Safeguard(
        "the clock looks after every order",
        "agent/core/orders.py",
        "return self.deadline_ms if self.is_open and not self.late else None",
        "return None",
        _test_of(9),
    ),
    Safeguard(
        "a commit waits for the disk",
        "agent/store/connection.py",
        '"synchronous": 2,',
        '"synchronous": 1,',
        _test_of(10),
    ),
    Safeguard(
        "every column of a posting is hashed",
        "agent/store/chain.py",
        "blake2b(before + canonical(row), digest_size=SIZE)",
        "blake2b(before + canonical(row[:-1]), digest_size=SIZE)",
        _test_of(11),
    ),
    Safeguard(
        "the wants of one SKU are added up",
        "agent/core/promises.py",
        "wanted[want.sku] = wanted.get(want.sku, 0) + want.qty",
        "wanted[want.sku] = want.qty",
        ("tests/core/test_claims.py",),
    ),
    Safeguard(
        "a group is held whole or not at all",
        "agent/core/promises.py",
        "    if lacking:\n        return Short(",
        "    if len(lacking) == len(ask.wants):\n        return Short(",
        ("tests/core/test_claims.py",),
    ),
    Safeguard(
        "a restore keeps open holds",
        "agent/store/salvage.py",
        "        elif table not in LEDGERS_OWN:\n",
        '        elif table not in LEDGERS_OWN | {"hold"}:\n',
        ("tests/agent/test_durability_salvage.py::test_what_was_promised_and_delivered_since_the_copy_is_kept",),
    ),
    Safeguard(
        "an archived receipt stays known",
        "agent/store/archives.py",
        "        bygone.remember(tx, (row[1:] for row in gone))\n",
        "",
        (
            "tests/agent/test_durability_archive.py::test_a_receipt_that_is_archived_is_still_known_and_posts_nothing_again",
        ),
    ),
    Safeguard(
        "holds expire",
        "agent/core/promises.py",
        "    due = turn.due_holds()\n",
        "    due = turn.due_holds()[:0]\n",
        ("tests/core/test_claims.py",),
    ),
)


@contextmanager
def a_copy() -> Iterator[Path]:
    """The project in a folder of its own, where it may be spoilt."""
    with tempfile.TemporaryDirectory(prefix="nearshelf-safeguards-") as name:
        tree = Path(name) / "project"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        yield tree


def switch_off(safeguards: Sequence[Safeguard]) -> Iterator[Finding]:
    """Try each. The tests must be content with the copy as it is: otherwise they notice nothing, they just fail."""
    with a_copy() as tree:
        status, output = _run(
            tree, sorted({test for safeguard in safeguards for test in safeguard.tests}), 5 * _LONGEST_S
        )
        assert status == 0, f"the tests fail with every safeguard on:\n{output[-3000:]}"
        for safeguard in safeguards:
            began = time.monotonic()
            noticed_by, trouble = _try(tree, safeguard)
            yield Finding(safeguard, noticed_by, trouble, time.monotonic() - began)


def _try(tree: Path, safeguard: Safeguard) -> tuple[str, str]:
    file = tree / safeguard.file
    text = file.read_text(encoding="utf-8")
    if text.count(safeguard.on) != 1:
        return "", f"the text that switches it on is there {text.count(safeguard.on)} times: {safeguard.on!r}"
    file.write_text(text.replace(safeguard.on, safeguard.off), encoding="utf-8")
    try:
        status, output = _run(tree, safeguard.tests, _LONGEST_S)
    finally:
        file.write_text(text, encoding="utf-8")
    failed = re.search(r"^FAILED \S+::(\w+)\S* - (.*)", output, re.MULTILINE)
    if status == _TESTS_FAILED and failed is not None and not _NO_VERDICT.match(failed[2]):
        return failed[1], ""
    if status == 0:
        return "", "all its tests are content"
    if failed is not None:
        return "", f"{failed[1]} only says {failed[2]}"
    return "", f"pytest ends with {status}: {output[-2000:]}"


def _run(tree: Path, tests: Iterable[str], within_s: float) -> tuple[int, str]:
    """pytest in the copy; nothing compiled is kept, because an edit within the same second would go unseen."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *_OPTIONS, *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "300"}
    with tempfile.TemporaryFile(dir=tree.parent) as output:
        try:
            status = subprocess.run(
                command, cwd=tree, env=environment, stdout=output, stderr=output, check=False, timeout=within_s
            ).returncode
        except subprocess.TimeoutExpired:
            status = _HUNG
        output.seek(0)
        return status, output.read().decode(errors="replace")


def main(names: list[str]) -> int:
    """Try all, or those whose name contains a word given; print a table."""
    chosen = [one for one in SAFEGUARDS if not names or any(word in one.name for word in names)]
    unnoticed = 0
    for finding in switch_off(chosen):
        unnoticed += not finding.noticed_by
        print(finding, flush=True)
    print(f"{len(chosen)} safeguards switched off one at a time, {len(chosen) - unnoticed} noticed")
    return 1 if unnoticed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
