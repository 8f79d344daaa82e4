"""The conversation with a ThingMagic module, in told time and without a line."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.conversing import Unanswered
from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.events import Dropped, Heard, Noted, Tags
from drivers.thingmagic.session import Moved, Session
from drivers.thingmagic.settings import settings_from
from simulators.thingmagic_module import ThingMagicModule
from tests.drivers.modules import EPCS, LONG_EPC, Simulated


def simulated(module: ThingMagicModule, **given: object) -> Simulated:
    asked = settings_from({"port": "/dev/ttyUSB0", "region": "na2", **given})
    return Simulated(Session(asked, module.baud), module, module.now_s)


def left_out(talk: Simulated) -> list[str]:
    return [event.why for event in talk.events if isinstance(event, Dropped)]


def test_all_tags_are_read() -> None:
    module = ThingMagicModule()
    for epc in (*EPCS, LONG_EPC):
        module.place(epc)
    talk = simulated(module)
    talk.run(3)
    assert talk.online == ["ThingMagic M6e Nano 1.9.0.2, 27 dBm"]
    assert {read.epc for read in talk.reads} == {*EPCS, LONG_EPC}
    assert {(read.antenna, read.rssi_dbm) for read in talk.reads} == {(1, -60)}
    assert left_out(talk) == []


def test_the_read_plan_is_as_the_settings_say() -> None:
    module = ThingMagicModule(model=0x18, ports=4)
    for antenna in (1, 2, 3):
        module.place(EPCS[antenna], antenna)
    talk = simulated(module, region="eu3", power_dbm=23.5, antennas=[1, 3], session=1, q=5)
    talk.run(2)
    assert (module.region, module.power_cdbm, module.antennas) == (0x08, 2350, [1, 3])
    assert (module.session, module.q, module.filters) == (1, b"\1\5", False)
    assert talk.online == ["ThingMagic M6e 1.9.0.2, 23.5 dBm"]
    assert {(read.epc, read.antenna) for read in talk.reads} == {(EPCS[1], 1), (EPCS[3], 3)}


def test_a_stream_that_a_crash_left_on_is_stopped_first() -> None:
    module = ThingMagicModule()
    for epc in EPCS:
        module.place(epc)
    crashed = simulated(module)
    crashed.run(2)
    assert module.streams
    talk = simulated(module, power_dbm=10)
    talk.run(3)
    assert module.power_cdbm == 1000
    assert talk.online
    assert talk.reads
    assert [why for why in left_out(talk) if "left on" in why]


def test_a_module_in_its_boot_loader_is_started() -> None:
    module = ThingMagicModule(boots_into_loader=True)
    module.place(EPCS[0])
    talk = simulated(module)
    talk.run(2)
    assert not module.in_loader
    assert talk.reads


def test_a_module_that_sleeps_is_woken() -> None:
    module = ThingMagicModule()
    module.asleep = True
    talk = simulated(module)
    talk.run(2)
    assert talk.online


def test_without_a_region_it_is_refused_and_with_one_of_its_own_it_is_not() -> None:
    with pytest.raises(DeviceRefused, match="no region"):
        simulated(ThingMagicModule(), region="").run(5)
    module = ThingMagicModule()
    module.region = 0x08
    talk = simulated(module, region="")
    talk.run(2)
    assert talk.online
    assert module.region == 0x08


@pytest.mark.parametrize(
    ("given", "why", "hint"),
    [
        ({"region": "na"}, "does not have this region", "na2"),
        ({"antennas": [1, 2]}, "does not have these antennas", "settings"),
        ({"power_dbm": 30}, "power is too high", "settings"),
    ],
)
def test_what_it_refuses_is_told_with_its_reason(given: dict[str, object], why: str, hint: str) -> None:
    with pytest.raises(DeviceRefused, match=why) as refused:
        simulated(ThingMagicModule(), **given).run(5)
    assert hint in refused.value.hint


def test_an_antenna_that_is_not_there_is_refused() -> None:
    module = ThingMagicModule(model=0x18, ports=4)
    module.connected = {1}
    with pytest.raises(DeviceRefused, match="no antenna is connected"):
        simulated(module, region="eu3", antennas=[1, 2]).run(5)


def test_between_tags_it_gives_a_sign_of_life_each_second() -> None:
    talk = simulated(ThingMagicModule())
    talk.run(120)
    assert len(talk.online) == 1
    assert sum(isinstance(event, Heard) for event in talk.events) >= 115
    assert left_out(talk) == []


def test_heat_and_a_bad_antenna_are_said_once() -> None:
    module = ThingMagicModule()
    talk = simulated(module)
    talk.run(2)
    for status in (0x0504, 0x0505, 0x0504, 0x0505):
        module.say(module.frame(0x22, status=status))
        talk.run(0.1)
    noted = [event.details for event in talk.events if isinstance(event, Noted)]
    assert noted == [{"words": "it is too hot"}, {"words": "the antenna or its cable does not fit"}]


def test_after_a_power_cut_it_is_set_up_anew_before_it_reads() -> None:
    module = ThingMagicModule(boots_into_loader=True)
    module.place(EPCS[0])
    talk = simulated(module, power_dbm=15)
    talk.run(2)
    module.power_cycle()
    assert (module.region, module.streams) == (0, False)
    before = len(talk.reads)
    talk.run(2)
    assert (module.region, module.power_cdbm) == (0x0D, 1500)
    assert len(talk.reads) > before
    assert len(talk.online) == 1


@pytest.mark.parametrize("end", ["2F", "22"])
def test_a_stream_that_ends_by_itself_is_begun_again(end: str) -> None:
    module = ThingMagicModule()
    module.place(EPCS[0])
    talk = simulated(module)
    talk.run(3)
    module.streams = False
    module.say(module.frame(0x2F) if end == "2F" else module.frame(0x22, bytes.fromhex("10001b01ff00")))
    before = len(talk.reads)
    talk.run(2)
    assert len(talk.reads) > before
    assert len(talk.online) == 1


def test_on_a_slow_line_what_was_asked_twice_is_answered_twice_and_the_stream_goes_on() -> None:
    module = ThingMagicModule()
    talk = simulated(module)
    talk.run(0.5)
    assert talk.online
    module.say(module.frame(0x2F))
    talk.run(0.2)
    assert module.counts["2F"] == 2


def test_a_module_at_another_baud_rate_is_told_to_change() -> None:
    module = ThingMagicModule(baud=9600)
    with pytest.raises(Moved):
        simulated(module).run(3)
    module.tick(3.0)
    assert module.baud == 115_200


def test_a_module_that_falls_silent_is_lost() -> None:
    module = ThingMagicModule()
    talk = simulated(module, silence_s=4)
    talk.run(2)
    module.mute = True
    silent_s = talk.now_s
    with pytest.raises(DeviceLost, match="silent") as lost:
        talk.run(30)
    assert not isinstance(lost.value, Unanswered)
    assert 3 <= talk.now_s - silent_s <= 6


def test_nobody_on_the_line_is_told_from_a_wrong_baud_rate() -> None:
    module = ThingMagicModule()
    module.mute = True
    with pytest.raises(Unanswered) as silent:
        simulated(module).run(10)
    assert ("power" in silent.value.hint, silent.value.trouble) == (True, "silent")
    with pytest.raises(Unanswered) as noisy:
        simulated(module).hear(lambda: b"\xff\x07\x41\x13")
    assert ("115200" in noisy.value.hint, noisy.value.trouble) == (True, "nonsense")


def test_at_the_end_the_stream_is_stopped() -> None:
    module = ThingMagicModule()
    module.place(EPCS[0])
    talk = simulated(module)
    talk.run(2)
    talk.session.hang_up()
    talk.run(0.5)
    assert (module.streams, talk.session.left) == (False, True)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(0, 30))
def test_whatever_comes_whenever_only_device_errors_end_it(pieces: list[bytes], steps: int) -> None:
    module = ThingMagicModule()
    module.place(EPCS[0])
    talk = simulated(module)
    talk.run(steps / 10)
    with suppress(DeviceError):
        for piece in pieces:
            module.say(piece)
            talk.run(0.2)
        talk.run(2)
        assert talk.online
    assert all(event.reads[0].epc == EPCS[0] for event in talk.events if isinstance(event, Tags))
