"""The driver on real pseudo-terminals and sockets, with the simulated module at the other end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.errors import BadSettings, DeviceLost
from drivers.thingmagic.driver import open_device
from simulators.thingmagic_module import ThingMagicModule
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

KIND, REGION = "thingmagic", "na2"


@pytest.fixture
async def module(tmp_path: Path) -> AsyncIterator[ThingMagicModule]:
    module = ThingMagicModule(tmp_path / "reader")
    for epc in (*EPCS, LONG_EPC):
        module.place(epc)
    module.plug()
    yield module
    await module.stop()


async def test_every_tag_in_reach_is_delivered_and_at_the_end_the_stream_is_stopped(module: ThingMagicModule) -> None:
    async with driving(module, KIND, region=REGION, power_dbm=20) as (sink, _):
        await until(lambda: {read.epc for read in sink.reads} == {*EPCS, LONG_EPC})
        assert sink.about == ["ThingMagic M6e Nano 1.9.0.2, 20 dBm"]
        assert sink.left_out == []
        assert module.streams
    await until(lambda: not module.streams)


async def test_a_stream_that_a_crash_left_on_is_stopped_first(module: ThingMagicModule) -> None:
    module.region, module.protocol, module.antennas, module.streams = 0x0D, 5, [1], True
    module.power_cdbm = 2600
    async with driving(module, KIND, region=REGION, power_dbm=15) as (sink, _):
        await until(lambda: sink.reads)
        assert module.power_cdbm == 1500


async def test_its_baud_rate_is_found_and_changed_to_the_one_of_the_settings(tmp_path: Path) -> None:
    module = ThingMagicModule(tmp_path / "reader", baud=921_600)
    module.place(EPCS[0])
    module.plug()
    try:
        async with driving(module, KIND, region=REGION, baud=115_200) as (sink, _):
            await until(lambda: sink.reads)
            assert module.baud == 115_200
    finally:
        await module.stop()


async def test_a_line_full_of_noise_and_damage_costs_frames_and_not_the_connection(module: ThingMagicModule) -> None:
    async with driving(module, KIND, region=REGION) as (sink, task):
        await until(lambda: sink.about)
        module.noise, module.damage = 0.05, 0.2
        seen = len(sink.reads)
        await until(lambda: module.counts["damaged"] > 20 and len(sink.reads) > seen + 60)
        assert not task.done()
        assert sink.left_out
        assert {read.epc for read in sink.reads} <= {*EPCS, LONG_EPC}


async def test_a_power_cut_of_the_module_alone_is_healed_without_losing_the_line(module: ThingMagicModule) -> None:
    async with driving(module, KIND, region=REGION) as (sink, task):
        await until(lambda: sink.reads)
        module.power_cycle()
        seen = len(sink.reads)
        await until(lambda: len(sink.reads) > seen + 10)
        assert module.region == 0x0D
        assert not task.done()


async def test_it_may_hang_on_a_terminal_server_where_no_baud_rate_is_tried() -> None:
    module = ThingMagicModule()
    module.place(EPCS[0])
    await module.serve()
    try:
        async with driving(module, KIND, region=REGION) as (sink, _):
            await until(lambda: sink.reads)
        await until(lambda: not module.streams)
        module.mute = True
        async with driving(module, KIND, region=REGION) as (_, task):
            assert isinstance(await the_end_of(task), DeviceLost)
    finally:
        await module.stop()


async def test_cancelled_at_any_step_the_port_is_free_and_the_module_is_quiet(module: ThingMagicModule) -> None:
    device = open_device("module", {"port": str(module.path), "region": REGION})
    async with driving(module, KIND, region=REGION) as (sink, _):
        await until(lambda: sink.about)
    for steps in range(0, 100, 10):
        await cancelled_after(steps, device.run(sink))
    await until(lambda: not module.streams)


async def test_the_agent_keeps_it_from_its_sample_through_an_unplug_in_mid_frame(
    module: ThingMagicModule, tmp_path: Path
) -> None:
    async with (
        opened(tmp_path / "books.db") as shop,
        kept(shop, sampled(KIND, port=str(module.path))) as keeper,
    ):
        await deliver(shop)
        await until(lambda: keeper.health.readings > 50)
        assert keeper.health.about == "ThingMagic M6e Nano 1.9.0.2, 24 dBm"
        assert keeper.health.state == "up"
        await assert_it_comes_back_under_another_name(
            module, keeper, tmp_path / "reader", module.record(LONG_EPC, b"\xf8\0", 1, -40)
        )
        assert keeper.health.connects == 2
        assert module.region == 0x08
        await until(lambda: {tag.place for tag in shop.books.tags.values()} == {"FLOOR"})


def test_every_mistake_in_the_settings_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        open_device("x", {"antennas": [0], "region": "us", "power_dbm": 40, "session": 4, "q": "4", "silence_s": 1})
    told = [mistake.partition(":")[0] for mistake in caught.value.mistakes]
    assert told == ["port", "antennas", "region", "power_dbm", "session", "q", "silence_s"]


@pytest.mark.parametrize("q", ["auto", 0, 15])
def test_q_is_a_number_or_the_modules_own(q: object) -> None:
    open_device("x", {"port": "/dev/ttyUSB0", "q": q})
