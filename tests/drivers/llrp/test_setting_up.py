"""What the settings make of a reader, and what others left in it, against a simulated one that checks it."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import pack

import pytest
from structlog.testing import capture_logs

from drivers.errors import DeviceLost, DeviceRefused, trouble_of
from drivers.llrp.codec import HEADER_BYTES, tlv
from drivers.llrp.line import READ_BYTES
from drivers.llrp.requests import ROSPEC
from drivers.llrp.values import Values
from drivers.readings import IsoRead
from hq_bridge.authority import Authority
from simulators.llrp_capabilities import IMPINJ, PLAIN, POWERS_CDBM, WITHOUT_CLOCK, ZEBRA, Model
from simulators.llrp_reader import SimulatedReader
from simulators.llrp_rospecs import ACTIVE, INACTIVE
from tests.drivers.llrp.test_driver import driving, the_end_of
from tests.drivers.llrp.test_simulated_reader import ROSPEC as A_ROSPEC
from tests.drivers.llrp.test_simulated_reader import Client
from tests.waiting import until

EPC = bytes.fromhex("3034257bf4f3acef00000001")
S = 1_000_000


@asynccontextmanager
async def a_reader(model: Model = PLAIN, **how: object) -> AsyncIterator[SimulatedReader]:
    reader = SimulatedReader(**{"rounds_per_s": 100, "read_rate": 1.0, "model": model, **how})  # type: ignore[arg-type]
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


async def rospec_of(reader: SimulatedReader, **settings: object) -> Values:
    """What the driver, told so, has put into the reader."""
    async with driving(reader, **settings) as (sink, task):
        await until(lambda: sink.about or task.done())
        if task.done():
            await task
        return reader.inventories[ROSPEC].spec


async def refusal_of(reader: SimulatedReader, **settings: object) -> DeviceRefused:
    async with driving(reader, **settings) as (_, task):
        refused = await the_end_of(task)
    assert isinstance(refused, DeviceRefused)
    return refused


def configurations(rospec: Values) -> list[Values]:
    found: list[Values] = rospec["AISpecs"][0]["InventoryParameterSpecs"][0]["AntennaConfigurations"]
    return found


async def test_nothing_said_leaves_power_mode_and_session_as_they_are() -> None:
    async with a_reader() as reader:
        assert configurations(await rospec_of(reader)) is None


async def test_each_zones_antenna_has_its_power_by_the_readers_own_table() -> None:
    async with a_reader() as reader:
        rospec = await rospec_of(reader, antennas=[1, 2], power_dbm={"1": 27.6, "2": 30})
        found = {one["AntennaID"]: one["RFTransmitter"] for one in configurations(rospec)}
        powers = {antenna: POWERS_CDBM[one["TransmitPowerIndex"] - 1] for antenna, one in found.items()}
        assert powers == {1: 2750, 2: 3000}, "never more than asked"
        assert {one["HopTableID"] for one in found.values()} == {1}


async def test_one_power_is_that_of_all_antennas() -> None:
    async with a_reader() as reader:
        (one,) = configurations(await rospec_of(reader, power_dbm=10))
        assert (one["AntennaID"], one["RFTransmitter"]["TransmitPowerIndex"]) == (0, 1)


@pytest.mark.parametrize("dbm", [9.9, 30.5])
async def test_a_power_that_the_reader_has_not_is_refused_with_those_it_has(dbm: float) -> None:
    async with a_reader() as reader:
        refused = await refusal_of(reader, power_dbm=dbm)
        assert "10 to 30 dBm" in refused.why
        assert "power_dbm" in refused.hint


async def test_mode_session_and_search_mode_reach_an_impinj_reader() -> None:
    async with a_reader(IMPINJ) as reader:
        rospec = await rospec_of(reader, rf_mode="autoset-dense-deep-scan", session=2, search_mode="dual")
        (one,) = configurations(rospec)
        command = one["C1G2InventoryCommand"]
        assert command["RFControl"]["RFModeID"] == 1002
        assert command["SingulationControl"] == {
            "Session": 2, "TagPopulation": 32, "TagTransitTime": 0, "InvAwareAction": None
        }  # fmt: skip
        assert command["Custom"] == [{"VendorID": 25882, "Subtype": 23, "Data": b"\x00\x02"}]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"rf_mode": 7}, "0, 1, 5, 6, 20"),
        ({"rf_mode": "dense-m4"}, "another maker"),
        ({"search_mode": "dual"}, "Impinj"),
        ({"start_gpi": "9 high", "stop_after_s": 1}, "has 4"),
        ({"power_dbm": {"5": 20}}, "antenna 5"),
    ],
)
async def test_what_this_reader_cannot_do_is_refused_in_words(settings: dict[str, object], word: str) -> None:
    async with a_reader(ZEBRA) as reader:
        refused = await refusal_of(reader, **settings)
        assert word in refused.why + refused.hint


async def test_with_tag_focus_a_tag_answers_once_and_its_strength_comes_in_hundredths() -> None:
    async with a_reader(IMPINJ) as reader, driving(reader, search_mode="tagfocus", session=1) as (sink, _):
        reader.place(EPC, 1)
        await until(lambda: sink.reads)
        assert sink.reads[0].rssi_dbm is not None
        assert sink.reads[0].rssi_dbm % 1 == 0.25
        rounds = reader.counts["reads"]
        await reader.round()
        assert (len(sink.reads), reader.counts["reads"]) == (1, rounds)


async def test_a_tag_that_holds_no_epc_says_so() -> None:
    async with a_reader() as reader, driving(reader) as (sink, _):
        reader.families[EPC] = 0xA1
        reader.place(EPC, 1)
        await until(lambda: sink.reads)
        assert isinstance(sink.reads[0], IsoRead)
        assert sink.reads[0].afi == 0xA1


async def left_by_another(reader: SimulatedReader, *rospecs: int) -> None:
    """Another program sets up ROSpecs that read, and leaves without a word."""
    host, port = reader.address.removeprefix("tcp://").split(":")
    client = Client(*await asyncio.open_connection(host, int(port)))
    assert (await client.next()).name == "ReaderEventNotification"
    for rospec in rospecs:
        assert await client.status("AddROSpec", ROSpec={**A_ROSPEC, "ROSpecID": rospec, "ROReportSpec": None}) == 0
        assert await client.status("EnableROSpec", ROSpecID=rospec) == 0
        assert await client.status("StartROSpec", ROSpecID=rospec) == 0
    client.close()
    await until(lambda: reader.idle)


@pytest.mark.parametrize("model", [PLAIN, ZEBRA, WITHOUT_CLOCK], ids=["plain", "keeps", "one by one"])
async def test_rospecs_left_by_others_are_removed_and_told_of(model: Model) -> None:
    async with a_reader(model) as reader:
        reader.place(EPC, 2)
        await left_by_another(reader, 7, ROSPEC, 4711)
        with capture_logs() as logs:
            async with driving(reader, antennas=[2]) as (sink, _):
                await until(lambda: sink.reads)
                assert list(reader.inventories) == [ROSPEC]
                assert reader.inventories[ROSPEC].spec["AISpecs"][0]["AntennaIDs"] == [2]
        (told,) = (one for one in logs if one["event"] == "reader_rospecs_removed")
        assert told["rospecs"] == "7, 4711"
        assert reader.counts["DeleteAccessSpec"] == 1, "an AccessSpec of theirs could write to our tags"


async def test_after_a_clean_end_the_reader_rests() -> None:
    async with a_reader() as reader:
        async with driving(reader) as (sink, _):
            await until(lambda: sink.about)
            assert reader.inventories[ROSPEC].state == ACTIVE
        assert reader.inventories == {}
        assert reader.counts["CloseConnection"] == 1


async def test_a_flood_from_before_the_connection_is_left_out() -> None:
    async with a_reader(ZEBRA) as reader:
        reader.place(EPC, 1)
        await left_by_another(reader, 1)
        await until(lambda: len(reader._kept) > 50)
        reader.take(EPC)
        async with driving(reader) as (sink, _):
            await until(lambda: reader.counts["sent late"] > 50 and sink.about)
            other = EPC[:-1] + b"\x02"
            reader.place(other, 1)
            await until(lambda: sink.reads)
            assert {read.epc for read in sink.reads} == {other}
            assert len(sink.left_out) > 50


async def test_sixty_six_thousand_old_messages_are_left_out_while_others_have_their_turn() -> None:
    """As many as Zebra's readers keep."""
    old = tlv(240, b"\x8d" + EPC + pack(">BHBQ", 0x81, 1, 0x84, 1))
    async with a_reader(ZEBRA) as reader:
        reader._kept.extend([("ROAccessReport", old)] * ZEBRA.keeps_messages)
        async with driving(reader) as (sink, _):
            turns = 0
            while reader.counts["sent late"] < ZEBRA.keeps_messages or not sink.about:
                await asyncio.sleep(0)
                turns += 1
            reader.place(EPC[:-1] + b"\x02", 1)
            await until(lambda: sink.reads)
            assert EPC not in {read.epc for read in sink.reads}
            assert len(sink.left_out) == ZEBRA.keeps_messages
            assert turns > ZEBRA.keeps_messages * (HEADER_BYTES + len(old)) // READ_BYTES


async def test_reads_that_a_reader_kept_during_the_connection_are_told_by_its_clock() -> None:
    clock = [10**15]
    async with a_reader(rounds_per_s=0, now_us=lambda: clock[0]) as reader, driving(reader) as (sink, _):
        await until(lambda: sink.about)
        reader.place(EPC, 1)
        for reports in range(3):
            clock[0] += 9 * S
            await reader.round()
            await until(lambda: len(sink.reads) > reports)  # noqa: B023 # awaited here
        clock[0] -= 20 * S
        await reader.round()
        await until(lambda: sink.left_out)
        assert sink.left_out == ["1 reads that the reader had kept for too long"]


async def test_a_reader_without_the_time_of_day_has_its_uptime_put_on_our_clock() -> None:
    async with a_reader(WITHOUT_CLOCK, now_us=lambda: 5 * S) as reader, driving(reader) as (sink, _):
        reader.place(EPC, 1)
        await until(lambda: sink.reads)
        assert (sink.reads[0].seen_at_us or 0) > 1_700_000_000 * S


async def test_an_input_starts_and_stops_the_reading() -> None:
    settings = {"start_gpi": "2 high", "stop_gpi": "2 low", "stop_after_s": 30}
    async with a_reader() as reader, driving(reader, **settings) as (sink, task):
        reader.place(EPC, 1)
        await until(lambda: sink.about)
        assert reader.inventories[ROSPEC].state == INACTIVE
        with capture_logs() as logs:
            await reader.set_input(2, high=True)
            await until(lambda: sink.reads)
            await reader.set_input(2, high=False)
            assert reader.inventories[ROSPEC].state == INACTIVE
            changed = ("reader_input_changed", "info")  # it does so all day
            await until(lambda: [(one["event"], one["log_level"]) for one in logs].count(changed) == 2)
        assert not task.done(), "a ROSpec that ends by an input is no trouble"


async def test_reading_that_an_input_started_ends_after_its_time() -> None:
    async with a_reader() as reader, driving(reader, start_gpi="1 low", stop_after_s=0.1) as (sink, _):
        await reader.set_input(1, high=True)
        await until(lambda: sink.about)
        reader.place(EPC, 1)
        await reader.set_input(1, high=False)
        await until(lambda: sink.reads and reader.inventories[ROSPEC].state == INACTIVE)


@asynccontextmanager
async def a_reader_with_tls(folder: Path) -> AsyncIterator[tuple[SimulatedReader, Path]]:
    """And the folder of its certificate, which is for 127.0.0.1."""
    authority = Authority.make(folder, "demo", dt.datetime.now(dt.UTC))
    authority.broker(["127.0.0.1"], 30)
    files = authority.folder / "issued" / "nearshelf.broker"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    reader = SimulatedReader(rounds_per_s=100, read_rate=1.0)
    await reader.start(tls=context)
    try:
        yield reader, files
    finally:
        await reader.stop()


@pytest.mark.parametrize("named", ["ca.pem", "cert.pem"])
async def test_over_tls_with_the_certificate_that_was_named(tmp_path: Path, named: str) -> None:
    async with a_reader_with_tls(tmp_path) as (reader, files), driving(reader, ca=str(files / named)) as (sink, _):
        reader.place(EPC, 1)
        await until(lambda: sink.reads)


async def test_a_reader_that_does_not_prove_who_it_is_is_refused_in_words(tmp_path: Path) -> None:
    async with a_reader_with_tls(tmp_path / "one") as (reader, files):
        for settings in ({}, {"ca": str(files / "ca.pem"), "tls_name": "portal.example"}):
            async with driving(reader, **settings) as (_, task):
                lost = await the_end_of(task)
            assert isinstance(lost, DeviceLost)
            assert trouble_of(lost) == "untrusted"
            assert "`ca`" in lost.hint
            assert "`tls_name`" in lost.hint
        for file in (tmp_path / "none.pem", files / "key.pem"):
            assert str(file) in (await refusal_of(reader, ca=str(file))).why


async def test_a_reader_without_tls_is_lost_with_a_hint() -> None:
    async with a_reader() as reader:
        reader.address = reader.address.replace("tcp", "tls")
        async with driving(reader) as (_, task):
            lost = await the_end_of(task)
    assert isinstance(lost, DeviceLost)
    assert "TLS" in lost.hint
