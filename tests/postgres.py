"""Real PostgreSQL for tests: an ordinary process on a free loopback port, in a folder of its own, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.brokers import free_port

_CONFIG = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
shared_buffers = 128MB
max_wal_size = 4GB
max_connections = 50
"""


class Postgres:
    """One server that can be killed and come back at the same address. It dies with the test process."""

    def __init__(self, folder: Path) -> None:
        """Makes a cluster in `folder`, which must belong to whoever runs it; see `_as_its_user`."""
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", "hq", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(_CONFIG.format(port=self.port, folder=folder))

    def start(self) -> None:
        """Returns when it takes connections."""
        assert self._process is None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_its_user(), _tool("postgres"), "-D", str(self._data)], stdout=log, stderr=log, cwd=self._folder
            )
        deadline = time.monotonic() + 60
        while self._quiet("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)):
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not get ready"

    def kill(self) -> None:
        """Every process of it with -9, as a power cut would, but for what the disk has."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)
        self._process = None

    def stop(self) -> None:
        """At once: what it has is thrown away."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def wiped(self) -> URL:
        """The database, with nothing in it. To make a new one each time would cost a second and 7 MB."""
        self.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return URL.create("postgresql+asyncpg", username="hq", host="127.0.0.1", port=self.port, database="postgres")

    def settle(self, setting: str, value: str) -> None:
        """Change a setting of the running server; returns when it holds."""
        self.sql(f"ALTER SYSTEM SET {setting} = '{value}'")
        self.sql("SELECT pg_reload_conf()")
        while self.sql(f"SHOW {setting}") != [value]:
            assert self._process is not None
            assert self._process.poll() is None

    def sql(self, statement: str) -> list[str]:
        """What `psql` says: a line for each row, columns with | between."""
        psql = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "hq", "-d", "postgres", "-XAtqc", statement]
        return self._run("psql", *psql).splitlines()

    def _run(self, tool: str, *arguments: str) -> str:
        done = subprocess.run(
            [*_as_its_user(), _tool(tool), *arguments], check=False, capture_output=True, text=True, cwd=self._folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _quiet(self, tool: str, *arguments: str) -> int:
        return subprocess.run([_tool(tool), *arguments], check=False, capture_output=True).returncode


def _tool(name: str) -> str:
    """Debian keeps the server's programs off the path."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip("NO POSTGRESQL HERE, so nothing of this was tested: apt-get install postgresql")
    return found


def _as_its_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "KILL"]
    user = pwd.getpwnam("postgres")
    return [
        *("setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"),
        *("--pdeathsig", "KILL"),
    ]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A started server; the test is skipped where there is none to start."""
    _tool("postgres")
    with tempfile.TemporaryDirectory(prefix="nearshelf-pg-", ignore_cleanup_errors=True) as folder:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Postgres(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Import this fixture in the conftest.py of a folder that wants it."""
    with running_postgres() as server:
        yield server
