"""The demo as people run it: a few seconds of three shops, and a verdict that can also be bad."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from simulators.careless import ACTS
from tests.waiting import until


async def demo(folder: Path, *options: str) -> asyncio.subprocess.Process:
    """A demo whose temporary files are in `folder`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "demo", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(folder)},
    )


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def outcome(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


def descendants(pid: int) -> dict[int, str]:
    """Process id and command line of everything that `pid` started, however indirectly."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            found |= descendants(child)
    return found


def still_there(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


async def test_three_shops_their_books_and_hq_agree(tmp_path: Path) -> None:
    status, printed = await outcome(await demo(tmp_path, "--headless", "--seconds", "8"))
    assert status == 0, printed
    assert "verdict: all agree (3 of 3 stores)" in printed
    assert printed.count("44 SKUs compared, 44 equal, 0 differing") == 3
    assert printed.count("orders compared, 0 differing") == 3
    assert "lunch rush: " in printed
    rows = {cells[1]: cells[2:] for line in printed.splitlines() if len(cells := line.split("│")) == 7}
    table = {name.strip(): [int(cell) for cell in cells if cell] for name, cells in rows.items()}
    assert list(table) == [
        *("ordered", "accepted", "picked", "late", "handed over", "cancelled"),
        *("their lines", "short", "substituted"),
    ]
    assert all(sum(each) == together for *each, together in table.values())
    assert table["ordered"][-1] >= table["accepted"][-1] >= table["handed over"][-1] > 0
    assert printed.count("http://127.0.0.1:") == 4
    assert "latency event to HQ: p50 " in printed


async def test_a_stolen_unit_is_found_by_its_sku(tmp_path: Path) -> None:
    status, printed = await outcome(await demo(tmp_path, "--headless", "--seconds", "4", "--stores", "1", "--thief"))
    assert status == 1, printed
    assert "44 SKUs compared, 43 equal, 1 differing" in printed
    assert "verdict: FAILED (0 of 1 stores)" in printed
    stolen = [line for line in printed.splitlines() if "SHRINK" in line]
    assert len(stolen) == 1
    assert "GR-0" in stolen[0]


async def test_a_lost_order_and_what_careless_pickers_did_not_do_are_found_by_order(tmp_path: Path) -> None:
    status, printed = await outcome(
        await demo(tmp_path, "--headless", "--seconds", "6", "--stores", "1", "--careless", "--lost")
    )
    assert status == 1, printed
    assert "verdict: FAILED (0 of 1 stores)" in printed
    named = dict(line.removeprefix("  order ").split(": ", 1) for line in printed.splitlines() if "  order " in line)
    lost = "truth accepted; store knows nothing of it; HQ knows nothing of it"
    assert [order for order, said in named.items() if said == lost] == ["7-SH-0001-1-0001"]
    del named["7-SH-0001-1-0001"]
    for said in named.values():
        truth, store, hq = (one.split(" ", 1)[1] for one in said.split("; "))
        assert truth != store == hq, said
        assert truth.startswith("handed_over")
    orders = {act: f"7-SH-0001-{act.replace(' ', '-')}" for act in ACTS}
    kept = orders.pop("kept")
    assert {order.rpartition("-")[0] for order in named} == set(orders.values()), printed
    assert kept not in printed  # it was cancelled, as all three say; but its goods are not where the books have them
    assert any("STAGED:" in line for line in printed.splitlines()), printed


async def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "nearshelf-demo-99999999-killed").mkdir()  # no process has this number
    process = await demo(tmp_path)
    assert process.stdout is not None
    for _ in range(4):
        assert b"http://127.0.0.1:" in await process.stdout.readline()
    children = set(descendants(process.pid))
    assert len(children) >= 5
    process.send_signal(signal.SIGINT)
    status, printed = await outcome(process)
    assert (status, printed) == (0, "")
    await until(lambda: not still_there(children))
    assert left_in(tmp_path) == []


async def test_a_program_that_dies_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--stores", "1", "--headless")
    assert process.stdout is not None
    for _ in range(2):
        await process.stdout.readline()
    children = descendants(process.pid)
    (agent,) = (pid for pid, command in children.items() if "-m agent run" in command)
    os.kill(agent, signal.SIGKILL)
    status, printed = await outcome(process)
    assert status == 1, printed
    assert "agent SH-0001 ended" in printed
    assert "Traceback" not in printed
    await until(lambda: not still_there(set(children)))  # a copy under way ends when its agent is gone
    assert left_in(tmp_path) == []


async def test_a_killed_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--stores", "1")
    assert process.stdout is not None
    for _ in range(2):
        await process.stdout.readline()
    children = set(descendants(process.pid))
    assert len(children) >= 3
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    await until(lambda: not still_there(children))
