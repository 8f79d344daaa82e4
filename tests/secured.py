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
_WITNESS = "\nuser reader.witness\ntopic read #\n"


class Secured:
    """The broker, its authority, and where its files are installed."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.make(folder / "authority", "demo", dt.datetime.now(dt.UTC))
        self.installed = folder / "etc"
        self.installed.mkdir()
        self.installed.chmod(0o700)
        (self.installed / "nearshelf.acl").write_text((SHIPPED / "nearshelf.acl").read_text() + _WITNESS)
        self.authority.broker(["127.0.0.1"], 30)
        self.install()
        self.broker: Mosquitto

    @property
    def address(self) -> str:
        return f"mqtts://127.0.0.1:{self.broker.port}"

    @property
    def issued(self) -> Path:
        """Where a folder for each certificate is."""
        return self.authority.folder / "issued"

    def store(self, name: str) -> Credentials:
        return Credentials(self.authority.store(name, 30))

    def hq(self) -> Credentials:
        return Credentials(self.authority.hq(30))

    def witness(self) -> Credentials:
        """Of somebody who may read everything."""
        return self.reader("witness")

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
async def secured_mosquitto(folder: Path, more: str = "") -> AsyncIterator[Secured]:
    """Running, with `more` at the end of its configuration; skipped where there is no mosquitto."""
    secured = Secured(folder)
    async with running_mosquitto(
        folder, f"{secured.config()}\n{more}", anonymous=False, reader=secured.witness
    ) as secured.broker:
        yield secured
