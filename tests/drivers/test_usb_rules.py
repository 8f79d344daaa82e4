"""The udev rules that let the service's user open USB scanners."""

import re
import tomllib
from pathlib import Path

DRIVERS = Path(__file__).parent.parent.parent / "drivers"
RULES = DRIVERS / "60-nearshelf-scanners.rules"
#: A line of rules: keys that must match or are set, each with a quoted value (udev(7)).
LINE = re.compile(r'[A-Z]+(\{\w+\})?(==|!=|=)"[^"]*"(, [A-Z]+(\{\w+\})?(==|!=|=)"[^"]*")*')


def vendors() -> set[str]:
    return set(re.findall(r'ATTR\{idVendor\}=="([0-9a-f]{4})", GROUP="dialout", MODE="0660"', RULES.read_text()))


def test_every_line_is_a_rule() -> None:
    lines = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert {target for line in lines for target in re.findall(r'GOTO="(\w+)"', line)} == set(
        re.findall(r'LABEL="(\w+)"', RULES.read_text())
    )


def test_the_scanners_of_the_samples_are_let_in() -> None:
    samples = [tomllib.loads(path.read_text(encoding="utf-8")) for path in DRIVERS.glob("barcode_usb_*/sample.toml")]
    used = {device["settings"]["usb"].split(":")[0] for sample in samples for device in sample["device"]}
    assert used
    assert used <= vendors()
