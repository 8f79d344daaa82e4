"""Serves the pages on HQ's own event loop."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

#: Open requests get this long when HQ stops.
_STOP_WITHIN_S = 1
#: A client that takes nothing for so long is cut off by the kernel.
_UNREAD_MS = 60_000
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux


class WebServer(uvicorn.Server):
    """uvicorn without its own signal handling: HQ decides when to stop.

    It listens once it is made, so an early request only waits. Raises OSError when the port is taken.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_STOP_WITHIN_S,
                limit_concurrency=512,
            )
        )
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=128)
        # Connections inherit these; without the first, each answer but a connection's first waits 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _USER_TIMEOUT is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, _UNREAD_MS)

    @property
    def address(self) -> str:
        """Where the pages are, with the port that was really bound."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_until_stopped(self) -> None:
        """Serve until `stop` is called."""
        try:
            await self.serve([self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        self.should_exit = True
