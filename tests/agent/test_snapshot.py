"""A snapshot over a real broker: put together by a plain reader, it is the books."""

import asyncio
from hashlib import sha256
from pathlib import Path

from agent.clock import SystemClock
from agent.core import atp
from agent.core.asks import Notice, Sale, SaleLine
from agent.core.atp import Conditions
from agent.core.days import CloseDay, Day
from agent.snapshot import Snapshots
from tests.agent.shops import opened
from tests.brokers import Mosquitto
from tests.waiting import until
from wire import codec, digest
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics, parse_up

TOPICS = StoreTopics("demo", "SH-1")
CLOCK = SystemClock()


class Reader:
    """Keeps the parts of the newest snapshot."""

    def __init__(self, broker: Mosquitto) -> None:
        self.parts: dict[str, dict[int, bytes]] = {}
        self.link = Link(
            parse_broker(broker.address), "hq", topics=[TOPICS.snapshot("+", 0)[:-1] + "+"],
            on_message=self._heard, now_ms=CLOCK.now_ms,
        )  # fmt: skip

    def _heard(self, topic: str, payload: bytes) -> None:
        parsed = parse_up(topic)
        assert parsed is not None
        _, name, part = parsed[1].split("/")
        self.parts.setdefault(name, {})[int(part)] = payload

    def is_whole(self, name: str) -> bool:
        found = self.parts.get(name, {})
        return 0 in found and len(found) == 1 + len(codec.decode_snapshot(found[0]).parts)


async def test_put_together_it_is_the_books(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with opened(tmp_path / "books.db") as shop:
        await asyncio.gather(*(shop.clerk.enter(Sale(f"R{n}", (SaleLine(1, "sku", "MILK", n),))) for n in range(1, 20)))
        await shop.clerk.enter(Notice("disk_full", "here", "no room"))
        for number in range(5000):  # claims enough for several parts
            shop.books.balances["EGGS", f"HOLD:{number:060}"] = 1
        for day in range(1, 31):  # more than one part of them
            sums = {f"a sum of this store {n}": n for n in range(100)}
            await shop.clerk.enter(CloseDay(Day(f"2026-11-{day:02}", day, day + 1, day, day + 1, sums)))
        reader = Reader(mosquitto)
        link = Link(parse_broker(mosquitto.address), "store", on_message=lambda *_: None, now_ms=CLOCK.now_ms)
        snapshots = Snapshots(shop.store, shop.books, TOPICS, link, CLOCK, shop.clerk.time)
        tasks = [asyncio.ensure_future(work) for work in (reader.link.run(), link.run(), snapshots.run())]
        await until(lambda: link.state == reader.link.state == "here")
        snapshots.ask("s-1")
        await until(lambda: reader.is_whole("s-1"))
        snapshots.ask("s-2")  # asked again under another name: sent again
        await until(lambda: reader.is_whole("s-2"))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        found = reader.parts["s-2"]
        manifest = codec.decode_snapshot(found[0])
        assert (manifest.name, manifest.epoch, manifest.seq) == ("s-2", shop.books.epoch, shop.books.head)
        assert [sha256(found[part]).hexdigest() for part in range(1, len(found))] == list(manifest.parts)
        assert len(manifest.parts) > 3
        parts = [codec.decode_snapshot_part(found[part]) for part in range(1, len(found))]
        balances = {
            (item.sku, place): qty for part in parts for item in part.stock for place, qty in item.places.items()
        }
        assert balances == {key: qty for key, qty in shop.books.balances.items() if qty}
        assert manifest.digest == digest.to_text(digest.of_books((*key, qty) for key, qty in balances.items()))
        assert {item.sku: item.on_hand for part in parts for item in part.stock}["MILK"] == shop.books.on_hand["MILK"]
        terms = {sku: atp.terms(shop.books, Conditions(), sku, "any") for sku in shop.books.on_hand}
        assert {item.sku: (item.held, item.atp) for part in parts for item in part.stock if item.on_hand} == {
            sku: (found.promised, found.atp) for sku, found in terms.items()
        }
        cases = {(row.case, row.about): row.seq for part in parts for row in part.cases}
        assert cases == {key: case.id for key, case in shop.books.cases.items()}
        told = [row for part in parts for row in part.days or ()]
        assert [(row.day, row.since, row.seq) for row in told] == [
            (f"2026-11-{day:02}", day, shop.books.head) for day in range(1, 31)
        ]
        assert all(row.sums == sums for row in told)
