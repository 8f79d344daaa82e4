"""`nearshelf-agent devices scan` finds what is there, takes nothing from anybody, and proposes what can be pasted."""

import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from agent import discovery
from agent.config import DeviceConfig, load
from agent.devices import known_kinds, open_devices
from drivers.finding import GROUP, Found, Where
from tests.agent.programs import store_toml
from tests.torture.line.namespaces import apart

ROOT = Path(__file__).parent.parent.parent


def pasted(folder: Path, text: str) -> Sequence[DeviceConfig]:
    """The proposal in a store's file, as the agent reads it."""
    settings = folder / "pasted.toml"
    settings.write_text(store_toml(books="") + text)
    devices = load(settings).devices
    assert open_devices(devices)[1] == []
    return devices


def uncommented(text: str) -> str:
    """As somebody makes it who takes the comments away before TOML."""
    return "\n".join(re.findall(r"^(?:# )?(\[.*|\w+ = .*)$", text, re.MULTILINE))


def test_every_finder_is_of_an_installed_driver() -> None:
    assert {entry.name for entry in entry_points(group=GROUP)} <= set(known_kinds())


async def test_serial_ports_are_proposed_by_their_lasting_names(tmp_path: Path) -> None:
    here, there = pty.openpty()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    names = ["usb-Zebra_Technologies_DS2208_1234-if00", "usb-1a86_USB_Serial-if00-port0"]
    for name in names:
        (by_id / name).symlink_to(os.ttyname(there))
    scanned = await discovery.scan(Where(0.1, serial_by_id=by_id))
    assert scanned.failed == []
    text = discovery.proposal(scanned.found, ())
    zebra, converter = pasted(tmp_path, text)[::-1]
    assert (zebra.kind, zebra.purpose, zebra.settings["port"]) == ("barcode_serial", "receive", str(by_id / names[0]))
    assert converter.settings["port"] == str(by_id / names[1])
    assert "Its kind may be barcode_serial, barcode_ssi" in text
    again = discovery.proposal(scanned.found, [zebra, converter])
    assert again.count("is configured: device") == 2
    assert "[[device]]" not in again
    for fd in (here, there):
        os.close(fd)


def two_alike(model: str = "0c2e:0b61") -> list[Found]:
    """Scanners of one model, as their finder tells them apart."""
    marks = {"serial": "H1", "port": "1-3.1"}, {"serial": "", "port": "1-3.2"}
    needed = {"serial": "H1"}, {"port": "1-3.2"}
    return [
        Found("barcode_usb_keyboard", f"USB {mark['port']}", "x", "scans", {"usb": model, **need}, marks=mark)
        for mark, need in zip(marks, needed, strict=True)
    ]


def desk(name: str, **which: str) -> DeviceConfig:
    return DeviceConfig(name, "barcode_usb_keyboard", {"usb": "0c2e:0b61", "layout": "de", **which}, {}, "receive")


def test_of_two_alike_the_one_that_is_configured_is_known() -> None:
    for which in ({"serial": "H1"}, {"port": "1-3.1"}):
        text = discovery.proposal(two_alike(), [desk("dock", **which)])
        assert 'USB 1-3.1 is configured: device "dock"' in text
        assert text.count("[[device]]") == 1
    text = discovery.proposal(two_alike(), [desk("dock"), desk("till", port="1-3.1")])
    assert 'USB 1-3.1 is configured: device "till"' in text
    assert 'USB 1-3.2 is configured: device "dock"' in text


def test_one_scanner_is_not_taken_for_another_of_its_model() -> None:
    (alone,) = [replace(one, settings={"usb": "0c2e:0b61"}) for one in two_alike()[:1]]
    assert "is configured" in discovery.proposal([alone], [desk("dock")])
    away = discovery.proposal([alone], [desk("dock", serial="H2")])
    assert "is configured" not in away
    assert "[[device]]" in away


def test_where_settings_fit_two_it_is_said_which_device_must_say_more() -> None:
    text = discovery.proposal(two_alike(), [desk("dock")])
    assert text.count('is configured: device "dock"') == text.count("[[device]]") == 1
    assert 'The settings of device "dock" fit it as well' in text


def test_what_it_proposes_can_be_pasted_whatever_devices_say(tmp_path: Path) -> None:
    odd = 'x"\n[store]\nid = "\\\x00\u2028 ' * 20
    found = [
        Found("llrp", "192.0.2.20:5084", odd, "tags", {"address": "tcp://192.0.2.20"}, antennas=2),
        Found("llrp", "192.0.2.21:5084", "Zebra", "tags", {"address": "tcp://192.0.2.21"}, note=odd),
        Found("barcode_serial", "/dev/x", odd, "scans", {"port": '/dev/"x', "acknowledge": True}),
    ]
    text = discovery.proposal(found, [DeviceConfig("reader-1", "llrp", {}, {}, None)])
    assert [(device.name, device.kind) for device in pasted(tmp_path, text)] == [
        ("reader-2", "llrp"),
        ("scanner-1", "barcode_serial"),
    ]
    whole = pasted(tmp_path, uncommented(discovery.proposal(found[:1], ())))
    assert whole[0].places == {1: "FLOOR", 2: "FLOOR"}
    assert discovery.proposal([], ()) == ""


def test_small_networks_of_this_machine_are_asked_and_large_ones_only_by_name() -> None:
    own = [IPv4Interface("192.0.2.5/24"), IPv4Interface("10.0.0.5/8")]
    device = DeviceConfig("portal", "llrp", {"address": "tcp://192.0.2.20", "keepalive_s": 5}, {}, None)
    where = discovery.where_to_look(1.0, (), [device], own)
    assert where.networks == (IPv4Network("192.0.2.0/24"),)
    assert where.interfaces == ("192.0.2.5", "10.0.0.5")
    assert where.in_use == {"tcp://192.0.2.20"}
    named = IPv4Network("10.1.0.0/24")
    assert discovery.where_to_look(1.0, [named], (), own).networks == (named,)


async def test_a_finder_that_breaks_costs_its_own_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "broken-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text(f"[{GROUP}]\nbroken = nowhere_at_all:find\n")
    monkeypatch.syspath_prepend(tmp_path)
    scanned = await discovery.scan(Where(0.1, serial_by_id=tmp_path))
    assert [why.partition(":")[0] for why in scanned.failed] == ["broken"]


def test_readers_of_the_network_are_found_and_left_to_whoever_has_them() -> None:
    """Over a network of its own, by the command line: one announced, one silent, one in use, one that is configured."""
    if not apart():
        pytest.skip("NO NETWORK OF ITS OWN may be made here")
    done = subprocess.run(
        [*apart(), sys.executable, "-m", "tests.agent.scanned_network"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])  # before it, what drivers log
    devices = tomllib.loads(told["toml"])["device"]
    assert [device["settings"] for device in devices] == [
        {"address": "tcp://10.9.8.1"},
        {"address": "tcp://10.9.8.2:15084"},
    ]
    assert 'announced as "Portal 2"' in told["toml"]
    assert "# another client holds it" in told["toml"]
    assert '# address = "tcp://10.9.8.3"' in told["toml"]
    assert '# 10.9.8.4:5084 is configured: device "known".' in told["toml"]
    assert told["asked"] == [["CloseConnection", "GetReaderCapabilities", "connects"]] * 2 + [["turned_away"], []]
