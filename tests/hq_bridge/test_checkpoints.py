"""SQLite's log is carried home beside the writer: it begins anew, and what was in it is in the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import URL

from hq_bridge import tables
from hq_bridge.checkpoints import Checkpoints
from hq_bridge.on_sqlite import OnSqlite
from tests.waiting import until

LINES = 5000
TURNS = 40


async def test_the_log_begins_anew_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "hq.db"
    on = await OnSqlite.open(URL.create("sqlite+aiosqlite", database=str(path)))
    await on.write(tables.metadata.create_all)
    sizes = []
    for turn in range(TURNS):
        lines = [(f"SH-{n}", 7, turn) for n in range(LINES)]

        def land(connection: Connection, lines: list[tuple[str, int, int]] = lines) -> None:
            on.put(connection, tables.told, lines)

        await on.write(land)
        await until(lambda: on._checkpoints._under_way is None or on._checkpoints._under_way.done())
        sizes.append(path.with_name("hq.db-wal").stat().st_size)
    assert max(sizes[TURNS // 2 :]) == max(sizes[: TURNS // 2])
    await on.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*), min(seq) FROM told").fetchone() == (LINES, TURNS - 1)


def test_a_log_that_cannot_be_carried_stops_the_next_transaction(tmp_path: Path) -> None:
    def connect() -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    checkpoints = Checkpoints(connect)
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as writer:
        writer.execute("CREATE TABLE t (n)")
        writer.execute("BEGIN")  # one sync of the disk, not ten thousand
        writer.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(10_000)])
        writer.execute("COMMIT")
        checkpoints.after(writer)
        checkpoints.close()
        with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
            checkpoints.before(writer)
