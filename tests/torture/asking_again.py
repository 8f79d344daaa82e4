"""After a power cut everybody who may not have been answered asks again: each thing then happened once."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from agent.clerk import Clerk
from agent.core.asks import Answer, Claimed, Reserve, Sale, Scan, Sold
from agent.store import books as rows
from agent.store.connection import Store, _open_writer
from agent.store.verify import verify
from tests.core.shop import CATALOGUE
from tests.torture.workload import EPOCH, FILE, STORE, DayClock, People


def ask_again(files: dict[str, bytes], folder: Path, seed: int, turns: int) -> list[str]:
    """What is wrong after the whole day was asked once more, save scans, whose device counts them itself."""
    folder.mkdir()
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
    wanted = asyncio.run(_the_day_again(folder / FILE, seed, turns))
    return [*_happened_once(folder / FILE, wanted), *map(str, verify(folder / FILE).findings)]


async def _the_day_again(path: Path, seed: int, turns: int) -> dict[tuple[str, ...], int]:
    """How many postings each ask that was granted must have, under its names."""
    wanted: dict[tuple[str, ...], int] = {}
    async with await Store.open(path) as store:
        epoch = await store.write(lambda tx: rows.found(tx, STORE, EPOCH))
        books = await store.write(lambda tx: rows.load(tx, STORE, epoch, CATALOGUE))
        clerk = Clerk(store, books, DayClock(), lambda turn: None)
        work = asyncio.ensure_future(clerk.run())
        people = People(seed)
        for _ in range(turns):
            asked = [ask for ask in people.turn() if not isinstance(ask, Scan)]
            answers: list[Answer] = await asyncio.gather(*(clerk.enter(cast(Any, ask)) for ask in asked))
            for ask, answer in zip(asked, answers, strict=True):
                match ask, answer:
                    case Sale(), Sold():
                        wanted[tuple(ask.sources())] = len(ask.lines)
                    case Reserve(), Claimed():
                        wanted[tuple(ask.sources())] = len(ask.wants)
        work.cancel()
        await asyncio.wait([work])
    return wanted


def _happened_once(path: Path, wanted: dict[tuple[str, ...], int]) -> Iterator[str]:
    with closing(_open_writer(path)) as db:
        counts = dict(db.execute("SELECT source, count(*) FROM posting GROUP BY source").fetchall())
    for sources, count in wanted.items():
        found = sum(counts.get(source, 0) for source in set(sources))
        if found != count:
            yield f"{sources[0]} was asked again and has {found} postings where {count} belong"
