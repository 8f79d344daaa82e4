"""Three real nodes of NATS JetStream on loopback, with the configuration we ship, to be killed and started again."""

import asyncio
import datetime as dt
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hq_bridge.authority import Authority
from hq_bridge.jetstream import JetStream
from tests.brokers import free_port
from tests.waiting import until
from wire.tls import Credentials

_SERVER = Path(sys.executable).with_name("nats-server")
_SHIPPED = Path(__file__).parents[1] / "broker_config" / "nats" / "node.conf"


class Node:
    """One node; it comes back at the same addresses with the same disk."""

    def __init__(self, folder: Path, name: str, tls: Path, clients: int, peers: int, routes: list[int]) -> None:
        self.name = name
        self.port = clients
        self.log = folder / f"{name}.log"
        self._environment = {
            **os.environ,
            "NEARSHELF_NODE": name,
            "NEARSHELF_STORE": f'"{folder / name}"',
            "NEARSHELF_CA": f'"{tls / "ca.pem"}"',
            "NEARSHELF_CERT": f'"{tls / "cert.pem"}"',
            "NEARSHELF_KEY": f'"{tls / "key.pem"}"',
            "NEARSHELF_CLIENTS": f"127.0.0.1:{clients}",
            "NEARSHELF_PEERS": f"127.0.0.1:{peers}",
            "NEARSHELF_ROUTES": "[" + ", ".join(f'"tls://127.0.0.1:{port}"' for port in routes) + "]",
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it takes connections; it may still be looking for the others."""
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            ["setpriv", "--pdeathsig", "KILL", str(_SERVER), "-c", str(_SHIPPED), "-l", str(self.log)],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await until(self._listens, 20)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text() if self.log.exists() else "it ended at once"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


class Cluster:
    """The nodes, and who HQ is to them."""

    def __init__(self, folder: Path) -> None:
        authority = Authority.make(folder / "authority", "demo", dt.datetime.now(dt.UTC))
        self.credentials = Credentials(authority.hq(30))
        self.stranger = Credentials(authority.store("SH-1", 30))
        names = ("one", "two", "three")
        peers = {name: free_port() for name in names}
        self.nodes = [
            Node(
                folder,
                name,
                authority.node(name, ["127.0.0.1"], 30),
                free_port(),
                peers[name],
                [port for other, port in peers.items() if other != name],
            )
            for name in names
        ]

    @property
    def servers(self) -> list[str]:
        return [f"tls://127.0.0.1:{node.port}" for node in self.nodes]

    async def engine(self) -> JetStream:
        return await JetStream.connect(self.servers, "demo", credentials=self.credentials)


@asynccontextmanager
async def running_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Three nodes, started."""
    cluster = Cluster(folder)
    try:
        await asyncio.gather(*[node.start() for node in cluster.nodes])
        yield cluster
    finally:
        for node in cluster.nodes:
            node.kill()
