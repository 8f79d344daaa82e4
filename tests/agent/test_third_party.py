"""A driver of somebody else's, installed beside the agent, is a kind like any other."""

import asyncio
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest

from simulators.programs import Program
from tests.agent.programs import program, store_toml
from tests.torture.line.namespaces import apart
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "tests" / "drivers" / "third_party"
DEVICE = """
[[device]]
name = "dock"
kind = "example_tcp"
purpose = "receive"
[device.settings]
address = "tcp://127.0.0.1:{port}"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed the package, from its sources and without a network."""
    folder = tmp_path_factory.mktemp("third-party")
    copied = folder / "source"
    copied.mkdir()
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = copied / path.relative_to(PACKAGE)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", str(folder / "site"), str(copied)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def with_driver(site: Path, folder: Path, port: int) -> Program:
    agent = program(folder, PYTHONPATH=str(site))
    agent.settings.write_text(store_toml() + DEVICE.format(port=port))
    return agent


def command(site: Path, *words: str, within: tuple[str, ...] = ()) -> tuple[int, str]:
    done = subprocess.run(
        [*within, sys.executable, "-m", "agent", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_it_is_checked_run_and_its_scans_are_booked(site: Path, tmp_path: Path) -> None:
    answers: list[bytes] = []

    async def scanner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for code in (b"4006381333931\n", b"hello\n"):
            writer.write(code)
            answers.append(await reader.readline())
        await reader.read()
        writer.close()

    async with await asyncio.start_server(scanner, "127.0.0.1", 0) as server:
        agent = with_driver(site, tmp_path, server.sockets[0].getsockname()[1])
        status, said = await asyncio.to_thread(command, site, "check", str(agent.settings))
        assert (status, "1 devices" in said) == (0, True), said
        await agent.start()
        await until(lambda: len(answers) == 2)
        assert answers == [b"OK\n", b"NO\n"]
        async with httpx.AsyncClient(base_url=agent.web) as store:
            (device,) = (await store.get("/v1/health")).json()["devices"]
        assert (device["state"], device["kind"], device["readings"]) == ("up", "example_tcp", 2)
        await agent.stop()


def test_its_mistakes_are_told_its_troubles_explained_and_its_devices_proposed(site: Path, tmp_path: Path) -> None:
    agent = with_driver(site, tmp_path, 1)
    status, said = command(site, "doctor", str(agent.settings), "--seconds", "0")
    assert (status, "[port_closed]" in said) == (1, True), said
    agent.settings.write_text(agent.settings.read_text().replace("tcp://", "ftp://"))
    status, said = command(site, "check", str(agent.settings))
    assert (status, "device[0].settings.address: give the device as" in said) == (2, True), said
    # In a network of its own, where there is one: a test asks nobody on a real one.
    status, said = command(site, "devices", "scan", "--seconds", "0.1", within=apart())
    assert status == 0
    assert 'kind = "example_tcp"\npurpose = "receive"' in said


def test_without_the_package_there_is_no_such_kind(tmp_path: Path) -> None:
    assert "example_tcp" not in {entry.name for entry in entry_points(group="nearshelf.drivers")}
    settings = tmp_path / "store.toml"
    settings.write_text(store_toml() + DEVICE.format(port=1))
    status, said = command(tmp_path, "check", str(settings))
    assert status == 2
    assert "'example_tcp' is not installed; there are barcode_serial, " in said
