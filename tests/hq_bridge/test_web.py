"""HQ's API and page, asked over real HTTP."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy.engine import URL

from hq_bridge.commands import Commands
from hq_bridge.events import Trail
from hq_bridge.web.app import make_app, routes_of
from hq_bridge.web.board import Board
from hq_bridge.web.orders import Orders
from hq_bridge.web.server import WebServer
from hq_bridge.web.streams import Streams
from tests.hq_bridge.published import DOCUMENT, is_a, is_as_published
from tests.hq_bridge.shop import Shop
from tests.hq_bridge.test_ingest import Hq, hq_at
from wire.messages import StockRow
from wire.mqtt import Link, parse_broker

NOW = 1_763_760_005_000


class Web:
    def __init__(
        self,
        hq: Hq,
        client: httpx.AsyncClient,
        board: Board,
        streams: Streams,
        commands: Commands,
        orders: Orders,
    ) -> None:
        self.hq = hq
        self.client = client
        self.board = board
        self.streams = streams
        self.commands = commands
        self.orders = orders

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        is_as_published(answer)
        return answer.json()


@asynccontextmanager
async def web_over(hq: Hq, patience_s: float = 10) -> AsyncIterator[Web]:
    link = Link(parse_broker("mqtt://127.0.0.1:1"), "hq", on_message=hq.ingest.offer, now_ms=lambda: NOW)
    board = Board("demo", hq.ingest, hq.database, link, lambda: NOW)
    commands = Commands("demo", hq.database, hq.ingest.stores, None, lambda: NOW, [])
    trail = Trail(hq.database, hq.ingest.stores)
    streams = Streams(board, trail, hq.ingest.bell, patience_s=patience_s)
    orders = Orders(hq.database, hq.ingest.stores, commands, hq.ingest.bell)
    server = WebServer(make_app(board, streams, commands, orders), "127.0.0.1", 0)
    task = asyncio.create_task(server.run_until_stopped())
    async with httpx.AsyncClient(base_url=server.address, limits=httpx.Limits()) as client:
        yield Web(hq, client, board, streams, commands, orders)
    streams.close()
    server.stop()
    await asyncio.wait_for(task, 5)
    await trail.close()


@pytest.fixture
async def web(url: URL) -> AsyncIterator[Web]:
    async with hq_at(url) as hq, web_over(hq) as serving:
        yield serving


async def test_stores_say_how_far_behind_and_how_old_they_are(web: Web) -> None:
    shop = Shop()
    shop.trade(30)
    web.hq.offer(shop, shop.state(lease=7), channel="state")
    web.hq.offer(shop, shop.batch(1, 20))
    await web.hq.hello(shop)
    on_hand = {row.sku: row.on_hand for row in shop.rows[:20] if isinstance(row, StockRow)}
    units = sum(on_hand.values())
    answer = await web.get("/v1/stores")
    store = next(each for each in answer["stores"] if each["store"] == "SH-0001")
    heard_from_at = store.pop("heard_from_at")
    assert heard_from_at == 1_763_760_001_000
    assert answer["chain"] == "demo"
    assert answer["at"] == NOW
    assert answer["line"]["state"] == "connecting"
    assert store == {
        "store": "SH-0001",
        "state": "here",
        "epoch": 7,
        "cursor": 20,
        "head": 30,
        "behind": 10,
        "landed_at": 1_763_760_001_000,
        "age_ms": 4000,
        "lease": 7,
        "lease_heard_at": 1_763_760_001_000,
        "lease_age_ms": 4000,
        "lag_p50_ms": 1000,
        "lag_p99_ms": 1000,
        "rows": 20,
        "units": units,
        "cases_open": store["cases_open"],
        "digest": "unknown",
        "trouble": None,
        "troubles": [],
        "certificate_ends": None,
    }


async def test_stock_is_what_the_store_has(web: Web) -> None:
    shop = Shop()
    shop.trade(50)
    web.hq.offer(shop, shop.batch(1, 50))
    await web.hq.settled()
    stock = await web.get("/v1/stores/SH-0001/stock")
    assert {sku["sku"]: sku["places"] for sku in stock["skus"] if sku["places"]} == shop.stock()
    assert {sku["sku"]: sku["on_hand"] for sku in stock["skus"]} == {s: shop.on_hand(s) for s, _ in shop.balances}
    assert (stock["epoch"], stock["seq"], stock["as_of"], stock["age_ms"]) == (7, 50, 1_763_760_001_000, 4000)


async def test_a_sku_is_found_across_the_chain(web: Web) -> None:
    shops = [Shop(f"SH-{n}", seed=n, skus=2) for n in range(3)]
    for shop in shops:
        shop.trade(40)
        web.hq.offer(shop, shop.batch(1, 40))
    await web.hq.settled()
    answer = await web.get("/v1/stock?sku=SKU-1")
    expected = {shop.topics.store: shop.on_hand("SKU-1") for shop in shops}
    assert {each["store"]: each["on_hand"] for each in answer["stores"]} == expected
    assert answer["on_hand"] == sum(expected.values())


async def test_a_sum_is_as_old_and_as_sure_as_its_worst_part(web: Web) -> None:
    sure, behind = Shop("SH-1", skus=1), Shop("SH-2", skus=1, seed=2)
    for shop in (sure, behind):
        shop.trade(20)
    web.hq.offer(sure, sure.batch(1, 20))
    await web.hq.hello(sure)
    assert (await web.get("/v1/stock?sku=SKU-0"))["digest"] == "same"
    web.hq.offer(behind, behind.batch(1, 15))
    await web.hq.settled()
    web.hq.offer(behind, behind.state(), channel="state")
    await web.hq.settled()
    answer = await web.get("/v1/stock?sku=SKU-0")
    assert [each["behind"] for each in answer["stores"]] == [0, 5]
    assert [each["digest"] for each in answer["stores"]] == ["same", "unknown"]
    assert (answer["behind"], answer["digest"], answer["age_ms"]) == (5, "unknown", 4000)
    await web.hq.hello(behind, behind.hello(told="0" * 16))
    web.hq.offer(behind, behind.batch(16, 5))
    await web.hq.settled()
    assert (await web.get("/v1/stock?sku=SKU-0"))["digest"] == "differs"


async def test_skus_are_found_by_their_beginning_a_page_at_a_time(web: Web) -> None:
    names = ["TEA-1", "TEA-10", "TEA-2", "TEA", "Tea", "tea", "TE", "茶-1", "茶-2", "TEA%", "TEA_", "ZZZ"]
    shops = [Shop(f"SH-{n}", seed=n) for n in range(2)]
    for number, shop in enumerate(shops):
        for seq, sku in enumerate(names, 1):
            shop.rows.append(
                StockRow(seq, f"p{seq}", 0, sku, "SUPPLIER", "FLOOR", 1, "receive", "t", -1, 1, number + 1)
            )
        web.hq.offer(shop, shop.batch(1, len(names)))
    await web.hq.settled()
    found: list[str] = []
    after = ""
    while True:
        page = await web.get(f"/v1/skus?prefix=TEA&limit=2{after}")
        assert all((each["on_hand"], each["stores"]) == (3, 2) for each in page["skus"])
        found += [each["sku"] for each in page["skus"]]
        if page["next"] is None:
            break
        after = f"&after={quote(page['next'])}"
    assert found == sorted(name for name in names if name.startswith("TEA"))
    assert [each["sku"] for each in (await web.get("/v1/skus?prefix=茶"))["skus"]] == ["茶-1", "茶-2"]
    assert (await web.get("/v1/skus?prefix=NONE"))["skus"] == []


async def test_the_lag_is_kept_for_half_an_hour(web: Web) -> None:
    shop = Shop()
    shop.trade(30)
    web.hq.offer(shop, shop.batch(1, 20))
    await web.hq.settled()
    await web.board.trend.look()
    await web.board.trend.look()
    web.hq.offer(shop, shop.state(), channel="state")
    await web.hq.settled()
    await web.board.trend.look()
    nothing = {"p50_ms": None, "p99_ms": None}
    expected = [{"p50_ms": 1000, "p99_ms": 1000, "behind": 0}, nothing | {"behind": 0}, nothing | {"behind": 10}]
    assert (await web.get("/v1/lag?store=SH-0001"))["points"] == expected
    assert (await web.get("/v1/lag"))["points"] == expected
    for _ in range(200):
        await web.board.trend.look()
    assert len((await web.get("/v1/lag"))["points"]) == len((await web.get("/v1/lag?store=SH-0001"))["points"]) == 180


async def test_the_api_describes_itself(web: Web) -> None:
    document = (await web.client.get("/v1/openapi.json")).json()
    assert document == json.loads(json.dumps(DOCUMENT))
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["description"], name
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert refs == set(document["components"]["schemas"]) - {"Event"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            asked = path.replace("{store}", "NOBODY").replace("{id}", "c-1")
            answer = await web.client.request(method, asked, params={"nonsense": "1"})
            assert answer.status_code == 400, path
            is_as_published(answer)
            assert operation["summary"].endswith(".")


async def test_every_route_is_published_and_nothing_else(web: Web) -> None:
    routes = routes_of(web.board, web.streams, web.commands, web.orders)
    served = {(route.path, method.lower()) for route in routes for method in route.methods or () if method != "HEAD"}
    published = {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served - {("/", "get")} == published


async def test_the_log_reads_on_from_a_number(web: Web) -> None:
    shop = Shop()
    shop.trade(30)
    web.hq.offer(shop, shop.batch(1, 30))
    await web.hq.settled()
    first = await web.get("/v1/stores/SH-0001/log?limit=12")
    rest = await web.get(f"/v1/stores/SH-0001/log?after={first['rows'][-1]['seq']}")
    rows = first["rows"] + rest["rows"]
    assert [row["seq"] for row in rows] == list(range(1, 31))
    assert (first["oldest"], first["gone"]) == (1, 0)
    assert all(row["landed_at"] == 1_763_760_001_000 and row["id"] for row in rows)
    stock_row = next(row for row in rows if row["kind"] == "stock")
    assert {"seq", "at", "landed_at", "kind", "from", "to", "from_now", "to_now", "on_hand"} <= stock_row.keys()


async def test_the_log_says_what_it_no_longer_has(web: Web) -> None:
    shop = Shop()
    shop.trade(30)
    web.hq.offer(shop, shop.batch(1, 30))
    await web.hq.settled()
    for month in await web.hq.database.months():
        await web.hq.database.retire(month)
    answer = await web.get("/v1/stores/SH-0001/log?after=12")
    assert (answer["oldest"], answer["gone"], answer["rows"]) == (31, 18, [])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/stores/NOBODY/stock", 404),
        ("/v1/stores/NOBODY/log", 404),
        ("/v1/stock?sku=NOTHING", 404),
        ("/v1/stock", 400),
        ("/v1/stock?sku=", 400),
        ("/v1/stock?sku=A&sku=B", 400),
        ("/v1/stock?skus=A", 400),
        ("/v1/stores?store=SH-0001", 400),
        ("/v1/skus", 400),
        ("/v1/skus?prefix=S&limit=0", 400),
        ("/v1/lag?store=NOBODY", 404),
        ("/v1/lag?store=a/b", 400),
        ("/v1/events?store=NOBODY", 404),
        ("/v1/events?after=3/17", 400),
        ("/v1/events?store=SH-0001&after=x", 400),
        ("/v1/nothing", 404),
        ("/nowhere", 404),
        ("/static/nothing.js", 404),
        ("/static/../app.py", 404),
        ("/static/%2e%2e/app.py", 404),
    ],
)
async def test_what_is_not_there_says_what_to_do(web: Web, path: str, status: int) -> None:
    answer = await web.get(path, status)
    assert answer["error"]
    assert answer["hint"]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=1001", "after=99999999999999999999", "limit=²"]
)
async def test_a_wrong_number_is_named(web: Web, query: str) -> None:
    shop = Shop()
    await web.hq.hello(shop)
    answer = await web.get(f"/v1/stores/SH-0001/log?{query}", 400)
    assert query.split("=")[0] in answer["error"]


@pytest.mark.parametrize("path", ["/", "/v1/stores", "/v1/events", "/v1/board", "/static/page.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_only_answer(web: Web, method: str, path: str) -> None:
    answer = await web.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": "HQ's pages only answer questions", "hint": "Use GET."}


async def test_the_page_s_stream_follows_the_books(web: Web) -> None:
    shop = Shop()
    shop.trade(30)
    async with asyncio.timeout(10), web.client.stream("GET", "/v1/board") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        cursor = -1
        while cursor < 30:
            line = await anext(lines)
            if line.startswith("data: "):
                said = json.loads(line.removeprefix("data: "))
                is_a("Stores", said)
                stores = said["stores"]
                cursor = max([each["cursor"] for each in stores if each["store"] == "SH-0001"], default=0)
                if cursor == 0:
                    web.hq.offer(shop, shop.batch(1, 30))


async def test_the_quarantine_can_be_read(web: Web) -> None:
    web.hq.offer(Shop(), b"<script>alert(1)</script>")
    await web.hq.settled()
    answer = await web.get("/v1/quarantine")
    assert answer["unreadable"] == 1
    assert answer["newest"][0]["payload"] == "<script>alert(1)</script>"


async def test_the_page_has_every_part_it_names(web: Web) -> None:
    page = await web.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for part in ("page.js", "page.css", "icon.svg", "strings.js", "lag.js"):
        assert (await web.client.get(f"/static/{part}")).status_code == 200
    assert "<script>" not in page.text
    assert "style=" not in page.text


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
