"""A real HQ process, a real broker, a scripted store: what the shop has is what HQ shows, whatever is killed."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy.engine import URL

from hq_bridge.store import Database
from tests.brokers import Mosquitto
from tests.hq_bridge.postgres_kills import landing_under_kills
from tests.hq_bridge.processes import HqProcess, hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.waiting import until
from wire.mqtt import MqttVersion


async def _assert_equal(hq: HqProcess, shop: Shop) -> None:
    stock = await hq.get(f"/v1/stores/{shop.topics.store}/stock")
    assert {sku["sku"]: sku["places"] for sku in stock["skus"] if sku["places"]} == shop.stock()
    assert all(sku["on_hand"] == shop.on_hand(sku["sku"]) for sku in stock["skus"])
    assert stock["seq"] == shop.head


async def _seqs(url: URL, shop: Shop) -> list[int]:
    """Of the rows that landed, in order; each as often as it did."""
    async with await Database.open(url) as database:
        kept = await database.log(shop.topics.store, shop.epoch, 0, 100_000)
        return [msgspec.json.decode(body)["seq"] for _, body in kept.rows]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_what_a_store_sends_is_what_hq_shows(
    mosquitto: Mosquitto, tmp_path: Path, version: MqttVersion, url: URL
) -> None:
    shop = Shop()
    shop.trade(200)
    async with (
        hq_process(write_config(tmp_path, mosquitto.address, version, database=url)) as hq,
        on_the_line(ShopLine(shop, mosquitto.address, version)) as line,
    ):
        store = await hq.store_where("SH-0001", cursor=200, state="here")
        assert store["behind"] == 0
        assert store["cases_open"] == len(shop.open_cases)
        await _assert_equal(hq, shop)
        await until(lambda: line.upto == 200)
        line.say_hello()
        await hq.store_where("SH-0001", digest="same", trouble=None)


async def test_a_store_that_vanished_is_away(mosquitto: Mosquitto, tmp_path: Path) -> None:
    shop = Shop()
    async with (
        hq_process(write_config(tmp_path, mosquitto.address)) as hq,
        on_the_line(ShopLine(shop, mosquitto.address)) as line,
    ):
        await hq.store_where("SH-0001", state="here")
        line.vanish()
        await hq.store_where("SH-0001", state="away")


@pytest.mark.parametrize("dies_at", [1, 2, 3, 7])
async def test_killed_between_its_commit_and_heard_hq_ends_equal(
    mosquitto: Mosquitto, tmp_path: Path, dies_at: int, url: URL
) -> None:
    shop = Shop()
    shop.trade(100)
    config = write_config(tmp_path, mosquitto.address, database=url)
    async with on_the_line(ShopLine(shop, mosquitto.address, rows_per_batch=10)) as line:
        argv = ("-m", "tests.hq_bridge.dies_unheard", str(config), str(dies_at))
        async with hq_process(config, *argv) as dying:
            await until(lambda: line.link.state == "here")
            await until(lambda: dying.process.returncode is not None or not line.send_more())
            assert await dying.ended() == -signal.SIGKILL
        async with hq_process(config) as hq:
            await hq.store_where("SH-0001", cursor=100)
            await _assert_equal(hq, shop)
    assert await _seqs(url, shop) == list(range(1, 101))


async def test_the_line_goes_on_after_the_broker_was_killed(mosquitto: Mosquitto, tmp_path: Path, url: URL) -> None:
    shop = Shop()
    shop.trade(50)
    async with (
        hq_process(write_config(tmp_path, mosquitto.address, database=url)) as hq,
        on_the_line(ShopLine(shop, mosquitto.address)) as line,
    ):
        await hq.store_where("SH-0001", cursor=50)
        mosquitto.kill()
        await until(lambda: line.link.state == "connecting")
        shop.trade(50)
        await mosquitto.start()
        await hq.store_where("SH-0001", cursor=100)
        await _assert_equal(hq, shop)
    assert await _seqs(url, shop) == list(range(1, 101))


async def test_a_store_that_died_with_the_broker_is_not_shown_as_here(mosquitto: Mosquitto, tmp_path: Path) -> None:
    shop = Shop()
    async with hq_process(write_config(tmp_path, mosquitto.address)) as hq:
        async with on_the_line(ShopLine(shop, mosquitto.address)):
            await hq.store_where("SH-0001", state="here")
            mosquitto.kill()
        await mosquitto.start()  # it remembers nothing, and nobody tells it of a last will
        await hq.store_where("SH-0001", state="unknown")
        async with on_the_line(ShopLine(shop, mosquitto.address)):
            await hq.store_where("SH-0001", state="here")


async def test_a_second_hq_on_the_same_books_is_refused_until_the_first_is_gone(
    mosquitto: Mosquitto, tmp_path: Path, url: URL
) -> None:
    config = write_config(tmp_path, mosquitto.address, database=url)
    async with hq_process(config) as first:
        status, complaint = await _end_of_another(config)
        assert status == 1
        assert "another HQ (" in complaint
        assert f"{first.process.pid}) keeps its books there" in complaint
        assert "Traceback" not in complaint
        assert (await first.get("/v1/stores"))["line"]["state"] == "here"
        first.process.kill()
        await first.ended()
    async with hq_process(config) as third:
        assert (await third.get("/v1/stores"))["stores"] == []


async def _end_of_another(config: Path) -> tuple[int | None, str]:
    """Status and last words of an HQ that cannot run."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hq_bridge", "run", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, complaint.decode()


@pytest.mark.parametrize("kills", [3])
async def test_killed_with_its_postgresql_in_mid_landing_hq_ends_equal(
    mosquitto: Mosquitto, tmp_path: Path, kills: int
) -> None:
    found = await landing_under_kills(mosquitto, tmp_path, kills, seed=1)
    assert found.heard_and_lost == []
    assert found.landed == list(range(1, found.rows + 1))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly_even_with_a_page_open(
    mosquitto: Mosquitto, tmp_path: Path, how: signal.Signals
) -> None:
    async with (
        hq_process(write_config(tmp_path, mosquitto.address)) as hq,
        httpx.AsyncClient() as client,
        client.stream("GET", f"{hq.web}/v1/board") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: stores"
        hq.process.send_signal(how)
        began = asyncio.get_running_loop().time()
        assert await hq.ended() == 0
        assert asyncio.get_running_loop().time() - began < 3
