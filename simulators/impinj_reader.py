"""An Impinj R700 that isn't there: its IoT device interface, by a real HTTP server.

It does what can be seen of it over HTTP: asks who is there, knows presets, starts and stops them, and streams what it
reads as lines of JSON, with an empty line when there is nothing to say. Faults and quirks are attributes.
"""

import asyncio
import base64
import json
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

API = "/api/v1"


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ImpinjReader:
    """One reader. `rounds_per_s`: inventory rounds while it reads, each finding a tag with probability `read_rate`.

    `users`: names and passwords; none: everybody is let in. `clock_s`: how far its clock is ahead. `refusals`: HTTP
    status and words by path. `spoil`: is given each line and returns what is sent. `writes`: how it writes an EPC:
    `epcHex`, `epc` (Base64) or both.
    """

    def __init__(
        self,
        *,
        rounds_per_s: float = 10.0,
        read_rate: float = 0.9,
        keepalive_s: float = 30.0,
        clock_s: float = 0.0,
        seed: int = 0,
        certificate: Path | None = None,
        users: dict[str, str] | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.field: dict[bytes, int] = {}
        self.counts: Counter[str] = Counter()
        self.rounds_per_s, self.read_rate = rounds_per_s, read_rate
        self.keepalive_s, self.clock_s = keepalive_s, clock_s
        self.users = users or {}
        self.now_s = now_s
        self.presets = {"default"}
        self.runs: str | None = None
        self.interface = "IoT"
        self._audible = asyncio.Event()
        self._audible.set()
        self.refusals: dict[str, tuple[int, str]] = {}
        self.spoil: Callable[[str], str] = lambda line: line
        self.writes: tuple[str, ...] = ("epcHex",)
        self.address = ""
        self._certificate = certificate
        self._chance = random.Random(seed)
        self._streams: set[asyncio.Queue[bytes | None]] = set()
        self._server: _Server | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    # The shop's side.

    def place(self, epc: bytes, antenna: int = 1) -> None:
        """The tag is now in this antenna's field."""
        self.field[epc] = antenna

    def take(self, epc: bytes) -> None:
        """The tag is gone."""
        self.field.pop(epc, None)

    # The reader's life.

    async def switch_on(self, port: int = 0) -> str:
        """Listen; returns the address."""
        listening = socket.create_server(("127.0.0.1", port))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # its connections inherit it
        files = self._certificate
        config = uvicorn.Config(
            self._app(), lifespan="off", log_config=None, access_log=False,
            ssl_certfile=files / "cert.pem" if files else None, ssl_keyfile=files / "key.pem" if files else None,
        )  # fmt: skip
        self._server = _Server(config)
        self.address = f"{'https' if files else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
        self._tasks = [
            asyncio.create_task(self._server.serve([listening]), name="simulated reader: web"),
            asyncio.create_task(self._read_on(), name="simulated reader: inventory"),
        ]
        return self.address

    async def switch_off(self) -> None:
        """Every stream ends, and nobody listens any more."""
        assert self._server is not None
        self._audible.set()
        self.end_streams()
        self._server.should_exit = self._server.force_exit = True
        self._tasks[1].cancel()
        await asyncio.wait(self._tasks)
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    async def reboot(self) -> None:
        """Off and on at the same address; nothing runs then."""
        await self.switch_off()
        self.runs = None
        await self.switch_on(int(self.address.rsplit(":", 1)[1]))

    def end_streams(self) -> None:
        """End each stream as the reader does when somebody else logs in too often."""
        for stream in self._streams:
            stream.put_nowait(None)

    def mute(self) -> None:
        """From now on it answers nothing and streams nothing, not even empty lines; its connections stay."""
        self._audible.clear()

    def unmute(self) -> None:
        """It is as it was."""
        self._audible.set()

    @property
    def is_heard(self) -> bool:
        """Somebody has a stream open, and it speaks."""
        return bool(self._streams) and self._audible.is_set()

    async def round(self) -> None:
        """One inventory round, and its lines."""
        for epc, antenna in self.field.items():
            if self._chance.random() < self.read_rate:
                self.counts["reads"] += 1
                self.say(self.spoil(self.line(epc, antenna)))
        await asyncio.sleep(0)

    def say(self, line: str) -> None:
        """Put a line on each stream."""
        self.say_bytes(line.encode() + b"\r\n")

    def say_bytes(self, data: bytes) -> None:
        """Put these very bytes there."""
        for stream in self._streams:
            stream.put_nowait(data)

    def line(self, epc: bytes, antenna: int) -> str:
        """A read as it stands on the stream."""
        tag: dict[str, Any] = {"antennaPort": antenna, "peakRssiCdbm": -4500 - int(self._chance.random() * 2000)}
        if "epcHex" in self.writes:
            tag["epcHex"] = epc.hex().upper()
        if "epc" in self.writes:
            tag["epc"] = base64.urlsafe_b64encode(epc).decode()
            tag["pc"] = base64.urlsafe_b64encode((len(epc) // 2 << 11).to_bytes(2, "big")).decode()
        tag |= {"lastSeenTime": self._stamp(), "frequency": 866_300, "phaseAngle": 33.75}
        return self._event("tagInventory", tagInventoryEvent=tag)

    # Inside.

    def _event(self, kind: str, **what: Any) -> str:
        return json.dumps({"timestamp": self._stamp(), "hostname": "impinj-14-46-36", "eventType": kind, **what})

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.now_s() + self.clock_s, UTC).isoformat().replace("+00:00", "Z")

    def _app(self) -> Callable[[Scope, Receive, Send], Any]:
        answers: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/status"): self._status,
            ("GET", "/system"): lambda _: {"productModel": "R700", "serialNumber": "37025450820"},
            ("GET", "/system/image"): lambda _: {"primaryFirmware": "9.1.0", "secondaryFirmware": "8.4.1"},
            ("POST", "/profiles/inventory/presets/{preset}/start"): self._start,
            ("POST", "/profiles/stop"): self._stop,
            ("GET", "/data/stream"): lambda _: StreamingResponse(self._stream(), media_type="application/json"),
        }
        routes = [
            Route(API + path, self._answering(answer), methods=[method]) for (method, path), answer in answers.items()
        ]
        return Starlette(routes=routes)

    def _answering(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            path = request.url.path.removeprefix(API)
            self.counts[path] += 1
            await self._audible.wait()
            if self.users and not self._lets_in(request.headers.get("authorization", "")):
                return JSONResponse({"message": "Unauthorized"}, 401)
            if path in self.refusals:
                code, words = self.refusals[path]
                return JSONResponse({"message": words}, code)
            said = answer(request)
            return said if isinstance(said, Response) else JSONResponse(said)

        return endpoint

    def _lets_in(self, authorization: str) -> bool:
        said = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        user, _, password = said.partition(":")
        return user in self.users and self.users[user] == password

    def _status(self, _: Request) -> dict[str, Any]:
        active = {"activePreset": {"id": self.runs, "profile": "inventory"}} if self.runs else {}
        return {
            "interface": self.interface, "status": "running" if self.runs else "idle",
            "time": self._stamp()[:19] + "Z", "serialNumber": "37025450820", **active,
        }  # fmt: skip

    def _start(self, request: Request) -> Response:
        preset = request.path_params["preset"]
        if preset not in self.presets:
            return JSONResponse({"message": "Not found"}, 404)
        if self.runs:
            return JSONResponse({"message": "A preset is already running"}, 409)
        self._now_runs(preset)
        return Response(status_code=204)

    def _stop(self, _: Request) -> Response:
        self._now_runs(None)
        return Response(status_code=204)

    def _now_runs(self, preset: str | None) -> None:
        self.runs = preset
        status = {"inventoryStatus": "running" if preset else "idle"}
        self.say(self._event("inventoryStatus", inventoryStatusEvent=status))

    def stop_by_hand(self) -> None:
        """Somebody stops it on its own web page."""
        self._now_runs(None)

    async def _stream(self) -> AsyncIterator[bytes]:
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._streams.add(stream)
        try:
            while True:
                try:
                    async with asyncio.timeout(self.keepalive_s):
                        said = await stream.get()
                except TimeoutError:
                    said = b"\r\n"
                if said is None:
                    return
                await self._audible.wait()
                yield said
        finally:
            self._streams.discard(stream)

    async def _read_on(self) -> None:
        while True:
            await asyncio.sleep(1 / self.rounds_per_s if self.rounds_per_s else 0.05)
            if self.runs and self.rounds_per_s:
                await self.round()
