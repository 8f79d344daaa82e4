"""Judged by others: Wireshark's dissector reads our conversation, other projects' clients read our simulated reader."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from struct import pack
from subprocess import PIPE
from typing import Any, Final

import llrpkit
import pytest
from llrpkit.emulator import EmulatedTag, LLRPEmulator

from drivers.llrp.codec import V1_0_1, V1_1, framed
from drivers.llrp.driver import open_device
from drivers.llrp.schema import MESSAGE
from drivers.readings import TagRead
from simulators.llrp_capabilities import IMPINJ
from simulators.llrp_reader import SimulatedReader
from tests.drivers.llrp.listening import Listening
from tests.drivers.llrp.wiretap import Wiretap, tapped
from tests.waiting import until

PORT = 5084
EPCS = [bytes.fromhex("3034257bf4f3acef") + pack(">I", serial) for serial in range(60)]
LONG_EPC = bytes.fromhex("3600257bf4f3acef0123456789abcdef0123456789abcdef0123")
SAID_IN_EVERY_CONVERSATION = (
    "ReaderEventNotification", "GetReaderCapabilities", "GetReaderCapabilitiesResponse", "EnableEventsAndReports",
    "SetReaderConfig", "SetReaderConfigResponse", "DeleteROSpec", "AddROSpec", "AddROSpecResponse", "EnableROSpec",
    "StartROSpec", "ROAccessReport", "GetReport", "KeepAlive", "KeepAliveAck", "CustomMessage", "GetReaderConfig",
    "GetReaderConfigResponse", "GetROSpecs", "DeleteAccessSpec", "DisableROSpec", "CloseConnection",
    "CloseConnectionResponse",
)  # fmt: skip
TSHARK = shutil.which("tshark")


async def conversation(file: Path, newest_version: int) -> Listening:
    """Our driver reads a field of tags from our simulated reader; the conversation goes to `file`."""
    reader = SimulatedReader(
        rounds_per_s=0, read_rate=0.9, seed=3, model=replace(IMPINJ, newest_version=newest_version)
    )
    await reader.start()
    for place, epc in enumerate([*EPCS, LONG_EPC]):
        reader.place(epc, 1 + place % 4)
    async with tapped(reader.address) as tap:
        sink = Listening()
        settings = {
            "address": tap.address, "keepalive_s": 1, "tags_per_report": 13, "report_every_ms": 20,
            "power_dbm": {"1": 20, "2": 27.5}, "rf_mode": "dense-m4", "session": 1, "search_mode": "dual",
        }  # fmt: skip
        task = asyncio.create_task(open_device("portal", settings).run(sink))
        await until(lambda: sink.about)
        for _ in range(20):
            await reader.round()
        await until(lambda: sum(read.count for read in sink.reads) == reader.counts["reads"])
        await until(lambda: reader.counts["KeepAliveAck"] and reader.counts["GetReport"])
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: reader.idle)
    await reader.stop()
    tap.capture(file, PORT)
    assert reader.counts["CloseConnection"] == 1
    return sink


def dissected(file: Path) -> list[dict[str, Any]]:
    """Every frame of LLRP as tshark's JSON, with a list for each name that may come more than once."""
    assert TSHARK
    command = [
        TSHARK,
        "-r",
        str(file),
        "-d",
        f"tcp.port=={PORT},llrp",
        "-Y",
        "llrp",
        "-T",
        "json",
        "--no-duplicate-keys",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    layers: list[dict[str, Any]] = [one["_source"]["layers"] for one in json.loads(done.stdout)]
    return layers


def found(name: str, tree: Any) -> Iterator[str]:
    """Every value of `name` anywhere in the tree, in order."""
    if isinstance(tree, list):
        for one in tree:
            yield from found(name, one)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from found(name, value)


def parameters(layer: Any, of_type: str) -> Iterator[dict[str, Any]]:
    """Every TLV of this type anywhere in a layer, in order."""
    if isinstance(layer, list):
        for one in layer:
            yield from parameters(one, of_type)
    elif isinstance(layer, dict):
        if layer.get("llrp.tlv_type") == of_type:
            yield layer
        for value in layer.values():
            yield from parameters(value, of_type)


def tag_read(report: dict[str, Any]) -> TagRead:
    """A TagReportData as Wireshark understood it."""
    (epc,) = found("llrp.param.epc", report)
    (antenna,) = found("llrp.antenna_id", report)
    (rssi,) = found("llrp.param.peak_rssi", report)  # shown without its sign
    _, last_seen = found("llrp.param.microseconds", report)
    (count,) = found("llrp.param.tag_count", report)
    return TagRead(bytes.fromhex(epc.replace(":", "")), int(antenna), int(rssi) - 256, int(last_seen), int(count))


wireshark = pytest.mark.skipif(TSHARK is None, reason="TSHARK IS MISSING: Wireshark has NOT judged our LLRP")


#: Of SET_PROTOCOL_VERSION Wireshark 4.0 shows the one byte that it holds (LLRP 1.1 §17.1.3) and does not count it.
UNCOUNTED: Final = "Incorrect length of message: 10 bytes decoded, but 11 bytes available."


@wireshark
@pytest.mark.parametrize("version", [V1_0_1, V1_1])
async def test_wireshark_finds_nothing_malformed_and_the_same_tags(tmp_path: Path, version: int) -> None:
    file = tmp_path / "conversation.pcap"
    sink = await conversation(file, version)
    layers = await asyncio.to_thread(dissected, file)
    assert list(found("_ws.expert.message", layers)) == ([UNCOUNTED] if version == V1_1 else [])
    assert len(list(found("_ws.malformed", layers))) == (version == V1_1)
    said = {int(kind) for kind in found("llrp.type", layers)}
    assert {MESSAGE[name].number for name in SAID_IN_EVERY_CONVERSATION} <= said
    assert (MESSAGE["SetProtocolVersion"].number in said) == (version == V1_1)
    assert int(list(found("llrp.version", layers))[-1]) == version
    reads = [tag_read(report) for report in parameters(layers, "240")]
    # The reader says a quarter of a dBm more, in a custom parameter.
    assert [read._replace(rssi_dbm=(read.rssi_dbm or 0) + 0.25) for read in reads] == sink.reads
    asked = {field: set(found(f"llrp.param.{field}", layers)) for field in ("mode_idx", "impinj_search_mode")}
    assert asked == {"mode_idx": {"2"}, "impinj_search_mode": {"2"}}
    assert set(found("llrp.param.impinj_peak_rssi_mode", layers)) == {"1"}
    assert {read.epc for read in reads} == {*EPCS, LONG_EPC}


@wireshark
def test_wireshark_can_tell_what_is_malformed(tmp_path: Path) -> None:
    file = tmp_path / "malformed.pcap"
    tap = Wiretap()
    tap.carried.append((False, framed(61, 1, b"\x00\xf0\x00\x02")))
    tap.capture(file, PORT)
    assert list(found("_ws.malformed", dissected(file)))


async def test_llrpkit_reads_every_tag_of_our_reader() -> None:
    reader = SimulatedReader(rounds_per_s=100, read_rate=0.7)
    host, port = (await reader.start()).removeprefix("tcp://").split(":")
    where = {epc: 1 + place % 4 for place, epc in enumerate([*EPCS, LONG_EPC])}
    for epc, antenna in where.items():
        reader.place(epc, antenna)
    heard: dict[bytes, int | None] = {}
    async with llrpkit.Reader(host, int(port)) as client, asyncio.timeout(20):
        async for report in client.inventory():
            heard[report.epc] = report.antenna
            if heard.keys() == where.keys():
                break
    assert heard == where
    await until(lambda: reader.idle)
    assert reader.counts["sent ErrorMessage"] == 0
    await reader.stop()


async def test_our_driver_reads_every_tag_of_llrpkits_reader_and_is_understood_in_all_it_says() -> None:
    """Its emulator is an Impinj one: power, mode, session, search mode and extensions are as it knows them."""
    tags = [EmulatedTag(epc, (1 + place % 4,)) for place, epc in enumerate([*EPCS, LONG_EPC])]
    async with LLRPEmulator(tags=tags, reads_per_sec=2000) as emulator:
        settings = {
            "address": f"tcp://127.0.0.1:{emulator.port}", "keepalive_s": 1, "report_every_ms": 1000, "session": 1,
            "power_dbm": {"1": 25, "2": 30, "3": 30, "4": 30}, "rf_mode": "dense-m4", "search_mode": "dual",
        }  # fmt: skip
        sink = Listening()
        task = asyncio.create_task(open_device("portal", settings).run(sink))
        where = {tag.epc: tag.antennas[0] for tag in tags}
        await until(lambda: {read.epc: read.antenna for read in sink.reads} == where)
        await until(lambda: emulator.keepalive_acks)
        held: Any = emulator._rospecs
        ((rospec, _),) = held.values()
        command = rospec.spec_parameters[0].inventory_parameter_specs[0].antenna_configurations[0]
        assert command.rf_transmitter.transmit_power == 16, "25 dBm, where 10 is the first and a step is one"
        (singulation,) = command.air_protocol_inventory_command_settings
        assert singulation.c1_g2_singulation_control.session == 1
        assert singulation.c1_g2_rf_control.mode_index == 2
        assert [int(one.inventory_search_mode) for one in singulation.custom] == [2]
        assert any(read.rssi_dbm is not None and read.rssi_dbm % 1 for read in sink.reads), "in hundredths"
        task.cancel()
        await asyncio.wait([task])
        assert held == {}
    # What it does not know: these two messages, and nothing else.
    assert len([why for why in sink.left_out if "M_UnsupportedMessage" not in why]) == 0
    assert len(sink.left_out) <= 2


async def test_sllurp_reads_every_tag_of_our_reader() -> None:
    reader = SimulatedReader(rounds_per_s=100, read_rate=0.7)
    host, port = (await reader.start()).removeprefix("tcp://").split(":")
    where = {epc.hex(): 1 + place % 4 for place, epc in enumerate(EPCS)}
    for epc, antenna in where.items():
        reader.place(bytes.fromhex(epc), antenna)
    program = Path(__file__).with_name("sllurp_client.py")
    client = await asyncio.create_subprocess_exec(
        sys.executable, program, host, port, str(len(where)), stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(30):
            out, err = await client.communicate()
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    assert client.returncode == 0, err.decode()
    assert json.loads(out) == where
    assert reader.counts["EnableEventsAndReports"] == 1
    assert reader.counts["StartROSpec"] == 0, "its start trigger is immediate"
    assert reader.counts["sent ErrorMessage"] == 0
    await until(lambda: reader.idle)
    await reader.stop()
