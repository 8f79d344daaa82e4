"""docs/subscribe.md as a stranger would use it: its examples, run, lose no row where the broker drops some."""

import asyncio
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.brokers import Mosquitto, running_mosquitto
from tests.hq_bridge.processes import HqProcess, hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "subscribe.md").read_text(encoding="utf-8")
SUBSCRIBERS = ROOT / "tests" / "subscribers"
INSTALLED = ROOT / "build" / "subscribers"
EXAMPLES = {"python": (sys.executable, "py"), "js": ("node", "mjs")}


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """One that drops soon what a subscriber does not take."""
    async with running_mosquitto(tmp_path, "max_queued_messages 20") as broker:
        yield broker


def example(language: str, broker: Mosquitto, hq: HqProcess) -> str:
    """The document's program, with the addresses of this test."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found).replace("http://127.0.0.1:8081", hq.web).replace("1883", str(broker.port))


async def node_modules() -> Path:
    """The packages of the Node example, as locked; skips loudly without Node or a registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("NO NODE HERE, so the Node example of docs/subscribe.md was not run: apt-get install nodejs npm")
    if not (INSTALLED / "node_modules" / "mqtt").is_dir():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SUBSCRIBERS / name, INSTALLED)
        npm = await asyncio.create_subprocess_exec(
            *("npm", "ci", "--no-audit", "--no-fund"), cwd=INSTALLED, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await npm.communicate()
        if npm.returncode:
            pytest.skip(f"NPM GAVE NO PACKAGES, so the Node example was not run: {complaint.decode()[-300:]}")
    return INSTALLED / "node_modules"


class Program:
    """A running example and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())

    def seqs(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines if line[:1].isdigit()]


@asynccontextmanager
async def running(language: str, text: str, folder: Path) -> AsyncIterator[Program]:
    command, ending = EXAMPLES[language]
    file = folder / f"follow.{ending}"
    file.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", command, str(file)),
        stdout=asyncio.subprocess.PIPE,
    )
    program = Program(process)
    reading = asyncio.create_task(program.read())
    try:
        yield program
    finally:
        process.kill()
        await process.wait()
        await reading


def _told(folder: Path) -> int:
    """Up to which row HQ has told the broker, as far as it has noted that: 0 before it ever has."""
    with closing(sqlite3.connect(f"file:{folder / 'hq.db'}?mode=ro", uri=True)) as books:
        found = books.execute("SELECT seq FROM told WHERE store = 'SH-0001'").fetchone()
    return 0 if found is None else int(found[0])


@pytest.mark.parametrize("language", EXAMPLES)
async def test_the_example_follows_a_store_over_a_gap(mosquitto: Mosquitto, tmp_path: Path, language: str) -> None:
    if language == "js":
        (tmp_path / "node_modules").symlink_to(await node_modules())
    shop = Shop()
    shop.trade(50)
    async with (
        hq_process(write_config(tmp_path, mosquitto.address, events=True)) as hq,
        on_the_line(ShopLine(shop, mosquitto.address)) as line,
    ):
        await hq.store_where("SH-0001", cursor=50)
        async with running(language, example(language, mosquitto, hq), tmp_path) as program:
            await until(lambda: len(program.seqs()) == 50, 20)  # from HQ's log: they came before
            shop.trade(20)
            line.send()
            await until(lambda: len(program.seqs()) == 70)
            assert not any(line.startswith("gap") for line in program.lines)
            program.process.send_signal(signal.SIGSTOP)
            shop.trade(400)
            line.send()
            await hq.store_where("SH-0001", cursor=470)
            await until(lambda: line.upto == 470)
            await until(lambda: _told(tmp_path) == 470)
            program.process.send_signal(signal.SIGCONT)
            shop.trade(1)
            line.send()
            await until(lambda: 471 in program.seqs())
        assert program.seqs() == list(range(1, 472))
        assert any(line.startswith("gap after 7 ") for line in program.lines)
