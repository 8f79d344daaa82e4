"""The store's API over real HTTP: every answer says what to do, and nothing is half done."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import catalogue_import
from agent.clock import Clock, SystemClock
from agent.commands import Commands
from agent.config import BooksCare
from agent.core.asks import Notice, Reserve, Want
from agent.core.catalogue import Catalogue
from agent.core.ledger import Turn
from agent.core.people import Shift
from agent.core.tags import TagRules
from agent.core.tasks import board
from agent.intake import Intake, Stand
from agent.outbox import Outbox, Sender
from agent.people.door import Door
from agent.people.opening import open_door
from agent.upkeep import Upkeep
from agent.web.answers import MOST_BODY_BYTES
from agent.web.app import Secured, make_app
from agent.web.bodies import (
    NotJsonError,
    read_cancel,
    read_count,
    read_delivery,
    read_found,
    read_review,
    read_sale,
    read_start,
)
from agent.web.live import Live
from agent.web.reports import Reports
from agent.web.server import WebServer
from drivers.readings import BarcodeScan
from tests.agent.shops import Shop, opened
from tests.core import shop as goods
from tests.waiting import until
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics

MILK = goods.gtin_14(goods.MILK)
SENDER = Sender("0", "boot")
USUAL = Shift()
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Site:
    shop: Shop
    live: Live
    client: httpx.AsyncClient
    door: Door
    app: Secured

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, content=body if isinstance(body, bytes) else msgspec.json.encode(body))


@contextlib.asynccontextmanager
async def serving_site(
    folder: Path, catalogue: Catalogue = goods.CATALOGUE, token: str = "", shift: Shift = USUAL, clock: Clock = CLOCK
) -> AsyncIterator[Site]:
    """The store's pages on real books, and somebody who calls them."""
    live: Live

    def wrote(turn: Turn) -> None:
        live.changed(turn.on_hand, board=board.is_changed_by(turn))

    async with opened(folder / "books.db", catalogue, wrote, clock=clock) as shop:
        outbox = Outbox(shop.store, shop.books, StoreTopics("demo", "SH-1"), clock, SENDER)
        link = Link(parse_broker("mqtt://127.0.0.1:1"), "x", on_message=outbox.on_message, now_ms=clock.now_ms)
        intake = Intake(shop.clerk, clock, TagRules())
        care = BooksCare(folder / "backups", keep_days=400, ballast_bytes=0)
        upkeep = Upkeep(shop.store, shop.clerk, care, clock)
        commands = Commands(shop.clerk, StoreTopics("demo", "SH-1"), clock, None)
        reports = Reports(
            shop.books, "demo", SENDER, clock.now_ms(), clock, (), intake, outbox, link, shop.clerk, upkeep, commands
        )
        live = Live(reports, clock, most=2)
        stamp = shop.clerk.time.stamp
        door = open_door(folder / "people.db", folder / "people.key", lambda: stamp().books_ms, shift)
        app = make_app(shop.clerk, reports, live, door, token)
        server = WebServer(app, "127.0.0.1", 0)
        serving = asyncio.ensure_future(server.run_until_stopped())
        try:
            async with httpx.AsyncClient(base_url=server.address) as client:
                yield Site(shop, live, client, door, app)
        finally:
            live.close()
            server.stop()
            await serving
            door.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serving_site(tmp_path) as there:
        yield there


async def test_a_sale_is_posted_once_however_often_it_is_sent(site: Site) -> None:
    body = {
        "receipt": "R1",
        "at": 3,
        "lines": [{"line": 1, "gtin": MILK[1:], "qty": 2}, {"line": 2, "sku": "EGGS", "qty": 1}],
    }
    first, second = (await site.post("/v1/sales", body)).json(), (await site.post("/v1/sales", body)).json()
    assert [line["outcome"] for line in first["lines"]] == ["posted", "posted"]
    assert [line["outcome"] for line in second["lines"]] == ["already_posted", "already_posted"]
    assert [line["seq"] for line in first["lines"]] == [line["seq"] for line in second["lines"]]
    stock = (await site.client.get("/v1/stock")).json()
    assert {sku["sku"]: sku["on_hand"] for sku in stock["skus"]} == {"SHIRT": 0, "MILK": -2, "EGGS": -1}
    other = body | {"lines": [{"line": 1, "gtin": MILK, "qty": 3}]}
    conflict = await site.post("/v1/sales", other)
    assert conflict.status_code == 409
    assert "new receipt number" in conflict.json()["hint"]


async def test_every_mistake_in_a_sale_is_named_and_nothing_is_posted(site: Site) -> None:
    body = {
        "receipt": "R 1\n",
        "lines": [
            {"line": 1, "gtin": MILK, "qty": 0},
            {"line": 1.5, "qty": 1},
            {"line": 3, "sku": "MILK", "gtin": MILK, "qty": 1, "epc": "zz", "colour": "red"},
            {"line": 4, "sku": "SHIRT", "qty": 2, "epc": "30" * 12},
        ],
    }
    answer = await site.post("/v1/sales", body)
    assert answer.status_code == 422
    assert "nothing of it was entered" in answer.json()["hint"]
    paths = {mistake["path"] for mistake in answer.json()["mistakes"]}
    assert paths == {
        "receipt",
        "lines[0].qty",
        "lines[1].line",
        "lines[1]",
        "lines[2]",
        "lines[2].epc",
        "lines[2].colour",
        "lines[3].qty",
    }
    assert site.shop.books.head == 0


async def test_a_case_is_resolved_by_who_says_so_and_only_if_it_does_not_close_itself(site: Site) -> None:
    notice = Notice("books_restored", "books.db.damaged-1", "a copy goes on")
    await site.shop.clerk.enter(notice)
    await site.post("/v1/sales", {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]})
    health = (await site.client.get("/v1/health")).json()
    assert (health["care"]["state"], (await site.client.get("/v1/stock")).json()["books"]) == ("restored", "restored")
    cases = {case["case"]: case for case in health["cases"]}
    assert {kind: case["by_hand"] for kind, case in cases.items()} == {"books_restored": True, "negative_stock": False}
    done = {"by": "badge-7", "word": "counted"}
    path = f"/v1/cases/{cases['books_restored']['id']}/resolve"
    for wrong, status in (({"by": "badge-7"}, 422), ({"by": "a\nb", "word": "x"}, 422), (b"no", 400)):
        assert (await site.post(path, wrong)).status_code == status
    assert (await site.post(f"/v1/cases/{cases['negative_stock']['id']}/resolve", done)).status_code == 409
    assert (await site.post("/v1/cases/77/resolve", done)).status_code == 404
    foreign = await site.client.post(
        path, content=msgspec.json.encode(done), headers={"origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    own = {"origin": str(site.client.base_url).rstrip("/")}
    assert (await site.client.post(path, content=msgspec.json.encode(done), headers=own)).status_code == 200
    assert (await site.post(path, done)).status_code == 404
    health = (await site.client.get("/v1/health")).json()
    assert health["care"]["state"] == "whole"
    ((how,),) = await site.shop.store.read("SELECT resolution FROM case_file WHERE kind = 'books_restored'")
    assert how == "counted, by badge-7"
    assert [kind for kind, _ in (await site.shop.on_disk()).cases] == ["negative_stock"]


async def test_two_lines_with_one_number_are_refused(site: Site) -> None:
    lines = [{"line": 1, "sku": "MILK", "qty": 1}, {"line": 1, "sku": "EGGS", "qty": 1}]
    answer = await site.post("/v1/sales", {"receipt": "R1", "lines": lines})
    assert answer.status_code == 422
    assert not site.shop.books.balances
    assert list(site.shop.books.cases) == [("refused_sale", "R1")]  # it has a name, so it is kept


async def test_an_unknown_item_refuses_the_receipt_and_is_kept_as_a_case(site: Site) -> None:
    lines = [{"line": 1, "sku": "MILK", "qty": 1}, {"line": 2, "gtin": "4006381333931", "qty": 1}]
    answer = await site.post("/v1/sales", {"receipt": "R1", "lines": lines})
    assert answer.status_code == 422
    assert answer.json()["mistakes"] == [
        {"path": "lines[1].gtin", "problem": "'4006381333931' is not in the catalogue"}
    ]
    assert "send the same receipt again" in answer.json()["hint"]
    health = (await site.client.get("/v1/health")).json()
    assert [(case["case"], case["about"], case["owner"]) for case in health["cases"]] == [
        ("refused_sale", "R1", "store_lead")
    ]
    assert not site.shop.books.balances


@pytest.mark.parametrize("body", [b"", b"nope", b"[1]", b'"x"', b"\xff\xfe", b'{"receipt":', b"[" * 100_000])
async def test_what_is_no_json_object_is_said_to_be_none(site: Site, body: bytes) -> None:
    for path in ("/v1/sales", "/v1/deliveries"):
        answer = await site.post(path, body)
        assert answer.status_code == 400
        assert "Send one JSON object" in answer.json()["hint"]


async def test_a_body_over_the_bound_is_refused(site: Site) -> None:
    answer = await site.post("/v1/sales", b" " * (MOST_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert "smaller parts" in answer.json()["hint"]


async def test_a_delivery_is_expected_once(site: Site) -> None:
    epcs = [goods.epc_of(goods.SHIRT, serial).hex() for serial in range(3)]
    body = {"delivery": "D1", "lines": [{"line": 1, "sku": "SHIRT", "epcs": epcs}]}
    answers = [(await site.post("/v1/deliveries", body)).json()["lines"] for _ in range(2)]
    assert answers == [
        [{"line": 1, "outcome": "expected", "tags": 3}],
        [{"line": 1, "outcome": "already_expected", "tags": 3}],
    ]
    of_milk = [goods.epc_of(goods.MILK, serial).hex() for serial in range(3)]
    wrong = {"delivery": "D2", "lines": [{"line": 1, "sku": "SHIRT", "epcs": of_milk}]}
    answer = await site.post("/v1/deliveries", wrong)
    assert answer.status_code == 422
    assert len(answer.json()["mistakes"]) == 3


async def test_an_open_page_hears_what_changed(site: Site) -> None:
    async with asyncio.timeout(10), site.client.stream("GET", "/v1/events") as stream:
        lines = stream.aiter_lines()
        assert [await anext(lines), (await anext(lines))[:14]] == ["event: health", 'data: {"store"']
        await site.post("/v1/sales", {"receipt": "R1", "lines": [{"line": 1, "sku": "EGGS", "qty": 1}]})
        async for line in lines:
            if line == "event: stock":
                changed = msgspec.json.decode((await anext(lines)).removeprefix("data: "))
                assert [(sku["sku"], sku["on_hand"]) for sku in changed["skus"]] == [("EGGS", -1)]
                return


async def test_open_pages_are_bounded_and_closed_ones_forgotten(site: Site) -> None:
    async with contextlib.AsyncExitStack() as pages:
        open_pages = []  # an iterator that nobody keeps closes its page
        for _ in range(2):
            page = await pages.enter_async_context(site.client.stream("GET", "/v1/events"))
            open_pages.append(page.aiter_lines())
            assert await anext(open_pages[-1]) == "event: health"
        assert (await site.client.get("/v1/events")).status_code == 503
    await until(lambda: not site.live.is_full())


async def test_a_delivery_sent_again_with_other_tags_is_a_conflict(site: Site) -> None:
    def note(*serials: int) -> dict[str, Any]:
        epcs = [goods.epc_of(goods.SHIRT, serial).hex() for serial in serials]
        return {"delivery": "D1", "lines": [{"line": 1, "sku": "SHIRT", "epcs": epcs}]}

    assert (await site.post("/v1/deliveries", note(1, 2))).status_code == 200
    assert (await site.post("/v1/deliveries", note(1, 3))).status_code == 409
    assert (await site.post("/v1/deliveries", note(1, 2))).json()["lines"][0]["outcome"] == "already_expected"


async def test_the_commands_in_the_documentation_work_as_printed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
    csv, _ = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "catalogue.csv").write_text(csv, encoding="utf-8")
    commands = re.findall(r"^curl -s http://127.0.0.1:8080(/v1/\S+) -d '(.*)'$", page, re.MULTILINE)
    assert [path for path, _ in commands[:2]] == ["/v1/sales", "/v1/deliveries"]
    async with serving_site(tmp_path, catalogue_import.check(tmp_path / "catalogue.csv")) as site:
        for path, body in commands[:2]:
            answer = await site.post(path, body.encode())
            assert answer.status_code == 200, answer.text
        assert len(site.shop.books.tags) == 1


async def test_an_old_copy_of_the_books_takes_nothing_in(site: Site) -> None:
    site.shop.clerk.close("these are an old copy.")
    answer = await site.post("/v1/sales", {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]})
    assert answer.status_code == 503
    assert answer.json()["hint"] == "these are an old copy. Keep it, and send it again afterwards."
    intake = Intake(site.shop.clerk, SystemClock(), TagRules())
    scanned = await intake.scan(Stand("dock", {}, "receive"), BarcodeScan(MILK))
    assert (scanned.accepted, scanned.message) == (False, "these are an old copy.")
    await site.shop.clerk.prove()  # the watchdog is not deceived
    assert site.shop.books.head == 0


async def test_silent_connections_do_not_lock_the_till_out() -> None:
    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"hi"})

    speak_within_s = 0.2
    server = WebServer(hello, "127.0.0.1", 0, speak_within_s=speak_within_s)
    serving = asyncio.ensure_future(server.run_until_stopped())
    host, port = server.address.removeprefix("http://").split(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(90)]
    half = await asyncio.open_connection(host, int(port))
    half[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    async with httpx.AsyncClient(base_url=server.address) as till:
        assert (await till.get("/")).text == "hi"
        for reader, _ in [*silent, half]:
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
        assert (await till.get("/")).text == "hi"
        talked_until = asyncio.get_running_loop().time() + 3 * speak_within_s
        while asyncio.get_running_loop().time() < talked_until:  # one connection, for longer than silence may last
            assert (await till.get("/")).text == "hi"
    crowd = [await asyncio.open_connection(host, int(port)) for _ in range(150)]
    refused = 0
    for reader, _ in crowd[100:]:
        try:
            refused += await asyncio.wait_for(reader.read(), 5) == b""
        except ConnectionResetError:
            refused += 1
    assert refused >= 50
    for _, writer in [*silent, half, *crowd]:
        writer.close()
    server.stop()
    await serving


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for path in ("/", "/static/page.js", "/v1/health", "/nowhere"):
        answer = await site.client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await site.client.get("/nowhere")).status_code == 404


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["line", "lines", "sku", "gtin", "qty", "epc", "epcs", "receipt", "counted", "approve", "x"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)
documents = st.dictionaries(
    st.sampled_from(["receipt", "delivery", "at", "lines", "x", "count", "place", "by", "items", "why", "take_over"]),
    anything,
)
READERS = (
    read_sale,
    read_delivery,
    read_count,
    partial(read_start, "C-1"),
    partial(read_found, "C-1"),
    partial(read_review, "C-1"),
    partial(read_cancel, "C-1"),
)


@given(documents)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_an_ask_or_mistakes(document: dict[str, Any]) -> None:
    for read in READERS:
        assert read(msgspec.json.encode(document))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_ask_or_mistakes_or_no_json(body: bytes) -> None:
    for read in READERS:
        with contextlib.suppress(NotJsonError):
            assert read(body)


# Counts, and why ATP is what it is


def count_of(site: Site, counted: int, **others: Any) -> dict[str, Any]:
    head = site.shop.books.head
    line = {"line": 1, "sku": "MILK", "counted": counted, "from_seq": head, "to_seq": head}
    return {"count": "C-1", "epoch": site.shop.books.epoch, "place": "FLOOR", "by": "badge-1", "lines": [line]} | others


async def test_a_count_is_posted_as_the_difference_and_what_was_sold_since_stays(site: Site) -> None:
    sale = {"receipt": "T-1", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]}
    count = count_of(site, 9, approved_by="badge-2")
    await site.post("/v1/sales", sale)
    posted = await site.post("/v1/counts", count)
    assert posted.status_code == 200
    assert posted.json()["lines"] == [
        {"line": 1, "outcome": "posted", "sku": "MILK", "variance": 9, "seq": 3, "why": ""}
    ]  # 1 is the sale, 2 its case
    assert site.shop.books.balance("MILK", "FLOOR") == 7
    assert (await site.post("/v1/counts", count)).json()["lines"][0]["outcome"] == "already_posted"
    await site.shop.assert_memory_is_disk()


async def test_what_moved_while_it_was_counted_is_read_from_the_ledger(site: Site) -> None:
    count = count_of(site, 5)
    await site.post("/v1/sales", {"receipt": "T-1", "lines": [{"line": 1, "sku": "MILK", "qty": 2}]})
    count["lines"][0]["to_seq"] = site.shop.books.head
    (line,) = (await site.post("/v1/counts", count)).json()["lines"]
    assert (line["outcome"], line["why"]) == ("recount", "something moved while it was counted")
    assert ("recount", "MILK at FLOOR") in site.shop.books.cases


async def test_a_count_that_cannot_be_right_names_its_mistakes(site: Site) -> None:
    wrong = await site.post("/v1/counts", count_of(site, -1, approved_by="badge-1", zone="A"))
    assert wrong.status_code == 422
    assert {mistake["path"] for mistake in wrong.json()["mistakes"]} == {"lines[0].counted", "approved_by", "zone"}
    other = await site.post("/v1/counts", count_of(site, 1, epoch=1))
    assert other.status_code == 409
    assert other.json()["mistakes"][0]["path"] == "epoch"
    assert (await site.post("/v1/counts", count_of(site, 1, place="SHELF"))).json()["mistakes"][0]["path"] == "place"


async def test_explain_names_every_term(site: Site) -> None:
    await site.post("/v1/counts", count_of(site, 5, approved_by="badge-2"))
    await site.shop.clerk.enter(Reserve("h-1", "web", (Want(1, "MILK", 2),), 900))
    found = (await site.client.get("/v1/explain/MILK")).json()
    assert found["places"] == {"FLOOR": 5, "FOUND": -5}
    web, other = found["channels"]
    assert (web["channel"], other["channel"]) == ("web", "*")
    assert web["atp"] == web["sellable"] - web["promised"] - web["granted"] - web["uncertain"] - web["safety"] == 3
    (claim,) = found["claims"]
    assert (claim["hold"], claim["channel"], claim["state"], claim["units"]) == ("h-1", "web", "pending", 2)
    assert 0 < claim["left_s"] <= 15 * 60
    absent = await site.client.get("/v1/explain/NOT/HERE")
    assert absent.status_code == 404
    assert "'NOT/HERE' is not in the catalogue" in absent.json()["error"]


async def test_answers_do_not_wait_for_the_client_s_ack() -> None:
    async def nobody(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    server = WebServer(nobody, "127.0.0.1", 0)
    host, port = server.address.removeprefix("http://").split(":")
    with contextlib.closing(server._socket) as listening, socket.create_connection((host, int(port))):
        listening.setblocking(True)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
