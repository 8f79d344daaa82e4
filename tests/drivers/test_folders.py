"""Every driver's folder is made alike: files, sample, README, settings, entry point, a row in docs/drivers.md."""

import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadSettings
from drivers.port import OpenDevice

ROOT = Path(__file__).parent.parent.parent
FOLDERS = sorted(path.parent for path in (ROOT / "drivers").glob("*/__init__.py"))
FILES = {"README.md", "sample.toml", "settings.py", "codec.py", "session.py", "driver.py"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENTRY_POINTS = PROJECT["entry-points"]["nearshelf.drivers"]

each_driver = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def open_device_of(folder: Path) -> OpenDevice:
    found: OpenDevice = resolve_name(f"drivers.{folder.name}.driver:open_device")
    return found


def settings_of(folder: Path) -> list[str]:
    """The keys that the driver knows, as it says them to somebody who wrote another one."""
    with pytest.raises(BadSettings) as told:
        open_device_of(folder)("x", {"no-such-key": 1})
    return told.value.mistakes[-1].split("no-such-key: no such setting; there are ")[1].split(", ")


def test_each_folder_is_an_entry_point() -> None:
    assert {folder.name: f"drivers.{folder.name}.driver:open_device" for folder in FOLDERS} == ENTRY_POINTS


def test_each_that_can_be_looked_for_is_an_entry_point_too() -> None:
    looked_for = {
        folder.name: f"drivers.{folder.name}.finding:find" for folder in FOLDERS if (folder / "finding.py").exists()
    }
    assert looked_for == PROJECT["entry-points"]["nearshelf.finders"]


@each_driver
def test_it_has_the_files_that_all_have(folder: Path) -> None:
    assert FILES - {path.name for path in folder.iterdir()} == set()


@each_driver
def test_its_sample_is_a_working_device_and_shown(folder: Path) -> None:
    sample = (folder / "sample.toml").read_text(encoding="utf-8")
    assert sample in (folder / "README.md").read_text(encoding="utf-8")
    for device in tomllib.loads(sample)["device"]:
        assert device["kind"] == folder.name
        open_device_of(folder)(device["name"], device["settings"])


@each_driver
def test_its_readme_explains_every_setting(folder: Path) -> None:
    rows = [line for line in (folder / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [key for key in settings_of(folder) if not any(f"`{key}`" in row for row in rows)] == []


@each_driver
def test_any_settings_are_taken_or_refused_and_nothing_else(folder: Path) -> None:
    anything = (
        st.none() | st.booleans() | st.integers() | st.floats() | st.text("tcp:/[]x019.@") | st.lists(st.integers())
    )

    @given(st.dictionaries(st.sampled_from([*settings_of(folder), "x"]), anything))
    def taken_or_refused(settings: dict[str, object]) -> None:
        with suppress(BadSettings):
            open_device_of(folder)("x", settings)

    taken_or_refused()


def test_the_page_of_drivers_is_drawn_from_their_folders() -> None:
    """If this fails: scripts/draw-drivers."""
    checked = subprocess.run(
        [sys.executable, "scripts/draw_drivers.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
