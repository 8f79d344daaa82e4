"""A real mosquitto with the configuration and the access rules we ship, and a private authority of its own."""

import datetime as dt
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hq_bridge.authority import Authority
from tests.brokers import Mosquitto, running_mosquitto
from wire.tls import Credentials

SHIPPED = Path(__file__).parents[1] / "broker_config"
_INSTALLED = "/etc/mosquitto/nearshelf"


class Secured:
    """The broker, its authority, and where its files are installed."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make(folder / "authority", "demo", dt.datetime.now(dt.UTC))
        self.installed = folder / "etc"
        self.installed.mkdir()
        self.installed.chmod(0o700)
        shutil.copy(SHIPPED / "nearshelf.acl", self.installed)
        self.authority.broker(["127.0.0.1"], 30)
        self.install()
        self.broker: Mosquitto

    @property
    def address(self) -> str:
        return f"mqtts://127.0.0.1:{self.broker.port}"

    def store(self, name: str) -> Credentials:
        return Credentials(self.authority.store(name, 30))

    def hq(self) -> Credentials:
        return Credentials(self.authority.hq(30))

    def reader(self, name: str) -> Credentials:
        return Credentials(self.authority.reader(name, 30))

    def install(self) -> None:
        """What an operator does with the broker's folder after each change."""
        for path in (self.authority.folder / "issued" / "nearshelf.broker").iterdir():
            shutil.copy(path, self.installed)

    def reload(self) -> None:
        self.broker.reload()

    def config(self) -> str:
        """The shipped file, with the places and the port of this test."""
        mine = ("listener", "persistence", "log_dest", "allow_anonymous", "set_tcp_nodelay")
        lines = (SHIPPED / "mosquitto.conf").read_text().replace(_INSTALLED, str(self.installed)).splitlines()
        return "\n".join(line for line in lines if not line.startswith(mine))


@asynccontextmanager
async def secured_mosquitto(folder: Path) -> AsyncIterator[Secured]:
    """Running; skipped where there is no mosquitto."""
    secured = Secured(folder)
    async with running_mosquitto(folder, secured.config(), anonymous=False) as secured.broker:
        yield secured
