"""The driver on real pseudo-terminals and sockets, with the simulated reader at the other end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.errors import BadSettings, DeviceLost
from drivers.uhfreader.driver import open_device
from simulators.uhfreader import SimulatedUhfReader
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

KIND = "uhfreader"


@pytest.fixture(params=[18, 288])
async def reader(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SimulatedUhfReader]:
    reader = SimulatedUhfReader(tmp_path / "reader", model=request.param)
    for epc in (*EPCS, LONG_EPC):
        reader.place(epc)
    reader.plug()
    yield reader
    await reader.stop()


only_288 = pytest.mark.parametrize("reader", [288], indirect=True)


async def test_every_tag_in_reach_is_delivered_and_at_the_end_nothing_is_asked(reader: SimulatedUhfReader) -> None:
    async with driving(reader, KIND, power_dbm=25) as (sink, _):
        await until(lambda: {read.epc for read in sink.reads} == {*EPCS, LONG_EPC})
        assert sink.about == [{18: "UHFReader18 V2.36, 30 dBm", 288: "UHFReader288MP V3.1, 30 dBm"}[reader.model]]
        assert sink.left_out == []
        assert reader.power_dbm == 25
    asked = reader.counts["01"]
    await until(lambda: reader.now_s and reader.room)
    assert reader.counts["01"] <= asked + 1


@only_288
async def test_active_mode_is_kept_for_the_next_connection(reader: SimulatedUhfReader) -> None:
    for _ in range(2):
        async with driving(reader, KIND, mode="active") as (sink, _task):
            await until(lambda: {read.epc for read in sink.reads} == {*EPCS, LONG_EPC})
    assert reader.is_active
    assert reader.counts["76"] == 1


@only_288
async def test_a_line_full_of_noise_and_damage_costs_frames_and_not_the_connection(reader: SimulatedUhfReader) -> None:
    async with driving(reader, KIND, scan_ms=300) as (sink, task):
        await until(lambda: sink.about)
        reader.noise, reader.damage = 0.02, 0.1
        seen = len(sink.reads)
        await until(lambda: reader.counts["damaged"] > 2 and len(sink.reads) > seen + 30)
        assert not task.done()
        assert sink.left_out
        assert {read.epc for read in sink.reads} <= {*EPCS, LONG_EPC}


@only_288
async def test_a_wrong_baud_rate_is_noise_and_said_to_be(reader: SimulatedUhfReader) -> None:
    reader.mode[0] = 1
    async with driving(reader, KIND, baud=9600) as (_, task):
        lost = await the_end_of(task)
        assert isinstance(lost, DeviceLost)
        assert "9600" in lost.hint


@only_288
async def test_a_power_cut_is_healed_without_losing_the_line(reader: SimulatedUhfReader) -> None:
    async with driving(reader, KIND, scan_ms=300) as (sink, task):
        await until(lambda: sink.reads)
        reader.power_cycle()
        seen = len(sink.reads)
        await until(lambda: len(sink.reads) > seen + 40)
        assert not task.done()


async def test_it_may_hang_on_a_network_box() -> None:
    reader = SimulatedUhfReader(model=18)
    reader.place(EPCS[0])
    await reader.serve()
    try:
        async with driving(reader, KIND) as (sink, _):
            await until(lambda: sink.reads)
    finally:
        await reader.stop()


@only_288
async def test_cancelled_at_any_step_the_port_is_free(reader: SimulatedUhfReader) -> None:
    device = open_device("reader", {"port": str(reader.path)})
    async with driving(reader, KIND) as (sink, _):
        await until(lambda: sink.about)
    for steps in range(0, 60, 5):
        await cancelled_after(steps, device.run(sink))


@only_288
async def test_the_agent_keeps_it_from_its_sample_through_an_unplug_in_mid_frame(
    reader: SimulatedUhfReader, tmp_path: Path
) -> None:
    async with (
        opened(tmp_path / "books.db") as shop,
        kept(shop, sampled(KIND, port=str(reader.path))) as keeper,
    ):
        await deliver(shop)
        await until(lambda: keeper.health.readings > 50)
        assert keeper.health.about == "UHFReader288MP V3.1, 30 dBm"
        assert keeper.health.state == "up"
        await assert_it_comes_back_under_another_name(
            reader, keeper, tmp_path / "reader", reader.frame(1, 3, b"\x01\x01\x0c" + EPCS[0] + b"\x40")
        )
        assert keeper.health.connects == 2
        assert reader.region == bytes.fromhex("8340")
        await until(lambda: {tag.place for tag in shop.books.tags.values()} == {"FLOOR"})


def test_every_mistake_in_the_settings_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        open_device("x", {"model": "19", "address": 256, "mode": "x", "antennas": [0], "scan_ms": 250, "power_dbm": 31})
    told = [mistake.partition(":")[0] for mistake in caught.value.mistakes]
    assert told == ["port", "model", "address", "mode", "antennas", "power_dbm", "scan_ms"]


@pytest.mark.parametrize("antennas", [[], [1, 1], [9], [True], ["1"], 1])
def test_antennas_that_cannot_be_are_a_mistake(antennas: object) -> None:
    with pytest.raises(BadSettings, match="antenna ports"):
        open_device("x", {"port": "/dev/ttyUSB0", "antennas": antennas})
