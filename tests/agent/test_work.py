"""Work on orders through the clerk and the disk: any history, also when the agent is started anew in between."""

import asyncio
import contextlib
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import initialize

from agent.books_explain import said
from agent.core.asks import Ask, CommitHold, Refused, Reserve, Scan, Want, Work, Worked
from agent.core.claims import HoldLine
from agent.core.explain import explain
from agent.core.ledger import Books, Turn
from tests.agent.shops import Shop, opened
from tests.core.test_work import CODES, GOODS
from tests.core.test_work_history import SKUS, WorkHistory


class WorkOnDisk(WorkHistory):
    """The same histories, each ask a turn of a real clerk on a real disk."""

    @initialize()
    def open_the_shop(self) -> None:
        self._loop = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._open()
        super().open_the_shop()

    def _open(self) -> None:
        self._opened = contextlib.AsyncExitStack()
        path = Path(self._folder.name) / "books.db"
        self._shop: Shop = self._loop.run(self._opened.enter_async_context(opened(path, GOODS)))

    @property
    def books(self) -> Books:
        return self._shop.books if hasattr(self, "_shop") else super().books

    def enter(self, ask: Ask) -> object:
        return self._loop.run(self._shop.clerk.enter(ask))  # type: ignore[arg-type]  # any ask

    def restart(self) -> None:
        before = self.books
        self._loop.run(self._shop.assert_memory_is_disk())
        self._loop.run(self._opened.aclose())
        self._open()
        assert self.books.holds == before.holds
        for sku in SKUS:
            assert self.books.promised(sku) == before.promised(sku)

    def teardown(self) -> None:
        if hasattr(self, "_loop"):
            self._loop.run(self._opened.aclose())
            self._loop.close()
            self._folder.cleanup()


TestWorkOnDisk = WorkOnDisk.TestCase
TestWorkOnDisk.settings = settings(max_examples=25, stateful_step_count=30)


async def picked(shop: Shop) -> None:
    """Of five units two are claimed by hold H, one of them pulled."""
    for _ in range(5):
        await shop.clerk.enter(Scan("dock", "receive", CODES["MILK"], None))
        await shop.clerk.enter(Scan("shelf", "shelve", CODES["MILK"], None))
    await shop.clerk.enter(Reserve("H", "web", (Want(1, "MILK", 2),), 900))
    await shop.clerk.enter(CommitHold("H", "O1"))
    assert isinstance(await shop.clerk.enter(Work("w1", "H", "picked", 1, 1, tote="7")), Worked)


async def test_what_is_pulled_is_explained_as_a_figure_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    async with opened(path, GOODS) as shop:
        await picked(shop)
        found = explain(Turn(shop.books, 0, {}, {}), "MILK")
        assert found is not None
        assert (found.pulled, found.claims[0].pulled, found.claims[0].units) == (1, 1, 1)
        assert [(terms.sellable, terms.promised, terms.atp) for terms in found.channels] == [(4, 1, 3)] * 2
        told = said(found)
    assert "  pulled: 1 in totes and slots, which orders wait for and no term counts\n" in told
    assert "  claim H: 1 and 1 pulled for web, committed to order O1" in told


async def test_a_line_that_was_written_before_anybody_worked_is_read_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        await picked(shop)
        old = '[[1, "MILK", 2, 2, 0]]'
        await shop.store.write(lambda tx: tx.execute("UPDATE hold SET lines = ?, works = '[]'", (old,)).fetchall())
        disk = await shop.on_disk()
        assert disk.holds["H"].lines == (HoldLine(1, "MILK", 2, 2),)


async def test_two_pickers_with_the_last_units_of_a_line_pull_them_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db", GOODS) as shop:
        await picked(shop)
        reports = [Work(f"p{n}", "H", "picked", 1, 1, tote=str(n)) for n in range(16)]
        answers = await asyncio.gather(*(shop.clerk.enter(ask) for ask in reports))
        assert Counter(type(answer) for answer in answers) == {Worked: 1, Refused: 15}
        again = await asyncio.gather(*(shop.clerk.enter(ask) for ask in reports))
        assert [type(answer) for answer in again] == [type(answer) for answer in answers]
        await shop.assert_memory_is_disk()
