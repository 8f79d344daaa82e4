"""The daemon as systemd and a technician meet it: ready, alive, stopped, killed, and refused with a reason."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from agent import health
from agent.clock import SystemClock
from tests.agent.programs import program
from tests.brokers import Mosquitto
from tests.waiting import until
from wire import codec
from wire.mqtt import Link, parse_broker
from wire.topics import StoreTopics

SALE = {"receipt": "R1", "lines": [{"line": 1, "sku": "MILK", "qty": 1}]}


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    async def told(self, within_s: float = 10.0) -> str:
        async with asyncio.timeout(within_s):
            return (await asyncio.get_running_loop().sock_recv(self._socket, 256)).decode()

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def systemd(folder: Path) -> AsyncIterator[Systemd]:
    manager = Systemd(folder)
    try:
        yield manager
    finally:
        manager.close()


async def test_systemd_hears_ready_then_signs_of_life_then_stopping(tmp_path: Path) -> None:
    async with systemd(tmp_path) as manager:
        agent = program(tmp_path, "mqtt://127.0.0.1:1", NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="300000")
        await agent.start()
        assert await manager.told() == "READY=1"
        async with httpx.AsyncClient(base_url=agent.web) as store:
            assert (await store.get("/v1/health")).status_code == 200
        for _ in range(3):
            assert await manager.told() == "WATCHDOG=1"
        await agent.stop()
        while (word := await manager.told()) != "STOPPING=1":
            assert word == "WATCHDOG=1"


async def test_a_part_that_hangs_stops_the_signs_of_life(tmp_path: Path) -> None:
    async with systemd(tmp_path) as manager:
        looked = asyncio.Event()

        async def hangs() -> None:
            looked.set()
            await asyncio.Event().wait()

        class Fast(SystemClock):
            async def sleep(self, seconds: float) -> None:
                await super().sleep(0)

        assert health.notify("READY=1", {"NOTIFY_SOCKET": manager.address})
        assert await manager.told() == "READY=1"
        keeping = asyncio.ensure_future(health.keep_watchdog([hangs], Fast()))
        await looked.wait()
        with pytest.raises(TimeoutError):
            await manager.told(within_s=0.3)
        keeping.cancel()


def test_the_watchdogs_period_is_systemds() -> None:
    assert health.watchdog_period_s({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert health.watchdog_period_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert health.watchdog_period_s({}) is health.watchdog_period_s({"WATCHDOG_USEC": "x"}) is None
    assert not health.notify("READY=1", {})


async def test_what_a_till_was_told_is_there_after_sigterm_and_after_sigkill(tmp_path: Path) -> None:
    agent = program(tmp_path, "mqtt://127.0.0.1:1")
    for end in (agent.stop, agent.kill, agent.stop):
        await agent.start()
        async with httpx.AsyncClient(base_url=agent.web) as store:
            answer = (await store.post("/v1/sales", json=SALE)).json()
            assert answer["lines"][0]["seq"] == 1
            assert (await store.get("/v1/stock")).json()["skus"][0]["on_hand"] == -1
        await end()


async def test_who_is_signed_in_is_still_in_after_a_kill(tmp_path: Path) -> None:
    agent = program(tmp_path, "mqtt://127.0.0.1:1")
    await agent.start()
    add = [sys.executable, "-m", "agent", "people", "add", str(tmp_path / "store.toml"), "w1", "--role", "lead"]
    adding = await asyncio.create_subprocess_exec(*add, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    await adding.communicate(b"4711-1\n8305\n")  # while the agent has the file open
    assert adding.returncode == 0
    async with httpx.AsyncClient(base_url=agent.web) as store:
        await store.post("/v1/sales", json=SALE)
        came = await store.post("/v1/session", json={"badge": "4711-1", "pin": "8305"})
        assert came.status_code == 200
        said = {"cookie": f"nearshelf_session={store.cookies['nearshelf_session']}", "x-csrf": came.json()["csrf"]}
    await agent.kill()
    await agent.start()
    async with httpx.AsyncClient(base_url=agent.web, headers=said) as store:
        assert (await store.get("/v1/session")).json() == came.json()
        assert (await store.post("/v1/session/lang", json={"lang": "en"})).json()["worker"]["lang"] == "en"
        await store.delete("/v1/session")
        assert (await store.get("/v1/session")).status_code == 401
    await agent.stop()


async def test_the_broker_says_away_for_a_store_that_vanished(tmp_path: Path, mosquitto: Mosquitto) -> None:
    states: list[str] = []
    topic = StoreTopics("demo", "SH-1").up("state")
    listener = Link(
        parse_broker(mosquitto.address),
        "listener",
        topics=[topic],
        on_message=lambda _, payload: states.append(codec.decode_state(payload).state),
        now_ms=SystemClock().now_ms,
    )
    listening = asyncio.ensure_future(listener.run())
    agent = program(tmp_path, mosquitto.address)
    await agent.start()
    await until(lambda: states == ["here"])
    await agent.kill()
    await until(lambda: states == ["here", "away"])
    await agent.start()
    await until(lambda: states[-1] == "here")
    await agent.stop()
    await until(lambda: states[-1] == "away")
    listening.cancel()
    await asyncio.wait([listening])


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "agent", *words], capture_output=True, text=True, timeout=30)


def test_check_names_every_mistake_and_connects_to_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        settings = program(tmp_path, f"mqtt://127.0.0.1:{broker.getsockname()[1]}").settings
        good = run("check", str(settings))
        assert (good.returncode, good.stderr) == (0, "")
        assert "good: store SH-1" in good.stdout
        text = settings.read_text()
        bad = text.replace('id = "SH-1"', 'id = "SH 1"').replace("port = 0", "port = 70000\nprot = 1")
        bad = bad.replace('chain = "demo"', "chain = 5") + '[[device]]\nname = "x"\nkind = "psychic"\n'
        settings.write_text(bad)
        answer = run("check", str(settings))
        assert answer.returncode == 2
        assert "5 mistakes" in answer.stderr
        for word in ("store.id", "store.chain", "web.port", "web.prot", "device[0].kind"):
            assert word in answer.stderr
        assert "Traceback" not in answer.stderr
        broker.setblocking(False)
        with pytest.raises(BlockingIOError):
            broker.accept()
    assert not (tmp_path / "books.db").exists()


def test_check_shows_the_channels_and_names_quotas_that_nothing_has(tmp_path: Path) -> None:
    settings = program(tmp_path, "mqtt://127.0.0.1:1").settings
    channel = '[[channel]]\nname = "web"\nlocal = true\nquota = { MILK = 2, CAR = 1 }\nsafety = { unsure = 3 }\n'
    settings.write_text(settings.read_text() + channel)
    shown = run("check", str(settings))
    assert shown.returncode == 0
    told = "channel web: holds live 15 min, quota for 2 SKUs, leaves 0 sure, 0 fair, 3 unsure, sold in the store itself"
    assert told in shown.stdout
    assert shown.stderr == "  its quota names what is not in the catalogue: CAR\n"
    settings.write_text(settings.read_text().replace("MILK = 2", "MILK = -2"))
    assert "channel[0].quota.MILK: -2 is not between 0 and 1000000" in run("check", str(settings)).stderr


def test_check_reads_the_map_and_names_what_is_not_on_it(tmp_path: Path) -> None:
    settings = program(tmp_path, "mqtt://127.0.0.1:1").settings
    settings.write_text(settings.read_text().replace("[books]", '[books]\nmap = "map.csv"'))
    assert "map.csv cannot be read" in run("check", str(settings)).stderr
    (tmp_path / "map.csv").write_text("code\nA01-L-01\nCELLAR\n")
    refused = run("check", str(settings))
    assert (refused.returncode, "line 3: code 'CELLAR' does not say where it is" in refused.stderr) == (2, True)
    (tmp_path / "map.csv").write_text("code\nA01-L-01\n")
    good = run("check", str(settings))
    assert (good.returncode, "  map: 1 spots" in good.stdout) == (0, True)


async def test_a_start_that_cannot_work_says_why_and_what_to_do(tmp_path: Path) -> None:
    agent = program(tmp_path, "mqtt://127.0.0.1:1")
    await agent.start()
    second = await asyncio.to_thread(run, "run", str(agent.settings))
    assert second.returncode == 2
    assert "another agent runs on" in second.stderr
    await agent.stop()
    (tmp_path / "catalogue.csv").write_text("sku,gtin,name_en,name_zh,tagged\nMILK,123,Milk,牛奶,no\n", "utf-8")
    bad = await asyncio.to_thread(run, "run", str(agent.settings))
    assert bad.returncode == 2
    assert "line 2: gtin '123' is no GTIN" in bad.stderr
    assert "Traceback" not in bad.stderr


def test_systemd_accepts_the_unit_in_the_documentation(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NO SYSTEMD HERE, so the unit file was not checked: apt-get install systemd")
    page = (Path(__file__).parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
    found = re.search(r"```ini\n(\[Unit\].*?)```", page, re.DOTALL)
    assert found is not None
    unit = tmp_path / "nearshelf-agent.service"
    unit.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", found.group(1)), encoding="utf-8")
    verdict = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    complaints = [line for line in verdict.stderr.splitlines() if "nearshelf-agent" in line]
    assert complaints == []  # its exit status is 0 even for unknown keys


async def test_a_changed_catalogue_comes_in_while_the_shop_is_open(tmp_path: Path) -> None:
    agent = program(tmp_path, "mqtt://127.0.0.1:1")
    await agent.start()
    catalogue = tmp_path / "catalogue.csv"

    def said(event: str) -> bool:
        return f'"{event}"' in (tmp_path / "agent.log").read_text(encoding="utf-8")

    def ask() -> None:
        assert agent.pid is not None
        os.kill(agent.pid, signal.SIGHUP)

    async with httpx.AsyncClient(base_url=agent.web) as store:

        async def names() -> dict[str, str]:
            return {sku["sku"]: sku["name_en"] for sku in (await store.get("/v1/stock")).json()["skus"]}

        good = catalogue.read_text("utf-8")
        catalogue.write_text(good + "EGGS,1,Eggs,鸡蛋,no\n", "utf-8")
        ask()
        await until(lambda: said("catalogue_refused"))
        assert await names() == {"MILK": "Milk"}
        catalogue.write_text(good.replace("Milk", "Whole milk") + "EGGS,96385074,Eggs,鸡蛋,no\n", "utf-8")
        ask()
        await until(lambda: said("catalogue_followed"))
        assert await names() == {"MILK": "Whole milk", "EGGS": "Eggs"}
        sold = await store.post(
            "/v1/sales", json={"receipt": "R9", "lines": [{"line": 1, "gtin": "96385074", "qty": 1}]}
        )
        assert sold.status_code == 200
    await agent.stop()
