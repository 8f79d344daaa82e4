"""Old books: made by the program of that time and kept as they were, opened by this one."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from agent.core.ledger import Posting
from agent.store import chain, migrations
from tests.agent.shops import opened

OLD = sorted((Path(__file__).parent / "databases").glob("v*.db"))


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of version 1's tables, in their columns."""
    with sqlite3.connect(path) as db:
        found = {
            "posting": db.execute(f"SELECT {chain.NAMES} FROM posting ORDER BY seq").fetchall(),
            "balance": db.execute("SELECT sku, place, qty FROM balance ORDER BY sku, place").fetchall(),
            "tag": db.execute("SELECT epc, sku, state, place, moves FROM tag ORDER BY epc").fetchall(),
            "case_file": db.execute("SELECT id, kind, about, times, resolved_at FROM case_file ORDER BY id").fetchall(),
            "scan": db.execute("SELECT device, n, text, outcome FROM scan ORDER BY device, n").fetchall(),
            "announcement": db.execute("SELECT seq, at, body FROM announcement ORDER BY seq").fetchall(),
        }
    db.close()
    return found


def test_the_chain_hashes_every_column_of_a_posting() -> None:
    assert Posting._fields == chain.COLUMNS


def test_canonical_bytes_are_what_the_page_says() -> None:
    row = (7, "MILK", "FLOOR", "CUSTOMER", 2, "sale", 1_700, 'sale:"1"', 0, "till", b"\x30\xff", -2, 2, 0)
    assert chain.canonical(row) == (
        b'[7,"MILK","FLOOR","CUSTOMER",2,"sale",1700,"sale:\\"1\\"",0,"till","MP8=",-2,2,0]'
    )
    assert chain.after(chain.START, row).hex() == "ec022d9d5baa4d687cf8027d655ece4c"


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.stem)
async def test_old_books_are_opened_with_all_they_had_also_twice(tmp_path: Path, old: Path) -> None:
    path = tmp_path / "books.db"
    shutil.copy(old, path)
    before = tables(path)
    assert before["posting"]
    for _ in range(2):
        async with opened(path) as shop:
            assert shop.books.head == before["announcement"][-1][0]
            await shop.assert_memory_is_disk()
        assert tables(path) == before
        with sqlite3.connect(path) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            value = chain.START
            for row in db.execute(f"SELECT {chain.NAMES}, chain FROM posting ORDER BY seq"):
                value = chain.after(value, row[:-1])
                assert row[-1] == value
        db.close()
        assert version == migrations.scripts()[-1][0]


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    shutil.copy(OLD[0], path)
    before = tables(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE archive (in_the_way)")
    with pytest.raises(sqlite3.OperationalError, match="archive"):
        migrations.bring_up_to_date(db)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert "chain" not in [row[1] for row in db.execute("PRAGMA table_info(posting)")]
    db.close()
    assert tables(path) == before
