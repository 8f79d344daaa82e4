"""The conversation with an R200 module, in told time and without a line."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.errors import DeviceError, DeviceLost, DeviceRefused
from drivers.events import Dropped, Heard
from drivers.r200 import session as conversation
from drivers.r200.session import Session
from drivers.r200.settings import settings_from
from simulators.r200_module import R200Module
from tests.drivers.modules import EPCS, LONG_EPC, Simulated

PORT = {"port": "/dev/ttyUSB0"}


def simulated(module: R200Module, **settings: object) -> Simulated:
    return Simulated(Session(settings_from({**PORT, **settings})), module)


def left_out(talk: Simulated) -> list[str]:
    return [event.why for event in talk.events if isinstance(event, Dropped)]


@pytest.mark.parametrize(("header", "end"), [(0xAA, 0xDD), (0xBB, 0x7E), (0xAA, 0x8E)])
def test_whoever_made_it_the_module_is_found_and_its_tags_are_read(header: int, end: int) -> None:
    module = R200Module(header=header, end=end)
    for epc in (*EPCS, LONG_EPC):
        module.place(epc)
    talk = simulated(module)
    talk.run(4)
    assert talk.online == ["M100 26dBm V1.0 V2.3.5, 20 dBm"]
    assert {read.epc for read in talk.reads} == {*EPCS, LONG_EPC}
    assert left_out(talk) == []


def test_it_is_set_up_as_the_settings_say_and_told_its_real_power() -> None:
    module = R200Module(most_dbm=26)
    module.select_mode = 0x00  # left by another program: only selected tags would answer
    talk = simulated(module, region="eu", power_dbm=30, session=1, q=6, frames="bb-7e")
    talk.run(1)
    assert (module.region, module.hops, module.power_cdbm, module.query) == (0x03, True, 2600, 0x1130)
    assert module.select_mode == 0x01
    assert talk.online == ["M100 26dBm V1.0 V2.3.5, 26 dBm"]


def test_without_settings_region_and_power_stay() -> None:
    module = R200Module()
    module.region, module.power_cdbm = 0x06, 1234
    talk = simulated(module)
    talk.run(3)
    assert (module.region, module.power_cdbm, module.hops) == (0x06, 1234, False)
    assert not module.counts["07"] + module.counts["B6"]


def test_a_poll_that_was_left_on_is_stopped_first_and_its_reads_are_not_ours() -> None:
    module = R200Module()
    module.place(EPCS[0])
    module.rounds_left = 60_000
    talk = simulated(module, frames="bb-7e")
    talk.run(0.02)
    assert talk.reads == []
    talk.run(2)
    assert talk.reads
    assert any("left on" in why for why in left_out(talk))


def test_a_module_that_sleeps_is_woken() -> None:
    module = R200Module()
    module.asleep = True
    talk = simulated(module, frames="bb-7e")
    talk.run(1)
    assert talk.online


def test_what_a_module_does_not_know_or_not_answer_it_does_without() -> None:
    module = R200Module()
    module.unknown = {0x03, 0xAD}
    module.ignored = {0x12, 0xB7}
    talk = simulated(module, region="us", frames="bb-7e")
    talk.run(4)
    assert talk.online == ["R200 module"]
    assert module.region == 0x02


def test_a_module_that_does_not_know_a_setting_is_refused_after_some_tries() -> None:
    module = R200Module()
    module.unknown = {0x07}
    talk = simulated(module, region="kr", frames="bb-7e")
    with pytest.raises(DeviceRefused, match="work in this region: it does not know the command"):
        talk.run(5)
    assert module.counts["07"] == conversation.TRIES


def test_a_module_that_cannot_poll_is_refused() -> None:
    module = R200Module()
    module.unknown = {0x27}
    with pytest.raises(DeviceRefused, match="how to poll"):
        simulated(module, frames="bb-7e").run(10)


def test_between_tags_the_module_is_alive_and_nothing_is_left_out() -> None:
    talk = simulated(R200Module(), frames="bb-7e")
    talk.run(60)
    assert talk.online
    assert left_out(talk) == []
    assert sum(isinstance(event, Heard) for event in talk.events) > 1000


def test_a_poll_that_has_come_to_its_end_is_started_again() -> None:
    module = R200Module()
    module.place(EPCS[0])
    talk = simulated(module, frames="bb-7e")
    talk.run(1)
    assert module.rounds_left > 65_000
    module.rounds_left = 10
    talk.run(2)
    assert module.counts["27"] == 2
    assert len(talk.online) == 1
    assert module.rounds_left


def test_a_read_that_comes_while_it_is_set_up_anew_is_one() -> None:
    module = R200Module()
    talk = simulated(module, frames="bb-7e")
    talk.run(1)
    module.rounds_left = 0
    talk.run(1.05)
    assert module.counts["28"] == 2, "it is set up anew"
    module.place(EPCS[0])
    module.say(module.tag_frame(EPCS[0], *module.field[EPCS[0]]))
    talk.run(0.5)
    assert talk.reads
    assert left_out(talk) == []


def test_after_a_power_cut_it_is_set_up_anew_before_it_reads() -> None:
    module = R200Module()
    module.place(EPCS[0])
    talk = simulated(module, region="eu", power_dbm=18.5, frames="bb-7e")
    talk.run(1)
    module.power_cycle()
    assert module.region == 0x01
    before = len(talk.reads)
    talk.run(2.5)
    assert (module.region, module.power_cdbm) == (0x03, 1850)
    assert len(talk.reads) > before
    assert len(talk.online) == 1


def test_a_module_that_falls_silent_is_lost() -> None:
    module = R200Module()
    talk = simulated(module, silence_s=3, frames="bb-7e")
    talk.run(1)
    module.mute = True
    silent_s = talk.now_s
    with pytest.raises(DeviceLost, match="silent"):
        talk.run(30)
    assert 3 <= talk.now_s - silent_s <= 5


def test_nobody_on_the_line_is_told_from_a_wrong_baud_rate() -> None:
    module = R200Module()
    module.mute = True
    with pytest.raises(DeviceLost) as silent:
        simulated(module).run(10)
    assert ("power" in silent.value.hint, silent.value.trouble) == (True, "silent")
    talk = simulated(R200Module())
    with pytest.raises(DeviceLost) as noisy:
        talk.hear(lambda: b"\xaa\x02\x41\xff\x07")
    assert "115200" in noisy.value.hint


def test_a_line_that_echoes_is_no_module() -> None:
    talk = simulated(R200Module())
    with pytest.raises(DeviceLost, match="does not answer"):
        talk.hear(talk.session.to_send)
    assert any("echo" in why for why in left_out(talk))


def test_at_the_end_the_poll_is_stopped() -> None:
    module = R200Module()
    talk = simulated(module)
    talk.run(2)
    assert module.rounds_left
    talk.session.hang_up()
    talk.run(0.1)
    assert (module.rounds_left, talk.session.left) == (0, True)


def test_a_tag_whose_own_crc_is_wrong_is_left_out() -> None:
    module = R200Module()
    talk = simulated(module, frames="bb-7e")
    talk.run(1)
    data = bytearray(module.tag_frame(EPCS[0], 0x3000, -50)[5:-2])
    data[8] ^= 1
    module.say(module.frame(2, 0x22, bytes(data)))
    talk.run(0.1)
    assert (talk.reads, left_out(talk)) == ([], ["a tag whose CRC is wrong"])


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=80), max_size=20), st.integers(0, 30))
def test_whatever_comes_whenever_only_device_errors_end_it(pieces: list[bytes], steps: int) -> None:
    module = R200Module()
    module.place(EPCS[0])
    talk = simulated(module, region="us")
    talk.run(steps / 10)
    with suppress(DeviceError):
        for piece in pieces:
            module.say(piece)
            talk.run(0.2)
        talk.run(2)
        assert talk.online
