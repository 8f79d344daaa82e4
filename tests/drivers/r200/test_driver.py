"""The driver on real pseudo-terminals and sockets, with the simulated module at the other end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.errors import BadSettings, DeviceLost
from drivers.r200.driver import open_device
from simulators.r200_module import R200Module
from tests.agent.shops import opened
from tests.cancelling import cancelled_after
from tests.drivers.modules import (
    EPCS,
    LONG_EPC,
    assert_it_comes_back_under_another_name,
    deliver,
    driving,
    kept,
    sampled,
    the_end_of,
)
from tests.waiting import until

KIND = "r200"


@pytest.fixture
async def module(tmp_path: Path) -> AsyncIterator[R200Module]:
    module = R200Module(tmp_path / "reader", rounds_per_s=300)
    for epc in (*EPCS, LONG_EPC):
        module.place(epc)
    module.plug()
    yield module
    await module.stop()


async def test_every_tag_in_reach_is_delivered_and_at_the_end_the_poll_is_stopped(module: R200Module) -> None:
    async with driving(module, KIND, region="eu", power_dbm=20) as (sink, _):
        await until(lambda: {read.epc for read in sink.reads} == {*EPCS, LONG_EPC})
        assert sink.about == ["M100 26dBm V1.0 V2.3.5, 20 dBm"]
        assert sink.left_out == []
        assert module.rounds_left
    await until(lambda: module.rounds_left == 0)


async def test_a_line_full_of_noise_and_damage_costs_frames_and_not_the_connection(module: R200Module) -> None:
    async with driving(module, KIND) as (sink, task):
        await until(lambda: sink.about)
        module.noise, module.damage = 0.05, 0.2
        seen = len(sink.reads)
        await until(lambda: module.counts["damaged"] > 20 and len(sink.reads) > seen + 60)
        assert not task.done()
        assert sink.left_out
        assert {read.epc for read in sink.reads} <= {*EPCS, LONG_EPC}


async def test_a_wrong_baud_rate_is_noise_and_said_to_be(module: R200Module) -> None:
    module.rounds_left = 60_000
    async with driving(module, KIND, baud=9600, frames="bb-7e") as (sink, task):
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "9600" in lost.hint
        assert sink.about == []


async def test_a_power_cut_of_the_module_alone_is_healed_without_losing_the_line(module: R200Module) -> None:
    async with driving(module, KIND, region="us") as (sink, task):
        await until(lambda: sink.reads)
        module.power_cycle()
        seen = len(sink.reads)
        await until(lambda: len(sink.reads) > seen + 10)
        assert module.region == 0x02
        assert not task.done()


async def test_a_module_that_falls_silent_is_lost_with_a_hint(module: R200Module) -> None:
    async with driving(module, KIND, silence_s=1) as (sink, task):
        await until(lambda: sink.reads)
        module.mute = True
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "power" in lost.hint


async def test_it_may_hang_on_a_terminal_server() -> None:
    module = R200Module()
    module.place(EPCS[0])
    await module.serve()
    try:
        async with driving(module, KIND) as (sink, _):
            await until(lambda: sink.reads)
        await until(lambda: module.rounds_left == 0)
    finally:
        await module.stop()


async def test_cancelled_at_any_step_the_port_is_free_and_the_module_is_quiet(module: R200Module) -> None:
    device = open_device("module", {"port": str(module.path), "frames": "bb-7e"})
    async with driving(module, KIND) as (sink, _):
        await until(lambda: sink.about)
    for steps in range(0, 60, 3):
        await cancelled_after(steps, device.run(sink))
    await until(lambda: module.rounds_left == 0)


async def test_the_agent_keeps_it_from_its_sample_through_an_unplug_in_mid_frame(
    module: R200Module, tmp_path: Path
) -> None:
    async with (
        opened(tmp_path / "books.db") as shop,
        kept(shop, sampled(KIND, port=str(module.path))) as keeper,
    ):
        await deliver(shop)
        await until(lambda: keeper.health.readings > 50)
        assert keeper.health.about == "M100 26dBm V1.0 V2.3.5, 26 dBm"
        assert keeper.health.state == "up"
        await assert_it_comes_back_under_another_name(
            module, keeper, tmp_path / "reader", module.tag_frame(LONG_EPC, 0xF800, -40)
        )
        assert keeper.health.connects == 2
        assert module.region == 0x03
        await until(lambda: {tag.place for tag in shop.books.tags.values()} == {"FLOOR"})


def test_every_mistake_in_the_settings_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        open_device("x", {"baud": 1, "frames": "aa", "region": "mars", "power_dbm": 40, "session": 4, "q": 16, "y": 1})
    told = [mistake.partition(":")[0] for mistake in caught.value.mistakes]
    assert told == ["port", "baud", "frames", "region", "power_dbm", "session", "q", "y"]
