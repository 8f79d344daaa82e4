"""Whoever follows the events gets every row HQ committed, once and in order per store, or is told what is gone."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import delete
from sqlalchemy.engine import URL

from hq_bridge.events import told_of
from hq_bridge.months import Month
from hq_bridge.web.streams import FOLLOWERS_MAX
from tests.hq_bridge.shop import Shop
from tests.hq_bridge.test_ingest import hq_at
from tests.hq_bridge.test_web import Web, web_over
from tests.waiting import until
from tests.witness import fault_in
from wire.codec import decode_event, encode_row
from wire.messages import CaseRow, Event

GOLDEN = Path(__file__).parents[1] / "wire" / "golden"
LANDED_AT = 1_763_760_001_000


@pytest.fixture
async def web(url: URL) -> AsyncIterator[Web]:
    async with hq_at(url) as hq, web_over(hq) as serving:
        yield serving


class Followed:
    """An open stream, event by event."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Name (empty for a row's) and data of the next event."""
        name, data = "", ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif not line and data:
                event = json.loads(data)
                assert name or fault_in("event", event) is None
                return name, event
        raise AssertionError("the stream has ended")

    async def seqs(self, count: int) -> list[int]:
        """Of the next `count` events, all of them rows."""
        seqs = []
        for _ in range(count):
            name, event = await self.next()
            assert name == ""
            assert event["id"] == f"{event['partitionkey']}/{event['id'].split('/')[1]}/{event['data']['seq']}"
            seqs.append(event["data"]["seq"])
        return seqs


@asynccontextmanager
async def following(web: Web, query: str = "", last_id: str = "") -> AsyncIterator[Followed]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with asyncio.timeout(20), web.client.stream("GET", f"/v1/events{query}", headers=headers) as stream:
        assert stream.status_code == 200
        yield Followed(stream.aiter_lines())


async def test_a_row_becomes_an_event() -> None:
    golden = (GOLDEN / "event-v1.json").read_bytes().strip()
    assert told_of("SH-0001", 3, 1_763_760_000_131, decode_event(golden).data).payload == golden
    shop = Shop()
    shop.trade(40)
    for row in shop.rows:
        told = told_of("SH-0001", 7, LANDED_AT, msgspec.Raw(encode_row(row)))
        event = decode_event(told.payload)
        assert (event.id, event.type) == (f"SH-0001/7/{row.seq}", f"nearshelf.{told.kind}.changed.v1")
        assert (event.source, event.partitionkey) == ("/stores/SH-0001", "SH-0001")
        assert (event.time, event.recordedtime) == ("2025-11-21T21:20:00.000Z", "2025-11-21T21:20:01.000Z")
        assert event.subject == (row.about if isinstance(row, CaseRow) else row.sku)
        assert bytes(event.data) == encode_row(row)


@pytest.mark.parametrize(
    ("row", "kind", "time"),
    [
        (b'{"seq":1,"kind":"order","at":"soon","sku":7}', "order", "2025-11-21T21:20:01.000Z"),
        (b'{"seq":1,"kind":"a/+/#","at":9007199254740991}', "other", "2025-11-21T21:20:01.000Z"),
        (b'{"seq":1,"kind":"","at":-9007199254740991,"about":[]}', "other", "2025-11-21T21:20:01.000Z"),
        (b'{"seq":1,"kind":"x","at":-1}', "x", "1969-12-31T23:59:59.999Z"),
    ],
)
async def test_a_row_nobody_knows_is_an_event_too(row: bytes, kind: str, time: str) -> None:
    told = told_of("S", 1, LANDED_AT, msgspec.Raw(row))
    event: Event = decode_event(told.payload)
    assert fault_in("event", json.loads(told.payload)) is None
    assert (told.kind, event.time, bytes(event.data)) == (kind, time, row)


async def test_a_store_is_followed_from_now_on_and_back_from_any_row(web: Web) -> None:
    shop = Shop()
    shop.trade(300)
    web.hq.offer(shop, shop.batch(1, 250))
    await web.hq.settled()
    async with following(web, "?store=SH-0001") as live:
        assert await live.next() == ("from", {"store": "SH-0001", "epoch": 7, "seq": 250})
        assert live.last_id == "SH-0001/7/250"
        web.hq.offer(shop, shop.batch(251, 50))
        assert await live.seqs(50) == list(range(251, 301))
        assert live.last_id == "SH-0001/7/300"
    async with following(web, "?store=SH-0001&after=7/13") as old:
        await old.next()
        assert await old.seqs(287) == list(range(14, 301))
    async with following(web, "?store=SH-0001&after=7/13", last_id="SH-0001/7/290") as back:
        await back.next()
        assert await back.seqs(10) == list(range(291, 301))


async def test_all_stores_are_followed_each_in_order(web: Web) -> None:
    shops = [Shop(f"SH-{n}", seed=n) for n in range(4)]
    web.hq.offer(shops[0], shops[0].hello(), channel="hello")
    async with following(web) as live:
        await until(lambda: web.hq.ingest.bell._ears)
        for shop in shops:
            shop.trade(130)
        for first in range(1, 131, 10):
            for shop in shops:
                web.hq.offer(shop, shop.batch(first, 10))
        seen: dict[str, list[int]] = {}
        for _ in range(4 * 130):
            _, event = await live.next()
            seen.setdefault(event["partitionkey"], []).append(event["data"]["seq"])
        assert seen == {shop.topics.store: list(range(1, 131)) for shop in shops}
        assert live.last_id == ""


async def test_new_books_follow_the_old_ones(web: Web) -> None:
    old, new = Shop(epoch=7), Shop(epoch=9, seed=2)
    old.trade(120)
    new.trade(30)
    web.hq.offer(old, old.batch(1, 120))
    web.hq.offer(new, new.batch(1, 30))
    await web.hq.settled()
    async with following(web, "?store=SH-0001&after=0/0") as live:
        await live.next()
        rows = [(await live.next())[1]["id"] for _ in range(150)]
    assert rows == [f"SH-0001/7/{n}" for n in range(1, 121)] + [f"SH-0001/9/{n}" for n in range(1, 31)]


async def test_what_is_no_longer_kept_is_told(web: Web) -> None:
    shop = Shop()
    shop.trade(60)
    web.hq.offer(shop, shop.batch(1, 30))
    await web.hq.settled()
    web.hq.offer(shop, shop.batch(31, 30))
    await web.hq.settled()
    table = Month.of(LANDED_AT).table
    beginning = delete(table).where(table.c.first == 1)
    await web.hq.database._write(lambda connection: connection.execute(beginning))
    async with following(web, "?store=SH-0001&after=7/12") as live:
        await live.next()
        assert await live.next() == ("gone", {"store": "SH-0001", "epoch": 7, "first": 13, "upto": 30})
        assert live.last_id == "SH-0001/7/30"
        assert await live.seqs(30) == list(range(31, 61))
    for month in await web.hq.database.months():
        await web.hq.database.retire(month)
    async with following(web, "?store=SH-0001", last_id="SH-0001/7/59") as live:
        await live.next()
        assert (await live.next())[1] == {"store": "SH-0001", "epoch": 7, "first": 60, "upto": 60}
        shop.trade(2)
        web.hq.offer(shop, shop.batch(61, 2))
        assert await live.seqs(2) == [61, 62]


async def test_who_stops_reading_is_told_why_the_stream_ends(url: URL) -> None:
    shop = Shop()
    shop.trade(12_000)
    async with hq_at(url) as hq, web_over(hq, patience_s=0.1) as web:
        for first in range(1, 12_001, 500):
            hq.offer(shop, shop.batch(first, 500))
        await hq.settled()
        address = urlsplit(str(web.client.base_url))
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # or the kernel takes it all
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address.hostname, address.port))
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"GET /v1/events?store=SH-0001&after=7/0 HTTP/1.1\r\nHost: hq\r\nConnection: close\r\n\r\n")
        await until(lambda: web.streams.counts["cut_off"])
        told = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        assert b"event: cut_off\ndata: " in told[-400:]
        await until(lambda: not web.streams.counts["followers"])


async def test_no_more_follow_than_there_is_room_for(web: Web) -> None:
    async with AsyncExitStack() as open_streams:
        for _ in range(FOLLOWERS_MAX):
            await open_streams.enter_async_context(following(web))
        await web.get("/v1/events", 503)
    await until(lambda: not web.streams.counts["followers"])
    async with following(web):
        pass
