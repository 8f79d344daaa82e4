"""A device of a driver's sample.toml, kept by the agent as in a store: real books, a clerk, the intake."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.clock import SystemClock
from agent.config import DeviceConfig
from agent.core.asks import Delivery, DeliveryLine
from agent.core.tags import TagRules
from agent.devices import Keeper, open_devices
from agent.intake import Intake
from tests.agent.shops import Shop, opened
from tests.core import shop as goods

DRIVERS = Path(__file__).parents[2] / "drivers"


class Hurried(SystemClock):
    """Nobody waits long to try again."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.05))


def sampled(kind: str, name: str, **other: object) -> DeviceConfig:
    """A device as its sample has it, with other settings where the test is elsewhere; None takes one away."""
    sample = tomllib.loads((DRIVERS / kind / "sample.toml").read_text(encoding="utf-8"))
    (device,) = (device for device in sample["device"] if device["name"] == name)
    settings = {key: value for key, value in {**device["settings"], **other}.items() if value is not None}
    places = {zone["antenna"]: zone["place"] for zone in device["zone"]}
    return DeviceConfig(name, kind, settings, places, device.get("purpose"))


@asynccontextmanager
async def kept(folder: Path, config: DeviceConfig, epcs: list[bytes]) -> AsyncIterator[tuple[Shop, Keeper]]:
    """A shop whose only device this is, found by its entry point; shirts with these EPCs are expected."""
    async with opened(folder / "books.db") as shop:
        await shop.clerk.enter(Delivery("D1", (DeliveryLine(len(epcs), "sku", "SHIRT", tuple(epcs)),)))
        clock = Hurried()
        intake = Intake(shop.clerk, clock, TagRules(settle_s=0.05))
        (device,), mistakes = open_devices([config])
        assert mistakes == []
        keeper = Keeper(device, config, intake, clock, lambda low, high: high)
        tasks = [asyncio.create_task(work) for work in (keeper.run(), intake.run())]
        try:
            yield shop, keeper
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def shirts(count: int) -> list[bytes]:
    """EPCs of as many shirts."""
    return [goods.epc_of(goods.SHIRT, serial) for serial in range(1, count + 1)]
