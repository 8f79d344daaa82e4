"""What stores tell of days that are over is kept, shown, and added up for the chain."""

import csv
import io
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy.engine import URL

from tests.hq_bridge.shop import Shop
from tests.hq_bridge.test_ingest import hq_at
from tests.hq_bridge.test_snapshots import asked, parts_of, send
from tests.hq_bridge.test_web import web_over
from wire.codec import batch_of, decode_snapshot, decode_snapshot_part, encode, encode_row
from wire.messages import DayRow

_DAY_MS = 86_400_000


def batch(shop: Shop, first: int, *days: tuple[int, dict[str, int]]) -> bytes:
    """Days of November 2026 with their sums, told by a shop."""
    rows = [
        DayRow(seq, f"x/{seq}", 1_763_760_000_000, f"2026-11-{day:02}", day * _DAY_MS, (day + 1) * _DAY_MS, sums)
        for seq, (day, sums) in enumerate(days, first)
    ]
    return batch_of(shop.epoch, first, [encode_row(row) for row in rows])


def rates(of: dict[str, Any]) -> dict[str, tuple[float, int]]:
    return {one["name"]: (one["value"], one["of"]) for one in of["figures"]}


async def test_days_are_kept_shown_and_added_up_over_stores(url: URL) -> None:
    one, other = Shop(), Shop("SH-0002")
    full = {"orders": 10, "handed_over": 8, "perfect": 6, "accepted": 9}
    async with hq_at(url) as hq, web_over(hq) as web:
        assert (await web.get("/v1/days"))["days"] == []
        hq.offer(one, batch(one, 1, (20, full), (21, {}), (22, full)))
        hq.offer(other, batch(other, 1, (22, {"orders": 2, "handed_over": 2, "perfect": 2, "accepted": 2})))
        await hq.settled()
        found = await web.get("/v1/stores/SH-0001/days?days=2")
        assert [(day["day"], day["sums"]) for day in found["days"]] == [("2026-11-21", {}), ("2026-11-22", full)]
        assert (rates(found)["perfect_rate"], found["sums"]) == ((0.75, 8), full)
        assert (found["days"][1]["since"], found["days"][1]["until"]) == (22 * _DAY_MS, 23 * _DAY_MS)
        chain = await web.get("/v1/days")
        assert [(day["day"], day["stores"]) for day in chain["days"]] == [
            ("2026-11-20", ["SH-0001"]),
            ("2026-11-21", ["SH-0001"]),
            ("2026-11-22", ["SH-0001", "SH-0002"]),
        ]
        assert rates(chain["days"][2])["perfect_rate"] == (0.8, 10)
        assert (await web.get("/v1/days?until=2026-11-21&days=1"))["days"][0]["sums"] == {}
        for wrong in ("/v1/stores/SH-9/days", "/v1/days?until=2026-13-01", "/v1/days?days=0"):
            assert (await web.client.get(wrong)).status_code in (400, 404)
        assert (await web.get("/v1/days?until=2026-02-31"))["days"] == []
    async with hq_at(url) as hq, web_over(hq) as web:  # and after a restart
        assert await web.get("/v1/days") == chain
        await hq.database.forget_orders(2_000_000_000_000)
        assert (await web.get("/v1/days"))["days"] == []


async def test_a_day_that_is_told_again_by_restored_books_takes_the_place_of_the_first(url: URL) -> None:
    shop, restored = Shop(), Shop(epoch=8)
    async with hq_at(url) as hq, web_over(hq) as web:
        hq.offer(shop, batch(shop, 1, (20, {"orders": 3})))
        hq.offer(restored, batch(restored, 1, (20, {"orders": 2})))
        await hq.settled()
        assert [day["sums"] for day in (await web.get("/v1/stores/SH-0001/days"))["days"]] == [{"orders": 2}]


async def test_an_hq_that_lost_its_database_hears_all_days_again(url: URL) -> None:
    """Rows of the first days are gone at the store, too: they come with the snapshot."""
    shop = Shop()
    shop.trade(20)
    told = DayRow(20, "7/20", 0, "2026-11-20", 0, _DAY_MS, {"orders": 3})
    async with hq_at(url) as hq, web_over(hq) as web:
        name = await asked(hq, shop, oldest=15)
        *parts, last = parts_of(shop, name)
        with_days = encode(msgspec.structs.replace(decode_snapshot_part(last), days=(told,)))
        manifest = decode_snapshot(parts[0])
        hashes = (*manifest.parts[:-1], sha256(with_days).hexdigest())
        send(hq, shop, name, [encode(msgspec.structs.replace(manifest, parts=hashes)), *parts[1:], with_days])
        await hq.settled()
        shop.trade(1)
        hq.offer(shop, shop.batch(21, 1))
        hq.offer(shop, batch(shop, 22, (21, {"orders": 1})))
        await hq.settled()
        found = await web.get("/v1/stores/SH-0001/days")
        assert [(day["day"], day["sums"]) for day in found["days"]] == [
            ("2026-11-20", {"orders": 3}),
            ("2026-11-21", {"orders": 1}),
        ]


async def test_the_chain_s_days_are_added_up_anew_when_another_store_tells_of_one(url: URL) -> None:
    one, other = Shop(), Shop("SH-0002")
    async with hq_at(url) as hq, web_over(hq) as web:
        hq.offer(one, batch(one, 1, (20, {"timed": 4, "on_time": 3}), (22, {"timed": 2, "on_time": 2})))
        await hq.settled()
        for _ in range(2):
            assert rates((await web.get("/v1/days"))["days"][0])["on_time_rate"] == (0.75, 4)
        hq.offer(other, batch(other, 1, (20, {"timed": 4, "on_time": 1})))
        await hq.settled()
        assert rates((await web.get("/v1/days"))["days"][0])["on_time_rate"] == (0.5, 8)
        assert (await web.get("/v1/days/2026-11-20?figure=on_time_rate"))["stores"] == [
            {"store": "SH-0001", "value": 0.75, "of": 4},
            {"store": "SH-0002", "value": 0.25, "of": 4},
        ]
        assert (await web.get("/v1/days/2026-11-22?figure=labour_s"))["stores"] == [
            {"store": "SH-0001", "value": None, "of": 0}
        ]
        for wrong in ("/v1/days/2026-11-20", "/v1/days/2026-11-20?figure=nonsense", "/v1/days.csv?days=no"):
            assert (await web.client.get(wrong)).status_code == 400
        assert (await web.get("/v1/days/nonsense?figure=labour_s"))["stores"] == []


async def test_days_are_sheets_too(url: URL) -> None:
    one, other = Shop(), Shop("SH-0002")
    async with hq_at(url) as hq, web_over(hq) as web:
        hq.offer(one, batch(one, 1, (20, {"orders": 4, "timed": 4, "on_time": 3, "heard": 1, "heard_within_50_ms": 1})))
        hq.offer(other, batch(other, 1, (20, {"orders": 1, "timed": 1}), (21, {"orders": 2})))
        await hq.settled()

        async def sheet(path: str) -> list[tuple[str, ...]]:
            answer = await web.client.get(path)
            assert answer.headers["content-type"].startswith("text/csv")
            lines = [dict(line) for line in csv.DictReader(io.StringIO(answer.text))]
            names = ("day", "store", "stores", "orders", "on_time_rate", "heard_p99_ms")
            return [tuple(line[name] for name in names) for line in lines]

        assert await sheet("/v1/days.csv") == [
            ("2026-11-20", "", "2", "5", "0.6", "50"),
            ("2026-11-21", "", "1", "2", "", ""),
        ]
        assert await sheet("/v1/stores/SH-0001/days.csv") == [("2026-11-20", "SH-0001", "1", "4", "0.75", "50")]
        assert await sheet("/v1/stores/days.csv") == [
            ("2026-11-20", "SH-0001", "1", "4", "0.75", "50"),
            ("2026-11-20", "SH-0002", "1", "1", "0.0", ""),
            ("2026-11-21", "SH-0002", "1", "2", "", ""),
        ]
        assert (await web.client.get("/v1/stores/SH-9/days.csv")).status_code == 404
