"""`python -m tests.hq_bridge.postgres_kills [N]`: HQ, its PostgreSQL, or both killed with -9 while rows land, N times.

Judged on the database afterwards: whatever a store was told is heard is there, and every row is there once.
"""

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy.engine import URL

from hq_bridge.store import Database
from tests.brokers import Mosquitto, running_mosquitto
from tests.hq_bridge.processes import hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.postgres import Postgres, running_postgres
from tests.waiting import until


class Found(NamedTuple):
    """What the database has in the end; `heard_and_lost` are rows a store was told of and HQ had not after a kill."""

    rows: int
    heard: int
    landed: list[int]
    heard_and_lost: list[int]


async def landing_under_kills(broker: Mosquitto, folder: Path, kills: int, seed: int) -> Found:
    """Kill HQ, or the server, or both at once, at random moments while a shop sends; then let it all come to rest."""
    chance = random.Random(seed)
    shop = Shop(seed=seed, skus=20)
    lost: list[int] = []
    with running_postgres() as server:
        url = server.wiped()
        config = write_config(folder, broker.address, database=url)
        async with on_the_line(ShopLine(shop, broker.address, rows_per_batch=7)) as line:
            for kill in range(kills):
                await _until_killed(config, server, shop, line, chance, kill % 3)
                landed = await _landed(url, shop)
                lost += range(len(landed) + 1, line.upto + 1)
            async with hq_process(config) as hq:
                await hq.store_where(shop.topics.store, cursor=shop.head)
                line.say_hello()
                await hq.store_where(shop.topics.store, digest="same")
        return Found(shop.head, line.upto, await _landed(url, shop), lost)


async def _until_killed(
    config: Path, server: Postgres, shop: Shop, line: ShopLine, chance: random.Random, whom: int
) -> None:
    """One life of HQ: rows come and land; some time after the first is heard, somebody is killed."""
    heard = line.upto
    moment_s = chance.uniform(0, 0.4)
    first_heard_at = 0.0
    async with hq_process(config) as hq:

        def is_time() -> bool:
            nonlocal first_heard_at
            shop.trade(20)
            _send_more(shop, line)
            if not first_heard_at and line.upto > heard:
                first_heard_at = time.monotonic()
            return bool(first_heard_at) and time.monotonic() - first_heard_at >= moment_s

        await until(is_time, 30)
        if whom in (0, 2):
            hq.process.kill()
        if whom in (1, 2):
            server.kill()

        def has_ended() -> bool:
            _send_more(shop, line)  # an HQ without rows to land does not miss its database
            return hq.process.returncode is not None

        await until(has_ended)
    if whom in (1, 2):
        server.start()


def _send_more(shop: Shop, line: ShopLine) -> None:
    """What HQ may have, and all it has not heard."""
    shop.trade(1)
    line.send_more()
    line.send()


async def _landed(url: URL, shop: Shop) -> list[int]:
    """The numbers of the rows that the history has, each as often as it has it; stock and cursor must agree."""
    async with await Database.open(url) as database:
        kept = await database.log(shop.topics.store, shop.epoch, 0, 10**6)
        seqs = [msgspec.json.decode(body)["seq"] for _, body in kept.rows]
        books = (await database.load()).get(shop.topics.store)
        assert (books.position.cursor if books else 0) == len(seqs)
        return seqs


async def main(kills: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with running_mosquitto(Path(folder)) as broker:
            began = time.monotonic()
            found = await landing_under_kills(broker, Path(folder), kills, seed)
    held = not found.heard_and_lost and found.landed == list(range(1, found.rows + 1))
    twice = len(found.landed) - len(set(found.landed))
    print(f"{kills} kills in {time.monotonic() - began:.0f} s, seed {seed}: {found.rows} rows,", end=" ")
    print(f"{len(found.landed)} landed, {twice} twice, {len(found.heard_and_lost)} heard and lost")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, int(time.time()))))
