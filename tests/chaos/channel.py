"""A channel that sells over the net while the agent is killed: it asks for units, binds them to orders, uses them or
gives them back, and asks the same again until it is answered. What it was told must then be in the books, once."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from simulators.till import Refused, Till

#: Longer than a scenario: nothing expires by itself.
_TTL_S = 24 * 3600
_PAUSE_S = 0.03
_ACCOUNTS = ("HOLD:", "COMMIT:")


@dataclass(slots=True)
class Deal:
    """One hold, and what was asked of it so far. `told`: the state of the last answer; empty: there was no hold."""

    told: str = ""
    #: How many postings each of its names must have.
    postings: Counter[str] = field(default_factory=Counter)
    #: Somebody said no to a later step: a till was faster. It may have ended by itself.
    unsure: bool = False


class Channel:
    """Works until `close`. Several of its clerks ask at the same time."""

    def __init__(self, web: str, skus: tuple[str, ...], seed: int) -> None:
        self.deals: dict[str, Deal] = {}
        self._till = Till("web", web)
        self._skus = skus
        self._seed = seed
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    async def work(self) -> None:
        """Make deals, until it is closed."""
        try:
            async with asyncio.TaskGroup() as clerks:
                for nth in range(3):
                    clerks.create_task(self._work_of(Random(f"{self._seed}/channel/{nth}")), name=f"channel {nth}")
        finally:
            await self._till.close()

    async def _work_of(self, rng: Random) -> None:
        while not self._closing.is_set():
            await self._deal(rng)
            await asyncio.sleep(rng.expovariate(1 / _PAUSE_S))

    async def _deal(self, rng: Random) -> None:
        wants = [(sku, rng.randint(1, 2)) for sku in rng.sample(self._skus, rng.randint(1, 3))]
        lines = [{"line": nth, "sku": sku, "qty": qty} for nth, (sku, qty) in enumerate(wants, 1)]
        name = self._till.next_paper()
        deal = self.deals[name] = Deal()
        if not await self._ask(deal, "/v1/holds", {"hold": name, "channel": "web", "lines": lines, "ttl_s": _TTL_S}):
            return
        deal.unsure = False
        deal.postings[f"hold:{name}"] = len(lines)
        if rng.random() < 0.05:
            return  # the customer thinks about it
        if rng.random() < 0.2:
            if await self._ask(deal, f"/v1/holds/{name}/release", {}):
                deal.postings[f"release:{name}"] = len(lines)
            return
        if not await self._ask(deal, f"/v1/holds/{name}/commit", {"order": f"O-{name}"}):
            return
        deal.postings[f"commit:{name}"] = len(lines)
        if rng.random() < 0.05:
            return  # it waits for its picker
        used = [rng.randint(0, qty) for _, qty in wants]
        lines = [{"line": nth, "qty": qty} for nth, qty in enumerate(used, 1)]
        if await self._ask(deal, f"/v1/holds/{name}/consume", {"used": lines}):
            parts = [(taken > 0) + (taken < qty) for taken, (_, qty) in zip(used, wants, strict=True)]
            deal.postings[f"consume:{name}"] = sum(parts)

    async def _ask(self, deal: Deal, path: str, paper: Mapping[str, object]) -> bool:
        """Until it is answered; was it yes?"""
        try:
            answer = await self._till.ask(path, paper)
        except Refused:
            deal.unsure = True
            return False
        deal.told = answer["state"]
        return True

    def complaints(self, database: Path) -> Iterator[str]:
        """What of its deals is not in the books as it was told, or is there twice, or was never asked."""
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as books:
            made = Counter(source for (source,) in books.execute("SELECT source FROM posting"))
            states = dict(books.execute("SELECT id, state FROM hold").fetchall())
            lines = "SELECT json_extract(value, '$[1]'), sum(json_extract(value, '$[3]')) FROM hold, json_each(lines)"
            held = {sku: qty for sku, qty in books.execute(f"{lines} GROUP BY 1") if qty}
            booked: Counter[str] = Counter()
            for sku, place, qty in books.execute("SELECT sku, place, qty FROM balance WHERE qty <> 0"):
                if place.startswith(_ACCOUNTS):
                    booked[sku] += qty
        for name, deal in self.deals.items():
            for kind in ("hold", "commit", "consume", "release"):
                source = f"{kind}:{name}"
                there, wanted = made.pop(source, 0), deal.postings[source]
                if there != wanted and not (deal.unsure and deal.told and wanted == 0):
                    yield f"{source} has {there} postings, and was answered with {wanted}"
            if states.get(name, "") != deal.told and not deal.unsure:
                yield f"hold {name} is {states.get(name)!r}, and was told to be {deal.told!r}"
        for source in made:
            if source.startswith(("hold:", "commit:", "consume:", "release:")):
                yield f"{source} is posted and was never asked"
        if held != dict(booked):
            yield f"open holds say {held}, the accounts of claims {dict(booked)}"
