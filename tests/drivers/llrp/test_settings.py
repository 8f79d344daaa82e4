"""Settings are checked all at once, and the sample is a working one."""

import tomllib
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name

import pytest
from hypothesis import given
from hypothesis import strategies as st

import drivers.llrp
from drivers.errors import BadSettings
from drivers.llrp.driver import LlrpReader, open_device
from drivers.llrp.settings import KNOWN, Settings, settings_from

FOLDER = Path(drivers.llrp.__file__).parent


def test_the_sample_is_a_working_device() -> None:
    (device,) = tomllib.loads((FOLDER / "sample.toml").read_text())["device"]
    assert device["kind"] == FOLDER.name
    assert isinstance(open_device(device["name"], device["settings"]), LlrpReader)
    assert set(device["settings"]) == set(KNOWN), "the sample shows every setting"


def test_the_readme_shows_the_sample_and_every_setting() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert (FOLDER / "sample.toml").read_text() in readme
    for key in KNOWN:
        assert f"| `{key}` |" in readme


def test_the_driver_is_found_by_its_entry_point() -> None:
    project = tomllib.loads((FOLDER.parent.parent / "pyproject.toml").read_text())["project"]
    assert resolve_name(project["entry-points"]["nearshelf.drivers"]["llrp"]) is open_device


def test_what_is_left_out_has_a_default() -> None:
    assert settings_from({"address": "tcp://reader.example"}) == Settings("reader.example", 5084)
    assert settings_from({"address": "tcp://[::1]:5085"}) == Settings("::1", 5085)


def test_every_mistake_is_named_at_once() -> None:
    given = {
        "address": "reader.example:5084",
        "antennas": [1, 1, 99, "2", True, 0],
        "keepalive_s": 0,
        "tags_per_report": 1.5,
        "report_every_ms": True,
        "keepalive": 3,
    }
    with pytest.raises(BadSettings) as told:
        open_device("portal", given)
    paths = [mistake.split(":")[0] for mistake in told.value.mistakes]
    assert paths == [
        "keepalive", "address", "antennas[1]", "antennas[2]", "antennas[3]", "antennas[4]", "antennas[5]",
        "keepalive_s", "tags_per_report", "report_every_ms",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address", [None, 5084, "", "tcp://", "tcp://host:0", "tcp://host:99999", "tcp://host:x", "udp://h", "tcp://h/x",
                "tcp://me@host", "tcp://[::1"]
)  # fmt: skip
def test_an_address_that_cannot_be_is_a_mistake(address: object) -> None:
    with pytest.raises(BadSettings, match="address"):
        settings_from({"address": address})


anything = st.none() | st.integers() | st.text("tcp:/[]x019.@") | st.lists(st.integers())


@given(st.dictionaries(st.sampled_from([*KNOWN, "x"]), anything))
def test_settings_are_taken_or_refused_and_nothing_else(given_settings: dict[str, object]) -> None:
    with suppress(BadSettings):
        assert 1 <= settings_from(given_settings).port <= 65535
