"""docs/subscribe.md as a stranger would use it: its examples, run, lose no row where the broker drops some."""

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.brokers import free_port
from tests.hq_bridge.processes import hq_process, write_config
from tests.hq_bridge.shop import Shop, ShopLine, on_the_line
from tests.secured import Secured, secured_mosquitto
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "subscribe.md").read_text(encoding="utf-8")
SUBSCRIBERS = ROOT / "tests" / "subscribers"
INSTALLED = ROOT / "build" / "subscribers"
EXAMPLES = {"python": (sys.executable, "py"), "js": ("node", "mjs"), "sh": ("sh", "sh")}


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    """The broker we ship, which drops sooner what a subscriber does not take, and notes who has subscribed."""
    async with secured_mosquitto(tmp_path, "max_queued_messages 20\nlog_type subscribe") as running:
        yield running


def example(language: str, secured: Secured, hq: str) -> str:
    """The document's program, with the addresses of this test."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    (found,) = [str(block) for block in blocks if "reader.erp/" in block]
    found = found.replace("hq.example:8081", hq.removeprefix("http://"))
    return found.replace("hq.example", "127.0.0.1").replace("8883", str(secured.broker.port))


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

    def send(self, what: signal.Signals) -> None:
        """To it and to whatever it started."""
        os.killpg(self.process.pid, what)

    def seqs(self) -> list[int]:
        """Of the rows it printed: a line each, or events and pages of the log."""
        found = []
        for line in self.lines:
            if line[:1].isdigit():
                found.append(int(line.split()[1]))
            elif line.startswith("{"):
                told = json.loads(line)
                found += [row["seq"] for row in told.get("rows", [told.get("data")])]
        return found

    def saw_a_gap(self) -> bool:
        return any(line.startswith("gap after 7 ") or '"rows":' in line for line in self.lines)


@asynccontextmanager
async def running(language: str, text: str, folder: Path, certificates: Path) -> AsyncIterator[Program]:
    command, ending = EXAMPLES[language]
    file = folder / f"follow.{ending}"
    file.write_text(text)
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", command, str(file)),
        cwd=certificates,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=2**24,
    )
    program = Program(process)
    reading = asyncio.create_task(program.read())
    try:
        yield program
    finally:
        program.send(signal.SIGKILL)
        await process.wait()
        await reading


def _told(folder: Path) -> int:
    """Up to which row HQ has told the broker, as far as it has noted that: 0 before it ever has."""
    with closing(sqlite3.connect(f"file:{folder / 'hq.db'}?mode=ro", uri=True)) as books:
        found = books.execute("SELECT seq FROM told WHERE store = 'SH-0001'").fetchone()
    return 0 if found is None else int(found[0])


def _subscribed(secured: Secured) -> bool:
    return "events/+/SH-0001" in secured.broker.log.read_text()


@pytest.mark.parametrize("language", EXAMPLES)
async def test_the_example_follows_a_store_over_a_gap(secured: Secured, tmp_path: Path, language: str) -> None:
    if language == "js":
        (tmp_path / "node_modules").symlink_to(await node_modules())
    shop = Shop()
    shop.trade(50)
    first = 51 if language == "sh" else 1  # it follows from now on; the others ask HQ's log first
    secured.reader("erp")
    store = secured.store("SH-0001")
    config = write_config(tmp_path, secured.address, tls=secured.hq().folder, events=True)
    async with (
        hq_process(config) as hq,
        on_the_line(ShopLine(shop, secured.address, credentials=store)) as line,
    ):
        await hq.store_where("SH-0001", cursor=50)
        await until(lambda: _told(tmp_path) == 50)
        async with running(language, example(language, secured, hq.web), tmp_path, secured.issued) as program:
            await until(lambda: _subscribed(secured), 20)
            await until(lambda: program.seqs() == list(range(first, 51)), 20)
            shop.trade(20)
            line.send()
            await until(lambda: program.seqs() == list(range(first, 71)))
            assert not program.saw_a_gap()
            program.send(signal.SIGSTOP)
            shop.trade(400)
            line.send()
            await hq.store_where("SH-0001", cursor=470)
            await until(lambda: line.upto == 470)
            await until(lambda: _told(tmp_path) == 470)
            program.send(signal.SIGCONT)
            shop.trade(1)
            line.send()
            await until(lambda: 471 in program.seqs())
        assert program.seqs() == list(range(first, 472))
        assert program.saw_a_gap()


@pytest.mark.parametrize("language", ["python", "js"])
async def test_the_example_asks_again_while_hq_is_away(secured: Secured, tmp_path: Path, language: str) -> None:
    if language == "js":
        (tmp_path / "node_modules").symlink_to(await node_modules())
    shop, port = Shop(), free_port()
    shop.trade(50)
    secured.reader("erp")
    store = secured.store("SH-0001")
    config = write_config(tmp_path, secured.address, tls=secured.hq().folder, events=True)
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    text = example(language, secured, f"127.0.0.1:{port}")
    async with running(language, text, tmp_path, secured.issued) as program:
        await until(lambda: _subscribed(secured), 20)
        async with (
            hq_process(config) as hq,
            on_the_line(ShopLine(shop, secured.address, credentials=store)),
        ):
            await hq.store_where("SH-0001", cursor=50)
            await until(lambda: program.seqs() == list(range(1, 51)), 20)
