"""An authority of a test's own, and a broker that lets in only who has a certificate's name or a password."""

import datetime as dt
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hq_bridge.authority import Authority
from tests.brokers import Mosquitto, running_mosquitto


def issued(folder: Path) -> Path:
    """A folder with ca.pem, and cert.pem and key.pem of a server at 127.0.0.1."""
    return Authority.make(folder / "authority", "demo", dt.datetime.now(dt.UTC)).broker(["127.0.0.1"], 30)


@asynccontextmanager
async def guarded_mosquitto(folder: Path, **users: str) -> AsyncIterator[tuple[Mosquitto, Path]]:
    """A broker over TLS with these users and passwords, and the folder with its ca.pem."""
    files = issued(folder)
    passwords = folder / "passwords"
    passwords.touch()
    for user, password in users.items():
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True, capture_output=True)  # noqa: ASYNC221
    more = (
        f"password_file {passwords}\ncafile {files / 'ca.pem'}\n"
        f"certfile {files / 'cert.pem'}\nkeyfile {files / 'key.pem'}"
    )
    async with running_mosquitto(folder, more, anonymous=False) as broker:
        yield broker, files
