"""Real brokers for tests: mosquitto on a free loopback port, started, stopped and killed as the test likes."""

import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from tests.witness import summoned
from wire.tls import Credentials

_CONFIG = """\
listener {port} {host}
allow_anonymous {anonymous}
persistence false
set_tcp_nodelay true
user root
log_dest file {log}
{more}
"""


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Mosquitto:
    """One mosquitto that can go and come back at the same address. It dies with the test process."""

    def __init__(
        self,
        folder: Path,
        more: str = "",
        *,
        anonymous: bool = True,
        host: str = "127.0.0.1",
        reader: Callable[[], Credentials] | None = None,
    ) -> None:
        """`more` is appended to the configuration; files go to `folder`; `reader` is who may read all of it."""
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            _CONFIG.format(port=self.port, host=host, log=self.log, more=more, anonymous=str(anonymous).lower())
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.witness = summoned(reader) if anonymous or reader else None

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Returns when it takes connections."""
        assert self._process is None
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and stop() must work without a loop
            ["setpriv", "--pdeathsig", "KILL", "mosquitto", "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await until(self._listens)
        if self.witness is not None:
            await self.witness.arrive(self.port)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Have it read its certificates and rules again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Kill -9, and start at the same address."""
        self.kill()
        await self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended by itself; see {self.log}"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


@asynccontextmanager
async def running_mosquitto(
    folder: Path, more: str = "", *, anonymous: bool = True, reader: Callable[[], Credentials] | None = None
) -> AsyncIterator[Mosquitto]:
    """A started mosquitto; the test is skipped where there is none to start."""
    if shutil.which("mosquitto") is None:
        pytest.skip("NO MOSQUITTO HERE, so nothing of this was tested: apt-get install mosquitto")
    broker = Mosquitto(folder, more, anonymous=anonymous, reader=reader)
    await broker.start()
    try:
        yield broker
        if broker.witness is not None:
            await broker.witness.caught_up()
    finally:
        broker.kill()


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """Import this fixture in the conftest.py of a folder that wants it."""
    async with running_mosquitto(tmp_path) as broker:
        yield broker
