"""A network with four readers, and a scan of it; run within a network namespace. Prints what came of it as JSON."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from drivers.llrp.driver import open_device
from drivers.mdns import GROUP
from simulators.llrp_reader import SimulatedReader
from tests.agent.programs import store_toml
from tests.drivers.llrp.listening import Listening
from tests.drivers.mdns_responder import Responder, announcing, answering
from tests.torture.line.namespaces import ip
from tests.waiting import until

HOSTS = [f"10.9.8.{nth}" for nth in (1, 2, 3, 4)]
CONFIGURED = '[[device]]\nname = "known"\nkind = "llrp"\n[device.settings]\naddress = "tcp://10.9.8.4:5084"\n'


def make_network() -> None:
    ip("link", "set", "lo", "up")
    ip("link", "add", "store", "type", "veth", "peer", "name", "wall")
    for host in HOSTS:
        ip("address", "add", f"{host}/29", "dev", "store")
    for end in ("store", "wall"):
        ip("link", "set", end, "up")


async def scan(folder: Path) -> str:
    (folder / "store.toml").write_text(store_toml() + CONFIGURED)
    command = [sys.executable, "-m", "agent", "devices", "scan", str(folder / "store.toml"), "--seconds", "0.6"]
    asking = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    said, _ = await asking.communicate()
    return said.decode()


async def main() -> None:
    make_network()
    readers = [SimulatedReader(antennas=2) for _ in HOSTS]
    for reader, host, port in zip(readers, HOSTS, (5084, 15084, 5084, 5084), strict=True):
        await reader.start(host, port)
        reader.place(bytes(12), 1)
    using = [asyncio.ensure_future(open_device("x", {"address": one.address}).run(Listening())) for one in readers[2:]]
    await until(lambda: all(reader.counts["tags"] for reader in readers[2:]))
    before = [reader.counts.copy() for reader in readers]
    records = [
        *announcing("Portal 2", "portal-2", HOSTS[1], 15084),
        *announcing("Portal 4", "portal-4", HOSTS[3], 5084),
    ]
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as there:
            await there.enter_async_context(answering(Responder(records), HOSTS[0], GROUP))
            said = await scan(Path(folder))
    asked = [sorted(one.counts - was) for one, was in zip(readers, before, strict=True)]
    ours = {"connects", "turned_away", "GetReaderCapabilities", "CloseConnection"}
    assert not any(one.done() for one in using), "a client was disturbed"
    print(json.dumps({"toml": said, "asked": [[name for name in names if name in ours] for names in asked]}))
    for task in using:
        task.cancel()
    await asyncio.wait(using)


if __name__ == "__main__":
    asyncio.run(main())
