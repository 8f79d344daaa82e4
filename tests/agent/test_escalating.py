"""What nobody does in its time goes on to somebody else, and HQ is told. Over real books."""

from pathlib import Path

from agent.core.asks import Notice
from agent.core.cases import KINDS
from agent.store import backups, opening
from tests.agent.shops import Shop, opened
from tests.agent.test_commands import WrongClock
from tests.agent.test_order_scenarios import rows_of
from wire.messages import CaseRow


async def told(shop: Shop) -> list[tuple[str, str, str]]:
    return [(row.case, row.state, row.owner) for row in await rows_of(shop) if isinstance(row, CaseRow)]


async def test_a_case_nobody_resolves_goes_on_to_the_manager_once_whatever_is_restarted(tmp_path: Path) -> None:
    clock, key = WrongClock(1_763_760_000_000), ("wrong_price", "MILK")
    within_ms = KINDS["wrong_price"].due_s * 1000
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await shop.clerk.enter(Notice(*key, "the label says 3"))
        assert shop.books.overdue.next_ms() == clock.wall_ms + within_ms
        clock.wall_ms += within_ms - 1
        await shop.clerk.prove()
        assert await told(shop) == [("wrong_price", "open", "store_lead")]
    clock.wall_ms += 1
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        for _ in range(3):
            await shop.clerk.prove()
        assert (shop.books.cases[key].owner, shop.books.overdue.next_ms()) == ("manager", None)
        await shop.clerk.enter(Notice(*key, "the label says 4"))  # it comes up again: the manager has it still
        assert await told(shop) == [("wrong_price", "open", "store_lead"), ("wrong_price", "open", "manager")]
        await shop.assert_memory_is_disk()
    async with opened(tmp_path / "books.db", clock=clock) as shop:
        await shop.clerk.enter(Notice(*key, "", over=True))
        assert (await told(shop))[-1] == ("wrong_price", "resolved", "manager")
        assert key not in shop.books.cases


async def test_restored_books_tell_who_has_what_was_handed_on(tmp_path: Path) -> None:
    clock, path, copy = WrongClock(1_763_760_000_000), tmp_path / "books.db", tmp_path / "copy.db"
    async with opened(path, clock=clock) as shop:
        await shop.clerk.enter(Notice("wrong_price", "MILK", "the label says 3"))
        clock.wall_ms += KINDS["wrong_price"].due_s * 1000
        await shop.clerk.prove()
    backups.make(path, copy)
    opening.restore(path, copy, clock.wall_ms)
    async with opened(path, clock=clock) as shop:
        assert await told(shop) == [("wrong_price", "open", "manager")]
