"""The conversation with a UHFReader, in told time and without a line."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.events import Dropped, Heard, Noted, Tags
from drivers.readings import TagRead
from drivers.uhfreader.session import Session
from drivers.uhfreader.settings import settings_from
from simulators.uhfreader import SimulatedUhfReader
from tests.drivers.modules import EPCS, LONG_EPC, Simulated

both_models = pytest.mark.parametrize("model", [18, 288])


def simulated(reader: SimulatedUhfReader, **settings: object) -> Simulated:
    return Simulated(Session(settings_from({"port": "/dev/ttyUSB0", **settings})), reader, reader.now_s)


def left_out(talk: Simulated) -> list[str]:
    return [event.why for event in talk.events if isinstance(event, Dropped)]


@both_models
def test_all_tags_are_read_though_they_need_several_frames(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    for epc in (*EPCS, LONG_EPC):
        reader.place(epc)
    talk = simulated(reader)
    talk.run(3)
    assert talk.online == [{18: "UHFReader18 V2.36, 30 dBm", 288: "UHFReader288MP V3.1, 30 dBm"}[model]]
    assert {read.epc for read in talk.reads} == {*EPCS, LONG_EPC}
    assert {read.antenna for read in talk.reads} == {None if model == 18 else 1}
    assert left_out(talk) == []


def test_antennas_have_their_turns() -> None:
    reader = SimulatedUhfReader()
    reader.place(EPCS[0], 1)
    reader.place(EPCS[1], 3)
    reader.place(EPCS[2], 2)
    talk = simulated(reader, antennas=[1, 3])
    talk.run(2)
    assert {(read.epc, read.antenna) for read in talk.reads} == {(EPCS[0], 1), (EPCS[1], 3)}


@both_models
def test_it_is_told_only_what_is_to_change_because_its_memory_wears(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    talk = simulated(reader, region="cn", power_dbm=20, scan_ms=500)
    talk.run(2)
    assert (reader.region, reader.power_dbm) == (bytes.fromhex("1340"), 20)
    assert reader.scan == (5 if model == 18 else 20)
    told = [reader.counts[code] for code in ("22", "2F", "25")]
    simulated(reader, region="cn", power_dbm=20, scan_ms=500).run(2)
    assert [reader.counts[code] for code in ("22", "2F", "25")] == told


@both_models
def test_a_reader_that_was_left_in_active_mode_is_brought_to_answer(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    reader.place(EPCS[0])
    reader.mode[0] = 1
    talk = simulated(reader)
    talk.run(3)
    assert not reader.is_active
    assert talk.reads
    assert any("from before" in why for why in left_out(talk))


@both_models
def test_in_active_mode_the_reader_speaks_on_its_own(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    for epc in EPCS:
        reader.place(epc)
    talk = simulated(reader, mode="active", antennas=[1, 2], region="us", power_dbm=25)
    talk.run(3)
    assert reader.is_active
    assert {read.epc for read in talk.reads} == set(EPCS)
    assert reader.power_dbm == 25
    assert reader.counts["01"] == 0
    modes = reader.counts["35"] + reader.counts["76"]
    simulated(reader, mode="active", antennas=[1, 2], region="us", power_dbm=25).run(3)
    assert reader.counts["35"] + reader.counts["76"] == modes, "it was right already"


@both_models
def test_in_active_mode_without_tags_it_is_asked_whether_it_is_there(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    talk = simulated(reader, mode="active")
    talk.run(60)
    assert reader.counts["21"] > 5
    assert left_out(talk) == []
    reader.mute = True
    with pytest.raises(DeviceLost, match="silent"):
        talk.run(30)


def test_heartbeats_are_signs_of_life() -> None:
    for model in (18, 288):
        reader = SimulatedUhfReader(model=model)
        reader.beat_s = 1
        talk = simulated(reader, mode="active")
        talk.run(20)
        assert sum(isinstance(event, Heard) for event in talk.events) > 15
        assert left_out(talk) == []


def test_a_region_that_it_does_not_have_is_refused_with_its_reason() -> None:
    with pytest.raises(DeviceRefused, match="work in this region: it does not know the value"):
        simulated(SimulatedUhfReader(model=18), region="eu").run(5)


@both_models
def test_a_reader_that_knows_no_modes_is_read_all_the_same(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    reader.unknown = {0x36, 0x77}
    reader.place(EPCS[0])
    talk = simulated(reader, power_dbm=10)
    talk.run(2)
    assert talk.reads
    assert reader.power_dbm == 10


@both_models
def test_a_reader_that_says_nothing_of_its_mode_is_read_all_the_same(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    reader.ignored = {0x36, 0x77}
    reader.place(EPCS[0])
    talk = simulated(reader, power_dbm=10)
    talk.run(4)
    assert talk.reads
    assert reader.power_dbm == 10


def test_a_reader_that_cannot_look_for_tags_is_refused() -> None:
    reader = SimulatedUhfReader(model=288)
    reader.unknown = {0x01}
    with pytest.raises(DeviceRefused, match="look for tags"):
        simulated(reader).run(5)
    with pytest.raises(DeviceRefused, match="look for tags"):
        simulated(SimulatedUhfReader(model=288), model="18").run(5)


def test_an_antenna_that_was_pulled_off_is_said_once() -> None:
    reader = SimulatedUhfReader()
    reader.place(EPCS[0], 1, 2)
    reader.unplugged_antennas = {2}
    talk = simulated(reader, antennas=[1, 2])
    talk.run(3)
    assert [event for event in talk.events if isinstance(event, Noted)] == [
        Noted("antenna_disconnected", {"antenna": 2})
    ]
    assert {read.antenna for read in talk.reads} == {1}
    reader.unplugged_antennas.clear()
    talk.run(1)
    assert {read.antenna for read in talk.reads} == {1, 2}


@both_models
def test_after_a_power_cut_it_reads_again_in_the_same_connection(model: int) -> None:
    reader = SimulatedUhfReader(model=model)
    reader.place(EPCS[0])
    talk = simulated(reader)
    talk.run(1)
    reader.power_cycle()
    before = len(talk.reads)
    talk.run(3)
    assert len(talk.reads) > before
    assert len(talk.online) == 1


def test_a_reader_that_falls_silent_is_lost() -> None:
    reader = SimulatedUhfReader()
    talk = simulated(reader, silence_s=3)
    talk.run(1)
    reader.mute = True
    silent_s = talk.now_s
    with pytest.raises(DeviceLost, match="silent"):
        talk.run(30)
    assert 3 <= talk.now_s - silent_s <= 6


def test_nobody_on_the_line_is_told_from_a_wrong_baud_rate() -> None:
    reader = SimulatedUhfReader()
    reader.mute = True
    with pytest.raises(DeviceLost) as silent:
        simulated(reader).run(10)
    assert ("power" in silent.value.hint, silent.value.trouble) == (True, "silent")
    with pytest.raises(DeviceLost) as noisy:
        simulated(reader).hear(lambda: b"\x11\xfe\x03")
    assert "57600" in noisy.value.hint


def test_of_several_readers_on_a_bus_only_ours_is_heard() -> None:
    reader = SimulatedUhfReader()
    reader.address = 7
    talk = simulated(reader, address=7)
    talk.run(1)
    assert talk.online
    reader.address = 8
    reader.say(reader.frame(0xEE, 0, b"\x01\x0c" + EPCS[0] + b"\x40"))
    reader.address = 7
    talk.run(0.5)
    assert left_out(talk) == ["an answer of reader 8"]
    assert talk.reads == []


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=80), max_size=20), st.sampled_from(["answer", "active"]), st.integers(0, 30))
def test_whatever_comes_whenever_only_device_errors_end_it(pieces: list[bytes], mode: str, steps: int) -> None:
    reader = SimulatedUhfReader()
    reader.place(EPCS[0])
    talk = simulated(reader, mode=mode)
    talk.run(steps / 10)
    with suppress(DeviceError):
        for piece in pieces:
            reader.say(piece)
            talk.run(0.2)
        talk.run(2)
        assert talk.online
    assert all(event.reads == [TagRead(EPCS[0], 1)] for event in talk.events if isinstance(event, Tags))
