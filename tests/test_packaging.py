"""The wheel holds what it must and nothing else: built from the tracked files, and looked into."""

import configparser
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """This project's wheel, built without network from a copy, so that nothing left over in the tree gets in."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in set(listed.stdout.splitlines()):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    built = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(built), str(source)], check=True, timeout=100, capture_output=True)
    (path,) = built.glob("nearshelf-*-py3-none-any.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_brings_exactly_our_packages(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "agent",
        "drivers",
        "hq_bridge",
        "simulators",
        "wire",
    }


def test_the_wheel_offers_our_programs_and_drivers(wheel: zipfile.ZipFile) -> None:
    (where,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    offered = configparser.ConfigParser()
    offered.read_string(wheel.read(where).decode())
    assert set(offered["console_scripts"]) == {"nearshelf-agent", "nearshelf-hq", "nearshelf-sim"}
    ours = {path.parent.name for path in (ROOT / "drivers").glob("*/driver.py")}
    assert set(offered["nearshelf.drivers"]) == ours


@pytest.mark.parametrize("group", ["console_scripts", "nearshelf.drivers"])
def test_what_is_offered_is_there(group: str) -> None:
    ours = [point for point in entry_points(group=group) if point.dist and point.dist.name == "nearshelf"]
    assert ours
    for point in ours:
        assert callable(point.load()), point


def test_the_wheel_carries_every_file_that_is_no_code(wheel: zipfile.ZipFile) -> None:
    """Pages, SQL, samples and contracts are found by the programs at run time."""
    inside = set(wheel.namelist())
    data = [
        path.relative_to(ROOT).as_posix()
        for package in ("agent", "drivers", "hq_bridge", "simulators", "wire")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix in {".sql", ".toml", ".html", ".css", ".js", ".svg", ".csv", ".md", ".typed"}
    ]
    assert "agent/web/static/index.html" in data
    assert [name for name in data if name not in inside] == []


def test_the_licence_travels_along(wheel: zipfile.ZipFile) -> None:
    assert [name for name in wheel.namelist() if name.endswith("/LICENSE")]
