"""LLRP 1.1 is spoken with readers that know it; those of 1.0.1 are not harmed by the question."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from drivers.errors import DeviceLost
from drivers.llrp.codec import V1_0_1, V1_1, Splitter, message
from drivers.llrp.driver import open_device
from drivers.llrp.session import Stage
from drivers.llrp.values import payload
from simulators.llrp_capabilities import NEWER, PLAIN, Model
from simulators.llrp_reader import SimulatedReader
from tests.drivers.llrp.captures import recordings
from tests.drivers.llrp.listening import Listening
from tests.drivers.llrp.test_setting_up import EPC, a_reader
from tests.drivers.llrp.test_stream import a_session, event
from tests.waiting import until

WELL = {"LLRPStatus": {"Status": 0}}


async def spoken_with(reader: SimulatedReader, times: int = 1) -> list[int]:
    """The version in which a tag was read, for so many connections of one device."""
    device = open_device("portal", {"address": reader.address, "report_every_ms": 20, "keepalive_s": 1})
    reader.place(EPC, 1)
    spoken: list[int] = []
    while len(spoken) < times:
        sink = Listening()
        task = asyncio.create_task(device.run(sink))
        await until(lambda: sink.reads or task.done())  # noqa: B023 # awaited here
        if not task.done():
            await until(lambda: reader.counts["KeepAliveAck"] > len(spoken))
            assert reader._client is not None
            spoken.append(reader._client.version)
            assert not sink.left_out
        task.cancel()
        with suppress(asyncio.CancelledError, DeviceLost):
            await task
    return spoken


async def test_a_reader_of_1_1_is_spoken_to_in_1_1() -> None:
    async with a_reader(NEWER) as reader:
        assert await spoken_with(reader, 2) == [V1_1, V1_1]
        assert reader.counts["SetProtocolVersion"] == 2
        assert reader.counts["other version"] == 0


async def test_a_reader_of_1_0_1_says_no_once_and_is_read() -> None:
    async with a_reader(PLAIN) as reader:
        assert await spoken_with(reader, 2) == [V1_0_1, V1_0_1]
        assert reader.counts["other version"] == reader.counts["GetSupportedVersion"] == 1


@pytest.mark.parametrize("status", [109, 110])
async def test_a_reader_that_refuses_1_1_is_read_in_1_0_1(status: int) -> None:
    async with a_reader(NEWER) as reader:
        reader.refusals["SetProtocolVersion"] = status, "no"
        assert await spoken_with(reader) == [V1_0_1]


async def test_a_reader_that_cuts_the_connection_for_the_question_is_not_asked_again() -> None:
    async with a_reader(replace(Model(), cuts_at_unknown_version=True)) as reader:
        assert await spoken_with(reader, 2) == [V1_0_1, V1_0_1]
        assert reader.counts["connects"] == 3
        assert reader.counts["other version"] == 1


def test_a_reader_that_never_answers_the_question_costs_no_time() -> None:
    session = a_session(negotiates=True)
    list(session.receive(event(ConnectionAttemptEvent=0)))
    asked, capabilities = Splitter().feed(session.to_send())
    assert (asked.name, asked.version) == ("GetSupportedVersion", V1_1)
    assert (capabilities.name, capabilities.version) == ("GetReaderCapabilities", V1_0_1)
    whole = recordings("GetReaderCapabilitiesResponse")[0].payload
    assert list(session.receive(message("GetReaderCapabilitiesResponse", capabilities.ident, whole))) == []
    assert (session.stage, session.version, session.knows_versions) == (Stage.SETUP, V1_0_1, False)
    assert {one.version for one in Splitter().feed(session.to_send())} == {V1_0_1}
    late = payload("GetSupportedVersionResponse", {**WELL, "CurrentVersion": 1, "MaxSupportedVersion": 2})
    list(session.receive(message("GetSupportedVersionResponse", asked.ident, late)))
    assert (session.version, session.to_send()) == (V1_0_1, b"")


@pytest.mark.parametrize(("current", "newest", "spoken"), [(1, 1, V1_0_1), (2, 2, V1_1), (2, 9, V1_1)])
def test_what_the_reader_speaks_already_is_not_agreed_again(current: int, newest: int, spoken: int) -> None:
    session = a_session(negotiates=True)
    list(session.receive(event(ConnectionAttemptEvent=0)))
    asked, capabilities = Splitter().feed(session.to_send())
    said = payload("GetSupportedVersionResponse", {**WELL, "CurrentVersion": current, "MaxSupportedVersion": newest})
    list(session.receive(message("GetSupportedVersionResponse", asked.ident, said)))
    whole = recordings("GetReaderCapabilitiesResponse")[0].payload
    list(session.receive(message("GetReaderCapabilitiesResponse", capabilities.ident, whole)))
    then = list(Splitter().feed(session.to_send()))
    assert (session.version, session.knows_versions) == (spoken, True)
    assert {one.version for one in then} == {spoken}
    assert "SetProtocolVersion" not in {one.name for one in then}
