"""Programs are started, stopped and killed without ever leaving one behind."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.programs import Program, ProgramFailed
from tests.waiting import until

PROGRAM = """
import json, pathlib, signal, sys
print("no JSON", json.dumps({"event": "ready?"}), sep="\\n", flush=True)
mood = pathlib.Path(sys.argv[2]).read_text()
if "broken" in mood:
    sys.exit(3)
if "stubborn" in mood:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"event": "ready", "web": "http://127.0.0.1:4321"}), flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "shopkeeper.py").write_text(PROGRAM)
    (tmp_path / "settings").write_text("port = 0\n")
    where = {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    return Program("shopkeeper", "shopkeeper", tmp_path / "settings", tmp_path / "log", where)


def is_running(pid: int) -> bool:
    """Also false for one that has died and not been waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_program_says_where_it_is_and_keeps_its_port(program: Program) -> None:
    await program.start()
    assert program.web == "http://127.0.0.1:4321"
    assert program.settings.read_text() == "port = 4321\n"
    await program.stop()
    assert program.pid is None


async def test_a_killed_program_starts_again(program: Program) -> None:
    await program.start()
    first = program.pid
    assert first is not None
    await program.kill()
    assert not is_running(first)
    await program.start()
    assert program.pid not in (None, first)
    assert program.starts == 2
    await program.stop()


async def test_a_program_that_fails_is_quoted(program: Program) -> None:
    program.settings.write_text("broken")
    with pytest.raises(ProgramFailed, match=r"status 3:\n(.|\n)*no JSON"):
        await program.start()


async def test_a_program_that_does_not_stop_is_killed_and_told_of(program: Program) -> None:
    program.settings.write_text("stubborn")
    await program.start()
    pid = program.pid
    assert pid is not None
    with pytest.raises(ProgramFailed, match="did not stop"):
        await program.stop(within_s=0.2)
    assert not is_running(pid)


async def test_a_program_dies_with_the_one_that_started_it_even_if_that_is_killed(program: Program) -> None:
    program.settings.write_text("stubborn")
    starter = """
import asyncio, sys
from pathlib import Path
from simulators.programs import Program

async def main():
    folder = Path(sys.argv[1])
    program = Program("shopkeeper", "shopkeeper", folder / "settings", folder / "log")
    await program.start()
    print(program.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    command = [sys.executable, "-c", starter, str(program.settings.parent)]
    with subprocess.Popen(  # noqa: ASYNC220 - a plain child, to be killed
        command, stdout=subprocess.PIPE, env={**os.environ, **program.environment}
    ) as parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_running(pid)
        parent.send_signal(signal.SIGKILL)
    await until(lambda: not is_running(pid))
