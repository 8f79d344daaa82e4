"""What stops promises, through clerk, disk, page and terminal: it survives restart and kill, and is undone by name."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from agent import books_explain
from agent.clock import SystemClock
from agent.config import load
from agent.core.asks import Pause, Paused, Refused, Reserve, Short, Want
from agent.core.lease import Leases
from agent.hq_silence import SilenceWatch
from agent.outbox import Outbox, Sender
from agent.store import conditions, opening
from agent.web.answers import MOST_BODY_BYTES
from tests.agent.programs import program, store_toml
from tests.agent.shops import Shop, opened
from tests.agent.test_books_explain import filled
from tests.agent.test_holds import Settable, free, stock
from tests.agent.test_web import Site, site
from wire import codec
from wire.messages import Heard
from wire.topics import StoreTopics

__all__ = ["site"]

TOPICS = StoreTopics("demo", "SH-1")
PAUSE = {"paused": True, "why": "冷库停电", "by": "badge-7"}


def reserve(name: str, lease: int | None = None) -> Reserve:
    return Reserve(name, "web", (Want(1, "MILK", 1),), None, lease=lease)


async def test_a_pause_over_http_is_shown_everywhere_and_asked_again_changes_nothing(site: Site) -> None:
    await stock(site.shop, 3)
    first = await site.post("/v1/pause", PAUSE)
    assert first.status_code == 200
    assert first.json() | {"since": 0} == PAUSE | {"since": 0}
    head = site.shop.books.head
    assert (await site.post("/v1/pause", PAUSE)).json() == first.json()
    assert site.shop.books.head == head
    health = (await site.client.get("/v1/health")).json()
    noted = {"holds": True, "at": first.json()["since"], "why": "冷库停电", "by": "badge-7"}
    assert health["promising"] == {"stopped": True, "paused": noted, "lease_stale": None}
    (case,) = [case for case in health["cases"] if case["case"] == "paused"]
    assert (case["owner"], case["text"]) == ("store_lead", "badge-7: 冷库停电")
    assert case["due"] > case["opened_at"]
    found = (await site.client.get("/v1/explain/MILK")).json()
    assert {terms["stopped"] for terms in found["channels"]} == {"the store is paused"}
    assert found["paused"] == noted
    body = {"hold": "H", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}
    refused = await site.post("/v1/holds", body)
    assert (refused.status_code, refused.json()["lacking"][0]["why"]) == (409, "the store is paused")
    sale = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}
    assert (await site.post("/v1/sales", sale)).status_code == 200  # the tills go on
    assert (await site.post("/v1/pause", {"paused": False, "by": "badge-8"})).json()["by"] == "badge-8"
    assert (await site.post("/v1/holds", body)).status_code == 200
    await site.shop.assert_memory_is_disk()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"nope", 400),
        (b"[]", 422),
        ({}, 422),
        ({"paused": True, "by": "badge-7"}, 422),
        ({"paused": True, "by": "badge-7", "why": "  "}, 422),
        ({"paused": True, "why": "fire"}, 422),
        ({"paused": 1, "why": "fire", "by": "badge-7"}, 422),
        (PAUSE | {"by": ""}, 422),
        (PAUSE | {"by": "a\nb"}, 422),
        (PAUSE | {"by": "x" * 65}, 422),
        (PAUSE | {"why": "x" * 201}, 422),
        (PAUSE | {"why": "a\0b"}, 422),
        (PAUSE | {"until": "tomorrow"}, 422),
        (b" " * (MOST_BODY_BYTES + 1), 413),
    ],
)
async def test_a_pause_that_cannot_be_read_pauses_nothing(site: Site, body: Any, status: int) -> None:
    answer = await site.post("/v1/pause", body)
    assert answer.status_code == status
    assert answer.json()["hint"]
    assert site.shop.books.conditions.notes == {}


async def test_a_hold_cites_its_lease_over_http(site: Site) -> None:
    await stock(site.shop, 2)
    leases = site.shop.books.leases
    lease = leases.issue(int(SystemClock().monotonic_s() * 1000))
    body = {"hold": "H1", "channel": "web", "lines": [{"line": 1, "sku": "MILK", "qty": 1}], "lease": lease}
    assert (await site.post("/v1/holds", body)).status_code == 200
    site.shop.books.leases = Leases(9)
    late = await site.post("/v1/holds", body | {"hold": "H2"})
    assert (late.status_code, late.json()["mistakes"][0]["path"]) == (422, "lease")
    assert (await site.post("/v1/holds", body)).status_code == 200  # it is held already, and said so
    commit = await site.post("/v1/holds/H1/commit", {"order": "O1", "lease": lease})
    assert commit.json()["mistakes"][0]["problem"].endswith("is of another start of this store")
    assert (await site.post("/v1/holds", body | {"hold": "H3", "lease": 0})).status_code == 422
    assert set(site.shop.books.holds) == {"H1"}


async def test_a_pause_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 2)
        paused = await shop.clerk.enter(Pause(paused=True, why="fire", by="badge-7"))
    async with opened(tmp_path / "books.db") as shop:
        assert free(shop) == 0
        assert isinstance(await shop.clerk.enter(reserve("H")), Short)
        assert await shop.clerk.enter(Pause(paused=True, why="fire", by="badge-7")) == paused
        await shop.clerk.enter(Pause(paused=False, why="", by="badge-7"))
    async with opened(tmp_path / "books.db") as shop:
        assert free(shop) == 2
        await shop.assert_memory_is_disk()


async def test_kill_9_between_pause_and_resume_loses_neither(tmp_path: Path) -> None:
    agent = program(tmp_path)
    for paused in (True, False, True):
        await agent.start()
        async with httpx.AsyncClient(base_url=agent.web) as store:
            answer = await store.post("/v1/pause", json=PAUSE | {"paused": paused})
            assert answer.status_code == 200
        await agent.kill()
        await agent.start()
        async with httpx.AsyncClient(base_url=agent.web) as store:
            health = (await store.get("/v1/health")).json()
            assert health["promising"]["paused"]["holds"] is paused
            assert [case["case"] for case in health["cases"]] == ["paused"] * paused
        await agent.kill()


async def started(shop: Shop) -> Leases:
    """The leases of a new start on these books."""
    return Leases(await shop.store.write(conditions.begin_start))


async def test_leases_grow_over_starts_and_restores_and_each_start_knows_its_own(tmp_path: Path) -> None:
    path, seen = tmp_path / "books.db", [0]

    async def start() -> None:
        async with opened(path) as shop:
            leases = await started(shop)
            for old in seen:
                assert leases.why_refused(old, 0) != ""
            seen.append(leases.issue(0))

    await start()
    (tmp_path / "copy.db").write_bytes(path.read_bytes())
    for _ in range(3):
        await start()
    for at in (1_800_000_000_000, 1_700_000_000_000):  # the wall clock goes back between two restores of one copy
        opening.restore(path, tmp_path / "copy.db", at)
        await start()
        await start()
    assert seen == sorted(set(seen))
    path.write_bytes(b"nothing that could be read" * 1000)  # the starts of these are not to be known
    assert conditions.starts_at(path) == 0
    assert conditions.starts_at(tmp_path / "absent.db") == 0


class Line:
    """A store's silence watch, its outbox, and a clock the test sets."""

    def __init__(self, shop: Shop) -> None:
        self.clock = Settable(1000.0)
        self.shop = shop
        self.outbox = Outbox(shop.store, shop.books, TOPICS, self.clock, Sender("0", "boot"))
        self.watch = SilenceWatch(shop.clerk, self.outbox, self.clock)

    async def after(self, seconds: float) -> bool:
        """Is the lease stale when so much more time has passed?"""
        self.clock.at_s += seconds
        await self.watch.look()
        await self.shop.assert_memory_is_disk()
        return self.shop.books.conditions.lease_stale

    def hear(self) -> None:
        heard = Heard(self.shop.books.epoch, self.shop.books.head)
        self.outbox.on_message(TOPICS.down("heard"), codec.encode(heard))


async def test_a_silent_hq_is_noted_when_a_lease_has_run_out_and_forgotten_when_it_speaks(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await stock(shop, 1)
        line = Line(shop)
        assert not await line.after(89.9)
        assert await line.after(0.1)
        assert free(shop) == 0
        turns = shop.clerk.turns
        assert await line.after(1000)
        assert shop.clerk.turns == turns  # a state that stays is written once
        line.hear()
        assert not await line.after(0)
        assert free(shop) == 1
        line.outbox.on_message(TOPICS.down("heard"), b"noise")
        line.outbox.on_message(TOPICS.down("heard"), codec.encode(Heard(shop.books.epoch + 1, 0)))
        assert await line.after(90)  # what is not for these books is no word of HQ's


async def test_a_silence_that_was_noted_stays_over_a_start_until_hq_speaks(tmp_path: Path) -> None:
    async with opened(tmp_path / "books.db") as shop:
        assert await Line(shop).after(90)
    async with opened(tmp_path / "books.db") as shop:
        line = Line(shop)
        assert await line.after(1)
        line.hear()
        assert not await line.after(0)


async def test_the_terminal_tells_pause_and_silence_with_and_without_the_agent(tmp_path: Path) -> None:
    (tmp_path / "store.toml").write_text(
        store_toml(books="") + '[[channel]]\nname = "kiosk"\nlocal = true\n', encoding="utf-8"
    )
    app = typer.Typer()
    app.callback()(lambda: None)
    books_explain.add_to(app, load)

    async def told() -> str:
        words = ["explain", str(tmp_path / "store.toml"), "MILK"]
        answer = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert answer.exit_code == 0, answer.output
        return answer.output

    async with opened(tmp_path / "books.db") as shop:
        await filled(shop, tmp_path)
        assert "the store is not paused\n  HQ is heard, as far as an agent runs\n" in await told()
        await Line(shop).after(90)
        open_to_itself = await told()
        assert "HQ has not been heard, noted 2" in open_to_itself
        assert "web: ATP 0 = 10 sellable" in open_to_itself
        assert "kiosk: ATP 7 = 10 sellable" in open_to_itself
        paused = await shop.clerk.enter(Pause(paused=True, why="no staff", by="badge-7"))
        assert isinstance(paused, Paused)
    stopped = await told()
    assert "the store is paused since 2" in stopped
    assert "by badge-7: no staff\n" in stopped
    assert "kiosk: ATP 0 = 10 sellable" in stopped
    assert "stopped: the store is paused" in stopped


async def test_an_order_on_a_lease_that_ran_out_while_it_waited_is_refused(tmp_path: Path) -> None:
    """What counts is when the turn is made, not when the ask came."""
    async with opened(tmp_path / "books.db", at_work=False) as shop:
        clock = Settable(1000.0)
        shop.clerk.time._clock = clock
        lease = shop.books.leases.issue(1_000_000)
        asked = asyncio.ensure_future(shop.clerk.enter(reserve("H", lease)))
        await asyncio.sleep(0)
        clock.at_s += 90
        work = asyncio.ensure_future(shop.clerk.run())
        answer = await asked
        assert isinstance(answer, Refused)
        assert answer.mistakes[0].path == "lease"
        work.cancel()
        await asyncio.wait([work])
