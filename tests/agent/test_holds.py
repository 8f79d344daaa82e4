"""Claims through the clerk and the disk: races, restarts, reboots, and time that jumps or does not."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.books_time import BooksTime, Stamp
from agent.clock import SystemClock
from agent.core import atp
from agent.core.asks import Claimed, CommitHold, ReleaseHold, Reserve, Sale, SaleLine, Scan, Short, Want
from agent.store import claims
from agent.store.errors import BooksClosedError
from tests.agent.shops import Shop, opened
from tests.agent.test_web import Site, site
from tests.core import shop as goods
from tests.waiting import until

__all__ = ["site"]

MILK = goods.gtin_14(goods.MILK)


async def stock(shop: Shop, units: int) -> None:
    await asyncio.gather(*(shop.clerk.enter(Scan("dock", "receive", MILK, None)) for _ in range(units)))


def hold(name: str, qty: int = 1, ttl_s: int = 900) -> Reserve:
    return Reserve(name, "web", (Want(1, "MILK", qty),), ttl_s)


def free(shop: Shop) -> int:
    return atp.terms(shop.books, shop.books.conditions, "MILK", "web").atp


class Settable(SystemClock):
    """A machine whose monotonic clock the test sets, and whose wall clock is nobody's business."""

    def __init__(self, monotonic_s: float) -> None:
        self.at_s = monotonic_s

    def monotonic_s(self) -> float:
        return self.at_s


async def test_sixty_four_askers_for_the_last_two_units_get_two(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 2)
        answers = await asyncio.gather(*(shop.clerk.enter(hold(f"H{n}")) for n in range(64)))
        assert Counter(type(answer) for answer in answers) == {Claimed: 2, Short: 62}
        assert free(shop) == 0
        await shop.assert_memory_is_disk()


async def test_a_group_of_five_with_four_left_is_not_held(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 4)
        assert isinstance(await shop.clerk.enter(hold("group", 5)), Short)
        assert free(shop) == 4
        await shop.assert_memory_is_disk()


async def test_holds_are_there_after_a_new_start_and_resolved_ones_stay_resolved(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 5)
        for name in ("kept", "gone"):
            await shop.clerk.enter(hold(name, 2))
        await shop.clerk.enter(CommitHold("kept", "O1"))
        await shop.clerk.enter(ReleaseHold("gone"))
        before = shop.books.holds
    async with opened(tmp_path / "books.db") as shop:
        assert shop.books.holds == before
        assert free(shop) == 3
        again = await shop.clerk.enter(hold("gone", 2))
        assert isinstance(again, Claimed)
        assert again.state == "released"  # a late repetition holds nothing
        assert free(shop) == 3


async def test_a_hold_expires_by_itself(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 1)
        await shop.clerk.enter(hold("short", 1, ttl_s=1))
        assert free(shop) == 0
        await until(lambda: free(shop) == 1)
        assert "short" not in shop.books.holds
        await shop.assert_memory_is_disk()


async def test_in_closed_books_nothing_falls_due_and_whoever_waits_is_told(tmp_path: Path) -> None:
    """Old copies of the books, for one: everything they enter would be lost."""
    clock = Settable(1000.0)
    async with opened(tmp_path / "books.db", at_work=False) as shop:
        shop.clerk.time = BooksTime(clock, "same", None)
        work = asyncio.ensure_future(shop.clerk.run())
        await stock(shop, 1)
        await shop.clerk.enter(hold("H"))
        head = shop.books.head
        waiting = asyncio.ensure_future(shop.clerk.enter(hold("late")))
        await asyncio.sleep(0)  # it stands in line
        shop.clerk.close("these are an old copy.")
        clock.at_s += 901
        await shop.clerk.finish()
        with pytest.raises(BooksClosedError, match="old copy"):
            await waiting
        assert (shop.books.head, free(shop)) == (head, 0)
        await shop.assert_memory_is_disk()
        work.cancel()
        await asyncio.wait([work])


@pytest.mark.parametrize(
    ("boot", "monotonic_s", "left_ms"),
    [
        ("same", 1000.0 + 60, 840_000),
        ("other", 5.0, 900_000),
        ("other", 1000.0 + 86_400, 900_000),
        ("", 1060.0, 900_000),
    ],
    ids=["restart a minute later", "reboot", "reboot, a day up", "a kernel that tells no boot"],
)
async def test_an_interval_survives_restart_and_reboot(
    tmp_path: Path, boot: str, monotonic_s: float, left_ms: int
) -> None:
    clock = Settable(1000.0)
    async with opened(tmp_path / "books.db", at_work=False) as shop:
        shop.clerk.time = BooksTime(clock, "same" if boot else "", None)
        work = asyncio.ensure_future(shop.clerk.run())
        await stock(shop, 1)
        await shop.clerk.enter(hold("H"))
        work.cancel()
        await asyncio.wait([work])
    async with opened(tmp_path / "books.db", at_work=False) as shop:
        last = await shop.store.write(claims.time_of)
        clock.at_s = monotonic_s
        time = BooksTime(clock, boot, last)
        assert shop.books.holds["H"].expires_ms - time.stamp().books_ms == left_ms


def test_the_books_time_never_goes_back() -> None:
    clock = Settable(50.0)
    time = BooksTime(clock, "b", Stamp(7_000, 60_000, "b"))  # the monotonic clock cannot have gone back, but if
    assert time.stamp() == Stamp(7_000, 50_000, "b")
    clock.at_s = 51.0
    assert time.stamp().books_ms == 8_000


async def post(there: Site, path: str, body: Any) -> httpx.Response:
    return await there.post(path, body)


async def test_a_hold_over_http_from_asking_to_using(site: Site) -> None:
    await stock(site.shop, 3)
    asked = {"hold": "H1", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
    held = await post(site, "/v1/holds", asked)
    assert (held.status_code, held.json()["state"], held.json()["expires_in_s"]) == (200, "pending", 900)
    short = await post(site, "/v1/holds", asked | {"hold": "H2"})
    assert short.status_code == 409
    assert short.json()["lacking"] == [{"sku": "MILK", "wanted": 2, "available": 1, "why": "not enough is free"}]
    assert (await post(site, "/v1/holds/H1/commit", {"order": "O1"})).json()["state"] == "committed"
    used = await post(site, "/v1/holds/H1/consume", {"used": [{"line": 1, "qty": 1}]})
    assert (used.json()["state"], used.json()["lines"][0]["consumed"]) == ("consumed", 1)
    assert (await post(site, "/v1/holds/H1/release", b"")).json()["state"] == "consumed"
    assert (await post(site, "/v1/holds/none/release", {})).status_code == 422
    assert (await post(site, "/v1/grants", {"grant": "G", "holder": "app", "sku": "MILK", "qty": 1})).status_code == 200


async def test_a_claim_that_cannot_be_kept_is_ended_over_http_and_stays_so_after_a_restart(site: Site) -> None:
    await stock(site.shop, 2)
    asked = {"hold": "H1", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
    await post(site, "/v1/holds", asked)
    await post(site, "/v1/holds/H1/commit", {"order": "O1"})
    assert (await post(site, "/v1/holds/H1/breach", {"by": "badge-4"})).status_code == 409
    await site.shop.clerk.enter(Sale("R1", (SaleLine(1, "sku", "MILK", 1),)))
    assert ("breach", "MILK") in site.shop.books.cases
    assert (await post(site, "/v1/holds/H1/breach", {"by": " "})).status_code == 422
    ended = await post(site, "/v1/holds/H1/breach", {"by": "badge-4"})
    assert (ended.status_code, ended.json()["state"]) == (200, "breached")
    assert ("breach", "MILK") not in site.shop.books.cases
    await site.shop.assert_memory_is_disk()
    (row,) = await site.shop.store.write(lambda tx: tx.execute("SELECT state FROM hold").fetchall())
    assert row == ("breached",)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"nope", 400),
        ({"hold": "H"}, 422),
        ({"hold": "H", "channel": "web", "lines": []}, 422),
        ({"hold": "H", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 0}]}, 422),
        ({"hold": "H", "channel": "web", "lines": [{"line": 1, "sku": "NONE", "qty": 1}]}, 422),
        ({"hold": "H", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 1}] * 2}, 422),
        ({"hold": "H\n", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}, 422),
        ({"hold": "H", "channel": "web", "ttl_s": 10**9, "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}, 422),
    ],
)
async def test_a_hold_that_cannot_be_is_refused_with_a_hint(site: Site, body: Any, status: int) -> None:
    answer = await post(site, "/v1/holds", body)
    assert answer.status_code == status
    assert answer.json()["hint"]
    assert site.shop.books.head == 0
