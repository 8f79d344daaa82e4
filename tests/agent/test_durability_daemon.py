"""The daemon on disks that fail, fill up or give back something else, and with HQ after a restore."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.store.ballast import Ballast
from agent.store.verify import verify
from simulators.programs import Program
from tests.agent.pages import cells
from tests.agent.programs import program
from tests.agent.test_daemon import run
from tests.brokers import Mosquitto
from tests.hq_bridge.processes import HqProcess, hq_process, write_config
from tests.waiting import until

MIB = 1024 * 1024
NOBODY = "mqtt://127.0.0.1:1"


def sale(receipt: str, qty: int = 1) -> dict[str, Any]:
    return {"receipt": receipt, "lines": [{"line": 1, "sku": "MILK", "qty": qty}]}


async def sell(agent: Program, receipt: str, qty: int = 1) -> httpx.Response:
    async with httpx.AsyncClient(base_url=agent.web, timeout=10) as store:
        return await store.post("/v1/sales", json=sale(receipt, qty))


async def health(agent: Program) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=agent.web) as store:
        found: dict[str, Any] = (await store.get("/v1/health")).json()
    return found


async def sold(agent: Program) -> int:
    """Units of MILK at CUSTOMER."""
    async with httpx.AsyncClient(base_url=agent.web) as store:
        stock = (await store.get("/v1/stock")).json()
    return int(next(sku for sku in stock["skus"] if sku["sku"] == "MILK")["places"].get("CUSTOMER", 0))


def said(agent: Program, event: str) -> list[dict[str, Any]]:
    """What the agent's log says under this name."""
    lines = [line for line in agent.log.read_text().splitlines() if line.startswith("{")]
    return [fact for fact in map(json.loads, lines) if fact["event"] == event]


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def failing_fsyncs(agent: Program, log: Path) -> subprocess.Popen[bytes]:
    """From now on no fsync of the agent works. End it yourself."""
    words = ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO"]
    with log.open("wb") as file:
        return subprocess.Popen([*words, "-p", str(agent.pid)], stderr=file)


async def copied(agent: Program) -> None:
    """The first copy of the day is made: nothing else is written meanwhile."""
    await until(lambda: said(agent, "books_copied"))


async def status_of(agent: Program) -> int:
    process = agent._process
    assert process is not None
    return await asyncio.wait_for(process.wait(), 15)


async def test_a_write_that_fails_ends_the_agent_and_the_receipt_sent_again_is_posted_once(tmp_path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("NO PRLIMIT HERE, so failing writes were not tested: apt-get install util-linux")
    agent = program(tmp_path, NOBODY)
    await agent.start()
    assert (await sell(agent, "R-0")).status_code == 200
    await copied(agent)
    grown = (tmp_path / "books.db-wal").stat().st_size
    command("prlimit", f"--pid={agent.pid}", f"--fsize={grown + 20_000}")  # then writes fail with EFBIG
    answers: list[int] = []
    for nth in range(1, 200):
        try:
            answers.append((await sell(agent, f"R-{nth}")).status_code)
        except httpx.HTTPError:
            answers.append(0)
        if answers[-1] != 200:
            break
    assert answers[-1] in (503, 0)
    assert await status_of(agent) == 1
    assert "the books could not be written" in agent.log.read_text()
    await agent.start()
    for nth in range(len(answers) + 1):
        answer = await sell(agent, f"R-{nth}")
        assert answer.status_code == 200
    assert await sold(agent) == len(answers) + 1
    await agent.stop()
    assert verify(tmp_path / "books.db").findings == ()


async def test_an_fsync_that_fails_ends_the_agent_and_the_receipt_sent_again_is_posted_once(tmp_path: Path) -> None:
    if shutil.which("strace") is None or os.geteuid() != 0:
        pytest.skip("NO STRACE OR NOT ROOT, so a failing fsync was not tested: apt-get install strace")
    agent = program(tmp_path, NOBODY)
    await agent.start()
    assert (await sell(agent, "R-0")).status_code == 200
    await copied(agent)
    strace = failing_fsyncs(agent, tmp_path / "strace.log")
    try:
        await until(lambda: "TracerPid:\t0" not in Path(f"/proc/{agent.pid}/status").read_text())
        try:
            answer = await sell(agent, "R-1")
            assert answer.status_code == 503
            assert "again" in answer.json()["hint"]
        except httpx.HTTPError:
            pass  # it ended before it could say so
        assert await status_of(agent) == 1
    finally:
        strace.terminate()
        strace.wait(10)
    await agent.start()
    assert (await sell(agent, "R-1")).json()["lines"][0]["outcome"] in ("posted", "already_posted")
    assert await sold(agent) == 2
    await agent.stop()
    assert verify(tmp_path / "books.db").findings == ()


@asynccontextmanager
async def small_disk(folder: Path, size: int) -> AsyncIterator[Path]:
    """A file system of its own, that small."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("NOT ROOT, so a full disk was not tested: run the tests as root on a machine of their own")
    disk = folder / "disk"
    disk.mkdir()
    try:
        command("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"CANNOT MOUNT HERE, so a full disk was not tested: {error.stderr}")
    try:
        yield disk
    finally:
        command("umount", "--lazy", str(disk))


def fill(disk: Path, leave: int) -> Path:
    """Somebody else's file that takes all room but `leave` bytes."""
    other = disk / "somebody-elses"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with other.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return other


async def test_a_disk_too_small_for_the_reserve_is_said(tmp_path: Path) -> None:
    async with small_disk(tmp_path, 20 * MIB) as disk:
        ballast = Ballast(disk / "books.db", 16 * MIB)
        assert not ballast.make()
        assert (ballast.room, ballast.is_there()) == ("low", False)
        assert Ballast(disk / "books.db", 8 * MIB).make()
        assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize < 13 * MIB


async def test_a_full_disk_is_said_and_gone_on_from_by_itself(tmp_path: Path) -> None:
    async with small_disk(tmp_path, 48 * MIB) as disk:
        agent = program(disk, NOBODY)
        agent.settings.write_text(agent.settings.read_text().replace("[hq]", "ballast_mib = 1\n[hq]"))
        agent.log = tmp_path / "agent.log"
        await agent.start()
        ballast = disk / "books.ballast"
        await until(lambda: ballast.exists() and ballast.stat().st_size == MIB)
        await copied(agent)
        other = fill(disk, leave=64 * 1024)
        answers = []
        for nth in range(2000):
            answer = await sell(agent, f"R-{nth}")
            answers.append(answer.status_code)
            if answer.status_code != 200:
                break
        assert answers[-1] == 503
        assert (answer.json()["error"], "room" in answer.json()["hint"]) == ("the disk is full", True)
        assert not ballast.exists()  # given up, and used up
        posted = answers.count(200)
        assert await sold(agent) == posted  # it can still be read
        assert (await health(agent))["care"]["room"] == "full"
        await until(lambda: said(agent, "disk_full"))
        other.unlink()
        assert (await sell(agent, f"R-{posted}")).status_code == 200

        async def well_again() -> bool:
            now = await health(agent)
            return now["care"]["room"] == "enough" and not [
                case for case in now["cases"] if case["case"] == "disk_full"
            ]

        await until(well_again, 25)
        assert ballast.stat().st_size == MIB
        assert await sold(agent) == posted + 1
        await agent.stop()
        assert verify(disk / "books.db").findings == ()


async def test_a_damaged_ledger_at_the_start_is_put_aside_and_the_shop_goes_on(tmp_path: Path) -> None:
    agent = program(tmp_path, NOBODY)
    await agent.start()
    await copied(agent)
    for nth in range(20):
        assert (await sell(agent, f"R-{nth}")).status_code == 200
    await agent.stop()
    path = tmp_path / "books.db"
    row = cells(path, "posting")[-1]
    file = bytearray(path.read_bytes())
    file[row.offset + row.length - 20] ^= 1
    path.write_bytes(file)
    await agent.start()
    assert (await health(agent))["care"]["state"] == "restored"
    (restored,) = await until(lambda: books_restored(agent))
    assert "19 postings" in restored["text"]
    assert said(agent, "books_quarantined")[0]["salvaged"] == 19
    for nth in range(21):
        assert (await sell(agent, f"R-{nth}")).status_code == 200
    assert await sold(agent) == 21
    assert (tmp_path / said(agent, "books_quarantined")[0]["aside"]).exists()
    await until(
        lambda: len(said(agent, "books_copied")) == 2
    )  # of the new epoch, so that the next damage costs nothing
    await agent.stop()
    assert verify(path).findings == ()


async def books_restored(agent: Program) -> list[dict[str, Any]]:
    return [case for case in (await health(agent))["cases"] if case["case"] == "books_restored"]


async def same(hq: HqProcess, agent: Program) -> bool:
    """HQ's stock is the store's, by content, and says so by digest."""
    async with httpx.AsyncClient(base_url=agent.web) as store:
        stock = (await store.get("/v1/stock")).json()
    line = await hq.store("SH-1")
    if line is None or (line["epoch"], line["cursor"], line["digest"]) != (stock["epoch"], stock["head"], "same"):
        return False
    at_hq = await hq.get("/v1/stores/SH-1/stock")
    ours = {sku["sku"]: (sku["on_hand"], sku["places"]) for sku in stock["skus"] if sku["places"]}
    return {sku["sku"]: (sku["on_hand"], sku["places"]) for sku in at_hq["skus"]} == ours


async def test_after_a_restore_hq_ends_equal(tmp_path: Path, mosquitto: Mosquitto) -> None:
    agent = program(tmp_path, mosquitto.address)
    async with hq_process(write_config(tmp_path, mosquitto.address)) as hq:
        await agent.start()
        for nth in range(5):
            assert (await sell(agent, f"R-{nth}", 2)).status_code == 200
        made = await asyncio.to_thread(run, "books", "backup", str(agent.settings), str(tmp_path / "copy.db"))
        assert made.returncode == 0, made.stderr
        for nth in range(5, 9):
            assert (await sell(agent, f"R-{nth}", 2)).status_code == 200
        await until(lambda: same(hq, agent), 20)
        refused = await asyncio.to_thread(run, "books", "restore", str(agent.settings), str(tmp_path / "copy.db"))
        assert refused.returncode == 2
        assert "another agent runs" in refused.stderr
        await agent.stop()
        done = await asyncio.to_thread(run, "books", "restore", str(agent.settings), str(tmp_path / "copy.db"))
        assert done.returncode == 0, done.stderr
        await agent.start()
        await until(lambda: same(hq, agent), 20)
        assert await sold(agent) == 10
        for nth in range(9):  # the tills send again what they are not sure of
            assert (await sell(agent, f"R-{nth}", 2)).status_code == 200
        assert await sold(agent) == 18
        await until(lambda: same(hq, agent), 20)
        line = await hq.store("SH-1")
        assert line is not None
        assert line["trouble"] is None
        await agent.stop()


async def test_the_commands_say_what_the_books_have(tmp_path: Path) -> None:
    agent = program(tmp_path, NOBODY)
    missing = await asyncio.to_thread(run, "books", "verify", str(agent.settings))
    assert (missing.returncode, "is not there" in missing.stderr) == (2, True)
    await agent.start()
    for nth in range(3):
        await sell(agent, f"R-{nth}", 2)
    file = str(agent.settings)
    right = await asyncio.to_thread(run, "books", "verify", file)
    assert (right.returncode, "right. store SH-1" in right.stdout) == (0, True)
    stock = await asyncio.to_thread(run, "books", "stock", file, "MILK")
    assert stock.stdout.splitlines()[0] == "MILK: -6 on hand"
    ledger = await asyncio.to_thread(run, "books", "ledger", file, "MILK", "--last", "2")
    assert [line.split()[-1] for line in ledger.stdout.splitlines()] == ["sale:R-1/1", "sale:R-2/1"]
    await agent.stop()
    path = tmp_path / "books.db"
    path.write_bytes(path.read_bytes().replace(b"sale:R-1/1", b"sale:R-1/9", 1))
    wrong = await asyncio.to_thread(run, "books", "verify", file)
    assert wrong.returncode == 1
    assert "posting" in wrong.stderr
    assert "Traceback" not in wrong.stderr
