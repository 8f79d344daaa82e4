"""What a shift asks of the books is found by an index in every table that grows, however many days are in it."""

import asyncio
import re
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from agent.config import BooksCare
from agent.core.asks import Delivery, DeliveryLine, MoveOrder, Notice, Sale, SaleLine, TagsHeard
from agent.core.commands import FromHq
from agent.core.count_asks import EnterFound, Found, RequestCount, StartCount
from agent.core.order_asks import AnswerQuestion
from agent.day_ends import DayEnds
from agent.days import Days, day_at
from agent.store import announcements, migrations
from agent.upkeep import Upkeep
from tests.agent.test_picking import MILK, Hire, hire, order, pick, site
from tests.agent.test_web import CLOCK, Site
from tests.core import shop as goods
from tests.waiting import until

__all__ = ["hire", "site"]

#: Tables with a row for each thing that happened; the others have one for each SKU, place, device or setting.
GROWS: Final = {
    "announcement", "bygone", "case_file", "command", "count_line", "count_session", "customer_order",
    "delivery_line", "former_posting", "hold", "labour", "ledger_start", "parcel", "pick_report", "posting", "snapshot",
    "tag", "task", "trading_day", "free_stock", "heard_time",
}  # fmt: skip
#: What has an index of the open ones looks at all of those.
OF_THE_OPEN: Final = frozenset(
    ("case_file_open", "count_session_open", "customer_order_open", "hold_open", "task_open")
)
#: Statements, by a piece of them, that may look at all rows of a table; and why.
MAY_LOOK_AT_ALL: Final[Mapping[str, str]] = {
    "FROM tag WHERE state NOT IN ('sold', 'destroyed') OR": "once at each start",
    "max(CAST(substr(id, instr(id, '-') + 1) AS INTEGER))": "once at each start, and once an hour beside the writer",
    "state = 'done' AND kind = 'pick' ORDER BY heard_ms DESC": "once at each start, and ends with its LIMIT",
    "SELECT day FROM trading_day": "once at each start: a row a day",
    "SELECT count(*) FROM command": "never more than 2,000 rows",
    "FROM former_posting ORDER BY epoch, seq LIMIT": "in the order of its key, ends with its LIMIT",
    "SELECT 1 FROM": "ends with the first row",
    "DELETE FROM snapshot": "once a day: a row a month and the newest few",
    "FROM bygone WHERE day <": "once a day beside the writer: a year of receipts is nowhere near a second",
}
VALUES: Final = re.compile(r"x?'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
#: One row of a table, by its key's order; the least or greatest of a column that is the first of a key.
FIRST_ROW: Final = re.compile(
    r"\bSELECT [\w, ]+ FROM (posting|announcement|ledger_start|free_stock) ORDER BY (seq|epoch|at_ms)( DESC)? LIMIT 1\b"
)
LEAST: Final = re.compile(r"\b(min|max)\((seq|day|until_ms|counter|at_ms)\)")


@pytest.fixture
async def asked(site: Site) -> dict[str, str]:
    """Every statement of the books' writer and reader from here on, each of its shape once, with its values."""
    found: dict[str, str] = {}

    def note(sql: str) -> None:
        if sql.startswith(("SELECT", "UPDATE", "DELETE", "INSERT")):
            found.setdefault(VALUES.sub("?", sql), sql)

    store = site.shop.store
    await store.write(lambda tx: tx.set_trace_callback(note))
    assert store._reader is not None
    await store._reader.set_trace_callback(note)
    return found


async def test_no_statement_of_a_shift_looks_at_all_rows_of_a_table_that_grows(
    site: Site, hire: Hire, asked: dict[str, str], tmp_path: Path
) -> None:
    await _trade(site)
    await _pick(site, hire)
    await _look(site, hire)
    await _upkeep(site, asked, tmp_path)
    await site.shop.on_disk()  # what a start reads
    books = sqlite3.connect(":memory:", isolation_level=None)
    migrations.bring_up_to_date(books)
    slow = {sql: lines for sql in asked.values() if (lines := _scans(books, sql))}
    books.close()
    excused = {piece for piece in MAY_LOOK_AT_ALL for sql in slow if piece in sql}
    assert {sql: lines for sql, lines in slow.items() if not any(piece in sql for piece in MAY_LOOK_AT_ALL)} == {}
    assert excused == MAY_LOOK_AT_ALL.keys(), "an excuse that nobody needs any more"
    assert {table for table in GROWS if any(re.search(rf"\b{table}\b", sql) for sql in asked.values())} == GROWS


def _scans(books: sqlite3.Connection, sql: str) -> list[str]:
    """The steps of its plan that look at all rows of a table that grows."""
    plan = [line for *_, line in books.execute(f"EXPLAIN QUERY PLAN {sql}")]
    names = {alias: table for table, alias in re.findall(r"\b(?:FROM|JOIN) (\w+) AS (\w+)", sql)}
    found = []
    for line in plan:
        step, table, *how = line.split()
        if step not in ("SCAN", "SEARCH") or names.get(table, table) not in GROWS or "(" in line:
            continue
        if (how and how[-1] in OF_THE_OPEN) or (FIRST_ROW if step == "SCAN" else LEAST).search(sql):
            continue
        found.append(line)
    return found


async def _trade(site: Site) -> None:
    """A delivery with tags, a sale, a case, a count, a command of HQ's, a day that is told."""
    enter, clerk = site.shop.clerk.enter, site.shop.clerk
    shirts = tuple(goods.epc_of(goods.SHIRT, serial) for serial in (1, 2))
    await enter(Delivery("N1", (DeliveryLine(1, "sku", "SHIRT", shirts),)))
    await enter(TagsHeard(tuple((epc, "FLOOR") for epc in shirts), ()))
    await enter(Sale("R1", (SaleLine(1, "sku", "EGGS", 1), SaleLine(2, "sku", "SHIRT", 1, shirts[0]))))
    await enter(Notice("unknown_barcode", "4000000000006", ""))
    await enter(RequestCount("C-1", "FLOOR", "cycle", "w1", (("sku", "NUTS"),)))
    await enter(StartCount("C-1", "w1"))
    await enter(EnterFound("C-1", "w1", (Found(("sku", "NUTS"), 1),)))
    lease = site.shop.books.leases.issue(int(CLOCK.monotonic_s() * 1000))
    await enter(FromHq("c1", 1, lease, None, "is not known"))
    await DayEnds(clerk, CLOCK, Days(clerk, CLOCK)).close_what_is_over()


async def _pick(site: Site, hire: Hire) -> None:
    """An order with a question, a short and an undone report, handed over; one that is cancelled and put back."""
    hand, enter = await hire("w1", "lead"), site.shop.clerk.enter
    await order(site, "O-1", ("MILK", 2), ("EGGS", 1))
    task = await hand.claim()
    await hand.post(
        "/v1/pick/ask", {"token": task["token"], "order": "O-1", "line": 2, "candidates": ["NUTS"], "within_s": 60}
    )
    await enter(AnswerQuestion("O-1", "a1", "substitute", 2, "NUTS"))
    await hand.get("/v1/pick/substitutes?order=O-1&line=2")
    await hand.report(pick("O-1", 1, MILK), {"outcome": "undo", "order": "O-1", "line": 1}, pick("O-1", 1, MILK))
    await hand.report(pick("O-1", 1, MILK), {"outcome": "short", "order": "O-1", "line": 2})
    bags = [{"k": 1, "n": 1, "temperature": "ambient"}]
    await hand.post(f"/v1/pick/tasks/{task['id']}/pack", {"token": task["token"], "order": "O-1", "bags": bags})
    await hand.report({"outcome": "staged", "order": "O-1", "tote": "1", "slot": "S1"})
    await hand.post("/v1/orders/O-1/hand_over", {"bags": 1, "courier": "C-7"})
    await enter(MoveOrder("O-1", "over", "close"))
    await order(site, "O-2", ("MILK", 1))
    await hand.claim()
    await hand.report(pick("O-2", 1, MILK))
    await enter(MoveOrder("O-2", "no", "cancel"))
    await hand.claim(kind="put_back")
    await hand.report({"outcome": "put_back", "order": "O-2", "line": 1, "tote": "1", "scan": {"text": MILK}})
    await order(site, "O-3", ("MILK", 1))


async def _look(site: Site, hire: Hire) -> None:
    """Everything that can be looked at."""
    lead = await hire("l1", "lead")
    today = day_at(CLOCK.now_ms())
    for path in (
        "board", "board/orders/O-1/history", "pick/next", "figures", "figures?days=9", f"figures?day={today}", "stock",
        f"figures?day={today - timedelta(days=1)}", "counts", "counts/C-1", "health", "explain/MILK",
    ):  # fmt: skip
        await lead.get(f"/v1/{path}")
    for path in ("figures/orders.csv", "figures/days.csv?days=9", "paper/pick-list.pdf", "paper/bags.pdf?order=O-3"):
        assert (await lead.client.get(f"/v1/{path}")).status_code == 200, path


async def _upkeep(site: Site, asked: Mapping[str, str], folder: Path) -> None:
    """What is done by the hour and by the day, and what the line to HQ asks."""
    shop = site.shop
    care = BooksCare(folder / "backups", keep_days=400, ballast_bytes=0)
    work = asyncio.ensure_future(Upkeep(shop.store, shop.clerk, care, CLOCK).run())
    await until(lambda: any("FROM case_file WHERE resolved_at <" in sql for sql in [*asked]))
    work.cancel()
    await asyncio.wait([work])
    await announcements.after(shop.store, 0, 10)
    await announcements.oldest(shop.store)
    await announcements.waiting_since(shop.store, 0)
    await shop.store.write(lambda tx: announcements.forget(tx, shop.books.head, 0))
