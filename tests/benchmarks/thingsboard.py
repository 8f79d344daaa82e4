"""thingsboard-gateway (in build/thingsboard, see scripts/peers) drains the same rows into the same kind of broker.

Its settings are the fastest that were found: what costs time and keeps no rows is off (statistics, reports, remote
configuration, log), its sqlite storage reads five times as many records at once as it comes with, and the platform
allows payloads of 64 KB, as ThingsBoard does, at any rate. The platform's side is light: it answers the one
question a gateway asks and keeps what arrives.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from agent.clock import SystemClock
from tests.benchmarks import thingsboard_rows
from tests.benchmarks.processes import most_memory_mb
from tests.brokers import Mosquitto
from tests.waiting import until
from wire.mqtt import Link, parse_broker

PYTHON: Final = Path("build/thingsboard/bin/python").absolute()
_READ_RECORDS: Final = 5000
_PAYLOAD_BYTES: Final = 65536
_QUIET_S: Final = 10.0  # without another row: no more will come
_ASKS: Final = "v1/devices/me/rpc/request/"
_ANSWERS: Final = "v1/devices/me/rpc/response/"
_ROWS: Final = "v1/gateway/telemetry"
#: The gateway asks at each start whether there is a newer one. Nobody's measurement is anybody's business.
_CALL_NOBODY: Final = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}


class Drained(NamedTuple):
    """What draining took, and how many of the rows never came."""

    rows_s: float
    gateway_mb: float
    lost: int


class _Platform:
    """ThingsBoard's end: what it says when it is asked for its limits, and the rows that have come."""

    def __init__(self, broker: Mosquitto) -> None:
        self.payloads: list[bytes] = []
        self.rows = 0  # some perhaps twice
        self.first_s = self.last_s = 0.0
        self.link = Link(
            parse_broker(broker.address),
            "platform",
            topics=[_ROWS, _ASKS + "+"],
            on_message=self._on_message,
            now_ms=SystemClock().now_ms,
        )

    def _on_message(self, topic: str, payload: bytes) -> None:
        if topic == _ROWS:
            self.last_s = time.perf_counter()
            self.first_s = self.first_s or self.last_s
            self.payloads.append(payload)
            self.rows += payload.count(b'"seq":')
            return
        none = {"messages": "0:0,", "telemetryMessages": "0:0,", "telemetryDataPoints": "0:0,"}
        limits = {"maxPayloadSize": _PAYLOAD_BYTES, "maxInflightMessages": 100}
        answer = {"rateLimits": none, "gatewayRateLimits": none} | limits
        self.link.publish(_ANSWERS + topic.removeprefix(_ASKS), json.dumps(answer).encode())

    def begin(self) -> None:
        """Forget what has come."""
        self.payloads.clear()
        self.rows, self.first_s, self.last_s = 0, 0.0, 0.0

    def is_over(self, rows: int) -> bool:
        """Has everything come, or has nothing for so long that nothing more will?"""
        return self.rows >= rows or (self.last_s > 0 and time.perf_counter() - self.last_s > _QUIET_S)

    def distinct(self) -> int:
        """How many different rows have come."""
        readings = [reading for payload in self.payloads for each in json.loads(payload).values() for reading in each]
        return len({reading["values"]["seq"] for reading in readings})


def is_here() -> bool:
    """Has it been installed?"""
    return PYTHON.exists()


async def drained(folder: Path, rows: list[dict[str, Any]]) -> Drained:
    """Have the gateway store all rows while it has no broker, then let there be one."""
    broker = Mosquitto(folder)
    _configure(folder, broker)
    platform = _Platform(broker)
    listening = asyncio.create_task(platform.link.run())
    try:
        await broker.start()
        await until(lambda: platform.link.state == "here")
        async with _running(folder) as pid:
            await until(lambda: platform.rows == 1 and _stored(folder) == 0, 60)  # it works, to the far end
            broker.stop()
            platform.begin()
            (folder / "new").write_text("".join(json.dumps(row) + "\n" for row in rows))
            (folder / "new").rename(folder / "rows.jsonl")
            await until(lambda: _stored(folder) == len(rows), 120)
            await broker.start()
            mb = await most_memory_mb(pid, lambda: platform.is_over(len(rows)))
    finally:
        listening.cancel()
        await asyncio.wait({listening})
        broker.stop()
    came = platform.distinct()
    return Drained(came / (platform.last_s - platform.first_s), mb, len(rows) - came)


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[int]:
    """The gateway's process id."""
    with (folder / "gateway.log").open("wb") as out:
        gateway = await asyncio.create_subprocess_exec(
            *(str(PYTHON), "-m", "thingsboard_gateway.tb_gateway"),
            cwd=folder,
            stdout=out,
            stderr=out,
            env={**os.environ, **_CALL_NOBODY, "TB_GW_CONFIG_DIR": str(folder)},
        )
    try:
        yield gateway.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            gateway.kill()
        await gateway.wait()


def _stored(folder: Path) -> int:
    """Rows in its storage."""
    with closing(sqlite3.connect(f"file:{folder}/data/data.db?mode=ro", uri=True)) as storage:
        return int(storage.execute("SELECT count(*) FROM messages").fetchone()[0])


def _configure(folder: Path, broker: Mosquitto) -> None:
    gateway = {
        "thingsboard": {
            "host": "127.0.0.1",
            "port": broker.port,
            "security": {"type": "accessToken", "accessToken": "store"},
            "qos": 1,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False},
            "reportStrategy": {"type": "DISABLED"},
            "checkingDeviceActivity": {"checkDeviceInactivity": False},
            "maxPayloadSizeBytes": _PAYLOAD_BYTES,
            "minPackSendDelayMS": 1,
        },
        "storage": {"type": "sqlite", "data_file_path": f"{folder}/data/", "max_read_records_count": _READ_RECORDS},
        "grpc": {"enabled": False},
        "connectors": [{"name": "Rows", "type": "rows", "configuration": "rows.json", "class": "RowsConnector"}],
    }
    (folder / "tb_gateway.json").write_text(json.dumps(gateway))
    (folder / "rows.json").write_text(json.dumps({"name": "Rows", "id": "rows", "folder": str(folder)}))
    (folder / "logs.json").write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
    for name in ("data", "logs"):
        (folder / name).mkdir()
    (extensions,) = PYTHON.parent.parent.glob("lib/*/site-packages/thingsboard_gateway/extensions")
    (extensions / "rows").mkdir(exist_ok=True)
    shutil.copy(thingsboard_rows.__file__, extensions / "rows" / "rows_connector.py")
