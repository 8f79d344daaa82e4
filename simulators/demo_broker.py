"""An MQTT broker that needs no system package, for the demo: rumqttd, as the iotcore wheel ships it.

Real installations use mosquitto (broker_config/). Why this one here: docs/decisions/0002-demo-broker.md.
"""

import asyncio
import logging
import os
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_START_WITHIN_S = 15.0
_STOP_WITHIN_S = 2.0

# One listener per MQTT version, as rumqttd wants it; clients of both see each other's messages.
_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 4

[v5.1]
name = "mqtt5"
listen = "127.0.0.1:{mqtt5}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = 400000
max_inflight_count = 100
dynamic_filters = true

[v4.1]
name = "mqtt311"
listen = "127.0.0.1:{mqtt311}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 400000
max_inflight_count = 100
dynamic_filters = true
"""


@asynccontextmanager
async def demo_broker(version: str = "5", within: Path | None = None) -> AsyncIterator[str]:
    """A running broker, as `mqtt://127.0.0.1:PORT` for clients of MQTT `version` ("5" or "3.1.1").

    Its temporary folder is made in the folder `within`, if given.

    Its process ends with the context, and also when this process is killed: it watches a pipe that only we hold open.
    Raises RuntimeError when it does not listen within 15 s.
    """
    ports = dict(zip(("mqtt5", "mqtt311"), _free_ports(2), strict=True))
    port = ports["mqtt5" if version == "5" else "mqtt311"]
    with tempfile.TemporaryDirectory(prefix="nearshelf-broker-", dir=within) as folder:
        config = _write_config(Path(folder), ports)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "simulators.demo_broker",
            config,
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo; the broker goes last
        )
        try:
            await _listening(process, port)
            yield f"mqtt://127.0.0.1:{port}"
        finally:
            await _end(process)


def _write_config(folder: Path, ports: dict[str, int]) -> str:
    path = folder / "rumqttd.toml"  # it must end in .toml
    path.write_text(_CONFIG.format(**ports))
    return str(path)


def _free_ports(count: int) -> list[int]:
    socks = [socket.socket() for _ in range(count)]
    try:
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]
    finally:
        for sock in socks:
            sock.close()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    deadline = asyncio.get_running_loop().time() + _START_WITHIN_S
    while asyncio.get_running_loop().time() < deadline:
        if process.returncode is not None:
            raise RuntimeError(f"the demo broker ended at once, status {process.returncode}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise RuntimeError(f"the demo broker did not listen within {_START_WITHIN_S} s")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the pipe it watches; kill it when that is not enough."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _leave_with_parent() -> None:
    while os.read(0, 4096):  # ends when the parent closes its end, or dies
        pass
    os._exit(0)


def main() -> None:
    """The broker's own process: serves the configuration file named on the command line."""
    from iotcore import IotCoreBroker  # the parent does not need it

    logging.disable()  # rumqttd reports every packet as an error
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    IotCoreBroker(config_path=sys.argv[1]).run_forever()


if __name__ == "__main__":
    main()
