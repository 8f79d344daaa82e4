"""A driver as the agent runs it: its sample's device, before a real shop's books."""

import asyncio
import contextlib
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.tags import TagRules
from agent.devices import Keeper, open_devices
from agent.intake import Intake
from tests.agent.shops import Shop, opened

DRIVERS = Path(__file__).parent.parent.parent / "drivers"


@contextlib.asynccontextmanager
async def at_work(kind: str, books: Path, **settings: object) -> AsyncIterator[tuple[Shop, Keeper]]:
    """The first device of the driver's sample.toml under its keeper, `settings` of this machine in place of its own."""
    sample = tomllib.loads((DRIVERS / kind / "sample.toml").read_text(encoding="utf-8"))["device"][0]
    config = DeviceConfig(sample["name"], kind, {**sample["settings"], **settings}, {}, sample["purpose"])
    (device,), mistakes = open_devices([config])
    assert mistakes == []
    async with opened(books) as shop:
        intake = Intake(shop.clerk, SystemClock(), TagRules())
        keeper = Keeper(device, config, intake, SystemClock(), lambda low, high: low)
        running = asyncio.create_task(keeper.run())
        try:
            yield shop, keeper
        finally:
            running.cancel()
            await asyncio.wait([running])
