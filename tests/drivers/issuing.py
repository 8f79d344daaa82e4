"""An authority of a test's own, and the broker that is shipped for readers."""

import datetime as dt
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from hq_bridge.authority import Authority
from tests.brokers import Mosquitto, running_mosquitto

SHIPPED = Path(__file__).parents[2] / "broker_config"


def issued(folder: Path) -> Path:
    """A folder with ca.pem, and cert.pem and key.pem of a server at 127.0.0.1."""
    return Authority.make(folder / "authority", "demo", dt.datetime.now(dt.UTC)).broker(["127.0.0.1"], 30)


@asynccontextmanager
async def guarded_mosquitto(folder: Path, users: Mapping[str, str]) -> AsyncIterator[tuple[Mosquitto, Path]]:
    """The broker that is shipped for readers, with these users and passwords, and the folder with its ca.pem."""
    files = issued(folder)
    for path in (files / "cert.pem", files / "key.pem", SHIPPED / "readers.acl"):
        shutil.copy(path, folder)
    passwords = folder / "passwords"
    passwords.touch()
    for user, password in users.items():
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True, capture_output=True)  # noqa: ASYNC221
    mine = ("listener", "persistence", "log_dest", "allow_anonymous", "set_tcp_nodelay")
    lines = (SHIPPED / "readers.conf").read_text().replace("/etc/mosquitto/readers", str(folder)).splitlines()
    more = "\n".join(line for line in lines if not line.startswith(mine))
    async with running_mosquitto(folder, more, anonymous=False) as broker:
        yield broker, files
