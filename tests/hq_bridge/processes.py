"""HQ as its own process, as an operator starts it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import URL

from tests.hq_bridge.published import is_as_published
from tests.waiting import until

#: What those must know who ask HQ to do something.
TOKEN = "tests-know-this-token"


def write_config(
    folder: Path,
    broker: str,
    version: str = "5",
    *,
    tls: Path | None = None,
    commands: Path | None = None,
    database: URL | None = None,
    events: bool = False,
) -> Path:
    path = folder / "hq.toml"
    more = f'tls = "{tls}"\n' if tls else ""
    if commands is not None:
        more += f'commands = "{commands}"\n'
    if database is not None:
        more += f'database = "{database.render_as_string(hide_password=False)}"\n'
    more += f'[web]\nport = 0\ntoken = "{TOKEN}"\n'
    if events:
        more += "[events]\nmqtt = true\n"
    path.write_text(f'[hq]\nchain = "demo"\nbroker = "{broker}"\nmqtt_version = "{version}"\n{more}')
    return path


class HqProcess:
    """A running HQ: its log lines, its pages."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.web = ""

    async def ready(self) -> None:
        assert self.process.stdout is not None
        while not self.web:
            line = await self.process.stdout.readline()
            assert line, f"HQ ended with status {await self.process.wait()} before it was ready"
            fact = json.loads(line)
            if fact["event"] == "ready":
                self.web = fact["web"]

    async def get(self, path: str) -> dict[str, Any]:
        async with httpx.AsyncClient(base_url=self.web) as client:
            answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        is_as_published(answer)
        value: dict[str, Any] = answer.json()
        return value

    async def command(self, store: str, **wanted: Any) -> tuple[int, dict[str, Any]]:
        """Ask for a command; the status and what HQ said."""
        async with httpx.AsyncClient(base_url=self.web, headers={"authorization": f"Bearer {TOKEN}"}) as client:
            answer = await client.post(f"/v1/stores/{store}/commands", json=wanted)
        is_as_published(answer)
        return answer.status_code, answer.json()

    async def answered(self, name: str) -> dict[str, Any]:
        """A command once it has been answered."""

        async def look() -> dict[str, Any] | None:
            found = await self.get(f"/v1/commands/{name}")
            return None if found["state"] == "asked" else found

        value: dict[str, Any] = await until(look, 15)
        return value

    async def command_where(self, name: str, **facts: object) -> dict[str, Any] | None:
        """A command, if it says all of `facts`."""
        found = await self.get(f"/v1/commands/{name}")
        return found if facts.items() <= found.items() else None

    async def store(self, name: str) -> dict[str, Any] | None:
        """Its line in /v1/stores."""
        stores = (await self.get("/v1/stores"))["stores"]
        return next((store for store in stores if store["store"] == name), None)

    async def store_where(self, name: str, **facts: object) -> dict[str, Any]:
        """A store's line, once it says all of `facts`."""

        def look() -> Awaitable[dict[str, Any] | None]:
            return self._store_where(name, facts)

        return await until(look, 15)

    async def _store_where(self, name: str, facts: dict[str, object]) -> dict[str, Any] | None:
        store = await self.store(name)
        return store if store is not None and facts.items() <= store.items() else None

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 15)


@asynccontextmanager
async def hq_process(config: Path, *argv: str) -> AsyncIterator[HqProcess]:
    """HQ, ready; killed at the end if it is still there. `argv` replaces the ordinary command."""
    command = argv or ("-m", "hq_bridge", "run", str(config))
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    hq = HqProcess(process)
    try:
        await asyncio.wait_for(hq.ready(), 20)
        yield hq
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        if process.stdout is not None:
            await process.stdout.read()
