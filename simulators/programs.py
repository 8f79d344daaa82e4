"""Start, stop and kill the real programs: each with its configuration file, its log and its web address."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

_READY_WITHIN_S = 30.0
_STOP_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.02


class ProgramFailed(Exception):
    """Raised when a program does not start or stop as it must; says what its log said last."""


class _LogLine(msgspec.Struct):
    event: str = ""
    web: str = ""


@dataclass
class Program:
    """`python -m MODULE run FILE`, with its output in `log`. `web` is its address once it has been ready.

    It keeps the port it got: a page or a till finds it again after a restart. It is not reached by the terminal's
    Ctrl-C, and dies when this process does.
    """

    name: str
    module: str
    settings: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    web: str = ""
    starts: int = 0
    #: What stands before its command, like `nsenter` with a network namespace: it must become the program.
    within: tuple[str, ...] = ()
    _said_before: int = 0
    _process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self, within_s: float = _READY_WITHIN_S) -> float:
        """Returns the seconds it took until it said it was ready. Raises `ProgramFailed`."""
        began = asyncio.get_running_loop().time()
        await self.spawn()
        await self.ready(within_s)
        return asyncio.get_running_loop().time() - began

    async def spawn(self) -> None:
        """Start it, and do not wait for it."""
        assert self.pid is None
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(*self.within, sys.executable, "-m", "simulators.leash", str(os.getpid())),
                *(self.module, "run", str(self.settings)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        self.starts += 1

    async def ready(self, within_s: float = _READY_WITHIN_S) -> None:
        """Wait until it says that it is ready. Raises `ProgramFailed` when it ends instead, or takes too long."""
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + within_s
        while not (web := self._ready_since(self._said_before)):
            status = self._process.returncode
            if status is None and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            await self.kill()
            what = f"was not ready within {within_s} s" if status is None else f"ended, status {status}"
            raise ProgramFailed(f"{self.name} {what}:\n{self._last_words()}")
        if not self.web:
            self.web = web
            self._keep_port(web)

    async def stop(self, within_s: float = _STOP_WITHIN_S) -> None:
        """Ask it to end, and wait. Raises `ProgramFailed` when it had to be killed or ended with an error."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(within_s):
                status = await process.wait()
        except TimeoutError:
            await self.kill()
            raise ProgramFailed(f"{self.name} did not stop within {within_s} s:\n{self._last_words()}") from None
        self._process = None
        if status != 0:
            raise ProgramFailed(f"{self.name} ended with status {status}:\n{self._last_words()}")

    async def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()

    def must_live(self) -> None:
        """Raises `ProgramFailed` if it has ended, and nobody asked it to."""
        if self._process is not None and self._process.returncode is not None:
            raise ProgramFailed(
                f"{self.name} ended by itself, status {self._process.returncode}:\n{self._last_words()}"
            )

    async def wait(self) -> int:
        """The status with which it ends by itself."""
        assert self._process is not None
        return await self._process.wait()

    def _ready_since(self, offset: int) -> str:
        with self.log.open("rb") as log:
            log.seek(offset)
            for line in log:
                try:
                    said = msgspec.json.decode(line, type=_LogLine)
                except msgspec.MsgspecError:
                    continue  # a traceback, or a line that is still being written
                if said.event == "ready":
                    return said.web
        return ""

    def _keep_port(self, web: str) -> None:
        port = web.rpartition(":")[2].rstrip("/")
        self.settings.write_text(self.settings.read_text().replace("port = 0", f"port = {port}"))

    def _last_words(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
